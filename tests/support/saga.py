"""A running system with everything that a test does to it: place orders, wait, look, judge.

    saga.receive_stock({"widget": 10})
    order_id = saga.place(Kind.SHIPPED).order_id
    saga.wait_final()
    saga.assert_sound()
"""

import random
from collections.abc import Iterable
from pathlib import Path

from support import topics
from support.checker import Refused, check, check_reads
from support.client import ANSWER_S, Attempt, Client, History, Load
from support.cluster import MEMORY_MAX_MIB, SERVICES, Cluster, is_sanitized
from support.orders import STOCK, Kind, Order, OrderMix
from support.topics import Log, Place, Record, Writer
from support.waiting import wait_until
from support.watch import Watch

FINAL_S = 20
SETTLE_S = 10
VIOLATIONS_SHOWN = 20


class Saga(Cluster):
    """`expected`: what a test has done by hand, so that the checker knows."""

    def __init__(self, bootstrap: str, prefix: str, folder: Path, rng: random.Random,
                 settings: dict[str, str] | None = None):
        super().__init__(bootstrap, prefix, folder, settings)
        self.rng, self.history = rng, History()
        self.orders = OrderMix(rng)
        self.foreign: set[Place] = set()
        self.refused: list[Refused] = []
        self.client = Client(self.service("order").port, self.history, ANSWER_S)
        self.watch: Watch | None = None
        self._writer: Writer | None = None
        self._loads: list[Load] = []

    def begin(self, names: Iterable[str] = SERVICES, stock: dict[str, int] = STOCK) -> "Saga":
        """Topics, services and stock: ready for orders."""
        self.prepare()
        self.start(names)
        self.wait_owned(names)
        if stock and "inventory" in names:
            self.receive_stock(stock)
        return self

    def wait_owned(self, names: Iterable[str], timeout_s: float = SETTLE_S) -> None:
        """Until the first instance of each owns its shards: on a fresh broker the election takes seconds."""
        wait_until(lambda: all(self.service(name).role == "owner" for name in names), timeout_s,
                   lambda: f"each service owns its shards\n{self.tails()}")

    def prepare(self) -> None:
        """Topics, and whoever follows them; no services yet."""
        self.apply_topics()
        self.follow()

    def follow(self) -> None:
        self.watch = Watch(self.bootstrap, self.prefix)
        self.watch.__enter__()

    def unfollow(self) -> None:
        if self.watch:
            self.watch.__exit__()
            self.watch = None

    def close(self, check: bool = True) -> None:
        try:
            for load in self._loads:
                load.stop()
            super().close(check)
        finally:
            self.unfollow()

    @property
    def writer(self) -> Writer:
        """Writes records by hand."""
        self._writer = self._writer or Writer(self.bootstrap, self.prefix)
        return self._writer

    # --- what users do ----------------------------------------------------------------------------

    def receive_stock(self, stock: dict[str, int], timeout_s: float = SETTLE_S) -> None:
        """Reports goods and waits until they are counted in."""
        self.send_stock(stock)
        receipts = {r.event["data"]["product_id"]: r.offset for r in self._read("stock-receipts") if r.event}
        wanted = {product: receipts[product] for product in stock}

        def is_counted_in() -> bool:
            counted = {r.event["data"]["product_id"]: r.event["data"]["last_receipt_offset"]
                       for r in self._read("stock") if r.event}
            return all(counted.get(product, -1) >= offset for product, offset in wanted.items())

        wait_until(is_counted_in, timeout_s, lambda: f"stock is counted in\n{self.tails()}")

    def _read(self, topic: str) -> list[Record]:
        return topics.read_all(self.bootstrap, self.prefix, only=(topic,)).records

    def place(self, order: Order | Kind = Kind.SHIPPED) -> Attempt:
        """Places an order, which must be accepted."""
        attempt = self.client.place(self.orders.of(order) if isinstance(order, Kind) else order)
        assert attempt.outcome == "ok", f"{attempt}\n{self.tails()}"
        return attempt

    def load(self, rate: float, orders: Iterable[Order] | None = None, enough=lambda: False) -> Load:
        """Orders in the background, at this rate, until its stop(), or `enough`; shipped ones by default."""
        load = Load(self.client).start(orders or OrderMix(self.rng, {Kind.SHIPPED: 1}), rate, enough)
        self._loads.append(load)
        return load

    def place_by_hand(self, event: dict) -> Place:
        """An OrderPlaced that no POST accounts for."""
        self.history.by_hand.add(event["data"]["order_id"])
        return self.writer.write_event(event)

    # --- waiting and looking ----------------------------------------------------------------------

    def wait_final(self, timeout_s: float = FINAL_S) -> None:
        """Until every order that is known to exist is final and settled."""
        try:
            self.watch.wait_final(self.history.order_ids, timeout_s)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.tails()}") from None

    def log(self, isolation: str = "read_committed") -> Log:
        return topics.read_all(self.bootstrap, self.prefix, isolation)

    def events_of(self, order_id: str) -> list[dict]:
        return self.log().of_order(order_id)

    def types_of(self, order_id: str) -> list[str]:
        """What happened to an order, in no particular order; compare as sets or sorted."""
        return sorted(event["event_type"] for event in self.events_of(order_id))

    def status(self, order_id: str) -> str:
        answer = self.client.order(order_id)
        return answer.json()["status"] if answer.status == 200 else str(answer.status)

    # --- judging ----------------------------------------------------------------------------------

    def assert_sound(self, reads: bool = True, final: bool = True) -> Log:
        """No invariant is violated. `reads`: also compare what the order service says of each order."""
        if final:
            self.wait_settled()
        log = self.log()
        found = check(log, self.history, foreign=self.foreign, refused=self.refused, final=final)
        if reads:
            found += self._read_violations(log)
        shown = "\n".join(map(str, found[:VIOLATIONS_SHOWN]))
        assert not found, f"{len(found)} violations:\n{shown}"
        if not self.foreign:  # of which only we know that they are no faults
            self.sagactl("check", *(["--final"] if final else []))
        return log

    def _read_violations(self, log: Log) -> list:
        known = {record.key.decode() for record in log.of("orders")
                 if record.place not in self.foreign and record.key}
        return check_reads(log, sorted(known), self.client.order, self.client.timeline)

    def wait_settled(self) -> None:
        topics.wait_settled(self.bootstrap, self.prefix, SETTLE_S)

    def assert_memory(self) -> None:
        """A sanitized build is another matter: it needs several times as much."""
        over = {name: mib for name, mib in self.peak_mib().items() if mib > MEMORY_MAX_MIB}
        assert not over or is_sanitized(), f"resident memory over {MEMORY_MAX_MIB} MiB: {over}"
