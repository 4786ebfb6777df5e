"""Event streams: each event of an order once, causes first, whichever replica tells it and however often
one is killed meanwhile."""

import json
import os
import random
import shutil
import socket
import time
from collections import Counter

import pytest
from support.client import HOST, Http, burst
from support.events import new_event, new_id, order_placed
from support.orders import Item, Kind, Order, OrderMix
from support.saga import Saga
from support.sse import Reader, Readers
from support.waiting import wait_until

TOPICS = ("orders", "payments", "inventory", "shipments", "order-outcomes")
TOLD_S = 5  # from a commit until every reader has it
FINAL = {"OrderCompleted", "InventoryDeducted"}
HEARTBEAT_S, IDLE_S, LATE_S = 15, 30, 6
READERS_MAX = 1024
MUCH = 400  # orders of some 20 KB of events each
ALL_FROM_THE_BEGINNING = "a1:////"
DRAIN_S = 5
LONG = bool(os.environ.get("SAGA_LONG"))
# Readers of one customer, those of single orders, seconds of load, orders a second.
CUSTOMERS, SINGLES, LOAD_S, RATE = (500, 200, 60, 100) if LONG else (100, 50, 10, 50)


@pytest.fixture
def readers():
    with Readers() as running:
        yield running
        running.assert_sound()


@pytest.fixture(scope="module")
def replica(shared) -> Http:
    """A second instance of the order service."""
    service = shared.add("order", "streams")
    service.start()
    return Http(service.port)


def place(saga: Saga, customer: str, kind: Kind = Kind.SHIPPED) -> str:
    order = saga.orders.of(kind)
    return saga.place(Order(customer, order.items, order.currency, kind)).order_id


def events_of(log, *order_ids: str) -> dict[str, dict]:
    """By event id: what the topics have of these orders."""
    keys = {order_id.encode() for order_id in order_ids}
    return {r.event["event_id"]: r.event for r in log.records if r.topic in TOPICS and r.key in keys and r.event}


def event_ids(reader: Reader) -> list[str]:
    return [message.data["event_id"] for message in reader.events]


def overtaken(reader: Reader) -> list[str]:
    """Events that were told before their cause."""
    seen, every = set(), set(event_ids(reader))
    early = []
    for message in reader.events:
        cause = message.data.get("causation_id")
        if cause in every and cause not in seen:
            early.append(f"{message.type} of {message.order_id}")
        seen.add(message.data["event_id"])
    return early


def wait_told(reader: Reader, wanted: dict[str, dict], timeout_s: float = TOLD_S) -> None:
    """Until it has been told all of them: once each, nothing else, as the topics have it."""
    wait_until(lambda: reader.ids_alone and set(event_ids(reader)) >= wanted.keys(), timeout_s, lambda: (
        f"{reader.path} is told {len(wanted)} events; {reader.types}, {reader.refused}"))
    assert Counter(event_ids(reader)) == Counter(wanted.keys())
    for message in reader.events:
        assert message.data == json.loads(json.dumps(wanted[message.data["event_id"]], default=float))


# --- one order ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [Kind.SHIPPED, Kind.DECLINED, Kind.OUT_OF_STOCK, Kind.REFUSED])
def test_an_order_is_told_while_it_happens(shared, readers, kind):
    order_id = place(shared, "live", kind)
    reader = readers.add(shared.client.http.port, f"/v1/orders/{order_id}/events")
    shared.wait_final()
    wait_told(reader, events_of(shared.log(), order_id))
    assert reader.types[0] == "OrderPlaced" and overtaken(reader) == []
    assert reader.retry_ms == 2000 and reader.ended == 0
    headers = reader.opened[0]
    assert headers["content-type"] == "text/event-stream" and headers["cache-control"] == "no-store"
    assert headers["x-accel-buffering"] == "no"


def test_a_reader_goes_on_anywhere_on_any_replica(shared, replica, readers):
    order_id = place(shared, "resume")
    path = f"/v1/orders/{order_id}/events"
    shared.wait_final()
    wanted = events_of(shared.log(), order_id)
    whole = [readers.add(port, path) for port in (shared.client.http.port, replica.port)
             if wait_until(lambda: Http(port).get(path.removesuffix("/events")).status == 200, TOLD_S, "it is there")]
    for reader in whole:
        wait_told(reader, wanted)
    # A reader that was there when the order was final is told the same on both.
    late = [readers.add(reader.ports, path) for reader in whole]
    for reader in late:
        wait_told(reader, wanted)
    assert [m.id for m in late[0].events] == [m.id for m in late[1].events]
    for number, message in enumerate(whole[0].events):
        rest = event_ids(whole[0])[number + 1:]
        reader = readers.add(replica.port, path, message.id)
        wait_told(reader, {event_id: wanted[event_id] for event_id in rest})
        assert overtaken(reader) == [] and reader.ids_alone == [message.id]


