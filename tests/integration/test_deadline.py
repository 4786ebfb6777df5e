"""Orders that are not final in time are cancelled: once, by whichever replica, also after a crash."""

from collections import Counter

import pytest
from support.orders import Kind
from support.requests_keyed import post_keyed
from support.saga import Saga
from support.waiting import wait_until

DEADLINE_S = 2
EASY_S = 6  # enough for an order whom nobody hinders, also on a busy machine
ORDERS = 30
OVERDUE_S = 10  # from the deadline to the request, on a busy machine, with a restart in between
UNCONFIRMED_S = 30  # until the producer gives up, after the deadline has passed
RECOVERY_S = 30
REASON = "deadline_passed"


@pytest.fixture
def hasty(request, system) -> Saga:
    """A running system with two replicas of the order service that lose patience soon."""
    for replica in (system.service("order"), system.add("order", "1")):
        replica.env["ORDER_DEADLINE_S"] = str(getattr(request, "param", DEADLINE_S))
    system.begin()
    system.service("order", "1").start()
    return system


def requested(saga: Saga) -> Counter:
    return Counter(event["data"]["order_id"] for event in saga.log().events("OrderCancellationRequested"))


def stopped(saga: Saga) -> set[str]:
    """Orders that will not be shipped any more, whoever pays for them now."""
    return {event["data"]["order_id"] for event in saga.log().events("ShipmentCancelled")}


def wait_stopped(saga: Saga, order_ids: set[str]) -> None:
    wait_until(lambda: stopped(saga) >= order_ids, DEADLINE_S + OVERDUE_S,
               lambda: f"the shipment of {order_ids - stopped(saga)} is cancelled\n{saga.tails()}")


def test_what_payment_did_not_do_in_time_is_cancelled_and_never_charged_for_good(hasty):
    """Payment is down for longer than the deadline; both replicas are killed in the meantime."""
    hasty.service("payment").stop()
    first = {hasty.place(Kind.SHIPPED).order_id for _ in range(ORDERS)}
    wait_stopped(hasty, first)
    second = {hasty.place(Kind.SHIPPED).order_id for _ in range(ORDERS)}
    for replica in (hasty.service("order"), hasty.service("order", "1")):
        replica.kill9()
    for replica in (hasty.service("order"), hasty.service("order", "1")):
        replica.start()
    wait_stopped(hasty, second)

    hasty.service("payment").start()
    hasty.wait_final(RECOVERY_S)
    log = hasty.assert_sound()
    assert requested(hasty) == Counter(first | second), "each of them once"
    assert {event["data"]["reason"] for event in log.events("OrderCancelled")} == {REASON}
    assert len(log.events("OrderCancelled")) == 2 * ORDERS
    assert not log.events("ShipmentCreated")


@pytest.mark.parametrize("hasty", [EASY_S], indirect=True)
def test_what_is_final_in_time_is_left_alone(hasty):
    orders = {hasty.place(kind).order_id for kind in (Kind.SHIPPED, Kind.DECLINED, Kind.REFUSED) for _ in range(5)}
    hasty.wait_final()
    hasty.service("payment").stop()
    late = hasty.place(Kind.SHIPPED).order_id  # placed after them: its deadline is the last to pass
    wait_until(lambda: late in stopped(hasty), EASY_S + OVERDUE_S, "its shipment is cancelled")
    assert requested(hasty) == Counter([late]), "and that of none of the others, whose deadline passed before"
    hasty.service("payment").start()
    hasty.wait_final(RECOVERY_S)
    log = hasty.assert_sound()
    assert {event["data"]["order_id"] for event in log.events("OrderCancellationSubmitted")} == {late}
    assert len(orders) == 15


def test_a_cancellation_that_was_asked_for_is_not_asked_for_again(hasty):
    """The customer was first, and so it is the customer's reason."""
    hasty.service("payment").stop()
    order_id = hasty.place(Kind.SHIPPED).order_id
    assert hasty.client.http.post(f"/v1/orders/{order_id}/cancellation", b"").status == 202
    keyed = post_keyed(hasty.client.http, hasty.orders.of(Kind.SHIPPED), "deadline").answer.json()["order_id"]
    hasty.history.by_hand.add(keyed)
    wait_stopped(hasty, {order_id, keyed})
    assert requested(hasty) == Counter([order_id, keyed])
    hasty.service("payment").start()
    hasty.wait_final(RECOVERY_S)
    log = hasty.assert_sound()
    reasons = {event["data"]["order_id"]: event["data"]["reason"] for event in log.events("OrderCancelled")}
    assert reasons == {order_id: "customer_request", keyed: REASON}


def test_what_the_broker_did_not_confirm_is_asked_for_again(hasty, broker):
    """It is away for so long that the first request fails."""
    hasty.service("payment").stop()
    order_id = hasty.place(Kind.SHIPPED).order_id
    broker.pause()
    log = hasty.service("order").log
    wait_until(lambda: f"event=deadline_not_published order_id={order_id}" in log.read_text(), UNCONFIRMED_S,
               "the request fails")
    broker.resume()
    broker.wait_healthy()
    wait_stopped(hasty, {order_id})
    hasty.service("payment").start()
    hasty.wait_final(RECOVERY_S)
    assert requested(hasty) == Counter([order_id])
    assert hasty.watch.outcome(order_id) == "OrderCancelled"
    hasty.assert_sound(reads=False)
