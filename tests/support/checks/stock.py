"""The stock at every prefix of the log (invariant 2), and that the outputs of one decision are
together (invariant 5): an event about an order's goods has one level per product, of the same cause.

The levels of a product stand in one partition in the order in which they came to be. So each is the
one before it, changed by what its cause says, and nothing else. `stock` is compacted: on a log that
was cleaned already the chain has gaps, and this check is of no use.
"""

from collections import defaultdict
from dataclasses import dataclass

from support.checks.facts import Event, Facts, lines

# What one piece does to on_hand, reserved and available.
EFFECTS = {
    "StockReceived": (1, 0, 1),
    "InventoryReserved": (0, 1, -1),
    "InventoryReleased": (0, -1, 1),
    "InventoryDeducted": (-1, -1, 0),
}


@dataclass(frozen=True)
class Level:
    on_hand: int = 0
    reserved: int = 0
    available: int = 0
    last_receipt: int = -1


def level_of(event: Event) -> Level:
    data = event.data
    return Level(*(int(data[name]) for name in ("on_hand", "reserved", "available", "last_receipt_offset")))


@dataclass
class Change:
    """Something that must move the levels of these products, each once."""

    event: Event
    quantities: dict[str, int]


def check_stock(facts: Facts) -> None:
    changes = _changes(facts)
    levels = _levels_by_product(facts)
    for product, events in levels.items():
        _replay(facts, product, events, changes)
    _check_together(facts, changes)
    if facts.final:
        _check_nothing_held(facts, levels)
    _check_refusals(facts, levels)


def _changes(facts: Facts) -> dict[str, list[Change]]:
    """By the id of the event that caused it: of a receipt, itself."""
    changes: dict[str, list[Change]] = defaultdict(list)
    for event in facts.by_topic["stock-receipts"]:
        changes[event.id].append(Change(event, {event.key: int(event.data["quantity"])}))
    for event in facts.by_topic["inventory"]:
        if event.type in EFFECTS and event.cause:
            changes[event.cause].append(Change(event, lines(event.data["items"])))
    return changes


def _levels_by_product(facts: Facts) -> dict[str, list[Event]]:
    levels: dict[str, list[Event]] = defaultdict(list)
    for event in facts.by_topic["stock"]:
        levels[event.key].append(event)
    return levels


def _replay(facts: Facts, product: str, events: list[Event], changes: dict[str, list[Change]]) -> None:
    before = Level()
    for event in events:
        after = level_of(event)
        facts.require(after.on_hand == after.available + after.reserved, 2, product,
                      f"{event}: on hand is not available + reserved")
        facts.require(min(after.on_hand, after.reserved, after.available) >= 0, 2, product,
                      f"{event}: a level is negative")
        found = [change for change in changes.get(event.cause or "", []) if product in change.quantities]
        if len(found) != 1:
            facts.violate(5, product, f"{event}: {len(found)} events of its cause concern this product")
        else:
            expected = _changed(before, found[0], product)
            facts.require(after == expected, 2, product, f"{event}: is {after}, should be {expected}")
        before = after


def _changed(before: Level, change: Change, product: str) -> Level:
    effect, quantity = EFFECTS[change.event.type], change.quantities[product]
    is_receipt = change.event.type == "StockReceived"
    return Level(before.on_hand + effect[0] * quantity, before.reserved + effect[1] * quantity,
                 before.available + effect[2] * quantity,
                 change.event.record.offset if is_receipt else before.last_receipt)


def _check_together(facts: Facts, changes: dict[str, list[Change]]) -> None:
    levels = defaultdict(list)
    for event in facts.by_topic["stock"]:
        levels[event.cause].append(event.key)
    for cause, found in changes.items():
        for change in found:
            wanted, there = sorted(change.quantities), sorted(levels[cause])
            if change.event.type != "StockReceived" or facts.final:
                facts.require(wanted == there, 5, change.event,
                              f"levels of {there} stand beside it, not of {wanted}")


def _check_nothing_held(facts: Facts, levels: dict[str, list[Event]]) -> None:
    for product, events in levels.items():
        last = level_of(events[-1])
        facts.require(last.reserved == 0, 2, product, f"{last.reserved} are reserved, and no order is open")


def _check_refusals(facts: Facts, levels: dict[str, list[Event]]) -> None:
    """A reservation may fail only for a reason that the levels show."""
    for event in facts.by_topic["inventory"]:
        paid = facts.cause_of(event)
        if event.type != "InventoryReservationFailed" or paid is None or "items" not in paid.data:
            continue
        wanted = lines(paid.data["items"])
        if event.data["reason"] == "out_of_stock":
            short = [p for p, quantity in wanted.items() if _ever_below(levels[p], quantity)]
            facts.require(short, 2, event, "each of its products was there in plenty all the time")
        elif event.data["reason"] == "unknown_product":
            unknown = [p for p in wanted if not _known_before(levels[p], event)]
            facts.require(unknown, 2, event, "each of its products was known")
        else:
            facts.violate(2, event, f"{event.data['reason']!r} is no reason for it")


def _ever_below(levels: list[Event], quantity: int) -> bool:
    return any(level_of(level).available < quantity for level in levels)


def _known_before(levels: list[Event], event: Event) -> bool:
    return bool(levels) and levels[0].record.event["timestamp"] < event.record.event["timestamp"]
