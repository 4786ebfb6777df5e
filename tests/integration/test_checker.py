"""Mutation tests of the checker: a faultless log has no violation; each seeded fault is seen.

A checker that misses a fault would let the suite pass for exactly-once when it is not.
"""

import copy
import json
from collections.abc import Callable
from decimal import Decimal

import pytest
from support.checker import Refused, check, check_reads
from support.client import Answer
from support.events import new_id, partition_of
from support.orders import Kind
from support.synthetic import World, record_of
from support.topics import Record

SEEDS = range(5)


def violations(world: World, **options):
    return check(world.log, world.history, **options)


@pytest.fixture
def world() -> World:
    return World(7).run(2)


# --- faultless logs -----------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", SEEDS)
def test_a_faultless_log_has_no_violation(seed):
    assert violations(World(seed).run()) == []


def test_every_prefix_in_time_of_a_faultless_log_has_no_violation(world):
    """Cut between decisions, so that no transaction is torn."""
    world.log.records.sort(key=lambda record: (record.event["timestamp"], record.place))
    records, cuts = world.log.records, 0
    for count in range(1, len(records)):
        if records[count].event["event_type"] != "StockLevelChanged":
            cuts += 1
            world.log.records = records[:count]
            assert check(world.log, final=False) == []
    assert cuts > 50


def test_unanswered_orders_may_be_placed_or_not(world):
    world.ship(outcome="unknown")
    order = world.mix.of(Kind.SHIPPED)
    world.ship(order, outcome="unknown")
    world.history.attempts[-1].outcome = "invoke"
    never = copy.copy(world.history.attempts[-1])
    never.order, never.outcome = world.mix.of(Kind.SHIPPED), "unknown"
    world.history.attempts.append(never)
    assert violations(world) == []


def test_expected_dead_letters_are_no_violation(world):
    poison = world.write(Record("orders", 2, 0, 0, b"k", b"{", [("x", b"y")]))
    for service in ("payment", "shipping"):
        world.dead_letter(service, poison)
    refused = [Refused("payment", poison.place), Refused("shipping", poison.place)]
    assert violations(world, foreign=[poison.place], refused=refused) == []


def test_a_receipt_that_was_refused_and_replayed_is_no_violation(world):
    counted = world.record_of(world.receive("widget", 3))
    refused = world.again(counted)
    world.dead_letter("inventory", refused)
    assert violations(world, refused=[Refused("inventory", refused.place)]) == []


# --- seeded faults: (invariant, what is done to the log) ----------------------------------------------

Fault = Callable[[World], object]
FAULTS: dict[str, tuple[int, Fault]] = {}


def fault(invariant: int):
    """Registers a function that spoils a log; the checker must name this invariant, at least."""
    def register(function: Fault) -> Fault:
        FAULTS[function.__name__] = (invariant, function)
        return function
    return register


def event_like(world: World, record: Record, **changes) -> Record:
    """Another event of the same order, type and cause: what a step done twice would write."""
    event = copy.deepcopy(record.event)
    event["event_id"] = new_id(world.rng)
    event["data"].update(changes)
    return world.write(record_of(event))


def follow(world: World, event_type: str, cause: Record, **data) -> Record:
    order_id = cause.event["data"]["order_id"]
    return world.record_of(world.emit(event_type, {"order_id": order_id, **data}, cause.event))


@fault(1)
def double_charge(world):
    event_like(world, world.last("PaymentProcessed"))


@fault(1)
def the_same_charge_written_twice(world):
    world.again(world.last("PaymentProcessed"))


@fault(1)
def charge_of_another_amount(world):
    world.edit(world.last("PaymentProcessed"), amount=99)


@fault(1)
def charge_in_another_currency(world):
    world.edit(world.of_order(world.ship(), "PaymentProcessed"), currency="CHF")


@fault(1)
def charge_of_another_customer(world):
    world.edit(world.last("PaymentProcessed"), customer_id="somebody-else")


@fault(3)
def lost_refund(world):
    world.remove(world.of_order(world.refuse(), "PaymentRefunded"))


@fault(1)
def refund_of_a_cent_less(world):
    record = world.last("PaymentRefunded")
    world.edit(record, amount=record.event["data"]["amount"] - Decimal("0.01"))


@fault(1)
def refund_in_another_currency(world):
    world.edit(world.of_order(world.refuse(), "PaymentRefunded"), currency="CHF")


@fault(1)
def refunded_twice(world):
    event_like(world, world.last("PaymentRefunded"))


@fault(1)
def refund_after_completion(world):
    order_id = world.ship()
    paid = world.of_order(order_id, "PaymentProcessed")
    world.refund(paid.event, {**world.of_order(order_id, "InventoryDeducted").event,
                              "data": {"reason": "customer_request"}})


