"""POST …/cancellation: who wins against the shipment, and that every answer agrees with the log.

SAGA_LONG=1 cancels ten times as many orders at random moments.
"""

import json
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
from support.client import Answer
from support.events import new_id
from support.orders import Kind
from support.saga import Saga
from support.topics import Log
from support.waiting import is_long, wait_until

ORDERS = 5000 if is_long() else 500
CLIENTS = 32
LATEST_S = 0.2  # after the order's answer
RARE = 50  # one of so many is the least that both outcomes must have
WAIT_S = 30
REACTION_S = 10
UNAVAILABLE_S = 20
TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def cancel(saga: Saga, order_id: str, body: dict | bytes = b"", **headers: str) -> Answer:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return saga.client.http.post(f"/v1/orders/{order_id}/cancellation", content, headers)


def requests_of(saga: Saga, order_id: str) -> list[dict]:
    return [event for event in saga.events_of(order_id) if event["event_type"] == "OrderCancellationRequested"]


def wait_decided(saga: Saga, order_id: str) -> None:
    """Until shipping has, and inventory knows: an order that is paid before that may still be shipped."""
    wait_until(lambda: saga.watch.has("InventoryReservationCancelled", order_id), UNAVAILABLE_S,
               "the shipment is cancelled")


# --- at random moments --------------------------------------------------------------------------------


@dataclass
class Race:
    """An order, its cancellation, and what was answered."""

    order_id: str
    waits: bool
    answer: Answer


def race(saga: Saga, delay_s: float, waits: bool) -> Race:
    order_id = saga.place(Kind.SHIPPED).order_id
    time.sleep(delay_s)
    return Race(order_id, waits, cancel(saga, order_id, **({"Prefer": f"wait={WAIT_S}"} if waits else {})))


def outcomes_of(log: Log) -> dict[str, str]:
    return {event["data"]["order_id"]: event["event_type"] for event in log.events("OrderCompleted", "OrderCancelled")}


def check_race(race: Race, outcome: str, requested: int) -> None:
    status, detail = race.answer.status, race.answer.json().get("detail", "")
    assert status in ((200, 409) if race.waits else (202, 409)), race
    if status == 409:
        assert outcome == "OrderCompleted" and "completed" in detail, (race, outcome)
        return
    assert requested == 1, f"{race}: {requested} requests in the log"
    if status == 200:
        assert outcome == "OrderCancelled" and race.answer.json()["status"] == "cancelled", (race, outcome)
        assert race.answer.headers["preference-applied"] == f"wait={WAIT_S}"


def test_a_cancellation_at_any_moment_has_one_outcome_and_the_answer_says_which(saga, note):
    delays = [(saga.rng.uniform(0, LATEST_S), saga.rng.random() < 0.5) for _ in range(ORDERS)]
    with ThreadPoolExecutor(CLIENTS) as pool:
        races = list(pool.map(lambda one: race(saga, *one), delays))
    saga.wait_final(REACTION_S * 3)
    log = saga.assert_sound()
    outcomes = outcomes_of(log)
    requested = Counter(event["data"]["order_id"] for event in log.events("OrderCancellationRequested"))
    for one in races:
        check_race(one, outcomes[one.order_id], requested[one.order_id])
    count = Counter(outcomes.values())
    note(f"{dict(count)}, answers {dict(Counter((r.waits, r.answer.status) for r in races))}")
    assert min(count["OrderCompleted"], count["OrderCancelled"]) >= ORDERS / RARE, count


# --- the rules, one by one ----------------------------------------------------------------------------


def test_a_cancellation_is_asked_for_once_and_carries_its_reason(saga):
    """With payment away nothing moves, and so all answers are certain."""
    saga.service("payment").stop()
    order_id = saga.place(Kind.SHIPPED).order_id
    first = cancel(saga, order_id, {"reason": "changed my mind"}, traceparent=TRACEPARENT)
    assert (first.status, first.json()["status"], first.json()["order_id"]) == (202, "cancelling", order_id), first
    assert "preference-applied" not in first.headers
    for body in (b"", {}, {"reason": "changed it again"}):
        assert cancel(saga, order_id, body).status == 202
    waited = cancel(saga, order_id, Prefer="wait=1")
    assert (waited.status, waited.headers["preference-applied"]) == (202, "wait=1")
    wait_decided(saga, order_id)

    saga.service("payment").start()
    saga.wait_final()
    wait_until(lambda: saga.status(order_id) == "cancelled", REACTION_S, "the order is cancelled")
    assert [event["data"]["reason"] for event in requests_of(saga, order_id)] == ["changed my mind"]
    assert saga.client.order(order_id).json()["reason"] == "changed my mind"
    log = saga.assert_sound()
    assert len(log.events("OrderCancellationSubmitted")) == 1, "the others have changed nothing"
    traced = [r for r in log.of("orders") + log.of("order-requests") + log.of("shipments")
              if r.key == order_id.encode() and "Cancel" in r.event["event_type"]]
    assert [record.header("traceparent") for record in traced] == [TRACEPARENT] * 3


