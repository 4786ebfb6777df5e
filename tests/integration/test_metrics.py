"""/metrics of all services: clean, documented, and true."""

import http.client
import json
import re
import socket
import time

import pytest
import yaml
from confluent_kafka import Producer
from support.client import HOST, JSON_TYPE
from support.events import SERVICES, new_id
from support.metrics import CONTENT_TYPE, Metrics, scrape
from support.orders import Kind
from support.promtool import GRAFANA, PROMETHEUS, ROOT, promtool
from support.saga import Saga
from support.waiting import wait_until

SOON_S = 5  # what was committed is counted, the lag was looked at
STEP_OF = {"order": "OrderCompleted", "payment": "PaymentProcessed", "inventory": "InventoryReserved",
           "shipping": "ShipmentCreated"}
NOT_OURS = {"up"}
NAME = re.compile(r"\b((?:saga|process)_[a-z_]+|up)\b")
HUNG_S = 2.0
STILL_S = 1.2
PARTITIONS = 4


def all_metrics(saga: Saga) -> dict[str, Metrics]:
    return {name: scrape(saga.service(name)) for name in SERVICES}


def grew(before: Metrics, after: Metrics, name: str, **labels: str) -> float:
    return after.get(name, **labels) - before.get(name, **labels)


def wait_value(saga: Saga, service: str, wanted, name: str, **labels: str) -> None:
    """Until `wanted` of the value is true."""
    wait_until(lambda: wanted(scrape(saga.service(service)).value(name, **labels)), SOON_S,
               lambda: f"{name} {labels}\n{scrape(saga.service(service)).text}")


@pytest.fixture(scope="module")
def busy(shared) -> dict[str, Metrics]:
    """Everything has been counted at least once."""
    shared.place(Kind.SHIPPED)
    shared.wait_final()
    all_metrics(shared)
    return all_metrics(shared)


# --- form -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SERVICES)
def test_promtool_finds_nothing_to_say(busy, name):
    result = promtool("check", "metrics", stdin=busy[name].text)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_promtool_finds_what_is_wrong():
    result = promtool("check", "metrics", stdin="# HELP saga_x_ms X.\n# TYPE saga_x_ms counter\nsaga_x_ms 1\n")
    assert result.returncode != 0 and "saga_x_ms" in result.stdout + result.stderr


@pytest.mark.parametrize("name", SERVICES)
def test_the_answer_says_what_it_is(shared, name):
    connection = http.client.HTTPConnection(HOST, shared.service(name).port)
    connection.request("GET", "/metrics")
    answer = connection.getresponse()
    assert (answer.status, answer.headers["Content-Type"]) == (200, CONTENT_TYPE) and answer.read()
    connection.close()


def documented() -> dict[str, tuple[str, set[str], set[str]]]:
    """docs/metrics.md: of each metric its type, its labels, and the services that have it."""
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| ([\w, ]*) ?\| (\w+) \|", (ROOT / "docs/metrics.md").read_text(), re.M)
    return {name: (kind, set(re.findall(r"\w+", labels)), set(SERVICES) if on == "all" else {on})
            for name, kind, labels, on in rows}


def test_what_is_documented_is_there_and_nothing_else(busy):
    said: dict[str, tuple[str, set[str], set[str]]] = {}
    for service, metrics in busy.items():
        for name, kind in metrics.types.items():
            said.setdefault(name, (kind, metrics.labels[name], set()))[2].add(service)
    assert said == documented()


def expressions() -> list[str]:
    rules = yaml.safe_load((PROMETHEUS / "alerts.yml").read_text())["groups"][0]["rules"]
    dashboard = json.loads((GRAFANA / "dashboards/order-saga.json").read_text())
    return [rule["expr"] for rule in rules] + [
        target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])] + [
        annotation["expr"] for annotation in dashboard["annotations"]["list"]]


def test_dashboard_and_alerts_ask_for_nothing_that_is_not_there(busy):
    there = set().union(*(metrics.names for metrics in busy.values())) | NOT_OURS
    asked = {name for expression in expressions() for name in NAME.findall(expression)}
    assert asked and asked <= there, asked - there


def test_they_ask_for_labels_that_there_are(busy):
    """A selector or a grouping by a label that no metric has would show nothing, or one line."""
    there = set().union(*(labels for metrics in busy.values() for labels in metrics.labels.values()))
    asked = {label for expression in expressions()
             for names in re.findall(r"\bby \(([^)]*)\)", expression) for label in names.split(", ")}
    asked |= {label for expression in expressions() for label in re.findall(r'(\w+)=~?"', expression)}
    assert asked and asked <= there | {"job", "instance", "le"}, asked


# --- truth ------------------------------------------------------------------------------------------


