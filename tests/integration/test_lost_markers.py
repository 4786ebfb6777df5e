"""Kafka leaves out the markers of a transaction that ends while a partition has no leader (KAFKA-20734):
what a service has committed stays hidden, from itself as well. It shows it, and decides nothing twice.
"""

import random
import uuid
from collections.abc import Iterator

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from support import topics
from support.events import SERVICES, encode, new_event, new_id, order_placed, partition_of
from support.metrics import scrape
from support.saga import Saga
from support.two_brokers import TwoBrokers
from support.waiting import wait_until

from conftest import end_saga, new_prefix

PARTITIONS = 4
REQUEST_S = 20
HIDDEN_S = 10
HEALED_S = 30


@pytest.fixture(scope="module")
def pair(workdir, session_broker) -> Iterator[TwoBrokers]:
    """`session_broker`: where this run keeps its data."""
    with TwoBrokers(session_broker.folder / "two") as pair:
        yield pair


@pytest.fixture(scope="module")
def shared(request, pair, workdir) -> Iterator[Saga]:
    """The second broker keeps the bookmarks of payment: they may lose their markers, too."""
    prefix = next(name for name in iter(new_prefix, None) if pair.coordinates(f"{name}payment") == 2)
    saga = Saga(pair.bootstrap, prefix, workdir / request.module.__name__, random.Random(request.config.option.seed))
    yield saga.begin()
    end_saga(saga, check=not request.session.testsfailed)
    topics.delete_topics(pair.bootstrap, prefix)


@pytest.fixture
def saga(pair, shared) -> Iterator[Saga]:
    yield shared
    pair.return_second()
    shared.start(name for name in SERVICES if not shared.service(name).is_running)


def ends(saga: Saga) -> list[dict]:
    """What can be read of payments, and what there is."""
    return [topics.ends_of(saga.bootstrap, {"payments": PARTITIONS}, isolation, saga.prefix)
            for isolation in ("read_committed", "read_uncommitted")]


def hidden(saga: Saga) -> list[int]:
    """The partitions of payments that end in a transaction."""
    readable, written = ends(saga)
    return [place[1] for place, end in written.items() if readable[place] < end]


# --- a service that died ------------------------------------------------------------------------------


def charge_of(placed: dict) -> dict:
    """As payment decides it: the id follows from the cause."""
    data = placed["data"]
    event = new_event("PaymentProcessed", {
        **{name: data[name] for name in ("order_id", "customer_id", "items", "currency")},
        "amount": data["total_amount"]}, cause=placed)
    return {**event, "event_id": str(uuid.uuid5(uuid.UUID(placed["event_id"]), "PaymentProcessed"))}


class Predecessor:
    """Payment as it was before it died, in the midst of a transaction."""

    def __init__(self, saga: Saga):
        self.saga = saga
        self.producer = Producer({**topics.COMMON, "bootstrap.servers": saga.bootstrap,
                                  "transactional.id": f"{saga.prefix}payment-0"})
        self.producer.init_transactions(REQUEST_S)
        self.producer.begin_transaction()

    def write(self, partition: int, key: bytes, value: bytes, headers=()) -> None:
        self.producer.produce(f"{self.saga.prefix}payments", value, key, partition=partition, headers=list(headers))
        assert self.producer.flush(REQUEST_S) == 0

    def save_bookmark(self, partition: int, offset: int) -> None:
        group = Consumer({"bootstrap.servers": self.saga.bootstrap, "group.id": f"{self.saga.prefix}payment"})
        self.producer.send_offsets_to_transaction(
            [TopicPartition(f"{self.saga.prefix}orders", partition, offset)], group.consumer_group_metadata(), REQUEST_S)
        group.close()


def place_on_second(saga: Saga, pair: TwoBrokers) -> topics.Record:
    """An OrderPlaced whose charge will stand on the second broker."""
    order_id = next(name for name in iter(new_id, None)
                    if pair.leads(f"{saga.prefix}payments", partition_of(name.encode(), PARTITIONS)) == 2)
    saga.place_by_hand(order_placed(order_id))
    return next(record for record in topics.read_all(saga.bootstrap, saga.prefix, only=("orders",)).records
                if record.key == order_id.encode())


@pytest.mark.parametrize(("end", "with_bookmark"), [("commit", False), ("commit", True), ("abort", True)])
def test_what_a_predecessor_has_ended_is_not_decided_again(saga, pair, end, with_bookmark):
    payment = saga.service("payment")
    payment.stop()
    placed = place_on_second(saga, pair)
    predecessor = Predecessor(saga)
    predecessor.write(placed.partition, placed.key, *encode(charge_of(placed.event)))
    if with_bookmark:
        predecessor.save_bookmark(placed.partition, placed.offset + 1)
    pair.lose_second()
    getattr(predecessor.producer, f"{end}_transaction")(REQUEST_S)
    pair.return_second()
    assert hidden(saga) == [placed.partition], "its markers are lost"
    payment.start()
    saga.wait_final(HEALED_S)
    assert saga.types_of(placed.key.decode()).count("PaymentProcessed") == 1
    assert hidden(saga) == []
    saga.assert_sound()


# --- a service that lives -----------------------------------------------------------------------------


def committed(saga: Saga) -> float:
    """Transactions of payment, as it believes."""
    return scrape(saga.service("payment")).get("saga_transactions_total", result="committed")


def lose_markers_of_payment(saga: Saga, pair: TwoBrokers) -> topics.Record:
    """Of a charge. Nobody else writes anything meanwhile; the second broker is away then."""
    for name in ("inventory", "shipping", "payment"):
        saga.service(name).stop()
    saga.start(("payment",))  # anew: nothing is left to be saved but what comes with the charge
    saga.wait_owned(("payment",))
    before = committed(saga)
    pair.hold_markers()
    placed = place_on_second(saga, pair)
    wait_until(lambda: committed(saga) > before and placed.partition in hidden(saga), HIDDEN_S, "it is charged")
    pair.lose_second()
    return placed


def test_a_running_owner_shows_what_it_has_committed(saga, pair):
    placed = lose_markers_of_payment(saga, pair)
    pair.return_second()
    assert placed.partition in hidden(saga), "its markers are lost"
    wait_until(lambda: hidden(saga) == [], HEALED_S, lambda: f"it is shown\n{saga.service('payment').tail()}")
    saga.start(("inventory", "shipping"))
    saga.wait_final(HEALED_S)
    saga.assert_sound()


def test_a_cache_of_what_was_aborted_after_all_is_not_believed(saga, pair):
    """What was committed, but lost its markers, is ended by the next ones there: here those of an abort."""
    payment = saga.service("payment")
    placed = lose_markers_of_payment(saga, pair)
    payment.kill9()
    pair.return_second()
    assert placed.partition in hidden(saga), "its markers are lost"
    successor = Predecessor(saga)
    for partition in hidden(saga):
        successor.write(partition, b"key", b"{}")
    successor.producer.abort_transaction(REQUEST_S)
    wait_until(lambda: hidden(saga) == [], REQUEST_S, "the markers are written")
    saga.start(("payment", "inventory", "shipping"))
    saga.wait_final(HEALED_S)
    assert "has no record" in payment.log.read_text()
    saga.assert_sound()
