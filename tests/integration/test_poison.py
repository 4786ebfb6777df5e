"""Poison records: refused ones land in the dead letters once, unknown ones are passed over, and
orders around them are not held up. Each input topic gets every kind of poison, each consumer reacts.
"""

import json
from dataclasses import dataclass

import pytest
from support import events, schemas
from support.checker import Refused
from support.cluster import is_sanitized
from support.events import Headers, new_id, order_placed, partition_of
from support.orders import Kind
from support.saga import Saga
from support.waiting import wait_until

CONSUMERS = {topic["name"]: topic["consumers"] for topic in schemas.TOPICS if topic.get("consumers")}
WANTED = {service: {event_type for consumers in CONSUMERS.values() for event_type in consumers.get(service, [])}
          for service in events.SERVICES}
VIEWED = {topic["name"] for topic in schemas.TOPICS
          if "order" in topic.get("views", []) and topic.get("key") == "order_id"}
# POST to final, with poison before and behind; the sanitizers' build does not have the machine to itself.
NEIGHBOUR_S = 8.0 if is_sanitized() else 2.0
DEAD_LETTER_S = 10
MEGABYTE = 1_000_000
PARTITIONS = 4


@dataclass
class Poison:
    """`refused_by`: event types whose consumers must refuse it; None: every consumer of the topic."""

    value: bytes | None
    headers: Headers
    refused_by: set[str] | None
    key: bytes = b"poison"


def typed(event_type: str) -> Headers:
    return [("ce_type", event_type.encode()), ("note", b"kept as it is")]


def example(topic: str, event_type: str) -> dict:
    """A valid event of this type, about an order that nobody placed."""
    path = schemas.ROOT / "examples/valid" / event_type / "typical.json"
    event = json.loads(path.read_text())
    key = events.KEY_OF[event_type]
    return {**event, "event_id": new_id(), "data": {**event["data"], key: new_id()}}


def poisons(topic: str) -> dict[str, Poison]:
    """With a header that says what it is, a record is judged by those who want that type only."""
    wanted = next(iter(CONSUMERS[topic].values()))[0]
    event = example(topic, wanted)
    value, headers = events.encode(event)
    big = json.dumps({**event, "filler": "x" * MEGABYTE}).encode()[:MEGABYTE]
    wrong_shape = json.dumps({**event, "data": {"order_id": 7}}).encode()
    stray = stray_type(topic)
    stray_event = example(topic, stray)
    stray_value, stray_headers = events.encode(stray_event)
    stranger = {**event, "event_type": "OrderArchived"}
    return {
        "not JSON": Poison(b"\x00\xff not JSON", [], None),
        "not JSON, but named": Poison(b"{", typed(wanted), {wanted}),
        "an empty value": Poison(b"", [], None),
        "wrong shape": Poison(wrong_shape, typed(wanted), {wanted}),
        "wrong shape, unnamed": Poison(b'{"event_type": 7}', [], None),
        "1 MB": Poison(big, [], None),
        "1 MB, named": Poison(big, typed(wanted), {wanted}),
        "null": Poison(None, [], None),
        "null, but named": Poison(None, typed(wanted), {wanted}),
        "another key": Poison(value, headers, {wanted}, key=b"not-its-key"),
        "the header of another type": Poison(events.encode(order_placed())[0], typed(wanted), {wanted}),
        "of another topic": Poison(stray_value, stray_headers, {stray}, key=events.key_of(stray_event)),
        "unknown type": Poison(json.dumps(stranger).encode(), [], set()),
        "unknown type, named": Poison(b"\xff", typed("OrderArchived"), set()),
        "unknown type, null": Poison(None, typed("OrderArchived"), set()),
    }


def consumers_that_refuse(topic: str, poison: Poison) -> list[str]:
    return [service for service in CONSUMERS[topic]
            if poison.refused_by is None or poison.refused_by & WANTED[service]]


def stray_type(topic: str) -> str:
    """A type that some consumer of the topic wants, from elsewhere."""
    own = {event_type for types in CONSUMERS[topic].values() for event_type in types}
    return min(set().union(*(WANTED[service] for service in CONSUMERS[topic])) - own)


@pytest.fixture
def warm(saga) -> Saga:
    """Neighbours are compared with a system that is under way, not with one that has just begun."""
    saga.place(Kind.SHIPPED)
    saga.wait_final()
    return saga