def test_orders_are_counted_by_how_they_end(shared, rng):
    before = all_metrics(shared)
    kinds = [*Kind] * 2 + [Kind.SHIPPED] * 3
    rng.shuffle(kinds)
    for kind in kinds:
        shared.place(kind)
    shared.wait_final()
    wait_until(lambda: grew(before["order"], scrape(shared.service("order")), "saga_orders_total") == len(kinds),
               SOON_S, "all orders are counted")
    after = all_metrics(shared)
    for kind in Kind:
        labels = {"outcome": "completed", "reason": ""} if kind is Kind.SHIPPED else {
            "outcome": "cancelled", "reason": kind.value}
        assert grew(before["order"], after["order"], "saga_orders_total", **labels) == kinds.count(kind), kind
    for outcome, count in (("completed", kinds.count(Kind.SHIPPED)),
                           ("cancelled", len(kinds) - kinds.count(Kind.SHIPPED))):
        assert grew(before["order"], after["order"], "saga_duration_seconds_count", outcome=outcome) == count
    assert 0 < grew(before["order"], after["order"], "saga_duration_seconds_sum") < 20 * len(kinds)
    assert grew(before["order"], after["order"], "saga_http_requests_total",
                method="POST", route="/v1/orders", code="201") == len(kinds)
    assert grew(before["order"], after["order"], "saga_order_publications_total", result="confirmed") == len(kinds)


def test_steps_and_transactions_are_those_of_the_log(shared):
    """From the first start on: each event once, all of them in committed transactions."""
    for kind in Kind:
        shared.place(kind)
    shared.wait_final()
    shared.wait_settled()
    log = shared.log()
    for service in SERVICES:
        metrics = scrape(shared.service(service))
        own = [r.event["event_type"] for r in log.records if r.header("ce_source") == f"order-saga/{service}"
               and r.event.get("causation_id")]
        for event_type in set(own):
            assert metrics.value("saga_step_duration_seconds_count", event=event_type) == own.count(event_type)
        dead = metrics.value("saga_dead_letters_total")
        assert metrics.value("saga_transaction_records_sum") == len(own) + dead
        assert metrics.value("saga_transactions_total", result="aborted") == 0
        committed = metrics.value("saga_transactions_total", result="committed")
        assert 0 < committed == metrics.value("saga_transaction_commit_duration_seconds_count")
        assert metrics.value("saga_producers_created_total") >= 1


def test_an_order_with_a_key_is_measured_from_when_it_was_placed(shared):
    before = scrape(shared.service("order"))
    order = shared.orders.of(Kind.SHIPPED)
    answer = shared.client.http.post("/v1/orders", order.body(), {"Idempotency-Key": f'"{new_id()}"'})
    assert answer.status == 201
    shared.watch.wait_final({answer.json()["order_id"]}, 20)
    wait_value(shared, "order", lambda count: count == before.get("saga_duration_seconds_count") + 1,
               "saga_duration_seconds_count")
    assert grew(before, scrape(shared.service("order")), "saga_duration_seconds_sum") < 20


def test_a_customers_words_are_no_label(shared):
    order_id = shared.place(Kind.REFUSED).order_id
    shared.client.http.post(f"/v1/orders/{order_id}/cancellation", b'{"reason": "my aunt Agatha"}')
    shared.wait_final()
    for name in SERVICES:
        text = scrape(shared.service(name)).text
        assert "Agatha" not in text
        assert not re.search(r"[0-9a-f]{8}-[0-9a-f]{4}-", text)


def test_requests_are_counted_by_route_and_code(shared):
    service, http_client = shared.service("order"), shared.client.http
    before = scrape(service)
    for _ in range(3):
        assert http_client.get(f"/v1/orders/{new_id()}").status == 404
    assert http_client.get("/v1/nothing").status == 404
    assert http_client.request("DELETE", "/v1/orders").status == 405
    assert http_client.post("/v1/orders", b"{}").status == 422
    assert http_client.request("POST", "/v1/orders", b"x" * 70000, JSON_TYPE).status == 413
    after = scrape(service)
    for count, method, route, code in ((3, "GET", "/v1/orders/{order_id}", "404"), (1, "none", "none", "404"),
                                       (1, "none", "none", "405"), (1, "POST", "/v1/orders", "422"),
                                       (1, "none", "none", "413")):
        assert grew(before, after, "saga_http_requests_total", method=method, route=route, code=code) == count
    assert grew(before, after, "saga_http_request_duration_seconds_count", route="/v1/orders/{order_id}") == 3


def test_connections_are_counted_while_they_are_open(shared):
    service = shared.service("shipping")
    with socket.create_connection((HOST, service.port)), socket.create_connection((HOST, service.port)):
        wait_value(shared, "shipping", lambda count: count == 3, "saga_http_connections")  # the asking one, too
    wait_value(shared, "shipping", lambda count: count == 1, "saga_http_connections")


def test_a_dead_letter_is_counted_where_it_was_refused(shared):
    before = all_metrics(shared)
    shared.writer.write("orders", b"poison", b"{", [("ce_type", b"OrderPlaced")])
    wait_value(shared, "payment", lambda count: count == before["payment"].value("saga_dead_letters_total") + 1,
               "saga_dead_letters_total")
    after = all_metrics(shared)
    assert grew(before["payment"], after["payment"], "saga_dead_letters_total", topic="orders") == 1
    for name in set(SERVICES) - {"payment"}:
        assert grew(before[name], after[name], "saga_dead_letters_total") == 0


