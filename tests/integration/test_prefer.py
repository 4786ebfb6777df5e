"""Prefer: wait=N and respond-async on POST /v1/orders."""

import json
import threading
import time

from support.client import Answer, Http
from support.orders import Kind
from support.saga import Saga
from support.waiting import wait_until

WAIT_S = 1
LONG_S = 30
SLACK_S = 1.5  # of a wait that ends by itself, on a busy machine
REACTION_S = 10


def post(saga: Saga, *preferences: str, key: str | None = None, kind: Kind = Kind.SHIPPED) -> Answer:
    headers = {"Prefer": ", ".join(preferences)} if preferences else {}
    if key:
        headers["Idempotency-Key"] = key
    order = saga.orders.of(kind)
    answer = saga.client.http.post("/v1/orders", order.body(), headers)
    assert answer.status in (201, 202), answer
    assert answer.headers["location"] == f"/v1/orders/{answer.json()['order_id']}"
    saga.history.by_hand.add(answer.json()["order_id"])
    return answer


def test_who_waits_is_told_the_outcome(shared):
    completed = post(shared, f"wait={LONG_S}")
    assert (completed.status, completed.json()["status"]) == (201, "completed")
    assert completed.headers["preference-applied"] == f"wait={LONG_S}"
    declined = post(shared, f"wait={LONG_S}", kind=Kind.DECLINED)
    assert (declined.status, declined.json()["status"]) == (201, "cancelled")
    assert declined.json()["reason"] == "payment_declined"


def test_the_longest_wait_is_bounded_and_said(shared):
    assert post(shared, "wait=100000").headers["preference-applied"] == "wait=60"


def test_without_a_wait_the_answer_is_the_order_as_it_was_placed(shared):
    for preferences in ((), ("wait=0",), ("handling=lenient",), ("wait=x",), ("wait=-1",)):
        answer = post(shared, *preferences)
        assert (answer.status, answer.json()["status"]) == (201, "placed"), preferences
        assert "preference-applied" not in answer.headers, preferences


def test_respond_async_is_accepted_only(shared):
    answer = post(shared, "respond-async")
    assert (answer.status, answer.json()["status"]) == (202, "placed")
    assert answer.headers["preference-applied"] == "respond-async"
    both = post(shared, "respond-async", f"wait={LONG_S}")
    assert (both.status, both.json()["status"]) == (201, "completed")
    assert both.headers["preference-applied"] == f"respond-async, wait={LONG_S}"


def test_a_key_and_a_wait_go_together(shared):
    order, key = shared.orders.of(Kind.SHIPPED), "wait-and-key"
    answers = [shared.client.http.post("/v1/orders", order.body(), {"Idempotency-Key": key, **prefer})
               for prefer in ({"Prefer": f"wait={LONG_S}"}, {}, {"Prefer": f"wait={LONG_S}"})]
    assert [answer.status for answer in answers] == [201] * 3
    shared.history.by_hand.add(answers[0].json()["order_id"])
    assert [answer.json()["status"] for answer in answers] == ["completed", "placed", "completed"]
    # The goods leave the books after the order is completed, which is the last update.
    first, last = ({**answer.json(), "updated_at": None} for answer in answers[::2])
    assert first == last


def test_the_orders_of_those_who_waited_are_sound(shared):
    shared.wait_final()
    shared.assert_sound()


def test_a_wait_ends_in_time_and_costs_no_thread(saga):
    """With payment away: the order stays as it is, and other requests are not held up."""
    saga.service("payment").stop()
    started = time.monotonic()
    answer = post(saga, f"wait={WAIT_S}")
    waited = time.monotonic() - started
    assert (answer.status, answer.json()["status"]) == (201, "placed")
    assert WAIT_S <= waited < WAIT_S + SLACK_S, waited
    assert post(saga, "respond-async", f"wait={WAIT_S}").status == 202

    waiting = [Waiting(saga, f"wait={LONG_S}") for _ in range(50)]
    for one in waiting:
        one.start()
    wait_until(lambda: len(order_ids(saga)) == 52, REACTION_S, "all orders are placed")
    started = time.monotonic()
    post(saga)
    assert time.monotonic() - started < SLACK_S
    saga.service("payment").start()
    for one in waiting:
        one.join(REACTION_S)
        assert (one.answer.status, one.answer.json()["status"]) == (201, "completed")
    saga.wait_final()
    saga.assert_sound()


def test_at_a_stop_who_waits_is_told_what_there_is(saga):
    """The order is placed: 201, not 503."""
    saga.service("payment").stop()
    waiting = [Waiting(saga, f"wait={LONG_S}"), Waiting(saga, "respond-async", f"wait={LONG_S}")]
    for one in waiting:
        one.start()
    wait_until(lambda: len(order_ids(saga)) == 2, REACTION_S, "both orders are placed")
    saga.service("order").stop()
    for one in waiting:
        one.join(REACTION_S)
    assert [one.answer.status for one in waiting] == [201, 202]
    assert {one.answer.json()["status"] for one in waiting} == {"placed"}
    saga.service("order").start()
    saga.service("payment").start()
    saga.wait_final()
    saga.assert_sound()


def order_ids(saga: Saga) -> set[str]:
    return {event["data"]["order_id"] for event in saga.log().events("OrderPlaced")}


class Waiting(threading.Thread):
    """One client that waits, on a connection of its own."""

    def __init__(self, saga: Saga, *preferences: str):
        super().__init__(daemon=True)
        self.saga, self.preferences, self.answer = saga, preferences, None
        self.body = saga.orders.of(Kind.SHIPPED).body()

    def run(self) -> None:
        client = Http(self.saga.service("order").port, LONG_S + REACTION_S)
        self.answer = client.post("/v1/orders", self.body, {"Prefer": ", ".join(self.preferences)})
        self.saga.history.by_hand.add(json.loads(self.answer.body)["order_id"])