def test_who_waits_for_a_cancellation_is_told_when_it_is_done(saga):
    saga.service("payment").stop()
    order_id = saga.place(Kind.SHIPPED).order_id
    with ThreadPoolExecutor(2) as pool:
        jobs = [pool.submit(cancel, saga, order_id, Prefer=f"wait={WAIT_S}") for _ in range(2)]
        wait_decided(saga, order_id)
        assert not any(job.done() for job in jobs)
        saga.service("payment").start()
        answers = [job.result(WAIT_S) for job in jobs]
    assert [(answer.status, answer.json()["status"]) for answer in answers] == [(200, "cancelled")] * 2
    assert len(requests_of(saga, order_id)) == 1
    saga.wait_final()
    saga.assert_sound()


def test_what_is_final_cannot_be_cancelled(shared):
    for kind, word in ((Kind.SHIPPED, "completed"), (Kind.DECLINED, "cancelled")):
        order_id = shared.place(kind).order_id
        wait_until(lambda: shared.status(order_id) == word, REACTION_S, f"the order is {word}")
        for headers in ({}, {"Prefer": "wait=1"}):
            answer = cancel(shared, order_id, **headers)
            assert answer.status == 409 and word in answer.json()["detail"], answer
            assert answer.headers["content-type"] == "application/problem+json"
        assert not requests_of(shared, order_id)


def test_what_is_not_there_cannot_be_cancelled(shared):
    for order_id in (new_id(), "1", "x" * 100, new_id().upper()):
        assert cancel(shared, order_id).status == 404
        assert cancel(shared, order_id, {"reason": "any"}).status == 404


@pytest.mark.parametrize("body, status, pointer", [
    (b"{", 400, None), (b"[]", 400, None), (b'{"reason":"a","reason":"b"}', 400, None),
    (b'{"reason":""}', 422, "/reason"), (b'{"reason":null}', 422, "/reason"),
    (b'{"reason":"' + b"x" * 201 + b'"}', 422, "/reason"), (b'{"reason":"a\\nb"}', 422, "/reason"),
    (b'{"why":"a"}', 422, "/why"), (b"x" * 70_000, 413, None)])
def test_a_bad_cancellation_is_refused_as_a_problem(shared, body, status, pointer):
    """Whatever the order has come to meanwhile: a bad request is a bad request."""
    answer = cancel(shared, shared.place(Kind.SHIPPED).order_id, body)
    assert answer.status == status, answer
    assert answer.headers["content-type"] == "application/problem+json"
    if pointer:
        assert answer.pointers == [pointer]


def test_a_cancellation_of_another_media_type_is_refused(shared):
    order_id = shared.place(Kind.SHIPPED).order_id
    assert cancel(shared, order_id, b"reason=any", **{"Content-Type": "text/plain"}).status == 415
    empty = cancel(shared, order_id, b"", **{"Content-Type": "text/plain"})
    assert empty.status in (202, 409), "no body has no type"


def test_the_orders_of_these_rules_are_sound(shared):
    shared.wait_final()
    shared.assert_sound()


# --- a broker that is away ----------------------------------------------------------------------------


def test_a_cancellation_while_the_broker_is_away_can_be_repeated(saga, broker):
    saga.service("payment").stop()
    order_id = saga.place(Kind.SHIPPED).order_id
    broker.pause()
    doubtful = cancel(saga, order_id)
    assert doubtful.status == 503 and int(doubtful.headers["retry-after"]) > 0, doubtful
    assert "safe to ask again" in doubtful.json()["detail"]
    broker.resume()
    saga.service("order").wait_ready(UNAVAILABLE_S)
    wait_until(lambda: cancel(saga, order_id).status == 202, UNAVAILABLE_S, "the cancellation is accepted")
    wait_decided(saga, order_id)
    saga.service("payment").start()
    saga.wait_final(UNAVAILABLE_S)
    assert len(requests_of(saga, order_id)) == 1
    assert saga.watch.outcome(order_id) == "OrderCancelled"
    saga.assert_sound(reads=False)
