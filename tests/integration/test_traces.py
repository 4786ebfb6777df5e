"""One order is one trace over four services; and whoever receives traces cannot hurt the services."""

import re
import secrets
import time
from collections.abc import Iterator

import pytest
from support import topics
from support.cluster import Cluster
from support.events import SERVICES
from support.orders import Kind
from support.otlp import Receiver, Span
from support.process import free_port
from support.saga import Saga
from support.waiting import wait_until

EXPORT_S = 10
ORDERS = 200  # under a receiver that fails
SLACK_NS = 50_000_000  # the clock is one, but a commit may be seen before it has returned
CREATED = 201
ALL_TOPICS = {"orders", "payments", "inventory", "shipments", "order-outcomes"}
WAYS = {  # a service that is not reached has no span
    Kind.SHIPPED: ({"order", "payment", "inventory", "shipping"}, ALL_TOPICS),
    Kind.DECLINED: ({"order", "payment"}, {"orders", "payments", "order-outcomes"}),
    Kind.OUT_OF_STOCK: ({"order", "payment", "inventory"}, {"orders", "payments", "inventory", "order-outcomes"}),
    Kind.REFUSED: ({"order", "payment", "inventory", "shipping"}, ALL_TOPICS),
}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver
    assert not receiver.faults, receiver.faults


def export_to(saga: Saga, url: str, **settings: str) -> None:
    for service in saga.services.values():
        service.env |= {"OTEL_EXPORTER_OTLP_ENDPOINT": url, **settings}


@pytest.fixture
def traced(system, receiver) -> Saga:
    export_to(system, receiver.url)
    return system.begin()


def new_traceparent(flags: str = "01") -> str:
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-{flags}"


def place(saga: Saga, kind: Kind, **headers: str) -> str:
    """Returns the order's id; the checker knows it as placed by hand."""
    answer = saga.client.http.post("/v1/orders", saga.orders.of(kind).body(), headers)
    assert answer.status == CREATED, answer
    saga.history.by_hand.add(answer.json()["order_id"])
    return answer.json()["order_id"]


def headers_of(saga: Saga, order_id: str) -> list[tuple[str, str | None]]:
    """(topic, traceparent) of the order's records."""
    records = topics.read_all(saga.bootstrap, saga.prefix).records
    return [(record.topic, record.header("traceparent")) for record in records
            if record.event and record.event["correlation_id"] == order_id]


def trace_of(saga: Saga, order_id: str) -> str:
    found = {header.split("-")[1] for _, header in headers_of(saga, order_id)}
    assert len(found) == 1, f"the order's records are in traces {found}"
    return found.pop()


def complete_trace(saga: Saga, receiver: Receiver, order_id: str) -> list[Span]:
    """Its spans, once every record of the order has the one that sent it."""
    trace_id, wanted = trace_of(saga, order_id), {header.split("-")[2] for _, header in headers_of(saga, order_id)}

    def is_complete() -> bool:
        spans = receiver.of_trace(trace_id)
        return wanted <= {span.span_id for span in spans} and any(span.kind == "server" for span in spans)

    wait_until(is_complete, EXPORT_S, lambda: f"the trace is complete: {receiver.of_trace(trace_id)}\n{saga.tails()}")
    return receiver.of_trace(trace_id)


def check_connected(spans: list[Span], root_parent: str | None = None) -> Span:
    """One root, every other span's parent exists and began before it. Returns the root."""
    by_id = {span.span_id: span for span in spans}
    assert len(by_id) == len(spans), "a span came twice"
    roots = [span for span in spans if span.parent_id == root_parent]
    assert len(roots) == 1, roots
    for span in spans:
        assert span.start_ns <= span.end_ns, span
        if span is roots[0]:
            continue
        parent = by_id[span.parent_id]
        assert parent.start_ns <= span.start_ns, f"{span} began before {parent}"
        # A request waits until what it sent can be read, a step until what it sent is committed.
        if span.kind == "producer":
            assert span.end_ns <= parent.end_ns + SLACK_NS, f"{span} ended after {parent}"
            assert parent.kind in ("server", "consumer") and parent.service == span.service
        if span.kind == "consumer":
            assert parent.kind == "producer"
            assert parent.attributes["messaging.message.id"] == span.attributes["messaging.message.id"]
    return roots[0]