@fault(1)
def refund_without_a_charge(world):
    world.remove(world.of_order(world.refuse(), "PaymentProcessed"))


@fault(1)
def shipment_without_payment(world):
    world.remove(world.of_order(world.ship(), "PaymentProcessed"))


@fault(1)
def declined_and_charged(world):
    order_id = world.decline()
    world.pay(world.of_order(order_id, "OrderPlaced").event)


@fault(1)
def shipped_and_refused(world):
    world.follow("ShipmentFailed", world.of_order(world.ship(), "InventoryReserved").event, "shipment_refused")


@fault(1)
def shipped_twice(world):
    event_like(world, world.last("ShipmentCreated"))


@fault(1)
def total_that_is_not_the_sum(world):
    record = world.of_order(world.decline(), "OrderPlaced")
    world.edit(record, total_amount=float(record.event["data"]["total_amount"]) + 1)


@fault(2)
def negative_stock_in_between(world):
    """Two orders take the last piece; a later receipt hides it at the end."""
    world.receive("rare", 1)
    first, second = (world.pay(world.place()) for _ in range(2))
    for paid in (first, second):
        record = world.record_of(paid)
        world.edit(record, items=[{"product_id": "rare", "quantity": 1}])
        world.reserve(record.event)
    world.receive("rare", 10)


@fault(2)
def level_that_does_not_add_up(world):
    record = world.last("StockLevelChanged")
    world.edit(record, on_hand=record.event["data"]["on_hand"] + 1)


@fault(2)
def level_with_a_piece_lost(world):
    for record in world.records("StockLevelChanged")[-1:]:
        data = record.event["data"]
        world.edit(record, on_hand=data["on_hand"] - 1, available=data["available"] - 1)


@fault(2)
def receipt_counted_with_another_quantity(world):
    world.edit(world.records("StockReceived")[0], quantity=999)


@fault(5)
def receipt_counted_twice(world):
    receipt = world.record_of(world.receive("widget", 3))
    world._move({"widget": 3}, (1, 0, 1), receipt.event)


@fault(5)
def receipt_never_counted(world):
    receipt = world.receive("widget", 3)
    world.remove(next(r for r in world.records("StockLevelChanged")
                      if r.event["causation_id"] == receipt["event_id"]))


@fault(2)
def receipt_offset_that_goes_back(world):
    world.edit(world.last("StockLevelChanged"), last_receipt_offset=0)


@fault(5)
def level_missing_beside_a_reservation(world):
    paid = world.of_order(world.ship(), "PaymentProcessed")
    world.remove(next(r for r in world.records("StockLevelChanged")
                      if r.event["causation_id"] == paid.event["event_id"]))


@fault(5)
def reservation_missing_beside_its_level(world):
    world.remove(world.of_order(world.ship(), "InventoryReserved"))


@fault(5)
def level_of_a_product_that_nobody_moved(world):
    receipt = world.record_of(world.receive("widget", 3))
    world.emit("StockLevelChanged", world.levels["gadget"], receipt.event)


@fault(3)
def reserved_left_over(world):
    order_id = world.refuse()
    released = world.of_order(order_id, "InventoryReleased")
    for record in [released, *(r for r in world.records("StockLevelChanged")
                               if r.event["causation_id"] == released.event["causation_id"])]:
        world.remove(record)


@fault(2)
def deducted_twice(world):
    event_like(world, world.last("InventoryDeducted"))


@fault(2)
def released_and_deducted(world):
    order_id = world.ship()
    held = world.of_order(order_id, "InventoryReserved").event
    world.settle("InventoryReleased", held, (0, -1, 1),
                 world.follow("ShipmentFailed", held, "shipment_refused"), reason="shipment_refused")


@fault(2)
def other_goods_shipped_than_ordered(world):
    world.edit(world.last("ShipmentCreated"), items=[{"product_id": "gold", "quantity": 1}])


@fault(2)
def out_of_stock_although_there_was_plenty(world):
    order_id = world.run_short()
    for name in ("OrderPlaced", "PaymentProcessed"):
        record = world.of_order(order_id, name)
        item = {**record.event["data"]["items"][0], "product_id": "widget"}
        world.edit(record, items=[item, *record.event["data"]["items"][1:]])


@fault(2)
def unknown_product_that_is_known(world):
    order_id = world.run_short()
    world.edit(world.of_order(order_id, "InventoryReservationFailed"), reason="unknown_product")


@fault(3)
def both_outcomes(world):
    shipped = world.of_order(world.ship(), "ShipmentCreated")
    follow(world, "OrderCancelled", shipped, reason="customer_request")


@fault(3)
def the_outcome_twice(world):
    world.again(world.last("OrderCompleted"))


@fault(3)
def missing_outcome(world):
    world.remove(world.last("OrderCompleted"))


