"""The local cache may be lost at any time: it is made anew from the topics (issue item e)."""

import shutil

import pytest
from confluent_kafka import Producer
from support import topics
from support.events import SERVICES
from support.orders import STOCK, Kind
from support.waiting import wait_until

ORDERS = 100
PARTITIONS = 4
TOPICS_GONE_S = 20
TOLD_S = 20  # TELL_EVERY_MS of a restore, and the start
REQUEST_S = 10


@pytest.mark.parametrize("name", SERVICES)
def test_a_lost_data_directory_changes_nothing(saga, name):
    """Lost while the service is down and orders wait for it."""
    for order in saga.orders.take(ORDERS // 2):
        saga.place(order)
    saga.wait_final()
    service = saga.service(name)
    if name != "order":
        service.stop()
        for order in saga.orders.take(ORDERS // 2):
            saga.place(order)
    else:
        service.kill9()
    assert service.data_dir.exists()
    shutil.rmtree(service.data_dir)
    service.start()
    for order in saga.orders.take(ORDERS // 2):
        saga.place(order)
    saga.wait_final()
    saga.assert_sound()


def test_all_data_directories_lost_at_once(saga):
    for order in saga.orders.take(ORDERS):
        saga.place(order)
    for service in saga.services.values():
        service.kill9()
        shutil.rmtree(service.data_dir)
    saga.start()
    saga.wait_final()
    saga.assert_sound()


def test_a_damaged_data_directory_is_made_anew(saga):
    for order in saga.orders.take(ORDERS // 2):
        saga.place(order)
    saga.wait_final()
    for service in saga.services.values():
        service.stop()
        for file in service.data_dir.rglob("*.mdb"):
            file.write_bytes(b"no database" * 1000)
    saga.start()
    saga.place(Kind.SHIPPED)
    saga.wait_final()
    saga.assert_sound()


def test_a_data_directory_of_other_topics_is_not_believed(saga, broker):
    """The topics were made anew beside an old cache, as when a broker is set up again."""
    first = saga.place(Kind.SHIPPED).order_id
    saga.wait_final()
    for service in saga.services.values():
        service.stop()
    saga.unfollow()
    topics.delete_topics(broker.bootstrap, saga.prefix)
    wait_until(lambda: not topics.partitions_of(broker.bootstrap, saga.prefix), TOPICS_GONE_S,
               "the topics are gone")
    saga.history.attempts.clear()
    saga.begin(stock=STOCK)
    assert saga.client.order(first).status == 404
    for order in saga.orders.take(ORDERS):
        saga.place(order)
    saga.wait_final()
    saga.assert_sound()


def test_a_ledger_whose_end_is_hidden_is_waited_for_and_named(saga):
    """The service's own last events are behind a transaction that a stranger has left open."""
    def ends() -> dict:
        return topics.ends_of(saga.bootstrap, {"payments": PARTITIONS}, "read_uncommitted", saga.prefix)

    stranger = Producer({"bootstrap.servers": saga.bootstrap, "transactional.id": f"{saga.prefix}stranger"})
    stranger.init_transactions(REQUEST_S)
    stranger.begin_transaction()
    for partition in range(PARTITIONS):
        stranger.produce(f"{saga.prefix}payments", b"{}", b"key", partition=partition)
    stranger.flush(REQUEST_S)
    before = ends()
    order = saga.place(Kind.SHIPPED)
    wait_until(lambda: ends() != before, TOLD_S, "it is charged")
    payment = saga.service("payment")
    payment.stop()  # with all that it has done
    payment.spawn()
    wait_until(lambda: "event=still_restoring" in payment.log.read_text(), TOLD_S, "it says what it waits for")
    assert f"topic={saga.prefix}payments partition=" in payment.log.read_text().partition("still_restoring")[2]
    stranger.abort_transaction(REQUEST_S)
    saga.wait_final()
    assert saga.types_of(order.order_id).count("PaymentProcessed") == 1
    saga.assert_sound()
