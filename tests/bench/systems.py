"""The two systems that are measured, with the same handles.

    saga    the four services; orders come by HTTP, or as a backlog of OrderPlaced
    chain   four stages without state (stage.c); the same OrderPlaced go in

Both write what they are done with to `output`, one record per order, with the order's id as key.
"""

import os
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from confluent_kafka import Producer
from confluent_kafka.admin import NewTopic

from load import BEGIN_S, place_all
from support import schemas, topics
from support.cluster import executable
from support.events import SERVICES, encode, key_of, order_placed
from support.orders import Item, Order
from support.process import Process
from support.saga import Saga
from support.waiting import wait_until

PARTITIONS = 4
STAGES = 4
PRODUCTS = [f"product-{number:02}" for number in range(16)]
PIECES = 100_000_000  # of each: it never runs out
STOCK_S = 30
READY_S = 30
STOP_S = 20
DELIVERY_S = 60
BACKLOG_OPTIONS = {"linger.ms": 20, "batch.num.messages": 5000, "compression.codec": "lz4"}
# As the order service's own producer, whose part it takes when the chain is timed.
PROMPT_OPTIONS = {"linger.ms": 1, "compression.codec": "lz4"}


@dataclass(slots=True)
class Sent:
    """One order. Times are time.monotonic(); `answered` is 0 where nobody answers."""

    order_id: bytes
    due: float
    sent: float
    answered: float = 0


def new_order(rng: random.Random) -> Order:
    """Seven of ten have one line, the others two; never so dear that payment declines."""
    products = rng.sample(PRODUCTS, 2 if rng.random() < 0.3 else 1)
    return Order(f"customer-{rng.randrange(10_000)}",
                 tuple(Item(product, rng.randint(1, 3), rng.randint(100, 5000)) for product in products))


def new_record(rng: random.Random) -> tuple[bytes, bytes, list]:
    """Key, value and headers of an OrderPlaced."""
    order = new_order(rng)
    event = order_placed(customer_id=order.customer_id, items=tuple(
        (item.product_id, item.quantity, item.price_minor) for item in order.items))
    return key_of(event), *encode(event)


def _produce_all(producer: Producer, topic: str, records: Iterator[tuple]) -> Iterator[bytes]:
    """Yields the key of each record as it is handed over; at the end all are delivered."""
    failures: list = []

    def note(error, _message) -> None:
        if error is not None:
            failures.append(error)

    for key, value, headers in records:
        while True:
            try:
                producer.produce(topic, value, key, headers=headers, on_delivery=note)
                break
            except BufferError:
                producer.poll(0.05)
        producer.poll(0)
        yield key
    assert producer.flush(DELIVERY_S) == 0 and not failures, f"not delivered to {topic}: {failures[:1]}"


def _by_topic(ends: dict[tuple[str, int], int]) -> dict[str, int]:
    totals: dict[str, int] = {}
    for (name, _partition), end in ends.items():
        totals[name] = totals.get(name, 0) + end
    return totals


class System:
    name: str
    marker: bytes  # in each value of `output`
    input: str  # topics, with their prefix
    output: str

    def __init__(self, bootstrap: str, prefix: str, rng: random.Random):
        self.bootstrap, self.prefix, self.rng = bootstrap, prefix, rng

    @property
    def processes(self) -> dict[str, Process]:
        raise NotImplementedError

    def prepare(self) -> None:
        """Topics, and whatever else must be there before the first start."""

    def spawn(self) -> None:
        """All at once; waits for nothing."""
        for process in self.processes.values():
            process.peak_kib = 0
            process.spawn()

    def start(self) -> None:
        """spawn(), and until all are ready for orders."""
        raise NotImplementedError

    def stop(self) -> None:
        """All at once; each must end with exit code 0. Harmless when they are down."""
        raise NotImplementedError

    def check_alive(self) -> bool:
        for process in self.processes.values():
            assert process.is_running, f"{process} ended with {process.exit_code}\n{process.tail()}"
        return True

    def send(self, count: int, rate: float) -> list[Sent]:
        """Open loop. Returns when the last one is sent, and answered."""
        raise NotImplementedError

    def _producer(self, options: dict) -> Producer:
        return Producer({**topics.COMMON, "bootstrap.servers": self.bootstrap, "enable.idempotence": True,
                         "partitioner": "murmur2_random", **options})

    def produce_backlog(self, count: int) -> list[bytes]:
        """The ids of so many new orders, whose OrderPlaced are then on `input`."""
        records = (new_record(self.rng) for _ in range(count))
        return list(_produce_all(self._producer(BACKLOG_OPTIONS), self.input, records))

    def topic_io(self) -> dict[str, tuple[list[str], list[str]]]:
        """Of each process: the topics that it reads, and those that it writes, without prefix."""
        raise NotImplementedError

    def ends(self) -> dict[str, int]:
        """Of each topic, without prefix: how many records and transaction markers it has had."""
        raise NotImplementedError

    def close(self) -> None:
        """Ends and deletes all that is left of it."""
        raise NotImplementedError