@fault(3)
def missing_cancellation(world):
    world.remove(world.last("OrderCancelled"))


@fault(3)
def completed_without_deduction(world):
    order_id = world.ship()
    world.remove(world.of_order(order_id, "InventoryDeducted"))


@fault(3)
def cancelled_and_shipped(world):
    order_id = world.refuse()
    held = world.of_order(order_id, "InventoryReserved")
    world.remove(world.of_order(order_id, "ShipmentFailed"))
    follow(world, "ShipmentCreated", held, customer_id="refused-by-carrier", items=held.event["data"]["items"])


@fault(3)
def reason_that_changes_on_the_way(world):
    world.edit(world.last("OrderCancelled"), reason="something_else")


@fault(4)
def accepted_order_that_is_not_there(world):
    order_id = world.ship()
    for record in [r for r in world.log.records if r.key == order_id.encode()]:
        world.remove(record)


@fault(4)
def placed_twice(world):
    event_like(world, world.last("OrderPlaced"))


@fault(4)
def one_post_became_two_orders(world):
    world.ship(world.mix.of(Kind.SHIPPED), outcome="unknown")
    order = world.history.attempts[-1].order
    world.ship(order, outcome="unknown")
    world.history.attempts.pop()


@fault(4)
def refused_post_became_an_order(world):
    world.ship(outcome="fail")


@fault(4)
def order_nobody_placed(world):
    world.ship()
    world.history.attempts.pop()


@fault(4)
def placed_with_other_items(world):
    record = world.of_order(world.decline(), "OrderPlaced")
    world.edit(record, customer_id="somebody-else")


@fault(4)
def two_answers_with_one_order(world):
    world.history.attempts.append(copy.copy(world.history.attempts[0]))


@fault(5)
def effect_with_an_id_of_its_own(world):
    record = world.last("OrderCompleted")
    world.edit(record, event_id=new_id(world.rng))


@fault(5)
def transaction_left_open(world):
    world.log.open.append("payments[1]")


@fault(6)
def ghost_causation_id(world):
    world.edit(world.last("OrderCompleted"), causation_id=new_id(world.rng))


@fault(6)
def cause_that_was_never_committed(world):
    world.remove(world.of_order(world.decline(), "PaymentFailed"))


@fault(6)
def cause_of_the_wrong_kind(world):
    order_id = world.ship()
    placed = world.of_order(order_id, "OrderPlaced")
    world.edit(world.of_order(order_id, "OrderCompleted"), causation_id=placed.event["event_id"])


@fault(6)
def cause_of_another_order(world):
    first, second = world.ship(), world.ship()
    other = world.of_order(second, "ShipmentCreated").event["event_id"]
    world.edit(world.of_order(first, "OrderCompleted"), causation_id=other)


@fault(6)
def effect_without_a_cause(world):
    record = world.last("OrderCompleted")
    event = {name: value for name, value in record.event.items() if name != "causation_id"}
    record.value = record_of(event).value
    del record.event


@fault(6)
def duplicate_event_id(world):
    first, second = world.records("OrderPlaced")[:2]
    world.edit(second, event_id=first.event["event_id"])


@fault(6)
def receipt_refused_and_counted_all_the_same(world):
    world.dead_letter("inventory", world.record_of(world.receive("widget", 3)))


@fault(8)
def dead_letter_that_nobody_expected(world):
    poison = world.write(Record("orders", 0, 0, 0, b"k", b"{", []))
    world.dead_letter("payment", poison)


@fault(0)
def event_in_the_wrong_partition(world):
    record = world.last("OrderCompleted")
    world.remove(record)
    record.partition = (record.partition + 1) % 4
    world.write(record)


@fault(0)
def event_under_another_key(world):
    record = world.last("OrderCompleted")
    key = new_id(world.rng).encode()
    record.key, record.partition = key, partition_of(key, 4)


@fault(0)
def event_in_the_wrong_topic(world):
    record = world.last("OrderCompleted")
    record.topic = "payments"


@fault(0)
def header_that_disagrees(world):
    record = world.last("PaymentProcessed")
    record.headers = [(name, b"PaymentFailed" if name == "ce_type" else value) for name, value in record.headers]


@fault(0)
def header_with_another_id(world):
    record = world.last("PaymentProcessed")
    record.headers = [(name, b"0" if name == "ce_id" else value) for name, value in record.headers]


@fault(0)
def header_missing(world):
    record = world.last("PaymentProcessed")
    record.headers = [pair for pair in record.headers if pair[0] != "ce_time"]


@fault(0)
def event_that_breaks_its_schema(world):
    world.edit(world.last("OrderCancelled"), reason="")


@fault(0)
def amount_with_a_fraction_of_a_cent(world):
    world.edit(world.last("PaymentProcessed"), amount=1.005)


