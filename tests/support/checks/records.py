"""Each record for itself: schema, key, partition, headers, ids; and that causes are there (inv. 0, 5, 6)."""

import re
import uuid

from support import schemas
from support.checks.facts import Event, Facts, event_of
from support.events import KEY_OF, WRITER_OF, partition_of
from support.topics import Record

TRACEPARENT = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
TYPES_OF = {topic["name"]: topic.get("events", []) for topic in schemas.TOPICS}

# What may follow from what. An event that starts a chain has no cause.
CAUSES = {
    "OrderSubmitted": (),
    "OrderCancellationSubmitted": (),
    "OrderPlaced": ("OrderSubmitted",),
    "OrderCancellationRequested": ("OrderCancellationSubmitted",),
    "StockReceived": (),
    "PaymentProcessed": ("OrderPlaced",),
    "PaymentFailed": ("OrderPlaced",),
    "PaymentRefunded": ("InventoryReservationFailed", "InventoryReleased", "InventoryReservationCancelled"),
    "PaymentCancelled": ("InventoryReservationCancelled",),
    "InventoryReserved": ("PaymentProcessed",),
    "InventoryReservationFailed": ("PaymentProcessed",),
    "InventoryReleased": ("ShipmentFailed", "ShipmentCancelled"),
    "InventoryReservationCancelled": ("ShipmentCancelled",),
    "InventoryDeducted": ("ShipmentCreated",),
    "ShipmentCreated": ("InventoryReserved",),
    "ShipmentFailed": ("InventoryReserved",),
    "ShipmentCancelled": ("OrderCancellationRequested",),
    "OrderCompleted": ("ShipmentCreated",),
    "OrderCancelled": ("PaymentFailed", "PaymentRefunded", "PaymentCancelled"),
    "StockLevelChanged": (
        "StockReceived", "PaymentProcessed", "ShipmentCreated", "ShipmentFailed", "ShipmentCancelled"),
}
# These may also start a chain: an order without a key is written by the front door itself.
MAY_START = {"OrderPlaced", "OrderCancellationRequested"}


def read_events(facts: Facts) -> None:
    """Fills the facts with all records that are events; says what is wrong with the others."""
    for place in facts.log.open:
        facts.violate(5, place, "a transaction was left open: readers wait there")
    for record in facts.own_records():
        faults = _faults(record)
        for fault in faults:
            facts.violate(0, record, fault)
        if not faults:
            event = event_of(record)
            facts.add(event)
            _check_form(facts, event)


def _faults(record: Record) -> list[str]:
    if record.event is None:
        return ["is no JSON object"]
    if record.event.get("event_type") not in TYPES_OF[record.topic]:
        return [f"{record.event.get('event_type')!r} does not belong to this topic"]
    if schemas.is_valid(record.event):
        return []
    return [f"{error.json_path}: {error.message}" for error in schemas.errors(record.event)] or [
        "is refused by one of two validators"]


def _check_form(facts: Facts, event: Event) -> None:
    record, envelope = event.record, event.record.event
    facts.require(event.key == envelope["data"][KEY_OF[event.type]], 0, event,
                  f"its key is {event.key!r}, not that of its data")
    partition = partition_of(record.key or b"", facts.log.partitions[record.topic])
    facts.require(record.partition == partition, 0, event, f"its key belongs to partition {partition}")
    expected = {
        "ce_specversion": "1.0", "ce_id": event.id, "ce_type": event.type,
        "ce_source": f"order-saga/{WRITER_OF[event.type]}", "ce_time": envelope["timestamp"],
        "content-type": "application/json"}
    for name, value in expected.items():
        facts.require(record.header(name) == value, 0, event,
                      f"header {name} is {record.header(name)!r}, not {value!r}")
    trace = record.header("traceparent")
    facts.require(trace is None or TRACEPARENT.fullmatch(trace), 0, event, f"traceparent is {trace!r}")


def check_causes(facts: Facts) -> None:
    for event in facts.events:
        if CAUSES[event.type] and event.cause is not None:
            _check_cause(facts, event)
        elif CAUSES[event.type] and event.type not in MAY_START:
            facts.violate(6, event, "names no cause")
        else:
            facts.require(event.cause is None, 6, event, "starts a chain, and yet names a cause")
            wanted = event.data.get("order_id", event.id)
            facts.require(event.correlation == wanted, 0, event, f"its correlation id is not {wanted}")


def _check_cause(facts: Facts, event: Event) -> None:
    cause = facts.cause_of(event)
    if cause is None:
        facts.violate(6, event, f"its cause {event.cause} is nowhere")
        return
    facts.require(cause.type in CAUSES[event.type], 6, event, f"cannot follow from {cause}")
    facts.require(event.correlation == cause.correlation, 6, event, f"correlates otherwise than {cause}")
    facts.require(uuid.UUID(event.id).version == 5, 5, event, "its id does not follow from its cause")


def check_ids(facts: Facts) -> None:
    """No id twice in a topic, and no step twice under different ids."""
    ids: dict[tuple, Event] = {}
    steps: dict[tuple, Event] = {}
    for event in facts.events:
        first = ids.setdefault((event.record.topic, event.id), event)
        facts.require(first is event, 6, event, f"its id stands at {first.record} already")
        if event.cause:
            first = steps.setdefault((event.cause, event.type, event.key), event)
            facts.require(first is event, 5, event, f"the same step is done at {first.record} already")
