"""Each order as a whole: money, goods, one outcome (invariants 1, 2, 3 and 5)."""

from support.checks.facts import Event, Facts, lines, minor

# What a ledger may say about one order, in this order and nothing else.
CHAINS = {
    "payments": {
        (), ("PaymentProcessed",), ("PaymentProcessed", "PaymentRefunded"), ("PaymentFailed",),
        ("PaymentCancelled",)},
    "inventory": {
        (), ("InventoryReserved",), ("InventoryReserved", "InventoryReleased"),
        ("InventoryReserved", "InventoryDeducted"), ("InventoryReservationFailed",),
        ("InventoryReservationCancelled",)},
    "shipments": {(), ("ShipmentCreated",), ("ShipmentFailed",), ("ShipmentCancelled",)},
    "order-outcomes": {(), ("OrderCompleted",), ("OrderCancelled",)},
}
# How the ledgers stand when the order is final, by outcome.
FINAL = {
    "OrderCompleted": {
        "payments": {("PaymentProcessed",)},
        "inventory": {("InventoryReserved", "InventoryDeducted")},
        "shipments": {("ShipmentCreated",)}},
    "OrderCancelled": {
        "payments": {("PaymentProcessed", "PaymentRefunded"), ("PaymentFailed",), ("PaymentCancelled",)},
        "inventory": {(), ("InventoryReservationFailed",), ("InventoryReserved", "InventoryReleased"),
                      ("InventoryReservationCancelled",)},
        "shipments": {(), ("ShipmentFailed",), ("ShipmentCancelled",)}},
}
CHAIN_INVARIANT = {"payments": 1, "inventory": 2, "shipments": 1, "order-outcomes": 3}


def check_orders(facts: Facts) -> None:
    for order_id, trail in facts.orders.items():
        for topic in CHAINS:
            _check_chain(facts, order_id, topic, trail[topic])
        _check_placed(facts, order_id, trail)
        _check_money(facts, order_id, trail)
        _check_goods(facts, order_id, trail)
        _check_reasons(facts, trail)
        if facts.final:
            _check_final(facts, order_id, trail)


def chain(events: list[Event]) -> tuple[str, ...]:
    return tuple(event.type for event in events)


def _check_chain(facts: Facts, order_id: str, topic: str, events: list[Event]) -> None:
    facts.require(chain(events) in CHAINS[topic], CHAIN_INVARIANT[topic], order_id,
                  f"{topic} says {' '.join(chain(events))}")


def _only(trail: dict[str, list[Event]], event_type: str) -> Event | None:
    """The first of that type; more than one is a violation that the chain has shown."""
    return next((event for events in trail.values() for event in events if event.type == event_type), None)


def _check_placed(facts: Facts, order_id: str, trail: dict[str, list[Event]]) -> None:
    placed = [event for event in trail["orders"] if event.type == "OrderPlaced"]
    facts.require(len(placed) < 2, 4, order_id, f"placed {len(placed)} times")
    if facts.final:
        facts.require(placed, 4, order_id, "was never placed")
    asked = [event for event in trail["orders"] if event.type == "OrderCancellationRequested" and event.cause]
    facts.require(len(asked) < 2, 5, order_id, f"its cancellation was asked for {len(asked)} times")
    for event in placed:
        request = facts.cause_of(event)
        facts.require(request is None or request.data == event.data, 4, event, f"is not what {request} asks for")
        total = sum(int(item["quantity"]) * minor(item["unit_price"]) for item in event.data["items"])
        facts.require(minor(event.data["total_amount"]) == total, 1, event, "its total is not the sum")


def _check_money(facts: Facts, order_id: str, trail: dict[str, list[Event]]) -> None:
    placed, charge = _only(trail, "OrderPlaced"), _only(trail, "PaymentProcessed")
    refund, shipment = _only(trail, "PaymentRefunded"), _only(trail, "ShipmentCreated")
    if charge and placed:
        facts.require(_money(charge, "amount") == _money(placed, "total_amount"), 1, order_id,
                      "was charged something else than its total")
        facts.require(charge.data["customer_id"] == placed.data["customer_id"], 1, order_id,
                      "another customer was charged")
    if refund and charge:
        facts.require(_money(refund, "amount") == _money(charge, "amount"), 1, order_id,
                      "the refund is not the charge")
    facts.require(not (refund and shipment), 1, order_id, "was shipped and refunded")
    facts.require(charge or not (refund or shipment), 1, order_id, "was refunded or shipped, but never charged")


def _money(event: Event, member: str) -> tuple[int, str]:
    return minor(event.data[member]), event.data.get("currency", "USD")


def _check_goods(facts: Facts, order_id: str, trail: dict[str, list[Event]]) -> None:
    """The lines are carried on unchanged, each product once, from event to event."""
    for later, earlier in (("PaymentProcessed", "OrderPlaced"), ("InventoryReserved", "PaymentProcessed"),
                           ("InventoryReleased", "InventoryReserved"),
                           ("InventoryDeducted", "InventoryReserved"), ("ShipmentCreated", "InventoryReserved")):
        after, before = _only(trail, later), _only(trail, earlier)
        if after and before:
            facts.require(lines(after.data["items"]) == lines(before.data["items"]), 2, order_id,
                          f"{later} has other lines than {earlier}")
        if after:
            facts.require(len(lines(after.data["items"])) == len(after.data["items"]), 2, order_id,
                          f"{later} has a product twice")
    facts.require(not _only(trail, "ShipmentCreated") or _only(trail, "InventoryReserved"), 2, order_id,
                  "was shipped, but never reserved")


def _check_reasons(facts: Facts, trail: dict[str, list[Event]]) -> None:
    """A reason travels back from where it arose to the outcome."""
    for event in (event for events in trail.values() for event in events):
        cause = facts.cause_of(event)
        if cause and "reason" in cause.data and "reason" in event.data:
            facts.require(event.data["reason"] == cause.data["reason"], 3, event,
                          f"its reason is {event.data['reason']!r}, that of its cause {cause.data['reason']!r}")


def _check_final(facts: Facts, order_id: str, trail: dict[str, list[Event]]) -> None:
    outcomes = chain(trail["order-outcomes"])
    facts.require(outcomes, 3, order_id, "has no outcome")
    for outcome in set(outcomes):
        for topic, allowed in FINAL[outcome].items():
            said = chain(trail[topic])
            facts.require(said in allowed, 3, order_id,
                          f"{outcome}, but {topic} says {' '.join(said) or 'nothing'}")