@fault(0)
def record_that_is_no_json(world):
    record = world.last("OrderCancelled")
    record.value = record.value[:-1]
    del record.event


@fault(0)
def correlation_with_another_order(world):
    world.edit(world.last("OrderPlaced"), correlation_id=new_id(world.rng))


def test_there_are_enough_faults():
    assert len(FAULTS) >= 50


@pytest.mark.parametrize("name", FAULTS)
def test_the_checker_sees(world, name):
    invariant, spoil = FAULTS[name]
    spoil(world)
    found = violations(world)
    assert invariant in {violation.invariant for violation in found}, found


# --- dead letters -------------------------------------------------------------------------------------


@pytest.fixture
def poisoned(world):
    """A world with a poison record, its place, and the dead letter that it must become."""
    world.poison = world.write(Record("payments", 3, 0, 0, b"key", b"\xff{", [("trace", b"1")]))
    world.letter = world.dead_letter("inventory", world.poison)
    world.options = {"foreign": [world.poison.place], "refused": [Refused("inventory", world.poison.place)]}
    return world


LETTER_FAULTS = {
    "lost": lambda world: world.remove(world.letter),
    "twice": lambda world: world.again(world.letter),
    "changed bytes": lambda world: setattr(world.letter, "value", b"?{"),
    "changed key": lambda world: setattr(world.letter, "key", None),
    "own header lost": lambda world: world.letter.headers.pop(0),
    "no cause": lambda world: world.letter.headers.pop(1),
    "another partition": lambda world: world.letter.headers.__setitem__(3, ("dead_letter_partition", b"2")),
    "another offset": lambda world: world.letter.headers.__setitem__(4, ("dead_letter_offset", b"9")),
    "another topic": lambda world: world.letter.headers.__setitem__(2, ("dead_letter_topic", b"x-stock")),
    "another service's": lambda world: setattr(world.letter, "topic", "order.dead-letters"),
    "an event refused": lambda world: world.dead_letter("inventory", world.last("PaymentProcessed")),
}


def test_a_faultless_dead_letter_is_no_violation(poisoned):
    assert violations(poisoned, **poisoned.options) == []


@pytest.mark.parametrize("name", LETTER_FAULTS)
def test_the_checker_sees_a_dead_letter_with_a_fault(poisoned, name):
    LETTER_FAULTS[name](poisoned)
    assert 8 in {violation.invariant for violation in violations(poisoned, **poisoned.options)}


# --- the read side ------------------------------------------------------------------------------------


class ReadSide:
    """What a faultless order service answers, and with one answer spoilt."""

    def __init__(self, world: World):
        self.world, self.spoil = world, lambda document: document

    def _answer(self, document) -> Answer:
        spoilt = self.spoil(document)
        return spoilt if isinstance(spoilt, Answer) else Answer(200, {}, json.dumps(spoilt).encode())

    def order(self, order_id: str) -> Answer:
        events = self.world.log.of_order(order_id)
        outcome = next(e for e in events if e["event_type"] in ("OrderCompleted", "OrderCancelled"))
        status = "completed" if outcome["event_type"] == "OrderCompleted" else "cancelled"
        return self._answer({"order_id": order_id, "status": status, "reason": outcome["data"].get("reason")})

    def timeline(self, order_id: str) -> Answer:
        ids = [event["event_id"] for event in self.world.log.of_order(order_id)]
        return self._answer({"events": [{"event_id": event_id} for event_id in ids]})

    def violations(self):
        return check_reads(self.world.log, self.world.history.order_ids(), self.order, self.timeline)


READ_FAULTS = {
    "an order that is not found": lambda document: Answer(404, {}, b"{}"),
    "the wrong status": lambda d: {**d, "status": "completed" if d.get("status") == "cancelled" else "cancelled"},
    "still open": lambda d: {**d, "status": "placed"} if "status" in d else d,
    "another reason": lambda d: {**d, "reason": "because"} if d.get("reason") else d,
    "another order": lambda d: {**d, "order_id": "x"} if "order_id" in d else d,
    "a timeline with a gap": lambda d: {"events": d["events"][1:]} if "events" in d else d,
    "an event twice": lambda d: {"events": d["events"] + d["events"][:1]} if "events" in d else d,
    "an event of nobody": lambda d: {"events": d["events"] + [{"event_id": "x"}]} if "events" in d else d,
}


def test_a_faultless_read_side_is_no_violation(world):
    assert ReadSide(world).violations() == []


@pytest.mark.parametrize("name", READ_FAULTS)
def test_the_checker_sees_a_read_side_with(world, name):
    reads = ReadSide(world)
    reads.spoil = READ_FAULTS[name]
    assert {violation.invariant for violation in reads.violations()} == {7}