def check_conventions(saga: Saga, span: Span, order_id: str) -> None:
    if span.kind == "server":
        assert span.name == "POST /v1/orders" and span.attributes == {
            "http.request.method": "POST", "http.route": "/v1/orders", "url.path": "/v1/orders",
            "url.scheme": "http", "http.response.status_code": CREATED}
        return
    operation = "process" if span.kind == "consumer" else "send"
    topic, attributes = span.attributes["messaging.destination.name"], dict(span.attributes)
    assert topic.startswith(saga.prefix) and span.name == f"{operation} {topic}"
    expected = {"messaging.system": "kafka", "messaging.operation.name": operation,
                "messaging.operation.type": operation, "messaging.destination.name": topic,
                "messaging.message.id": attributes["messaging.message.id"],
                "messaging.message.conversation_id": order_id}
    if operation == "process":
        assert re.fullmatch(r"\d", attributes["messaging.destination.partition.id"])
        assert attributes["messaging.kafka.offset"] >= 0
        group = saga.prefix + span.service.removeprefix("order-saga-")
        expected |= {"messaging.destination.partition.id": attributes["messaging.destination.partition.id"],
                     "messaging.kafka.offset": attributes["messaging.kafka.offset"],
                     "messaging.consumer.group.name": group}
    assert attributes == expected


def test_an_order_of_each_kind_is_one_connected_trace(traced, receiver):
    saga = traced
    order_ids = {kind: place(saga, kind) for kind in WAYS}
    saga.wait_final()
    saga.wait_settled()
    for kind, order_id in order_ids.items():
        spans = complete_trace(saga, receiver, order_id)
        assert check_connected(spans).kind == "server"
        for span in spans:
            check_conventions(saga, span, order_id)
            assert not span.failed
        services, ways = WAYS[kind]
        assert {span.service for span in spans} == {f"order-saga-{name}" for name in services}
        sent = {span.name.removeprefix(f"send {saga.prefix}") for span in spans if span.kind == "producer"}
        assert sent - {"stock", "stock-levels"} == ways, kind
        # Each record of the order was sent by a span of its own.
        headers = [header for _, header in headers_of(saga, order_id)]
        assert len(set(headers)) == len(headers)
    saga.assert_sound()


def test_a_client_s_trace_goes_on_and_its_sampling_is_kept(traced, receiver):
    saga = traced
    followed, unwanted, key = new_traceparent("01"), new_traceparent("00"), new_traceparent("01")
    first = place(saga, Kind.SHIPPED, traceparent=followed)
    silent = place(saga, Kind.SHIPPED, traceparent=unwanted)
    keyed = place(saga, Kind.SHIPPED, traceparent=key, **{"Idempotency-Key": '"a-key"'})
    saga.wait_final()
    for order_id, traceparent in ((first, followed), (keyed, key)):
        trace_id, parent_id = traceparent.split("-")[1:3]
        assert trace_of(saga, order_id) == trace_id
        assert check_connected(complete_trace(saga, receiver, order_id), parent_id).kind == "server"
    assert {header for _, header in headers_of(saga, silent)} == {unwanted}
    assert not receiver.of_trace(unwanted.split("-")[1])
    saga.assert_sound()


def test_without_an_endpoint_a_trace_is_passed_on_and_nothing_is_loaded(shared):
    traceparent = new_traceparent()
    given = place(shared, Kind.SHIPPED, traceparent=traceparent)
    plain = place(shared, Kind.SHIPPED)
    malformed = place(shared, Kind.SHIPPED, traceparent="00-" + "0" * 32 + "-1234567890abcdef-01")
    shared.wait_final()
    assert {header for _, header in headers_of(shared, given)} == {traceparent}
    for order_id in (plain, malformed):
        assert {header.split("-")[3] for _, header in headers_of(shared, order_id)} == {"00"}
        assert trace_of(shared, order_id) != "0" * 32
    for name in SERVICES:
        with open(f"/proc/{shared.service(name).pid}/maps") as maps:
            assert "libcurl" not in maps.read()


