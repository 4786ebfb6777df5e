"""The front door: what it refuses, and how; many clients at once; a broker that is away.

Most of these tests share one system: a refused order leaves nothing behind, and that is checked.
"""

import json
import random
import socket
import threading
import time
from dataclasses import dataclass

import pytest
from support import topics
from support.client import HOST, JSON_TYPE, Answer, Attempt, burst
from support.events import new_id
from support.orders import Kind
from support.process import Process
from support.saga import Saga
from support.waiting import wait_until

ANSWER_S = 5  # any answer that needs no broker
UNAVAILABLE_S = 20  # until a POST is answered 503 when the broker is away
RECOVERY_S = 20
BURST = 1000
# MHD's event thread, the runtime's and librdkafka's: a bound for "not a thread per connection".
THREADS_MAX = 60
ITEM = {"product_id": "widget", "quantity": 1, "unit_price": 9.99}
NOBODYS_ID = "01a22afd-6718-7b07-8c63-1c515b0837e9"  # a constant: names of tests stay what they are
ORDER = {"customer_id": "c-1", "items": [ITEM]}


def order_records(saga: Saga) -> list:
    return topics.read_all(saga.bootstrap, saga.prefix, only=("orders",)).records


def post(saga: Saga, body: bytes | dict, content_type: str | None = "application/json") -> Answer:
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"Content-Type": content_type} if content_type else {}
    return saga.client.http.request("POST", "/v1/orders", body, headers)


# --- what is refused ----------------------------------------------------------------------------------


@dataclass
class Bad:
    """A body, the status it deserves, and where the answer must say that the fault is."""

    body: bytes | dict
    status: int
    pointer: str | None = None
    content_type: str | None = "application/json"


def with_item(**changes) -> dict:
    item = {name: value for name, value in {**ITEM, **changes}.items() if value is not None}
    return {**ORDER, "items": [item]}


def without(name: str) -> dict:
    return {key: value for key, value in ORDER.items() if key != name}


def raw(text: str) -> bytes:
    """An order with one item, whose unit price is this text."""
    return (b'{"customer_id":"c-1","items":[{"product_id":"widget","quantity":1,"unit_price":'
            + text.encode() + b"}]}")


