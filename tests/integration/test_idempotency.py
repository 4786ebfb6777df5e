"""Orders with an Idempotency-Key: one order per key, whatever clients, replicas and crashes do.

SAGA_LONG=1 asks with many more keys.
"""

import json
import threading
import time

import pytest
from support.client import Attempt, Http
from support.events import new_id
from support.orders import Item, Kind, Order
from support.requests_keyed import Asked, Crowd, Reply, post_keyed
from support.saga import Saga
from support.waiting import is_long, wait_until

CLIENTS = 64
KEYS = 150 if is_long() else 8
OTHERS = 8  # of the clients, who want something else with the same key
KILL_AFTER_S = (0.0, 0.25)
UNAVAILABLE_S = 20
FINAL_S = 30
ORDER = {"customer_id": "c-1", "items": [{"product_id": "widget", "quantity": 2, "unit_price": 1.5}]}


def keyed(saga: Saga, body: dict | bytes, key: str | None, **headers: str):
    """One POST with this very header."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    more = {"Idempotency-Key": key} if key is not None else {}
    return saga.client.http.post("/v1/orders", content, {**more, **headers})


def note_order(saga: Saga, asked: Asked) -> str:
    """The order of the key, for the checker: one accepted POST stands for all of them."""
    reply = asked.of(201)[0]
    order_id = reply.answer.json()["order_id"]
    saga.history.attempts.append(Attempt(reply.order, time.time(), "ok", order_id=order_id, status=201))
    return order_id


def placed(saga: Saga, order_id: str) -> list[dict]:
    return [event for event in saga.events_of(order_id) if event["event_type"] == "OrderPlaced"]


# --- the rules, one by one ----------------------------------------------------------------------------


def test_the_same_order_again_is_the_first_answer_again(shared):
    key = new_id()
    first = keyed(shared, ORDER, f'"{key}"')
    assert first.status == 201, first
    order_id = first.json()["order_id"]
    shared.history.by_hand.add(order_id)
    respelt = json.dumps({"total_amount": 3.0, "currency": "USD", **ORDER}, indent=4).encode()
    for again in (keyed(shared, ORDER, f'"{key}"'), keyed(shared, ORDER, key), keyed(shared, respelt, key)):
        assert (again.status, again.body) == (201, first.body)
        assert again.headers["location"] == first.headers["location"] == f"/v1/orders/{order_id}"
    shared.wait_final()
    wait_until(lambda: shared.status(order_id) == "completed", FINAL_S, "the order is completed")
    assert keyed(shared, ORDER, key).body == first.body, "it does not change with the order"
    assert len(placed(shared, order_id)) == 1


def test_another_order_with_the_same_key_is_refused(shared):
    key = new_id()
    shared.history.by_hand.add(keyed(shared, ORDER, key).json()["order_id"])
    item = ORDER["items"][0]
    for other in ({**ORDER, "customer_id": "c-2"}, {**ORDER, "currency": "EUR"},
                  {**ORDER, "items": [{**item, "quantity": 3}]}, {**ORDER, "items": [item, item]},
                  {**ORDER, "items": [{**item, "quantity": 3, "unit_price": 1}]}):
        answer = keyed(shared, other, key)
        assert answer.status == 422 and answer.pointers == [""], answer
        assert "Idempotency-Key" in answer.json()["detail"]
        assert answer.headers["content-type"] == "application/problem+json"


def test_another_key_is_another_order(shared):
    ids = {keyed(shared, ORDER, f"{new_id()}").json()["order_id"] for _ in range(3)}
    ids |= {keyed(shared, ORDER, None).json()["order_id"] for _ in range(3)}
    shared.history.by_hand |= ids
    assert len(ids) == 6


@pytest.mark.parametrize("key", ["", '""', '"', '"a', 'a"', '"a" "b"', "a, b", '"\\x"', "a b", "x" * 256,
                                 '"a";p=1;', "\u00e4"])
def test_a_malformed_key_is_a_bad_request(shared, key):
    answer = keyed(shared, ORDER, key)
    assert answer.status == 400, answer
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_refused_order_does_not_use_up_its_key(shared):
    key = new_id()
    assert keyed(shared, b"{", key).status == 400
    assert keyed(shared, {**ORDER, "customer_id": ""}, key).status == 422
    assert keyed(shared, ORDER, key, **{"Content-Type": "text/plain"}).status == 415
    answer = keyed(shared, ORDER, key)
    assert answer.status == 201
    shared.history.by_hand.add(answer.json()["order_id"])


def test_the_orders_of_the_rules_are_sound(shared):
    shared.wait_final()
    shared.assert_sound()


# --- many clients, two replicas -----------------------------------------------------------------------


def test_while_the_first_is_under_way_the_others_are_told_so(saga):
    """Nobody asks again here: there is one order all the same, and no answer but these two."""
    second = saga.add("order", "1")
    second.start()
    with Crowd([saga.service("order").port, second.port], CLIENTS) as crowd:
        for number in range(KEYS):
            asked = crowd.ask(f"once-{number}", [saga.orders.of(Kind.SHIPPED)], saga.rng, once=True)
            assert asked.statuses() <= {201, 409} and asked.of(201), asked.statuses()
            assert len(asked.bodies()) == 1
            assert all(int(reply.answer.headers["retry-after"]) > 0 for reply in asked.of(409))
            assert len(placed(saga, note_order(saga, asked))) == 1
    saga.wait_final()
    saga.assert_sound()


def kill_again_and_again(saga: Saga, replicas: list, stop: threading.Event) -> None:
    while not stop.wait(saga.rng.uniform(*KILL_AFTER_S)):
        victim = saga.rng.choice(replicas)
        victim.kill9()
        victim.start()


def check_key(asked: Asked, order_id: str, orders: set) -> None:
    """All that was ever answered for a key agrees with the one order that it has."""
    assert len(asked.bodies()) == 1, f"{asked.key}: {asked.bodies()}"
    assert {reply.answer.json()["order_id"] for reply in asked.of(201)} == {order_id}
    assert asked.statuses() <= {201, 409, 422, 503, None}, asked.statuses()
    winner = {reply.order for reply in asked.of(201)}
    assert len(winner) == 1, f"{asked.key}: two orders were accepted"
    losers = {reply.order for reply in asked.of(422)}
    assert losers == orders - winner, f"{asked.key}: {losers} were refused"


def test_one_order_per_key_whatever_is_killed(saga, note):
    """Every client asks until it knows; most want one order, the others another, with the same key."""
    replicas = [saga.service("order"), saga.add("order", "1")]
    replicas[1].start()
    stop, asked = threading.Event(), []
    killer = threading.Thread(target=kill_again_and_again, args=(saga, replicas, stop))
    killer.start()
    try:
        with Crowd([replica.port for replica in replicas], CLIENTS) as crowd:
            for number in range(KEYS):
                most, few = saga.orders.of(Kind.SHIPPED), saga.orders.of(Kind.SHIPPED)
                wanted = [few] * OTHERS + [most] * (CLIENTS - OTHERS)
                asked.append((crowd.ask(f"kill-{number}", wanted, saga.rng), {most, few}))
    finally:
        stop.set()
        killer.join()
    for replica in replicas:
        replica.wait_ready()
    for one, orders in asked:
        check_key(one, note_order(saga, one), orders)
    saga.wait_final(FINAL_S)
    log = saga.assert_sound()
    assert len(log.events("OrderPlaced")) == KEYS, "one order per key"
    counts = {status: sum(len(one.of(status)) for one, _ in asked) for status in (201, 409, 422, 503, None)}
    note(f"{KEYS} keys, {len(log.events('OrderSubmitted'))} requests in the log, answers {counts}")
    check_stored(saga, replicas, asked)


def check_stored(saga: Saga, replicas: list, asked: list[tuple[Asked, set]]) -> None:
    """After a restart of both, each of them still knows the first answer to every key."""
    for replica in replicas:
        replica.stop()
    for replica in replicas:
        replica.start()
    for replica in replicas:
        client = Http(replica.port)
        for one, orders in asked:
            replies: list[Reply] = [post_keyed(client, order, one.key) for order in orders]
            assert sorted(reply.status for reply in replies) == [201, 422], replies
            assert {reply.answer.body for reply in replies if reply.status == 201} == one.bodies()
    assert len(saga.log().events("OrderPlaced")) == KEYS


# --- a broker that is away ----------------------------------------------------------------------------


def test_a_key_makes_a_doubtful_post_safe_to_repeat(saga, broker):
    order, key = Order("c-9", (Item("widget", 1, 999),)), new_id()
    client = saga.client.http
    broker.pause()
    doubtful = post_keyed(client, order, key)
    assert doubtful.status == 503, doubtful
    assert int(doubtful.answer.headers["retry-after"]) > 0
    assert "same Idempotency-Key" in doubtful.answer.json()["detail"]
    broker.resume()
    saga.wait_ready(UNAVAILABLE_S)
    asked = Asked(key)
    wait_until(lambda: asked.replies.append(post_keyed(client, order, key)) or asked.of(201), UNAVAILABLE_S,
               lambda: f"the order is accepted, not {asked.statuses()}")
    assert len(placed(saga, note_order(saga, asked))) == 1
    saga.wait_final(FINAL_S)
    saga.assert_sound()
