"""The topics of one system as they stand on the broker: read whole, watched, written by hand.

    log = read_all(bootstrap, prefix)            every record, read_committed, from the beginning
    log.of("payments")                           the records of a topic, by partition and offset
    Writer(bootstrap, prefix).write("orders", key=..., value=..., headers=...)

Names of topics are without the prefix everywhere here.
"""

import functools
import time
from dataclasses import dataclass, field

from confluent_kafka import (OFFSET_BEGINNING, Consumer, IsolationLevel, KafkaError, KafkaException, Producer,
                             TopicPartition)
from confluent_kafka.admin import AdminClient, OffsetSpec

from support import schemas
from support.events import HISTORY_TOPICS, TOPIC_OF, Headers, encode, key_of
from support.waiting import wait_until

REQUEST_S = 10
READ_ALL_S = 60
DELIVERY_S = 15
BATCH_RECORDS = 5000
CONSUME_S = 0.03  # consume() waits all of it unless the batch is full
LEADERSHIP_MOVES = {KafkaError.FENCED_LEADER_EPOCH, KafkaError.UNKNOWN_LEADER_EPOCH,
                    KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE}
Place = tuple[str, int, int]  # topic, partition, offset

COMMON = {"log_level": 2, "socket.nagle.disable": True}


@dataclass
class Record:
    topic: str
    partition: int
    offset: int
    timestamp_ms: int  # as the broker has it
    key: bytes | None
    value: bytes | None
    headers: Headers = field(default_factory=list)

    @property
    def place(self) -> Place:
        return self.topic, self.partition, self.offset

    @functools.cached_property
    def event(self) -> dict | None:
        """The value as strict JSON, money as Decimal; None when it is none."""
        try:
            event = schemas.parse_event(self.value or b"")
        except ValueError:
            return None
        return event if isinstance(event, dict) else None

    def header(self, name: str) -> str | None:
        """The last header of that name."""
        found = [value for key, value in self.headers if key == name]
        return found[-1].decode(errors="replace") if found and found[-1] is not None else None

    def __str__(self) -> str:
        return f"{self.topic}[{self.partition}]@{self.offset}"


@dataclass
class Log:
    """What was read. `partitions` counts those of each topic; `open` lists what is not committed."""

    records: list[Record]
    partitions: dict[str, int]
    open: list[str] = field(default_factory=list)

    def of(self, topic: str) -> list[Record]:
        found = [record for record in self.records if record.topic == topic]
        return sorted(found, key=lambda record: (record.partition, record.offset))

    def events(self, *types: str) -> list[dict]:
        """The events of these types, of all topics."""
        return [r.event for r in self.records if r.event is not None and r.event.get("event_type") in types]

    def of_order(self, order_id: str) -> list[dict]:
        """The events of an order, by time; requests are none yet."""
        found = [r.event for r in self.records
                 if r.event and r.key == order_id.encode() and r.topic in HISTORY_TOPICS]
        return sorted(found, key=lambda event: event["timestamp"])


def new_consumer(bootstrap: str, isolation: str = "read_committed", **config) -> Consumer:
    return Consumer({
        **COMMON, "bootstrap.servers": bootstrap, "group.id": "tests-never-committed",
        "enable.auto.commit": False, "isolation.level": isolation, "auto.offset.reset": "error",
        "fetch.wait.max.ms": 10, "reconnect.backoff.max.ms": 200, **config})


@functools.cache
def admin(bootstrap: str) -> AdminClient:
    """One for each broker: a new client takes 60 ms for its first answer, and now and then three seconds."""
    return AdminClient({**COMMON, "bootstrap.servers": bootstrap, "reconnect.backoff.max.ms": 200})


def partitions_of(bootstrap: str, prefix: str) -> dict[str, int]:
    """The topics of the system that exist, with their partition counts."""
    return _partitions_of(admin(bootstrap), prefix)


def _partitions_of(client: AdminClient | Consumer, prefix: str) -> dict[str, int]:
    """Also tells the client where the topics are: by itself it would find out within a second."""
    known = {topic["name"] for topic in schemas.TOPICS}
    found = client.list_topics(timeout=REQUEST_S).topics
    return {name[len(prefix):]: len(topic.partitions) for name, topic in sorted(found.items())
            if name.startswith(prefix) and name[len(prefix):] in known}


def delete_topics(bootstrap: str, prefix: str) -> None:
    names = [prefix + name for name in partitions_of(bootstrap, prefix)]
    if names:
        for future in admin(bootstrap).delete_topics(names, request_timeout=REQUEST_S).values():
            future.result()


def ends_of(bootstrap: str, partitions: dict[str, int], isolation: str = "read_committed",
            prefix: str = "") -> dict[tuple[str, int], int]:
    """By topic and partition, in one request. read_committed: before the first open transaction."""
    deadline = time.monotonic() + REQUEST_S
    while True:
        try:
            return _ends_of(bootstrap, partitions, isolation, prefix)
        except KafkaException as error:  # a broker that was away leads anew, which its client does not know yet
            if error.args[0].code() not in LEADERSHIP_MOVES or time.monotonic() > deadline:
                raise
            admin(bootstrap).list_topics(timeout=REQUEST_S)