def test_a_share_of_the_traces_is_sampled(system, receiver):
    export_to(system, receiver.url, OTEL_TRACES_SAMPLER="parentbased_traceidratio", OTEL_TRACES_SAMPLER_ARG="0.5")
    saga = system.begin()
    order_ids = [place(saga, Kind.SHIPPED) for _ in range(40)]
    saga.wait_final()
    headers = [{header for _, header in headers_of(saga, order_id)} for order_id in order_ids[:8]]
    assert all(len({header[-2:] for header in each}) == 1 for each in headers)
    wait_until(lambda: receiver.spans, EXPORT_S, "spans came")
    share = len({span.trace_id for span in receiver.spans if span.kind == "server"})
    assert 4 <= share <= 36  # one of 10 million runs is out of luck


def failures(saga: Saga) -> int:
    return saga.service("order").log.read_text().count("event=traces_not_exported")


@pytest.mark.parametrize("status, is_retried", [(503, True), (429, True), (500, False), (400, False)])
def test_only_what_may_pass_is_sent_again(system, receiver, status, is_retried):
    receiver.statuses = [status]
    receiver.headers = {"Retry-After": "1"}
    export_to(system, receiver.url)
    saga = system.begin(stock={})
    with_order = {name: saga.service(name) for name in ("payment", "inventory", "shipping")}
    for service in with_order.values():
        service.stop()  # so that the first batch is the order service's
    trace_id = trace_of(saga, place(saga, Kind.SHIPPED))
    wait_until(lambda: failures(saga) == 1, EXPORT_S, lambda: f"it was refused\n{saga.tails()}")
    if is_retried:
        wait_until(lambda: receiver.of_trace(trace_id), EXPORT_S, lambda: f"it is sent again\n{saga.tails()}")
        assert 0.9 <= receiver.requests[1] - receiver.requests[0] < 5, "as Retry-After says"
    else:
        trace_id = trace_of(saga, place(saga, Kind.SHIPPED))
        wait_until(lambda: receiver.of_trace(trace_id), EXPORT_S, lambda: f"the next is sent\n{saga.tails()}")
        assert len(receiver.requests) == 2
    assert f"status={status}" in saga.service("order").log.read_text()


@pytest.mark.parametrize("fault", ["down", "slow", "500", "503"])
def test_a_receiver_that_fails_does_not_hurt_the_services(system, receiver, fault):
    receiver.delay_s = 60 if fault == "slow" else 0
    receiver.always = int(fault) if fault.isdigit() else None
    export_to(system, f"http://127.0.0.1:{free_port()}" if fault == "down" else receiver.url)
    saga = system.begin()
    load = saga.load(rate=100)
    wait_until(lambda: len(saga.history.accepted()) >= ORDERS, 30, lambda: f"{ORDERS} orders\n{saga.tails()}")
    load.stop()
    saga.wait_final()
    saga.assert_sound()
    saga.assert_memory()
    assert fault == "slow" or failures(saga) > 0
    assert b'saga_spans_total{result="exported"} 0\n' in saga.service("order").get("/metrics")[1]
    started = time.monotonic()
    for name in SERVICES:
        saga.service(name).stop()  # exit code 0
    assert time.monotonic() - started < 4 * 4, "a stop does not wait for the receiver"


@pytest.mark.parametrize("settings", [
    {"OTEL_EXPORTER_OTLP_ENDPOINT": "ftp://example.com"},
    {"OTEL_EXPORTER_OTLP_ENDPOINT": "localhost:4318"},
    {"OTEL_TRACES_SAMPLER_ARG": "2"},
    {"OTEL_TRACES_SAMPLER_ARG": "half"},
    {"OTEL_TRACES_SAMPLER": "sometimes"}])
def test_wrong_settings_are_refused(workdir, settings):
    with Cluster("127.0.0.1:9", "", workdir / "wrong", settings) as cluster:
        service = cluster.service("payment")
        service.spawn()
        assert service.wait(EXPORT_S) == 2
        assert next(iter(settings)) in service.tail()