class SagaSystem(System):
    name, marker = "saga", b'"OrderCompleted"'

    def __init__(self, bootstrap: str, prefix: str, rng: random.Random, folder: Path):
        super().__init__(bootstrap, prefix, rng)
        self.input, self.output = prefix + "orders", prefix + "order-outcomes"
        self._saga = Saga(bootstrap, prefix, folder, rng, {"LOG_LEVEL": "info"})
        self._has_stock = False

    @cached_property
    def processes(self) -> dict[str, Process]:
        return {name: self._saga.service(name) for name in SERVICES}

    def prepare(self) -> None:
        self._saga.apply_topics()

    def start(self) -> None:
        self.spawn()
        self._saga.wait_ready()
        if not self._has_stock:
            self._saga.receive_stock({product: PIECES for product in PRODUCTS}, STOCK_S)
            self._has_stock = True

    def stop(self) -> None:
        codes = self._saga.stop_all()
        assert not any(codes.values()), f"not stopped cleanly: {codes}\n{self._saga.tails()}"

    def send(self, count: int, rate: float) -> list[Sent]:
        bodies = [new_order(self.rng).body() for _ in range(count)]
        postings = place_all(self._saga.service("order").port, bodies, rate)
        return [Sent(posting.order_id, posting.due, posting.sent, posting.answered) for posting in postings]

    def topic_io(self) -> dict[str, tuple[list[str], list[str]]]:
        """By topics.json. The order service reads as a decider and, once more, for its read side.

        OrderPlaced is nobody's: of a backlog, it was there before.
        """
        found = {name: ([], []) for name in SERVICES}
        for topic in schemas.TOPICS:
            for name in [*topic.get("consumers", {}), *topic.get("views", [])]:
                if name in found:
                    found[name][0].append(topic["name"])
            if topic.get("writer") in found and self.prefix + topic["name"] != self.input:
                found[topic["writer"]][1].append(topic["name"])
        return found

    def ends(self) -> dict[str, int]:
        return _by_topic(topics.end_offsets(self.bootstrap, self.prefix, "read_uncommitted"))

    def close(self) -> None:
        try:
            self._saga.close(check=False)
        finally:
            topics.delete_topics(self.bootstrap, self.prefix)


class ChainSystem(System):
    name, marker = "chain", b'"StagePassed"'

    def __init__(self, bootstrap: str, prefix: str, rng: random.Random, folder: Path):
        super().__init__(bootstrap, prefix, rng)
        self._topics = [f"{prefix}chain-{number}" for number in range(STAGES + 1)]
        self.input, self.output = self._topics[0], self._topics[-1]
        self._folder = folder

    @cached_property
    def processes(self) -> dict[str, Process]:
        self._folder.mkdir(parents=True, exist_ok=True)
        program = executable("tests/bench/stage")
        return {name: Process(name, [program, self.bootstrap, self.prefix + name, source, target],
                              {**os.environ}, self._folder / f"{name}.log")
                for name, source, target in zip(self._names(), self._topics, self._topics[1:])}

    @staticmethod
    def _names() -> list[str]:
        return [f"stage-{number}" for number in range(1, STAGES + 1)]

    def prepare(self) -> None:
        new = [NewTopic(name, PARTITIONS, 1) for name in self._topics]
        self._await(topics.admin(self.bootstrap).create_topics(new, request_timeout=topics.REQUEST_S))
        wait_until(self._are_there, READY_S, "the broker leads all partitions of the chain")

    def _are_there(self) -> bool:
        """Looked for among all topics: who asks for one too early may hear for 30 s that there is none."""
        found = topics.admin(self.bootstrap).list_topics(timeout=topics.REQUEST_S).topics
        partitions = [p for name in self._topics if name in found for p in found[name].partitions.values()]
        return len(partitions) == len(self._topics) * PARTITIONS and all(p.leader >= 0 for p in partitions)

    @staticmethod
    def _await(futures: dict) -> None:
        for future in futures.values():
            future.result()

    @staticmethod
    def _ready_count(process: Process) -> int:
        return process.log.read_text().count("ready") if process.log.exists() else 0

    def start(self) -> None:
        before = {process: self._ready_count(process) for process in self.processes.values()}
        self.spawn()
        wait_until(lambda: self.check_alive() and all(
            self._ready_count(process) > count for process, count in before.items()), READY_S, "the stages are ready")

    def stop(self) -> None:
        for process in self.processes.values():
            if process.is_running:
                code = process.terminate(STOP_S)
                assert code == 0, f"{process} exited {code}\n{process.tail()}"

    def send(self, count: int, rate: float) -> list[Sent]:
        records = [new_record(self.rng) for _ in range(count)]
        producer = self._producer(PROMPT_OPTIONS)
        producer.list_topics(self.input, timeout=topics.REQUEST_S)  # or the first record waits for it
        start = time.monotonic() + BEGIN_S
        sent = [Sent(key, start + number / rate, 0) for number, (key, _, _) in enumerate(records)]

        def when_due() -> Iterator[tuple]:
            for one, record in zip(sent, records):
                time.sleep(max(0, one.due - time.monotonic()))
                one.sent = time.monotonic()
                yield record

        for _ in _produce_all(producer, self.input, when_due()):
            pass
        return sent

    def topic_io(self) -> dict[str, tuple[list[str], list[str]]]:
        names = [topic.removeprefix(self.prefix) for topic in self._topics]
        return {name: ([source], [target]) for name, source, target in zip(self._names(), names, names[1:])}

    def ends(self) -> dict[str, int]:
        names = [topic.removeprefix(self.prefix) for topic in self._topics]
        return _by_topic(topics.ends_of(
            self.bootstrap, dict.fromkeys(names, PARTITIONS), "read_uncommitted", self.prefix))

    def close(self) -> None:
        for process in self.processes.values():
            process.kill9()
        self._await(topics.admin(self.bootstrap).delete_topics(self._topics, request_timeout=topics.REQUEST_S))