def _ends_of(bootstrap: str, partitions: dict[str, int], isolation: str,
             prefix: str) -> dict[tuple[str, int], int]:
    asked = {TopicPartition(prefix + name, p): OffsetSpec.latest()
             for name, count in partitions.items() for p in range(count)}
    answers = admin(bootstrap).list_offsets(asked, request_timeout=REQUEST_S,
                                            isolation_level=IsolationLevel[isolation.upper()])
    return {(place.topic[len(prefix):], place.partition): answer.result().offset
            for place, answer in answers.items()}


def end_offsets(bootstrap: str, prefix: str, isolation: str = "read_committed") -> dict[tuple[str, int], int]:
    return ends_of(bootstrap, partitions_of(bootstrap, prefix), isolation, prefix)


def wait_settled(bootstrap: str, prefix: str, timeout_s: float) -> None:
    """Until no transaction is open and nothing is written any more."""
    last: list = []

    def unchanged() -> bool:
        ends = end_offsets(bootstrap, prefix, "read_uncommitted")
        settled = last[-1:] == [ends] and ends == end_offsets(bootstrap, prefix)
        last.append(ends)
        return settled

    wait_until(unchanged, timeout_s, "the topics stand still", poll_s=0.15)


def _record(message, prefix: str) -> Record:
    return Record(message.topic()[len(prefix):], message.partition(), message.offset(),
                  message.timestamp()[1], message.key(), message.value(), message.headers() or [])


def _read_to_end(consumer: Consumer, prefix: str, partitions: dict[str, int], timeout_s: float):
    """Yields records until each partition has reported its end."""
    left = {(prefix + name, p) for name, count in partitions.items() for p in range(count)}
    consumer.assign([TopicPartition(topic, p, OFFSET_BEGINNING) for topic, p in sorted(left)])
    deadline = time.monotonic() + timeout_s
    while left:
        assert time.monotonic() < deadline, f"not read to the end within {timeout_s:g} s: {sorted(left)}"
        for message in consumer.consume(BATCH_RECORDS, timeout=CONSUME_S):
            if message.error() is None:
                yield _record(message, prefix)
            elif message.error().code() == KafkaError._PARTITION_EOF:
                left.discard((message.topic(), message.partition()))
            elif not message.error().retriable():
                raise KafkaException(message.error())


def read_all(bootstrap: str, prefix: str, isolation: str = "read_committed",
             only: tuple[str, ...] = (), timeout_s: float = READ_ALL_S) -> Log:
    """All topics of the system, or `only` these, from the beginning to the end."""
    consumer = new_consumer(bootstrap, isolation, **{
        "enable.partition.eof": True, "fetch.message.max.bytes": 20 << 20})
    try:
        partitions = _partitions_of(consumer, prefix)
        if only:
            partitions = {name: count for name, count in partitions.items() if name in only}
        records = list(_read_to_end(consumer, prefix, partitions, timeout_s))
    finally:
        consumer.close()
    records.sort(key=lambda record: record.place)
    return Log(records, partitions, _open_partitions(bootstrap, prefix, partitions))


def _open_partitions(bootstrap: str, prefix: str, partitions: dict[str, int]) -> list[str]:
    """Where a transaction is open: read_committed ends before the log does."""
    committed = ends_of(bootstrap, partitions, "read_committed", prefix)
    written = ends_of(bootstrap, partitions, "read_uncommitted", prefix)
    return [f"{topic}[{p}]" for (topic, p), end in written.items() if committed[topic, p] < end]


class Writer:
    """Writes records by hand, to the partition that the key belongs to unless told otherwise."""

    def __init__(self, bootstrap: str, prefix: str):
        self.prefix = prefix
        self._producer = Producer({
            **COMMON, "bootstrap.servers": bootstrap, "enable.idempotence": True, "linger.ms": 0,
            "partitioner": "murmur2_random", "message.max.bytes": 4 << 20,
            "delivery.timeout.ms": DELIVERY_S * 1000})

    def write(self, topic: str, key: bytes | None, value: bytes | None, headers: Headers = (),
              partition: int | None = None, ms: int = 0) -> Place:
        """Returns where the broker has put it. `ms`: the time of the record; 0: now."""
        where: list = []
        more = {"timestamp": ms} if partition is None else {"timestamp": ms, "partition": partition}
        self._producer.produce(self.prefix + topic, value, key, headers=list(headers), **more,
                               on_delivery=lambda error, message: where.append((error, message)))
        wait_until(lambda: self._producer.poll(0.05) is not None and where, DELIVERY_S + 5,
                   f"the broker takes a record for {topic}", poll_s=0)
        error, message = where[0]
        if error is not None:
            raise KafkaException(error)
        return topic, message.partition(), message.offset()

    def write_event(self, event: dict, **changes) -> Place:
        """An event made by support.events, to its topic; `changes` as in write()."""
        value, headers = encode(event)
        record = {"key": key_of(event), "value": value, "headers": headers, **changes}
        return self.write(TOPIC_OF[event["event_type"]], **record)
