"""What the checks have in common: the events of a log, sorted, and the list of violations."""

from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal

from support import schemas
from support.events import ORDER_TOPICS, SERVICES
from support.topics import Log, Place, Record

DEAD_LETTERS = {f"{service}.dead-letters" for service in SERVICES}
EVENT_TOPICS = {topic["name"] for topic in schemas.TOPICS if topic.get("events")}
SETTLED = "LedgerSettled"


@dataclass(frozen=True)
class Violation:
    """`invariant`: its number in ARCHITECTURE.md; 0 is the form of a record itself."""

    invariant: int
    subject: str  # an order, a product, or a place in a topic
    text: str

    def __str__(self) -> str:
        return f"invariant {self.invariant}: {self.subject}: {self.text}"


@dataclass
class Event:
    """A valid event and where it stands."""

    record: Record
    id: str
    type: str
    key: str
    correlation: str
    cause: str | None
    data: dict

    @property
    def place(self) -> Place:
        return self.record.place

    def __str__(self) -> str:
        return f"{self.type} {self.id} at {self.record}"


def event_of(record: Record) -> Event:
    """Of a record that is known to be valid."""
    event = record.event
    return Event(record, event["event_id"], event["event_type"], (record.key or b"").decode(),
                 event["correlation_id"], event.get("causation_id"), event["data"])


@dataclass
class Facts:
    """`foreign`: records that a test wrote by hand and that are none of the system's events."""

    log: Log
    foreign: frozenset[Place] = frozenset()
    final: bool = True  # nothing is under way any more
    violations: list[Violation] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    by_id: dict[str, list[Event]] = field(default_factory=lambda: defaultdict(list))
    by_topic: dict[str, list[Event]] = field(default_factory=lambda: defaultdict(list))
    orders: dict[str, dict[str, list[Event]]] = field(default_factory=dict)  # order, topic

    def violate(self, invariant: int, subject: object, text: str) -> None:
        self.violations.append(Violation(invariant, str(subject), text))

    def require(self, holds: object, invariant: int, subject: object, text: str) -> None:
        if not holds:
            self.violate(invariant, subject, text)

    def own_records(self) -> list[Record]:
        """What must be an event of this system, in the order of its topic.

        A receipt that was refused is none: replayed, it stands in the same topic once more. Nor is what
        a service writes to end what Kafka has left open: it says nothing.
        """
        refused = {origin_of(self.log, letter) for letter in self.log.of("inventory.dead-letters")}
        records = [r for r in self.log.records if r.topic in EVENT_TOPICS and r.place not in self.foreign
                   and not (r.topic == "stock-receipts" and r.place in refused)
                   and r.header("ce_type") != SETTLED]
        return sorted(records, key=lambda record: record.place)

    def add(self, event: Event) -> None:
        topic = event.record.topic
        self.events.append(event)
        self.by_id[event.id].append(event)
        self.by_topic[topic].append(event)
        if topic in ORDER_TOPICS:
            trail = self.orders.setdefault(event.key, {name: [] for name in ORDER_TOPICS})
            trail[topic].append(event)

    def cause_of(self, event: Event) -> Event | None:
        found = self.by_id.get(event.cause or "")
        return found[0] if found else None


def origin_of(log: Log, letter: Record) -> Place:
    """Where the record stands that was refused. Its topic is named with the prefix."""
    topic = letter.header("dead_letter_topic") or ""
    partition, offset = (_whole(letter.header(f"dead_letter_{name}")) for name in ("partition", "offset"))
    known = [name for name in log.partitions if topic.endswith(name)]
    return max(known, key=len, default=topic), partition, offset


def _whole(text: str | None) -> int:
    return int(text) if text and text.isdecimal() else -1


def minor(amount: int | Decimal) -> int:
    """Money on the wire is a decimal number; here it is whole minor units."""
    value = Decimal(amount) * 100
    assert value == value.to_integral_value(), f"{amount} is no whole number of minor units"
    return int(value)


def lines(items: list[dict]) -> dict[str, int]:
    """Quantity by product, lines of the same product merged."""
    merged: dict[str, int] = defaultdict(int)
    for item in items:
        merged[item["product_id"]] += int(item["quantity"])
    return dict(merged)
