"""What the services log: lines that can be read and belong together, and nothing about anybody."""

import json
import os
import re
import signal

import pytest
from support.cluster import SERVICES, Cluster, Service
from support.orders import DECLINE_OVER_MINOR, REFUSED_CUSTOMER, SCARCE, Item, Kind, Order
from support.process import free_port
from support.saga import Saga
from support.waiting import wait_until

LINE_S = 10
PRODUCT = "a-very-private-thing"
CUSTOMER = "jane-doe-4711"
PRICE_MINOR = 91357  # below what payment declines
PERSONAL = (CUSTOMER, PRODUCT, REFUSED_CUSTOMER, "913.57", str(PRICE_MINOR), "2913.57", "Somewhere Street")
# Whole words: an id may have any digits in it.
ANY_PERSONAL = re.compile("|".join(rf"\b{re.escape(word)}\b" for word in PERSONAL))
MEMBERS = {"time", "level", "service", "event"}


def lines_of(service: Service) -> list[dict]:
    return [json.loads(line) for line in service.log.read_text().splitlines()]


@pytest.fixture
def talkative(system) -> Saga:
    """It says all that it ever would."""
    for service in system.services.values():
        service.env |= {"LOG_LEVEL": "debug", "LOG_FORMAT": "json"}
    return system.begin(stock={PRODUCT: 1000, SCARCE: 1})


def orders_of_all_kinds() -> list[Order]:
    item = Item(PRODUCT, 1, PRICE_MINOR)
    return [Order(CUSTOMER, (item,)),
            Order(CUSTOMER, (Item(PRODUCT, 1, DECLINE_OVER_MINOR + 191357),), kind=Kind.DECLINED),
            Order(CUSTOMER, (Item(SCARCE, 2, 100), Item(PRODUCT, 1, PRICE_MINOR - 1000)), kind=Kind.OUT_OF_STOCK),
            Order(REFUSED_CUSTOMER, (item,), kind=Kind.REFUSED)]


def annoy(saga: Saga) -> None:
    """Requests and records that are refused with a reason, each with something private in it."""
    http, writer = saga.client.http, saga.writer
    secret = json.dumps({"customer_id": CUSTOMER + "\n", "street": "Somewhere Street 1", "items": PRODUCT,
                         "total_amount": "913.57", "currency": "??"}).encode()
    for body in (secret, secret[:-9], b"{", secret * 100):
        assert http.post("/v1/orders", body, {"Idempotency-Key": f'"{CUSTOMER}'}).status >= 400
        assert http.post("/v1/orders", body).status >= 400
    assert http.get(f"/v1/orders?customer_id={CUSTOMER}").status == 200
    assert http.get(f"/v1/orders?{CUSTOMER}=1").status == 400
    for topic in ("orders", "payments", "inventory", "shipments"):
        saga.foreign.add(writer.write(topic, CUSTOMER.encode(), secret, [("customer", CUSTOMER.encode())]))


def test_logs_have_the_order_and_nothing_about_anybody(talkative):
    saga = talkative
    order_ids = [saga.place(order).order_id for order in orders_of_all_kinds()]
    annoy(saga)
    saga.wait_final()
    wait_until(lambda: all("dead_letter" in service.log.read_text() for service in saga.services.values()),
               LINE_S, lambda: f"each has refused a record\n{saga.tails()}")
    for service in saga.services.values():
        service.stop()
    for service in saga.services.values():
        text, lines = service.log.read_text(), lines_of(service)
        found = [line for line in text.splitlines() if ANY_PERSONAL.search(line)]
        assert not found, "\n".join(found)
        assert all(line.keys() >= MEMBERS and line["service"] == service.service for line in lines)
        assert {line["event"] for line in lines} >= {"start", "owner", "decision", "dead_letter", "stop"}
        of_orders = {line["order_id"] for line in lines if line["event"] == "decision"}
        reached = order_ids if service.service in ("order", "payment") else order_ids[0::3]
        assert of_orders >= set(reached), f"{service}: {of_orders}"


def test_the_level_follows_a_file_upon_sighup(system):
    service, file = system.service("payment"), system.folder / "level"
    file.write_text("info\n")
    service.env["LOG_LEVEL_FILE"] = str(file)
    saga = system.begin()

    def says_debug() -> bool:
        text = service.log.read_text()
        saga.place()
        saga.wait_final()
        return "level=debug" in service.log.read_text()[len(text):]

    def reload(level: str, event: str) -> None:
        before = service.log.read_text().count(f"event={event}")
        file.write_text(level)
        os.kill(service.pid, signal.SIGHUP)
        wait_until(lambda: service.log.read_text().count(f"event={event}") > before, LINE_S,
                   lambda: f"{event}\n{service.tail()}")

    assert not says_debug()
    reload("debug\n", "reloaded")
    assert says_debug()
    reload("chatty\n", "not_reloaded")
    assert says_debug(), "a file that is wrong changes nothing"
    reload("info", "reloaded")
    assert not says_debug()
    saga.assert_sound()


@pytest.mark.parametrize("content", [None, "chatty", ""])
def test_a_wrong_level_file_is_a_wrong_setting(workdir, content):
    file = workdir / f"level-{content}"
    if content is not None:
        file.write_text(content)
    with Cluster("127.0.0.1:9", "", workdir / "levels", {"LOG_LEVEL_FILE": str(file)}) as cluster:
        service = cluster.service("payment")
        service.spawn()
        assert service.wait(LINE_S) == 2
        assert f"LOG_LEVEL_FILE {file}" in service.tail()


@pytest.mark.parametrize("name", SERVICES)
def test_a_connection_that_fails_is_one_line(workdir, name):
    with Cluster(f"127.0.0.1:{free_port()}", "", workdir / f"away-{name}") as cluster:
        service = cluster.service(name)
        service.spawn()
        wait_until(lambda: service.log.read_text().count("event=cannot_connect") > 0, LINE_S,
                   lambda: f"it says that it cannot connect\n{service.tail()}")
        text = service.log.read_text()
    failures = re.findall(r"client=(\S+) facility=(\S+) .*Connection refused(.*)", text)
    assert len(failures) == len(set(failures)) >= 2, text
    assert {facility for _, facility, _ in failures} == {"FAIL"}, f"said again, as another thing\n{text}"
    assert "are down" not in text
