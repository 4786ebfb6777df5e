"""The front door does what schemas/openapi.yaml says: Schemathesis tries, and every example is true."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlencode

import pytest
from support import api_document, schemas
from support.client import HOST, Answer
from support.cluster import ROOT
from support.orders import Item, Kind, Order
from support.waiting import wait_until

CONFIG = ROOT / "tests/support/schemathesis.toml"
SCHEMATHESIS_S = 180
REQUEST_S = 20
REACTION_S = 10
EXAMPLES = api_document.examples()
DOCUMENT = api_document.load()
TWO_TEAS = (Item("tea", 2, 450),)


@pytest.fixture(scope="module")
def shop(shared, session_broker):
    """A running system with tea and cups."""
    shared.broker = session_broker
    shared.receive_stock({"tea": 10_000, "cup": 10_000})
    yield shared
    note_orders(shared)
    shared.wait_final()
    shared.assert_sound()


def note_orders(saga) -> None:
    """They were placed by POSTs that the history does not know of."""
    saga.history.by_hand |= {record.event["data"]["order_id"] for record in saga.log().of("orders") if record.event}


# --- the document -------------------------------------------------------------------------------------


def test_the_served_document_is_that_of_the_schemas(shared, tmp_path):
    subprocess.run([sys.executable, "-B", schemas.ROOT / "openapi.py", tmp_path], check=True, timeout=REACTION_S)
    answer = shared.client.http.get("/openapi.json")
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    assert answer.body == (tmp_path / "openapi.json").read_bytes()


def test_every_path_serves_what_the_document_says_and_nothing_else(shared):
    for path, item in DOCUMENT["paths"].items():
        allowed = {method.upper() for method in api_document.METHODS if method in item}
        allowed |= {"OPTIONS"} | ({"HEAD"} if "GET" in allowed else set())
        concrete = path.replace("{order_id}", "019abf11-0000-7000-8000-000000000000").replace("{product_id}", "x")
        answer = shared.client.http.request("OPTIONS", concrete)
        assert (answer.status, set(answer.headers["allow"].split(", "))) == (204, allowed), path


def test_schemathesis_finds_nothing(saga, tmp_path, request, note):
    """All of its checks, in all of its phases; no answer may have a member that is not described."""
    saga.receive_stock({"tea": 10_000})
    url = f"http://{HOST}:{saga.service('order').port}/openapi.json"
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG), "run", url,
               "--checks", "all", "--seed", str(request.config.option.seed)]
    env = {**os.environ, "PYTHONPATH": str(ROOT / "tests")}
    result = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True, timeout=SCHEMATHESIS_S)
    assert result.returncode == 0, result.stdout[-8000:] + result.stderr
    note(next(line.strip() for line in result.stdout.splitlines() if " generated" in line))
    note_orders(saga)
    assert saga.history.by_hand
    saga.wait_final()
    saga.assert_sound()


# --- the examples -------------------------------------------------------------------------------------


def placed(saga, customer: str = "alice", items=TWO_TEAS, final: bool = True) -> str:
    """An order, by default at its end."""
    order_id = saga.place(Order(customer, items)).order_id
    if final:
        wait_until(lambda: saga.status(order_id) in ("completed", "cancelled"), REACTION_S, "the order is final")
    return order_id


def send(saga, example: api_document.Example, order_id: str) -> Answer:
    asked = example.request
    path = example.path.format(**{"order_id": order_id, "product_id": "tea", **asked.get("path", {})})
    query = "?" + urlencode(asked["query"]) if "query" in asked else ""
    headers, body = dict(asked.get("headers", {})), None
    if "body" in asked:
        headers["Content-Type"] = "application/json"
        body = json.dumps(asked["body"]).encode()
    return saga.client.http.request(example.method, path + query, body, headers)


def simply(saga, example) -> Answer:
    return send(saga, example, "")


def about(**order) -> Callable:
    """About an order that is placed before."""
    return lambda saga, example: send(saga, example, placed(saga, **order))


def about_one_that_waits(saga, example) -> Answer:
    """About an order that is not final, as long as payment does nothing."""
    saga.service("payment").pause()
    try:
        return send(saga, example, placed(saga, final=False))
    finally:
        saga.service("payment").resume()


def cancelled_in_time(saga, example) -> Answer:
    """Payment goes on when the cancellation has been asked for."""
    payment = saga.service("payment")
    payment.pause()
    try:
        order_id = placed(saga, final=False)
        answers: list[Answer] = []
        asking = threading.Thread(target=lambda: answers.append(send(saga, example, order_id)))
        asking.start()
        wait_until(lambda: saga.status(order_id) == "cancelling", REACTION_S, "it is asked for")
    finally:
        payment.resume()
    asking.join(REQUEST_S)
    return answers[0]


def twice(saga, example) -> Answer:
    first, second = simply(saga, example), simply(saga, example)
    assert (first.status, first.body) == (second.status, second.body)
    return second


def after_another(saga, example) -> Answer:
    """With the key of an order of two teas."""
    first = next(e for e in EXAMPLES if e.name == "placed-once")
    assert send(saga, first, "").status == 201
    return simply(saga, example)


def while_the_first_runs(saga, example) -> Answer:
    """Two at once, while the broker takes nothing: one is told to come back, the other one waits."""
    example.request["headers"] = {"Idempotency-Key": f'"{time.time_ns()}"'}
    answers: list[Answer] = []
    asking = [threading.Thread(target=lambda: answers.append(simply(saga, example))) for _ in range(2)]
    saga.broker.pause()
    try:
        for thread in asking:
            thread.start()
        wait_until(lambda: answers, REACTION_S, "one of them is answered")
    finally:
        saga.broker.resume()
    for thread in asking:
        thread.join(REQUEST_S)
    assert [answer.status for answer in answers] == [409, 201]
    return answers[0]


def of_bob(saga, example) -> Answer:
    count = 1 if "status" in example.request["query"] else 2
    while len(saga.client.http.get("/v1/orders?customer_id=bob").json()["orders"]) < count:
        placed(saga, "bob")
    return simply(saga, example)


def as_a_stream(saga, example) -> Answer:
    """As far as the example goes, whose last line break YAML has taken."""
    example.value += "\n"
    return read_stream(saga, placed(saga, items=(Item("tea", 1000, 450),)), example.value.count("\n\n"))


def read_stream(saga, order_id: str, frames: int) -> Answer:
    command = ["curl", "-sSNi", "-m", str(REACTION_S),
               f"http://{HOST}:{saga.service('order').port}/v1/orders/{order_id}/events"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as curl:
        head = b"".join(iter(curl.stdout.readline, b"\r\n")).decode().splitlines()
        body = b""
        while body.count(b"\n\n") < frames:
            line = curl.stdout.readline()
            assert line, f"the stream ended: {body}"
            body += line
        curl.kill()
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:])}
    return Answer(int(head[0].split()[1]), headers, body)


ASK = {  # how the situation of an example comes about, where asking alone is not enough
    "placed-once": twice,
    "key-of-another-order": after_another,
    "key-in-use": while_the_first_runs,
    "completed": about(),
    "cancelled": about(items=(Item("unobtainium", 1, 450),)),
    "completed-of-bob": of_bob,
    "first-of-bob": of_bob,
    "asked": about_one_that_waits,
    "reason-of-two-lines": about_one_that_waits,
    "cancelled-in-time": cancelled_in_time,
    "too-late": about(),
    "no-event": about(),
}


def ask(saga, example: api_document.Example) -> Answer:
    if example.name == "declined":
        stream = example.operation == "followOrder"
        return (as_a_stream if stream else about(items=(Item("tea", 1000, 450),)))(saga, example)
    return ASK.get(example.name, simply)(saga, example)


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_the_example_is_true(shop, example):
    answer = ask(shop, example)
    assert answer.status == example.status, answer
    assert answer.headers["content-type"] == example.content_type
    value = answer.json() if "json" in example.content_type else answer.body.decode()
    assert api_document.masked(value) == api_document.masked(example.value)
    for name, header in example.response.get("headers", {}).items():
        assert name.lower() in answer.headers or not header.get("required"), (name, answer.headers)


def test_every_example_of_a_request_is_one_that_is_answered():
    answered = {(example.operation, example.name) for example in EXAMPLES}
    for _, _, operation in api_document.operations(DOCUMENT):
        for name in api_document.bodies(operation):
            assert (operation["operationId"], name) in answered
