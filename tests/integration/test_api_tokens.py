"""Bearer tokens: what a client may see and do, at every replica, and what is open to all."""

import json
import subprocess
from collections.abc import Iterator

import pytest

from support.client import Answer, Http
from support.cluster import executable
from support.events import new_id
from support.orders import STOCK
from support.saga import Saga
from support.sse import Readers
from support.waiting import wait_until

TOKENS = {"alice": "alice-0123456789abcdef", "bob": "bob-0123456789abcdefgh"}
ORDER = {"customer_id": "c-1", "items": [{"product_id": "widget", "quantity": 2, "unit_price": 1.5}]}
SEEN_S = 10


@pytest.fixture
def tokens(system, tmp_path) -> Iterator[Saga]:
    """Two replicas of the order service that ask for tokens."""
    file = tmp_path / "tokens"
    file.write_text("# clients\n" + "".join(f"{client}:{token}\n" for client, token in TOKENS.items()))
    for order in (system.service("order"), system.add("order", "1")):
        order.env["API_TOKENS_FILE"] = str(file)
    system.begin(stock=STOCK)
    system.service("order", "1").start()
    return system


def auth(client: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {TOKENS[client]}"}


def place(saga: Saga, client: str, key: str | None = None, instance: str = "0") -> Answer:
    more = {"Idempotency-Key": key} if key else {}
    answer = Http(saga.service("order", instance).port).post(
        "/v1/orders", json.dumps(ORDER).encode(), {**auth(client), **more})
    if answer.status == 201:
        saga.history.by_hand.add(answer.json()["order_id"])
    return answer


def ids(http: Http, client: str) -> list[str]:
    return [order["order_id"] for order in http.get("/v1/orders", auth(client)).json()["orders"]]


def test_a_client_sees_and_cancels_its_own_orders_only(tokens):
    key = new_id()
    mine, theirs = place(tokens, "alice", key), place(tokens, "bob", key)
    assert (mine.status, theirs.status) == (201, 201)
    own, other = mine.json()["order_id"], theirs.json()["order_id"]
    unkeyed = place(tokens, "alice").json()["order_id"]
    assert len({own, other, unkeyed}) == 3  # the same key of two clients is two keys

    for instance in ("0", "1"):  # the other replica knows it from the log
        http = Http(tokens.service("order", instance).port)
        wait_until(lambda http=http: sorted(ids(http, "alice")) == sorted([own, unkeyed]), SEEN_S, "alice sees hers")
        assert ids(http, "bob") == [other]
        for path in ("", "/timeline"):
            assert http.get(f"/v1/orders/{own}{path}", auth("alice")).status == 200
            foreign = http.get(f"/v1/orders/{own}{path}", auth("bob"))
            missing = http.get(f"/v1/orders/{new_id()}{path}", auth("bob"))
            assert (foreign.status, foreign.body) == (404, missing.body)
        assert http.get(f"/v1/orders/{own}/events", auth("bob")).status == 404
        told = http.get(f"/v1/orders/{own}/events", {**auth("bob"), "Last-Event-ID": "o1:1"})
        assert told.status == 404
        assert http.post(f"/v1/orders/{own}/cancellation", b"", auth("bob")).status == 404
        assert http.get("/v1/stock/widget", auth("bob")).status == 200
    again = place(tokens, "alice", key, "1")
    assert (again.status, again.json()["order_id"]) == (201, own)
    log = tokens.log()
    placed = {event["data"]["order_id"]: event["data"].get("client_id") for event in log.events("OrderPlaced")}
    assert placed == {own: "alice", unkeyed: "alice", other: "bob"}


def test_the_stream_of_all_has_only_the_clients_orders(tokens):
    with Readers() as readers:
        reader = readers.add(tokens.service("order", "1").port, "/v1/events", headers=auth("bob"))
        wait_until(lambda: reader.opened, SEEN_S, "the stream is open")
        foreign = place(tokens, "alice").json()["order_id"]
        own = place(tokens, "bob").json()["order_id"]
        wait_until(lambda: "OrderCompleted" in reader.types, SEEN_S, lambda: f"bob's order: {reader.types}")
        assert {message.order_id for message in reader.events} == {own}
        readers.assert_sound()
    assert foreign != own


def test_without_a_token_nothing_but_the_operation_is_open(tokens):
    http = Http(tokens.service("order").port)
    order = f"/v1/orders/{new_id()}"
    for headers in ({}, {"Authorization": "Bearer alice-0123456789abcdeX"}, {"Authorization": "Basic YWxpY2U6eA=="}):
        answers = [http.get(path, headers) for path in
                   ("/v1/orders", order, order + "/timeline", order + "/events", "/v1/events", "/v1/stock/widget")]
        answers += [http.post("/v1/orders", json.dumps(ORDER).encode(), headers),
                    http.post(order + "/cancellation", b"", headers)]
        for answer in answers:
            assert (answer.status, answer.headers["www-authenticate"].split()[0]) == (401, "Bearer")
            assert answer.headers["content-type"] == "application/problem+json"
    for path in ("/livez", "/readyz", "/metrics", "/openapi.json"):
        assert http.get(path).status == 200
    log = tokens.service("order").log.read_text()
    assert not [token for token in TOKENS.values() if token in log]


@pytest.mark.parametrize("text, reason", [("alice:hunter2\n", "line 1: the token"), ("", "no token"), (None, "cannot read")])
def test_a_file_that_cannot_be_used_is_exit_code_2(tmp_path, text, reason):
    file = tmp_path / "tokens"
    if text is not None:
        file.write_text(text)
    done = subprocess.run([executable("services/order/order-service")], env={"API_TOKENS_FILE": str(file)},
                          capture_output=True, text=True, timeout=SEEN_S)
    assert done.returncode == 2 and reason in done.stderr and "hunter2" not in done.stderr, done