def write_poison(saga: Saga, topic: str, poison: Poison) -> None:
    place = saga.writer.write(topic, poison.key, poison.value, poison.headers)
    saga.foreign.add(place)
    saga.refused += [Refused(service, place) for service in consumers_that_refuse(topic, poison)]


def wait_for_dead_letters(saga: Saga) -> None:
    def are_there() -> bool:
        found = [record for record in saga.log().records if record.topic.endswith("dead-letters")]
        return len(found) >= len(saga.refused)

    wait_until(are_there, DEAD_LETTER_S, lambda: f"{len(saga.refused)} dead letters\n{saga.tails()}",
               poll_s=0.2)


def assert_neighbours_on_time(saga: Saga) -> None:
    for attempt in saga.history.attempts[1:]:  # the first one warmed up
        final = max(saga.watch.seen.get(outcome, {}).get(attempt.order_id, 0)
                    for outcome in ("OrderCompleted", "OrderCancelled"))
        assert final - attempt.invoked < NEIGHBOUR_S, f"{attempt.order_id}: {final - attempt.invoked:.1f} s"


@pytest.mark.alone
@pytest.mark.parametrize("topic", CONSUMERS)
def test_poison_on_an_input_topic(warm, topic):
    for poison in poisons(topic).values():
        warm.place(Kind.SHIPPED)
        write_poison(warm, topic, poison)
        warm.place(warm.orders.next())
    warm.wait_final()
    assert_neighbours_on_time(warm)
    wait_for_dead_letters(warm)
    warm.assert_sound()
    # It stands in somebody's ledger, too: whoever restores from it must get past it.
    for service in warm.services.values():
        service.kill9()
    warm.start()
    warm.place(Kind.SHIPPED)
    warm.wait_final()
    warm.assert_sound()
    told = json.loads(warm.sagactl("check", "--final", "--json").stdout)
    assert told["refused"] == len({refusal.place for refusal in warm.refused}) and told["unknown_types"] > 0


def test_poison_on_topics_that_are_only_viewed(saga):
    """order-outcomes and stock are inputs of nobody; the read side follows the former."""
    for topic in ("order-outcomes", "stock"):
        poison = ((b"\xff", []), (None, []), (b"{", typed("OrderCompleted")), (b"x" * MEGABYTE, []))
        for value, headers in poison:
            saga.foreign.add(saga.writer.write(topic, b"poison", value, headers))
    saga.place(Kind.SHIPPED)
    saga.wait_final()
    saga.assert_sound()
    for service in saga.services.values():
        service.kill9()
    saga.start()
    saga.place(Kind.SHIPPED)
    saga.wait_final()
    saga.assert_sound()


def test_an_event_in_the_wrong_partition_is_refused(saga):
    event = order_placed(new_id())
    key = event["data"]["order_id"].encode()
    wrong = (partition_of(key, PARTITIONS) + 1) % PARTITIONS
    place = saga.writer.write_event(event, partition=wrong)
    saga.foreign.add(place)
    saga.refused.append(Refused("payment", place))
    saga.place(Kind.SHIPPED)
    saga.wait_final()
    wait_for_dead_letters(saga)
    saga.assert_sound()
    assert saga.client.order(event["data"]["order_id"]).status == 404


def test_an_answer_that_cannot_be_is_refused(saga):
    """Valid events that contradict the ledger: inventory answers a charge that never was."""
    released = example("inventory", "InventoryReleased")
    created = example("shipments", "ShipmentCreated")
    for event, service in ((released, "payment"), (created, "inventory")):
        place = saga.writer.write_event(event)
        saga.foreign.add(place)
        saga.refused.append(Refused(service, place))
    saga.place(Kind.SHIPPED)
    saga.watch.wait_final(saga.history.order_ids, NEIGHBOUR_S * 2)
    wait_for_dead_letters(saga)
    letters = [r for r in saga.log().records if r.topic.endswith("dead-letters")]
    assert {letter.header("dead_letter_service") for letter in letters} == {"payment", "inventory"}
    assert all(letter.header("dead_letter_cause") for letter in letters)


@pytest.mark.alone
def test_a_burst_of_poison_delays_nobody(warm):
    """A thousand refused records in a row, and an order behind them."""
    for number in range(1000):
        warm.foreign.add(warm.writer.write("orders", str(number).encode(), b"{", typed("OrderPlaced")))
    warm.refused += [Refused("payment", place) for place in warm.foreign]
    warm.place(Kind.SHIPPED)
    warm.wait_final()
    assert_neighbours_on_time(warm)
    wait_for_dead_letters(warm)
    warm.assert_sound()