VALID = json.dumps(ORDER).encode()
BAD = {
    "no media type": Bad(VALID, 415, content_type=None),
    "another media type": Bad(VALID, 415, content_type="text/plain"),
    "a form": Bad(b"customer_id=c-1", 415, content_type="application/x-www-form-urlencoded"),
    "json in another charset": Bad(VALID, 415, content_type="application/json; charset=utf-16"),
    "1 MB": Bad(b'{"customer_id":"' + b"x" * 1_000_000 + b'"}', 413),
    "10,000 items": Bad({**ORDER, "items": [ITEM] * 10_000}, 413),
    "10,000 entries that are no items": Bad({**ORDER, "items": [0] * 10_000}, 422, "/items"),
    "101 items": Bad({**ORDER, "items": [ITEM] * 101}, 422, "/items"),
    "an empty body": Bad(b"", 400),
    "half an object": Bad(VALID[:-1], 400),
    "two objects": Bad(VALID + VALID, 400),
    "a comment": Bad(VALID + b"// please", 400),
    "a list": Bad(b"[]", 400),
    "null": Bad(b"null", 400),
    "a depth bomb": Bad(b"[" * 60_000, 400),
    "a closed depth bomb": Bad(b"[" * 30_000 + b"]" * 30_000, 400),
    "a depth bomb of objects": Bad(b'{"a":' * 10_000 + b"1" + b"}" * 10_000, 422, "/a"),
    "a depth bomb in a member": Bad(
        b'{"customer_id":' + b"[" * 30_000 + b"]" * 30_000 + b',"items":[]}', 422, "/customer_id"),
    "invalid UTF-8": Bad(b'{"customer_id":"c-\xff","items":[]}', 400),
    "half a surrogate": Bad(b'{"customer_id":"c-\\ud800","items":[]}', 400),
    "a NUL in a text": Bad(b'{"customer_id":"c-\\u0000","items":[' + json.dumps(ITEM).encode() + b"]}", 422,
                           "/customer_id"),
    "a member twice": Bad(b'{"customer_id":"c-1","customer_id":"c-2","items":[]}', 400),
    "a member of an item twice": Bad(raw('1,"quantity":2'), 400),
    "an unknown member": Bad({**ORDER, "colour": "red"}, 422, "/colour"),
    "an order id": Bad({**ORDER, "order_id": new_id()}, 422, "/order_id"),
    "an unknown member of an item": Bad(with_item(colour="red"), 422, "/items/0/colour"),
    "no customer": Bad(without("customer_id"), 422, "/customer_id"),
    "an empty customer": Bad({**ORDER, "customer_id": ""}, 422, "/customer_id"),
    "a customer that is a number": Bad({**ORDER, "customer_id": 7}, 422, "/customer_id"),
    "a customer with a space": Bad({**ORDER, "customer_id": "c 1"}, 422, "/customer_id"),
    "no items": Bad(without("items"), 422, "/items"),
    "empty items": Bad({**ORDER, "items": []}, 422, "/items"),
    "items that are an object": Bad({**ORDER, "items": {}}, 422, "/items"),
    "an item that is a text": Bad({**ORDER, "items": ["widget"]}, 422, "/items/0"),
    "no product": Bad(with_item(product_id=None), 422, "/items/0/product_id"),
    "no price": Bad(with_item(unit_price=None), 422, "/items/0/unit_price"),
    "no quantity": Bad(with_item(quantity=None), 422, "/items/0/quantity"),
    "quantity 0": Bad(with_item(quantity=0), 422, "/items/0/quantity"),
    "a negative quantity": Bad(with_item(quantity=-1), 422, "/items/0/quantity"),
    "half a piece": Bad(with_item(quantity=0.5), 422, "/items/0/quantity"),
    "too many pieces": Bad(with_item(quantity=10_001), 422, "/items/0/quantity"),
    "a negative price": Bad(raw("-1"), 422, "/items/0/unit_price"),
    "a price with a fraction of a cent": Bad(raw("0.001"), 422, "/items/0/unit_price"),
    "a price that is nearly a cent": Bad(raw("0.0100000000000000001"), 422, "/items/0/unit_price"),
    "a price over the bound": Bad(raw("1000000.01"), 422, "/items/0/unit_price"),
    "a price beyond all numbers": Bad(raw("1e400"), 422, "/items/0/unit_price"),
    "a price that is a text": Bad(raw('"9.99"'), 422, "/items/0/unit_price"),
    "a price that is no number": Bad(raw("NaN"), 400),
    "a wrong total": Bad({**ORDER, "total_amount": 9.98}, 422, "/total_amount"),
    "a total with a fraction of a cent": Bad({**ORDER, "total_amount": 9.991}, 422, "/total_amount"),
    "a currency that nobody knows": Bad({**ORDER, "currency": "XXX"}, 422, "/currency"),
    "a currency with other decimals": Bad({**ORDER, "currency": "JPY"}, 422, "/currency"),
    "a currency that is null": Bad({**ORDER, "currency": None}, 422, "/currency"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_order_is_refused_as_a_problem(shared, name):
    bad, before = BAD[name], time.monotonic()
    answer = post(shared, bad.body, bad.content_type)
    assert answer.status == bad.status, answer
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == bad.status
    assert answer.json()["title"]
    if bad.pointer is not None:
        assert bad.pointer in answer.pointers, answer.json()
    assert time.monotonic() - before < ANSWER_S


def test_all_faults_are_named_at_once(shared):
    item = {"product_id": "", "quantity": 0, "unit_price": -1, "colour": "red"}
    answer = post(shared, {"customer_id": "", "items": [item], "currency": "XXX"})
    assert answer.status == 422
    assert set(answer.pointers) == {
        "/customer_id", "/currency", "/items/0/product_id", "/items/0/quantity", "/items/0/unit_price",
        "/items/0/colour"}


def test_refused_orders_leave_no_event(shared):
    shared.wait_final()
    before = len(order_records(shared))
    for bad in BAD.values():
        post(shared, bad.body, bad.content_type)
    shared.place(Kind.SHIPPED)
    assert len(order_records(shared)) == before + 1
    shared.wait_final()
    shared.assert_sound()


def test_a_body_that_is_too_long_is_refused_before_it_is_sent(shared):
    """A client that announces 1 GB and waits is told at once."""
    with socket.create_connection((HOST, shared.service("order").port), timeout=ANSWER_S) as connection:
        connection.sendall(b"POST /v1/orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                           b"Content-Length: 1000000000\r\nExpect: 100-continue\r\n\r\n")
        assert connection.recv(64).startswith(b"HTTP/1.1 413 ")


def test_random_bytes_are_never_more_than_a_bad_request(shared):
    rng = random.Random(shared.rng.random())
    for _ in range(200):
        body = bytearray(VALID)
        for _ in range(rng.randint(1, 4)):
            body[rng.randrange(len(body))] = rng.randrange(256)
        answer = post(shared, bytes(body))
        assert answer.status in (201, 400, 422), (answer, bytes(body))
        if answer.status == 201:
            shared.history.by_hand.add(answer.json()["order_id"])
    shared.wait_final()
    shared.assert_sound()


# --- resources and methods ----------------------------------------------------------------------------


def test_head_is_get_without_a_body(shared):
    order_id = shared.place(Kind.SHIPPED).order_id
    for path in (f"/v1/orders/{order_id}", f"/v1/orders/{order_id}/timeline", "/livez", "/readyz"):
        answer = shared.client.http.request("HEAD", path)
        assert (answer.status, answer.body) == (200, b""), path
        assert int(answer.headers["content-length"]) > 0


@pytest.mark.parametrize("method, path, allowed", [
    ("DELETE", "/v1/orders", {"POST"}), ("PUT", "/v1/orders", {"POST"}),
    ("POST", f"/v1/orders/{NOBODYS_ID}", {"GET", "HEAD"}), ("DELETE", f"/v1/orders/{NOBODYS_ID}", {"GET", "HEAD"}),
    ("POST", "/livez", {"GET", "HEAD"}), ("POST", "/readyz", {"GET", "HEAD"})])
def test_another_method_is_405_and_says_which_are_allowed(shared, method, path, allowed):
    answer = shared.client.http.request(method, path, b"{}" if method != "DELETE" else None, JSON_TYPE)
    assert answer.status == 405
    assert allowed <= {name.strip() for name in answer.headers["allow"].split(",")}
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("path", [
    "/", "/v1", "/v1/order", f"/v1/orders/{NOBODYS_ID}", f"/v1/orders/{NOBODYS_ID}/timeline", "/v1/orders/1",
    "/v1/orders/%00", "/v1/orders/" + "x" * 200, "/v1/orders/../readyz"])
def test_what_is_not_there_is_404(shared, path):
    answer = shared.client.http.get(path)
    assert answer.status == 404
    assert answer.headers["content-type"] == "application/problem+json"


def test_every_service_says_how_it_is(shared):
    for service in shared.services.values():
        assert service.get("/livez")[0] == 200
        status, body = service.get("/readyz")
        document = json.loads(body)
        assert (status, document["ready"], document["role"], document["shards"]) == (200, True, "owner", [0])


# --- many at once -------------------------------------------------------------------------------------


def threads_of(service: Process) -> int:
    with open(f"/proc/{service.pid}/status") as status:
        return int(next(line for line in status if line.startswith("Threads:")).split()[1])


def test_a_thousand_posts_at_once_need_no_thousand_threads(shared):
    most = [0]
    done = threading.Event()

    def watch_threads():
        while not done.wait(0.01):
            most[0] = max(most[0], threads_of(shared.service("order")))

    watcher = threading.Thread(target=watch_threads)
    watcher.start()
    try:
        attempts = burst(shared.service("order").port, shared.orders.take(BURST), shared.history)
    finally:
        done.set()
        watcher.join()
    assert shared.history.counts().keys() == {"ok"}, shared.history.counts()
    assert len({attempt.order_id for attempt in attempts}) == BURST
    assert 0 < most[0] <= THREADS_MAX
    shared.wait_final(30)
    shared.assert_sound()


def test_clients_that_go_away_in_the_middle_do_no_harm(shared):
    body = VALID
    request = (f"POST /v1/orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
               f"Content-Length: {len(body)}\r\n\r\n").encode() + body
    for _ in range(100):
        with socket.create_connection((HOST, shared.service("order").port), timeout=ANSWER_S) as connection:
            connection.sendall(request[:shared.rng.randint(1, len(request))])
    assert shared.place(Kind.SHIPPED).status == 201


def test_slow_clients_do_not_hold_up_the_others(shared):
    slow = [socket.create_connection((HOST, shared.service("order").port)) for _ in range(200)]
    try:
        for connection in slow:
            connection.sendall(b"POST /v1/orders HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        started = time.monotonic()
        shared.place(Kind.SHIPPED)
        assert time.monotonic() - started < 1
    finally:
        for connection in slow:
            connection.close()


# --- a broker that is away: on systems of their own ---------------------------------------------------


def test_while_the_broker_is_away_posts_are_503_and_reads_go_on(saga, broker):
    order_id = saga.place(Kind.SHIPPED).order_id
    saga.wait_final()
    wait_until(lambda: saga.status(order_id) == "completed", ANSWER_S, "the read side has caught up")
    broker.pause()

    started = time.monotonic()
    assert saga.status(order_id) == "completed"
    assert saga.service("order").get("/livez")[0] == 200
    assert time.monotonic() - started < 1

    order = saga.orders.of(Kind.SHIPPED)
    answer = saga.client.http.post("/v1/orders", order.body())
    waited = time.monotonic() - started
    saga.history.attempts.append(Attempt(order, time.time(), "unknown"))
    assert answer.status == 503 and waited < UNAVAILABLE_S, (answer, waited)
    assert int(answer.headers["retry-after"]) > 0
    assert answer.headers["content-type"] == "application/problem+json"

    broker.resume()
    saga.wait_ready(RECOVERY_S)
    saga.place(Kind.SHIPPED)
    saga.wait_final(RECOVERY_S)
    saga.assert_sound(reads=False)