def test_an_effect_waits_for_its_cause(system, readers):
    """Only the order service runs; the others' events are written by hand, in the wrong order."""
    system.begin(("order",), stock={})
    placed = order_placed(customer_id="held")
    order_id = placed["data"]["order_id"]
    goods = {"order_id": order_id, "customer_id": "held", "items": [{"product_id": "widget", "quantity": 1}]}
    paid = new_event("PaymentProcessed", {**goods, "amount": 10.0, "currency": "USD"}, placed)
    reserved = new_event("InventoryReserved", goods, paid)
    shipped = new_event("ShipmentCreated", goods, reserved)
    http = system.client.http
    system.writer.write_event(placed)
    wait_until(lambda: system.client.order(order_id).status == 200, TOLD_S, "the order can be read")
    one = readers.add(http.port, f"/v1/orders/{order_id}/events")
    mine = readers.add(http.port, "/v1/events?customer_id=held", ALL_FROM_THE_BEGINNING)
    system.writer.write_event(reserved)
    system.writer.write_event(shipped)
    wait_until(lambda: system.watch.has("OrderCompleted", order_id), TOLD_S, "the order's end is in its topic")
    other = order_placed(customer_id="held")
    system.writer.write_event(other)
    wait_until(lambda: len(mine.types) == 2, TOLD_S, lambda: f"other orders go on: {mine.types}")
    assert one.types == ["OrderPlaced"] and mine.types == ["OrderPlaced"] * 2
    service = system.service("order")
    service.kill9()
    service.start()
    system.writer.write_event(paid)
    wait_until(lambda: "OrderCompleted" in one.types, TOLD_S, lambda: f"all is told: {one.types}")
    assert one.types == ["OrderPlaced", "PaymentProcessed", "InventoryReserved", "ShipmentCreated", "OrderCompleted"]
    wait_until(lambda: len(mine.types) == 6, TOLD_S, lambda: f"each is told once: {mine.types}")
    assert [message.type for message in mine.events if message.order_id == order_id] == one.types
    assert len(one.opened) == len(mine.opened) == 2


# --- all orders ---------------------------------------------------------------------------------------


def test_all_orders_are_told_from_now_on(shared, replica, readers):
    place(shared, "before")
    shared.wait_final()
    shared.wait_settled()
    ports = (shared.client.http.port, replica.port)
    everything = [readers.add(port, "/v1/events") for port in ports]
    mine = [readers.add(port, "/v1/events?customer_id=mine") for port in ports]
    wait_until(lambda: all(reader.ids_alone for reader in everything + mine), TOLD_S, "all are connected")
    first = [place(shared, "mine") for _ in range(5)]
    others = [place(shared, "others") for _ in range(5)]
    shared.wait_final()
    log = shared.log()
    for reader in everything:
        wait_told(reader, events_of(log, *first, *others))
    for reader in mine:
        wait_told(reader, events_of(log, *first))


def test_a_reader_of_all_goes_on_anywhere_on_any_replica(shared, replica, readers):
    ports = (shared.client.http.port, replica.port)
    reader = readers.add(ports[0], "/v1/events")
    wait_until(lambda: reader.ids_alone, TOLD_S, "it is connected")
    begin = reader.ids_alone[0]
    order_ids = [place(shared, "anywhere", kind) for kind in (Kind.SHIPPED, Kind.DECLINED, Kind.REFUSED)]
    shared.wait_final()
    wanted = events_of(shared.log(), *order_ids)
    wait_told(reader, wanted)
    told = list(reader.events)
    for number, last_id in enumerate([begin, *(message.id for message in told)]):
        rest = {message.data["event_id"] for message in told[number:]}
        for port in ports:
            wait_told(readers.add(port, "/v1/events", last_id), {event_id: wanted[event_id] for event_id in rest})


