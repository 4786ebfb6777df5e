"""The local cache may be lost at any time: it is made anew from the topics (issue item e)."""

import shutil

import pytest
from support import topics
from support.events import SERVICES
from support.orders import STOCK, Kind
from support.waiting import wait_until

ORDERS = 100
TOPICS_GONE_S = 20


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
