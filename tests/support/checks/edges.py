"""Where the system meets its surroundings: clients (inv. 4), dead letters (inv. 8), readers (inv. 7)."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from support.checks.facts import DEAD_LETTERS, Event, Facts, Violation, minor, origin_of
from support.client import Answer, Attempt, History
from support.events import HISTORY_TOPICS
from support.topics import Log, Place, Record

# What the service adds to the headers of a record that it refuses.
ORIGIN_HEADERS = ("dead_letter_cause", "dead_letter_topic", "dead_letter_partition", "dead_letter_offset",
                  "dead_letter_service")
STATUS_OF = {"OrderCompleted": "completed", "OrderCancelled": "cancelled"}


# --- what clients were told ---------------------------------------------------------------------------


def check_history(facts: Facts, history: History) -> None:
    placed = facts.by_topic["orders"]
    by_order = {event.key: event for event in placed if event.type == "OrderPlaced"}
    counts = Counter(event.key for event in placed if event.type == "OrderPlaced")
    ids = Counter(attempt.order_id for attempt in history.accepted())
    for attempt in history.accepted():
        _check_accepted(facts, attempt, counts[attempt.order_id], by_order.get(attempt.order_id))
        facts.require(ids[attempt.order_id] == 1, 4, attempt.order_id, "is the answer to several POSTs")
    known = set(ids) | history.by_hand
    _check_others(facts, history, [event for key, event in by_order.items() if key not in known])


def _check_accepted(facts: Facts, attempt: Attempt, count: int, event: Event | None) -> None:
    facts.require(count == 1, 4, attempt.order_id, f"was answered 201 and placed {count} times")
    if event is not None:
        facts.require(_fingerprint(event) == _asked(attempt), 4, attempt.order_id,
                      "was placed otherwise than it was asked for")


def _asked(attempt: Attempt) -> tuple:
    order = attempt.order
    items = tuple((item.product_id, item.quantity, item.price_minor) for item in order.items)
    return order.customer_id, order.currency, items


def _fingerprint(event: Event) -> tuple:
    """What an order asks for: how the log tells which POST it comes from."""
    items = tuple((item["product_id"], int(item["quantity"]), minor(item["unit_price"]))
                  for item in event.data["items"])
    return event.data["customer_id"], event.data.get("currency", "USD"), items


def _check_others(facts: Facts, history: History, events: list[Event]) -> None:
    """Orders that nobody was told about: each unanswered POST accounts for one at most."""
    unanswered = Counter(_asked(a) for a in history.attempts if a.outcome in ("unknown", "invoke"))
    for event in events:
        asked = _fingerprint(event)
        facts.require(unanswered[asked] > 0, 4, event.key, "was placed, but no POST accounts for it")
        unanswered[asked] -= 1


# --- dead letters -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Refused:
    """A record that `service` must refuse."""

    service: str
    place: Place


def check_dead_letters(facts: Facts, refused: Iterable[Refused]) -> None:
    """Exactly these, each once, with its bytes, its own headers and its origin."""
    expected = Counter(refused)
    found: Counter[Refused] = Counter()
    source = {record.place: record for record in facts.log.records}
    for letter in facts.log.records:
        if letter.topic in DEAD_LETTERS:
            origin = Refused(letter.topic.split(".")[0], origin_of(facts.log, letter))
            found[origin] += 1
            _check_letter(facts, letter, origin, source.get(origin.place))
    for refusal in expected | found:
        facts.require(found[refusal] == expected[refusal], 8, f"{refusal.service} {refusal.place}",
                      f"is in the dead letters {found[refusal]} times, not {expected[refusal]}")


def _check_letter(facts: Facts, letter: Record, origin: Refused, source: Record | None) -> None:
    for name in ORIGIN_HEADERS:
        facts.require(letter.header(name), 8, letter, f"header {name} is {letter.header(name)!r}")
    facts.require(letter.header("dead_letter_service") == origin.service, 8, letter, "names another service")
    if source is None:
        facts.violate(8, letter, f"its origin {origin.place} is nowhere")
        return
    facts.require(letter.value == source.value, 8, letter, f"its bytes are not those of {source}")
    facts.require(letter.key == source.key, 8, letter, f"its key is not that of {source}")
    own = letter.headers[:len(letter.headers) - len(ORIGIN_HEADERS)]
    facts.require(own == source.headers, 8, letter, f"its headers are not those of {source}")


# --- the read side ------------------------------------------------------------------------------------

Reader = Callable[[str], Answer]


def check_reads(log: Log, order_ids: Iterable[str], order: Reader, timeline: Reader) -> list[Violation]:
    """What GET says about these orders against the fold of the topics."""
    facts = Facts(log)
    by_order: dict[str, list[dict]] = {}
    for record in log.records:
        if record.topic in HISTORY_TOPICS and record.event:
            by_order.setdefault((record.key or b"").decode(), []).append(record.event)
    for order_id in order_ids:
        events = by_order.get(order_id, [])
        _check_status(facts, order_id, events, order(order_id))
        _check_timeline(facts, order_id, events, timeline(order_id))
    return facts.violations


def _check_status(facts: Facts, order_id: str, events: list[dict], answer: Answer) -> None:
    if answer.status != 200:
        facts.violate(7, order_id, f"GET answers {answer.status}: {answer.body[:200]!r}")
        return
    document = answer.json()
    outcomes = [event for event in events if event["event_type"] in STATUS_OF]
    says, final = document.get("status"), {STATUS_OF[event["event_type"]] for event in outcomes}
    facts.require(final == {says} if final else says not in STATUS_OF.values(), 7, order_id,
                  f"GET says {says!r}, the topics {sorted(final) or 'that it is open'}")
    facts.require(document.get("order_id") == order_id, 7, order_id, f"GET is about {document.get('order_id')}")
    reasons = {event["data"]["reason"] for event in outcomes if "reason" in event["data"]}
    facts.require(not reasons or document.get("reason") in reasons, 7, order_id,
                  f"GET gives {document.get('reason')!r} as reason, the topics {reasons}")


def _check_timeline(facts: Facts, order_id: str, events: list[dict], answer: Answer) -> None:
    if answer.status != 200:
        facts.violate(7, order_id, f"GET …/timeline answers {answer.status}: {answer.body[:200]!r}")
        return
    shown = [event["event_id"] for event in answer.json()["events"]]
    written = [event["event_id"] for event in events]
    facts.require(sorted(shown) == sorted(written), 7, order_id,
                  f"the timeline shows {len(shown)} events, the topics have {len(written)}, "
                  f"{len(set(shown) ^ set(written))} of them not in both")
