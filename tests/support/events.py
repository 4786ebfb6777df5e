"""Events as records, made by hand: for tests that write what a service or a stranger might write.

    value, headers = encode(new_event("OrderPlaced", {"order_id": ..., ...}))

Independent of the C code: the partitioner, the ids and the headers are written anew here.
"""

import json
import random
import time
import uuid
from datetime import datetime, timezone
from decimal import Decimal

from support import schemas

Headers = list[tuple[str, bytes | None]]

WRITER_OF = {name: topic["writer"] for topic in schemas.TOPICS for name in topic.get("events", [])}
TOPIC_OF = {name: topic["name"] for topic in schemas.TOPICS for name in topic.get("events", [])}
KEY_OF = {name: topic["key"] for topic in schemas.TOPICS for name in topic.get("events", [])}
ORDER_TOPICS = [topic["name"] for topic in schemas.TOPICS if topic.get("key") == "order_id"]
# What an order's timeline is made of; requests are no facts about the order yet.
HISTORY_TOPICS = [name for name in ORDER_TOPICS if name != "order-requests"]
SERVICES = ("order", "payment", "inventory", "shipping")


def murmur2(data: bytes) -> int:
    """As Java's Kafka client computes it, as an unsigned 32-bit number."""
    multiplier, mask = 0x5BD1E995, 0xFFFFFFFF
    value = 0x9747B28C ^ len(data)
    whole = len(data) & ~3
    for at in range(0, whole, 4):
        word = int.from_bytes(data[at:at + 4], "little") * multiplier & mask
        word = (word ^ word >> 24) * multiplier & mask
        value = (value * multiplier & mask) ^ word
    if whole < len(data):
        value = (value ^ int.from_bytes(data[whole:], "little")) * multiplier & mask
    value = (value ^ value >> 13) * multiplier & mask
    return value ^ value >> 15


def partition_of(key: bytes, partitions: int) -> int:
    return (murmur2(key) & 0x7FFFFFFF) % partitions


def new_id(rng: random.Random | None = None) -> str:
    """A version 7 UUID; with `rng` a repeatable one, of no particular time."""
    source = rng or random.SystemRandom()
    ms = source.getrandbits(40) if rng else int(time.time() * 1000)
    bits = ms << 80 | 0x7 << 76 | source.getrandbits(12) << 64 | 0x2 << 62 | source.getrandbits(62)
    return str(uuid.UUID(int=bits))


def derived_id(cause: str, event_type: str, key: str) -> str:
    """The id of an effect follows from its cause: a step done twice yields the same one."""
    return str(uuid.uuid5(uuid.UUID(cause), f"{event_type}:{key}"))


def timestamp(ms: int | None = None) -> str:
    ms = int(time.time() * 1000) if ms is None else ms
    second = datetime.fromtimestamp(ms // 1000, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{second}.{ms % 1000:03d}Z"


def new_event(event_type: str, data: dict, cause: dict | None = None, ms: int | None = None) -> dict:
    """A whole event; `cause` is the event that it follows from."""
    key = data[KEY_OF[event_type]]
    event = {"event_id": derived_id(cause["event_id"], event_type, key) if cause else new_id(),
             "event_type": event_type, "timestamp": timestamp(ms)}
    event["correlation_id"] = cause["correlation_id"] if cause else data.get("order_id", event["event_id"])
    if cause:
        event["causation_id"] = cause["event_id"]
    return {**event, "schema_version": 1, "data": data}


def _number(value):
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(f"{value!r} is not JSON")


def encode(event: dict) -> tuple[bytes, Headers]:
    """The value and the headers of an event's record."""
    headers = {
        "ce_specversion": "1.0",
        "ce_id": event["event_id"],
        "ce_type": event["event_type"],
        "ce_source": "order-saga/" + WRITER_OF.get(event["event_type"], "test"),
        "ce_time": event["timestamp"],
        "content-type": "application/json",
    }
    value = json.dumps(event, separators=(",", ":"), default=_number).encode()
    return value, [(name, text.encode()) for name, text in headers.items()]


def key_of(event: dict) -> bytes:
    return event["data"][KEY_OF[event["event_type"]]].encode()


def order_placed(order_id: str | None = None, customer_id: str = "by-hand",
                 items: tuple[tuple[str, int, int], ...] = (("widget", 1, 1000),), currency="USD") -> dict:
    """An OrderPlaced; `items` are (product, quantity, unit price in minor units)."""
    lines = [{"product_id": product, "quantity": quantity, "unit_price": price / 100}
             for product, quantity, price in items]
    total = sum(quantity * price for _, quantity, price in items)
    return new_event("OrderPlaced", {
        "order_id": order_id or new_id(), "customer_id": customer_id, "items": lines,
        "total_amount": total / 100, "currency": currency})


def cancellation_requested(order_id: str, reason: str = "customer_request") -> dict:
    return new_event("OrderCancellationRequested", {"order_id": order_id, "reason": reason})


def order_submitted(order_id: str, **order) -> dict:
    """An OrderSubmitted; `order` as in order_placed()."""
    return new_event("OrderSubmitted", order_placed(order_id, **order)["data"])


def cancellation_submitted(order_id: str, reason: str = "customer_request") -> dict:
    return new_event("OrderCancellationSubmitted", {"order_id": order_id, "reason": reason})