def test_readers_of_streams_are_counted(shared):
    connection = http.client.HTTPConnection(HOST, shared.service("order").port)
    connection.request("GET", "/v1/events")
    assert connection.getresponse().status == 200
    wait_value(shared, "order", lambda count: count == 1, "saga_stream_readers")
    connection.close()
    shared.place(Kind.SHIPPED)  # a client that has gone is found out by writing
    shared.wait_final()
    wait_value(shared, "order", lambda count: count == 0, "saga_stream_readers")


def test_the_process_is_told_of(busy):
    for metrics in busy.values():
        assert 5e6 < metrics.value("process_resident_memory_bytes") < metrics.value("process_virtual_memory_bytes")
        assert 0 < metrics.value("process_cpu_seconds_total") < 600
        assert 10 < metrics.value("process_open_fds") < metrics.value("process_max_fds")
        assert metrics.value("saga_build_info") == 1
        assert metrics.value("saga_spans_total") == 0  # nobody asked for traces


# --- with trouble -----------------------------------------------------------------------------------


def test_the_lag_is_that_of_what_hangs_and_is_over_with_it(saga):
    """A transaction that somebody leaves open in an input topic holds back all that comes behind it."""
    for name in SERVICES:
        wait_value(saga, name, lambda lag: lag == 0, "saga_consumer_lag_records")
    hanging = Producer({"bootstrap.servers": saga.bootstrap, "transactional.id": f"{saga.prefix}hanging"})
    hanging.init_transactions(10)
    hanging.begin_transaction()
    for partition in range(PARTITIONS):
        hanging.produce(f"{saga.prefix}payments", b"{}", b"nobody", partition)
    hanging.flush(10)
    orders = [saga.place(Kind.SHIPPED) for _ in range(12)]
    wait_value(saga, "inventory", lambda lag: lag >= len(orders) + PARTITIONS, "saga_consumer_lag_records",
               topic="payments")
    wait_value(saga, "inventory", lambda age: age >= HUNG_S, "saga_consumer_lag_seconds", topic="payments")
    assert scrape(saga.service("payment")).value("saga_consumer_lag_records", topic="orders") == 0
    assert scrape(saga.service("order")).value("saga_orders_total") == 0
    hanging.abort_transaction(10)
    saga.wait_final()
    for name in SERVICES:
        wait_value(saga, name, lambda lag: lag == 0, "saga_consumer_lag_records")
        wait_value(saga, name, lambda age: age == 0, "saga_consumer_lag_seconds")
    saga.assert_sound()


def test_a_step_takes_as_long_as_its_service_stands_still(saga):
    inventory, payment = saga.service("inventory"), saga.service("payment")
    charges = scrape(payment).value("saga_step_duration_seconds_count")
    inventory.pause()
    saga.place(Kind.SHIPPED)
    wait_value(saga, "payment", lambda count: count == charges + 1, "saga_step_duration_seconds_count")
    charged = time.monotonic()
    wait_until(lambda: time.monotonic() > charged + STILL_S, SOON_S, "time passes")
    inventory.resume()
    saga.wait_final()
    wait_value(saga, "inventory", lambda count: count == 1, "saga_step_duration_seconds_count",
               event="InventoryReserved")
    after = scrape(inventory)
    assert after.value("saga_step_duration_seconds_sum", event="InventoryReserved") > STILL_S
    assert after.value("saga_step_duration_seconds_bucket", event="InventoryReserved", le="1") == 0
    wait_until(lambda: scrape(saga.service("order")).value("saga_duration_seconds_sum") > STILL_S, SOON_S,
               "so does the saga")


def test_who_is_fenced_aborts_and_makes_a_new_producer(saga):
    """Somebody with the same transactional id, and then orders."""
    payment = saga.service("payment")
    before = scrape(payment)
    Producer({"bootstrap.servers": saga.bootstrap,
              "transactional.id": f"{saga.prefix}payment-0"}).init_transactions(10)
    for _ in range(5):
        saga.place(Kind.SHIPPED)
    saga.wait_final()
    after = scrape(payment)
    assert grew(before, after, "saga_transactions_total", result="aborted") >= 1
    assert grew(before, after, "saga_producers_created_total") >= 1
    assert grew(before, after, "saga_step_duration_seconds_count", event="PaymentProcessed") == 5
    saga.assert_sound()


def test_a_standby_says_so_and_every_shard_has_one_owner(saga):
    standby = saga.add("payment", "b")
    standby.start()
    wait_until(lambda: standby.role == "standby", SOON_S, "it stands by")
    owner, other = scrape(saga.service("payment")), scrape(standby)
    for metrics, role in ((owner, "owner"), (other, "standby")):
        assert [metrics.value("saga_role", role=name) for name in ("connecting", "restoring", "standby", "owner")] == [
            name == role for name in ("connecting", "restoring", "standby", "owner")]
        assert metrics.value("saga_ready") == 1
    assert owner.value("saga_shards") == other.value("saga_shards") == owner.value("saga_shards_owned") == 1
    assert other.value("saga_shards_owned") == other.value("saga_consumer_lag_records") == 0
