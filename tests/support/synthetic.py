"""Logs as a faultless system would write them, made without one: to test the checker with.

    world = World(seed)
    world.receive("widget", 10)
    order_id = world.ship()
    check(world.log, world.history)               []

Faults are put in by hand: find a record, edit it, remove it, write one more.
"""

import copy
import random
import time

from support import schemas
from support.checks.facts import lines
from support.client import Attempt, History
from support.events import (
    KEY_OF, TOPIC_OF, cancellation_requested, encode, new_event, new_id, order_placed, partition_of, timestamp)
from support.orders import Kind, Order, OrderMix
from support.topics import Log, Record

PARTITIONS = {topic["name"]: topic.get("partitions", 1) for topic in schemas.TOPICS}
EPOCH_MS = 1_700_000_000_000
PRODUCTS = ("widget", "gadget", "gizmo", "scarce")


class World:
    """Every event is written after its cause, a millisecond later."""

    def __init__(self, seed: int):
        self.rng = random.Random(seed)
        self.mix = OrderMix(self.rng)
        self.log, self.history = Log([], dict(PARTITIONS)), History()
        self.levels: dict[str, dict] = {}
        self.now_ms = EPOCH_MS

    # --- writing ----------------------------------------------------------------------------------

    def write(self, record: Record) -> Record:
        """At the end of its partition, with a gap now and then as transactions leave one."""
        ends = [r.offset for r in self.log.records if (r.topic, r.partition) == (record.topic, record.partition)]
        record.offset = max(ends, default=-1) + self.rng.choice((1, 1, 2))
        self.log.records.append(record)
        return record

    def emit(self, event_type: str, data: dict, cause: dict | None = None) -> dict:
        self.now_ms += 1
        event = new_event(event_type, copy.deepcopy(data), cause, self.now_ms)
        self.write(record_of(event))
        return event

    def _start(self, event: dict) -> dict:
        """An event without a cause; its id is random, but repeatable."""
        self.now_ms += 1
        event_id = new_id(self.rng)
        event = {**event, "event_id": event_id, "timestamp": timestamp(self.now_ms),
                 "correlation_id": event["data"].get("order_id", event_id)}
        self.write(record_of(event))
        return event

    # --- goods ------------------------------------------------------------------------------------

    def receive(self, product: str, quantity: int) -> dict:
        receipt = self._start(new_event("StockReceived", {"product_id": product, "quantity": quantity}))
        level = self.levels.setdefault(product, {
            "product_id": product, "on_hand": 0, "reserved": 0, "available": 0, "last_receipt_offset": -1})
        level["last_receipt_offset"] = self.record_of(receipt).offset
        self._move({product: quantity}, (1, 0, 1), receipt)
        return receipt

    def _move(self, quantities: dict[str, int], effect: tuple[int, int, int], cause: dict) -> None:
        for product, quantity in quantities.items():
            for name, sign in zip(("on_hand", "reserved", "available"), effect):
                self.levels[product][name] += sign * quantity
            self.emit("StockLevelChanged", self.levels[product], cause)

    def settle(self, event_type: str, held: dict, effect: tuple[int, int, int], cause: dict, **more) -> dict:
        """What inventory says about the goods of an order, with the levels beside it."""
        data = {"order_id": held["data"]["order_id"], "items": held["data"]["items"], **more}
        event = self.emit(event_type, data, cause)
        self._move(lines(data["items"]), effect, cause)
        return event

    # --- orders -----------------------------------------------------------------------------------

    def place(self, kind: Kind = Kind.SHIPPED) -> dict:
        return self.place_order(self.mix.of(kind))

    def place_order(self, order: Order, outcome: str = "ok") -> dict:
        items = tuple((item.product_id, item.quantity, item.price_minor) for item in order.items)
        event = self._start(order_placed(new_id(self.rng), order.customer_id, items, order.currency))
        order_id = event["data"]["order_id"] if outcome == "ok" else None
        self.history.attempts.append(Attempt(order, time.time(), outcome, time.time(), order_id))
        return event

    def pay(self, placed: dict) -> dict:
        data = placed["data"]
        items = [{"product_id": p, "quantity": q} for p, q in lines(data["items"]).items()]
        return self.emit("PaymentProcessed", {
            "order_id": data["order_id"], "customer_id": data["customer_id"], "amount": data["total_amount"],
            "currency": data["currency"], "items": items}, placed)

    def reserve(self, paid: dict) -> dict:
        return self.settle("InventoryReserved", paid, (0, 1, -1), paid,
                           customer_id=paid["data"]["customer_id"])

    def refund(self, paid: dict, cause: dict) -> dict:
        return self.emit("PaymentRefunded", {
            "order_id": paid["data"]["order_id"], "amount": paid["data"]["amount"],
            "currency": paid["data"]["currency"], "reason": cause["data"]["reason"]}, cause)

    def follow(self, event_type: str, cause: dict, reason: str | None = None) -> dict:
        """An event that says no more than which order, and why."""
        reason = reason or cause["data"].get("reason")
        data = {"order_id": cause["data"]["order_id"], **({"reason": reason} if reason else {})}
        return self.emit(event_type, data, cause)

    def ship(self, order: Order | None = None, outcome: str = "ok") -> str:
        placed = self.place_order(order or self.mix.of(Kind.SHIPPED), outcome)
        held = self.reserve(self.pay(placed))
        shipped = self.emit("ShipmentCreated", {
            name: held["data"][name] for name in ("order_id", "customer_id", "items")}, held)
        self.settle("InventoryDeducted", held, (-1, -1, 0), shipped)
        self.follow("OrderCompleted", shipped)
        return placed["data"]["order_id"]

    def decline(self) -> str:
        failed = self.follow("PaymentFailed", self.place(Kind.DECLINED), "payment_declined")
        return self.follow("OrderCancelled", failed)["data"]["order_id"]

    def run_short(self, kind: Kind = Kind.OUT_OF_STOCK) -> str:
        paid = self.pay(self.place(kind))
        failed = self.follow("InventoryReservationFailed", paid, kind.value)
        return self.follow("OrderCancelled", self.refund(paid, failed))["data"]["order_id"]

    def give_back(self, paid: dict, held: dict, cause: dict) -> str:
        released = self.settle("InventoryReleased", held, (0, -1, 1), cause, reason=cause["data"]["reason"])
        return self.follow("OrderCancelled", self.refund(paid, released))["data"]["order_id"]

    def refuse(self) -> str:
        paid = self.pay(self.place(Kind.REFUSED))
        held = self.reserve(paid)
        return self.give_back(paid, held, self.follow("ShipmentFailed", held, "shipment_refused"))

    def request_cancellation(self, order_id: str) -> dict:
        return self._start(cancellation_requested(order_id))

    def cancel_in_time(self) -> str:
        """The request comes after the reservation and before the shipment."""
        placed = self.place()
        paid = self.pay(placed)
        held = self.reserve(paid)
        request = self.request_cancellation(placed["data"]["order_id"])
        return self.give_back(paid, held, self.follow("ShipmentCancelled", request))

    def cancel_early(self) -> str:
        """The request overtakes the charge."""
        placed = self.place()
        request = self.request_cancellation(placed["data"]["order_id"])
        never = self.follow("InventoryReservationCancelled", self.follow("ShipmentCancelled", request))
        return self.follow("OrderCancelled", self.follow("PaymentCancelled", never))["data"]["order_id"]

    def cancel_late(self) -> str:
        order_id = self.ship()
        self.request_cancellation(order_id)
        return order_id

    def dead_letter(self, service: str, source: Record, cause: str = "it is no JSON") -> Record:
        headers = {"dead_letter_cause": cause, "dead_letter_topic": f"x-{source.topic}",
                   "dead_letter_partition": str(source.partition),
                   "dead_letter_offset": str(source.offset), "dead_letter_service": service}
        more = [(name, text.encode()) for name, text in headers.items()]
        return self.write(Record(f"{service}.dead-letters", 0, 0, self.now_ms, source.key, source.value,
                                 source.headers + more))

    def run(self, rounds: int = 3) -> "World":
        """Some orders of every kind."""
        for product in PRODUCTS:
            self.receive(product, 1 if product == "scarce" else 1000)
        for _ in range(rounds):
            for step in (self.ship, self.decline, self.run_short, lambda: self.run_short(Kind.UNKNOWN_PRODUCT),
                         self.refuse, self.cancel_in_time, self.cancel_early, self.cancel_late):
                step()
            self.receive("widget", 5)
        return self

    # --- finding and spoiling ---------------------------------------------------------------------

    def records(self, event_type: str) -> list[Record]:
        return [r for r in self.log.of(TOPIC_OF[event_type]) if r.event and r.event["event_type"] == event_type]

    def record_of(self, event: dict) -> Record:
        return next(r for r in self.log.records if r.event and r.event["event_id"] == event["event_id"])

    def last(self, event_type: str) -> Record:
        return max(self.records(event_type), key=lambda record: record.event["timestamp"])

    def of_order(self, order_id: str, event_type: str) -> Record:
        return next(r for r in self.records(event_type) if r.key == order_id.encode())

    def edit(self, record: Record, **changes) -> None:
        """Changes members of the data, or of the envelope where it has them."""
        event = copy.deepcopy(record.event)
        for name, value in changes.items():
            (event if name in event else event["data"])[name] = value
        record.value, record.headers = encode(event)
        del record.event

    def remove(self, record: Record) -> None:
        self.log.records.remove(record)

    def again(self, record: Record) -> Record:
        """The same event once more."""
        twin = Record(record.topic, record.partition, 0, record.timestamp_ms, record.key, record.value,
                      list(record.headers))
        return self.write(twin)


def record_of(event: dict) -> Record:
    """Not yet at its offset."""
    value, headers = encode(event)
    topic, key = TOPIC_OF[event["event_type"]], event["data"][KEY_OF[event["event_type"]]].encode()
    return Record(topic, partition_of(key, PARTITIONS[topic]), 0, EPOCH_MS, key, value, headers)