def test_a_position_outlives_the_local_store(saga, readers):
    reader = readers.add(saga.client.http.port, "/v1/events")
    wait_until(lambda: reader.ids_alone, TOLD_S, "it is connected")
    before = [place(saga, "outlive") for _ in range(5)]
    saga.wait_final()
    wait_told(reader, events_of(saga.log(), *before))
    service = saga.service("order")
    service.kill9()
    shutil.rmtree(service.data_dir)
    service.start()
    after = [place(saga, "outlive") for _ in range(5)]
    saga.wait_final()
    wait_told(reader, events_of(saga.log(), *before, *after))


# --- what is refused ----------------------------------------------------------------------------------


def test_who_asks_wrongly_is_refused(shared):
    http = shared.client.http
    path = f"/v1/orders/{place(shared, 'refused')}/events"
    for wrong in ("x", "o1", "o1:x", "a1:////", "o1:1.2.3.4.5.6", "o1:-1"):
        answer = http.get(path, {"Last-Event-ID": wrong})
        assert (answer.status, answer.pointers) == (400, ["Last-Event-ID"]), wrong
    for wrong in ("x", "o1:1", "a1:", "a1://///"):
        answer = http.get("/v1/events", {"Last-Event-ID": wrong})
        assert (answer.status, answer.pointers) == (400, ["Last-Event-ID"]), wrong
    for query in ("x=1", "customer_id=", "customer_id=c%201", "customer_id=a&customer_id=b"):
        assert http.get(f"/v1/events?{query}").status == 400
    assert http.get(path + "?x=1").status == 400
    for order_id in (new_id(), "x", new_id().upper()):
        assert http.get(f"/v1/orders/{order_id}/events").status == 404
    shared.wait_final()


def test_head_gets_the_headers_and_an_end(shared):
    for path in (f"/v1/orders/{place(shared, 'head')}/events", "/v1/events"):
        answer = Http(shared.client.http.port, TOLD_S).request("HEAD", path)
        assert (answer.status, answer.headers["content-type"]) == (200, "text/event-stream")
    shared.wait_final()


# --- bounds -------------------------------------------------------------------------------------------


def test_readers_are_bounded_and_so_is_their_memory(saga, readers, note):
    """A thousand readers, of one order each or of all, while orders come in; one more is refused."""
    http = saga.client.http
    order_ids = [place(saga, "many") for _ in range(20)]
    paths = [f"/v1/orders/{order_id}/events" for order_id in order_ids] + ["/v1/events?customer_id=many"]
    opened = [readers.add(http.port, paths[number % len(paths)]) for number in range(READERS_MAX)]
    wait_until(lambda: all(reader.ids_alone for reader in opened), TOLD_S * 4, "all are connected")
    answer = http.get("/v1/events")
    assert answer.status == 503 and int(answer.headers["retry-after"]) > 0
    place(saga, "many")
    saga.wait_final()
    log = saga.log()
    for reader, order_id in zip(opened, order_ids):
        wait_told(reader, events_of(log, order_id))
    assert all(reader.ended == 0 for reader in opened)
    readers.stop(opened[0])
    # The server notices a client that went away when it writes to it.
    wait_until(lambda: place(saga, "many") and http.get("/v1/orders?limit=1").status == 200, TOLD_S, "it serves on")
    note(f"memory with {READERS_MAX} readers, MiB: {saga.peak_mib()['order-0']}")
    saga.wait_final()
    saga.assert_memory()


def deaf(port: int, path: str, last_id: str) -> socket.socket:
    """A client that asks and then takes nothing."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect((HOST, port))
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\nLast-Event-ID: {last_id}\r\n\r\n".encode())
    return connection


@pytest.mark.long
def test_who_hears_nothing_gets_a_comment_and_who_takes_nothing_is_let_go(saga, readers):
    """More is to be told than the kernel's buffers hold."""
    service = saga.service("order")
    lines = tuple(Item(f"unheard-of-{number:0>53}", 1, 100) for number in range(100))
    placed = burst(service.port, [Order("much", lines)] * MUCH, saga.history)
    assert [attempt.outcome for attempt in placed] == ["ok"] * MUCH
    saga.wait_final()
    wanted = events_of(saga.log(), *(attempt.order_id for attempt in placed))
    quick = readers.add(service.port, "/v1/events", ALL_FROM_THE_BEGINNING)
    with deaf(service.port, "/v1/events", ALL_FROM_THE_BEGINNING) as connection:
        started = time.monotonic()
        wait_told(quick, wanted)
        wait_until(lambda: "stream_reader_dropped" in service.tail(), IDLE_S + LATE_S, "the other one is dropped")
        assert time.monotonic() - started > IDLE_S - LATE_S
        taken = 0
        while got := connection.recv(1 << 20):  # what was under way; then the end
            taken += len(got)
        assert taken < sum(len(json.dumps(event, default=float)) for event in wanted.values())
    assert quick.ended == 0
    quiet = [at - quick.events[-1].at for at in quick.comments]
    assert len(quiet) >= 1 and HEARTBEAT_S - 1 < quiet[0] < HEARTBEAT_S + LATE_S, quiet
    assert quick.ids_alone[-1] == quick.events[-1].id


# --- stops and kills ----------------------------------------------------------------------------------


def test_at_a_stop_readers_go_on_elsewhere(saga, readers):
    replica = saga.add("order", "1")
    replica.start()
    ports = (replica.port, saga.client.http.port)
    order_id = place(saga, "stop")
    opened = [readers.add(ports, path) for path in
              ["/v1/events", "/v1/events?customer_id=stop", f"/v1/orders/{order_id}/events"] * 10]
    wait_until(lambda: all(reader.ids_alone for reader in opened), TOLD_S, "all are connected")
    started = time.monotonic()
    replica.stop()
    assert time.monotonic() - started < DRAIN_S
    wait_until(lambda: all(len(reader.opened) == 2 for reader in opened), TOLD_S, "all went on at the other one")
    later = place(saga, "stop")
    saga.wait_final()
    log = saga.log()
    for reader in opened[1::3]:
        wait_until(lambda: set(event_ids(reader)) >= events_of(log, later).keys(), TOLD_S, "it is told what came later")
        assert max(Counter(event_ids(reader)).values()) == 1
    for reader in opened[2::3]:
        wait_told(reader, events_of(log, order_id))


def orders_for(rng: random.Random, customers: list[str], count: int):
    mix = OrderMix(rng)
    for _ in range(count):
        order = mix.next()
        kind = order.kind if order.kind is not Kind.REFUSED else Kind.SHIPPED
        yield Order(rng.choice(customers), order.items, order.currency, kind)


def test_a_killed_replica_costs_no_reader_an_event(saga, readers, rng, note):
    """Readers of one customer, of single orders and of all; half of them at the replica that is killed."""
    victim = saga.add("order", "1")
    victim.start()
    ports = [saga.client.http.port, victim.port]
    customers = [f"r-{number}" for number in range(CUSTOMERS)]
    mine = {customer: readers.add(ports[::(-1) ** number], f"/v1/events?customer_id={customer}")
            for number, customer in enumerate(customers)}
    everything = [readers.add(ports[::(-1) ** number], "/v1/events") for number in range(4)]
    followers = [*mine.values(), *everything]
    wait_until(lambda: all(reader.ids_alone for reader in followers), TOLD_S * 2, "all are connected")
    load = saga.load(RATE, orders_for(rng, customers, LOAD_S * RATE))
    single: dict[str, Reader] = {}
    kill_at = time.monotonic() + LOAD_S / 2
    while load.is_running:
        for attempt in saga.history.accepted()[len(single):]:
            if len(single) < SINGLES and attempt.order_id not in single:
                turn = len(single) % 2
                single[attempt.order_id] = readers.add(ports[::-1] if turn else ports,
                                                       f"/v1/orders/{attempt.order_id}/events")
        if time.monotonic() > kill_at:
            victim.kill9()
            kill_at = float("inf")
        time.sleep(0.02)
    saga.wait_final()
    victim.start()
    log = saga.log()
    customer_of = {r.key.decode(): r.event["data"]["customer_id"] for r in log.of("orders")
                   if r.event["event_type"] == "OrderPlaced"}
    wanted: dict[str, dict[str, dict]] = {key: {} for key in [*customers, *customer_of]}
    for event_id, event in events_of(log, *customer_of).items():
        order_id = event["data"]["order_id"]
        for key in (order_id, customer_of[order_id]):
            wanted[key][event_id] = event
    for reader in everything:
        wait_told(reader, events_of(log, *customer_of))
    for key, reader in [*mine.items(), *single.items()]:
        wait_told(reader, wanted[key])
    assert [fault for reader in single.values() for fault in overtaken(reader)] == []
    moved = [reader for reader in followers if len(reader.opened) > 1]
    assert len(moved) >= CUSTOMERS // 2
    early = [fault for reader in followers for fault in overtaken(reader)]
    note(f"{len(customer_of)} orders, {len(followers) + len(single)} readers, {len(moved)} went on elsewhere, "
         f"{sum(len(reader.events) for reader in readers.all)} events told, {len(early)} before their cause")
    assert early == []
