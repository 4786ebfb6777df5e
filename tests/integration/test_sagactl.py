"""sagactl against a real broker: what it creates, writes and reads, and how it refuses."""

import json
import time

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import ConfigResource, NewTopic

from support import events, schemas, topics
from support.sagactl import RUN_S, Tool, rows
from support.topics import partitions_of, read_all
from support.waiting import wait_until

NO_ANSWER_S = 10  # CLUSTER_TIMEOUT_MS
NOBODY = "127.0.0.1:1"
ORDER = "0193652f-8a31-7c04-9a5e-3f1d2b7c8e90"


@pytest.fixture
def admin(broker):
    return topics.admin(broker.bootstrap)


def settings_of(admin, topic: str) -> dict[str, str]:
    resource = ConfigResource(ConfigResource.Type.TOPIC, topic)
    entries = admin.describe_configs([resource])[resource].result(RUN_S)
    return {name: entry.value for name, entry in entries.items()}


def create_topic(admin, name: str, partitions: int, **config: str) -> None:
    admin.create_topics([NewTopic(name, partitions, config=config)])[name].result(RUN_S)
    wait_until(lambda: name in admin.list_topics(timeout=10).topics, RUN_S, f"{name} is there")


# --- topics apply -----------------------------------------------------------------------------------


def test_apply_creates_every_topic_as_topics_json_has_it(broker, admin, tool, prefix):
    output = tool.output("topics", "apply")

    assert partitions_of(broker.bootstrap, prefix).keys() == {t["name"] for t in schemas.TOPICS}
    for topic in schemas.TOPICS:
        assert [prefix + topic["name"], "created"] in rows(output)
        actual = settings_of(admin, prefix + topic["name"])
        assert actual["cleanup.policy"] == ("compact" if topic.get("compacted") else "delete")
        if "retention_ms" in topic:
            assert actual["retention.ms"] == str(topic["retention_ms"])
        for name, value in topic.get("config", {}).items():
            assert actual[name] == value
        if "partitions" in topic:
            assert partitions_of(broker.bootstrap, prefix)[topic["name"]] == topic["partitions"]


def test_topics_can_be_written_to_as_soon_as_apply_returns(broker, applied, prefix):
    faults = []
    producer = Producer({"bootstrap.servers": broker.bootstrap, "delivery.timeout.ms": 5000, "retries": 0})
    for topic in schemas.TOPICS:
        producer.produce(prefix + topic["name"], b"x", b"k", on_delivery=lambda error, _: faults.append(error))
    assert producer.flush(10) == 0
    assert faults == [None] * len(schemas.TOPICS)


def test_a_second_apply_finds_everything_there(applied, prefix):
    output = applied.output("topics", "apply", "--strict")

    assert [prefix + "orders", "exists"] in rows(output)
    assert "created" not in output


def test_two_at_a_time_do_no_harm(broker, tool, prefix):
    calls = [tool.start("topics", "apply", "--strict") for _ in range(4)]
    results = [(*call.communicate(timeout=RUN_S), call.returncode) for call in calls]

    assert all(code == 0 and stderr == "" for _, stderr, code in results), results
    created = sum([prefix + "orders", "created"] in rows(stdout) for stdout, _, _ in results)
    assert created == 1


def test_apply_reports_a_difference_and_leaves_it_as_it_is(broker, admin, tool, prefix):
    create_topic(admin, prefix + "orders", 2, **{"retention.ms": "1000"})
    create_topic(admin, prefix + "stock", 1, **{"cleanup.policy": "delete"})

    done = tool.run("topics", "apply")

    assert done.returncode == 0
    assert done.stderr == "sagactl: warning: topics that differ from topics.json, left as they are: 2\n"
    assert [prefix + "orders", "partitions", "2", "4"] in rows(done.stdout)
    assert [prefix + "orders", "retention.ms", "1000", "604800000"] in rows(done.stdout)
    assert [prefix + "stock", "cleanup.policy", "delete", "compact"] in rows(done.stdout)
    assert [prefix + "payments", "created"] in rows(done.stdout)
    assert partitions_of(broker.bootstrap, prefix)["orders"] == 2
    assert settings_of(admin, prefix + "orders")["retention.ms"] == "1000"


def test_a_difference_fails_a_strict_apply(admin, tool, prefix):
    create_topic(admin, prefix + "orders", 2)

    done = tool.run("topics", "apply", "--strict")

    assert done.returncode == 1
    assert done.stderr.startswith("sagactl: error: topics that differ")


def test_a_topic_that_the_broker_refuses_is_named_and_the_others_are_created(broker, admin, tool, prefix):
    collides = prefix + "order_shards"  # to Kafka the same as order.shards, in the names of metrics
    create_topic(admin, collides, 1)

    done = tool.run("topics", "apply")
    admin.delete_topics([collides])[collides].result(RUN_S)

    assert (done.returncode, done.stderr) == (1, "sagactl: topics that could not be created: 1\n")
    assert [prefix + "order.shards", "refused:"] in [row[:2] for row in rows(done.stdout)]
    assert len(partitions_of(broker.bootstrap, prefix)) == len(schemas.TOPICS) - 1


def test_a_dry_run_creates_nothing(broker, tool, prefix):
    output = tool.output("topics", "apply", "--dry-run")

    assert output.count("would be created") == len(schemas.TOPICS)
    assert partitions_of(broker.bootstrap, prefix) == {}
    assert tool.run("topics", "apply", "--dry-run", "--strict").returncode == 1


# --- stock receive ----------------------------------------------------------------------------------


def test_receipts_are_written_as_valid_events(broker, applied, prefix):
    output = applied.output("stock", "receive", "SKU-1001", "10", "SKU-2002", "5")

    records = read_all(broker.bootstrap, prefix, only=("stock-receipts",)).of("stock-receipts")
    assert [(r.key, r.event["data"]) for r in records] == [
        (b"SKU-1001", {"product_id": "SKU-1001", "quantity": 10}),
        (b"SKU-2002", {"product_id": "SKU-2002", "quantity": 5})]
    for record, line in zip(records, output.splitlines(), strict=True):
        assert schemas.violations(record.value) == []
        assert record.event["event_id"] == record.event["correlation_id"]
        assert record.header("ce_type") == "StockReceived"
        assert record.header("ce_source") == "order-saga/operator"
        assert record.event["event_id"] in line and f"offset {record.offset}" in line


def test_two_receipts_of_the_same_goods_are_two_events(broker, applied, prefix):
    applied.output("stock", "receive", "A", "1", "A", "1")

    records = read_all(broker.bootstrap, prefix, only=("stock-receipts",)).records
    assert len({record.event["event_id"] for record in records}) == 2


def test_once_leaves_out_what_was_ever_received(broker, applied, prefix):
    applied.output("stock", "receive", "A", "1")
    applied.output("stock", "receive", "--once", "A", "2", "B", "3")
    applied.output("stock", "receive", "--once", "B", "4", "A", "5")

    records = read_all(broker.bootstrap, prefix, only=("stock-receipts",)).of("stock-receipts")
    assert [(r.key, r.event["data"]["quantity"]) for r in records] == [(b"A", 1), (b"B", 3)]


BAD_RECEIPTS = [
    ("A", "0"), ("A", "1000000001"), ("A", "-1"), ("A", "1.5"), ("A", "1e3"), ("A", " 1"), ("A", "+1"), ("A", ""),
    ("A", "9" * 30), ("", "1"), ("A B", "1"), ("a/b", "1"), ("x" * 65, "1"), ("é", "1"), ("A",), (),
    ("A", "1", "B"), ("A", "1", "B", "0")]


def test_a_bad_receipt_is_refused_and_nothing_is_sent(broker, applied, prefix):
    for words in BAD_RECEIPTS:
        assert applied.refusal(2, "stock", "receive", *words)

    assert read_all(broker.bootstrap, prefix, only=("stock-receipts",)).records == []


def test_a_receipt_without_the_topic_names_the_remedy(tool, prefix):
    line = tool.refusal(1, "stock", "receive", "A", "1")

    assert f"{prefix}stock-receipts" in line and "sagactl topics apply" in line


# --- order show -------------------------------------------------------------------------------------


def completed_order(order_id: str = ORDER, ms: int = 1795536937000) -> list[dict]:
    """Its events; the clock of shipping is behind, so that time alone would put them wrong."""
    lines = [{"product_id": "SKU-1001", "quantity": 2}, {"product_id": "SKU-2002", "quantity": 1}]
    goods = {"order_id": order_id, "items": lines}
    placed = {**events.order_placed(order_id, "customer-1001", (("SKU-1001", 2, 1999), ("SKU-2002", 1, 500)), "EUR"),
              "timestamp": events.timestamp(ms)}
    paid = events.new_event("PaymentProcessed", {
        **goods, "customer_id": "customer-1001", "amount": 44.98, "currency": "EUR"}, placed, ms + 7)
    reserved = events.new_event("InventoryReserved", {**goods, "customer_id": "customer-1001"}, paid, ms + 15)
    shipped = events.new_event("ShipmentCreated", {**goods, "customer_id": "customer-1001"}, reserved, ms + 3)
    done = events.new_event("OrderCompleted", {"order_id": order_id}, shipped, ms + 31)
    deducted = events.new_event("InventoryDeducted", goods, shipped, ms + 32)
    return [placed, paid, reserved, shipped, done, deducted]


SHOWN = ["OrderPlaced", "PaymentProcessed", "InventoryReserved", "ShipmentCreated", "OrderCompleted",
         "InventoryDeducted"]


def test_show_prints_the_events_cause_before_effect(applied, writer):
    for event in reversed(completed_order()):
        writer.write_event(event)

    table, outcome = applied.output("order", "show", ORDER).split("\n\n")

    lines = table.splitlines()
    assert [line.split()[-1 if n == 0 else 3 if n > 1 else 2] for n, line in enumerate(lines)] == ["DETAIL", *SHOWN]
    assert "44.98 EUR, customer customer-1001, 2 x SKU-1001, 1 x SKU-2002" in lines[1]
    assert lines[2].split()[1:] == ["7", "payments", "PaymentProcessed", "44.98", "EUR"]
    assert lines[4].split()[1:4] == ["-12", "shipments", "ShipmentCreated"]
    assert outcome == "completed, 31 ms after it was placed\n"


def test_show_as_json_has_every_event_as_it_is(applied, writer, prefix):
    order = completed_order()
    places = {event["event_id"]: writer.write_event(event) for event in order}

    document = json.loads(applied.output("order", "show", "--json", ORDER))

    shown = document.pop("events")
    assert document == {"order_id": ORDER, "status": "completed", "reason": None, "duration_ms": 31, "next": []}
    assert [event["event_type"] for event in shown] == SHOWN
    assert [event.pop("delay_ms") for event in shown] == [None, 7, 8, -12, 28, 29]
    for event, written in zip(shown, order, strict=True):
        topic, partition, offset = places[event["event_id"]]
        assert (event.pop("topic"), event.pop("partition"), event.pop("offset")) == (
            prefix + topic, partition, offset)
        assert event == written


def test_show_tells_why_an_order_was_cancelled(applied, writer):
    placed = events.order_placed(ORDER)
    failed = events.new_event("PaymentFailed", {"order_id": ORDER, "reason": "payment_declined"}, placed)
    cancelled = events.new_event("OrderCancelled", {"order_id": ORDER, "reason": "payment_declined"}, failed)
    for event in (placed, failed, cancelled):
        writer.write_event(event)

    assert "\ncancelled: payment_declined, " in applied.output("order", "show", ORDER)
    document = json.loads(applied.output("order", "show", ORDER, "--json"))
    assert (document["status"], document["reason"]) == ("cancelled", "payment_declined")


def test_show_says_what_an_open_order_waits_for(applied, writer):
    placed = events.order_placed(ORDER)
    asked = events.new_event("OrderCancellationRequested", {"order_id": ORDER, "reason": "changed_mind"}, placed)
    for event in (placed, asked):
        writer.write_event(event)

    _, standing, coming = applied.output("order", "show", ORDER).split("\n\n")
    assert standing.startswith("cancelling: changed_mind, no event for ")
    assert [row[1:] if row[0].isdigit() else row for row in rows(coming)[1:]] == [
        ["shipping", "ShipmentCancelled", "OrderCancellationRequested"],
        ["payment", "PaymentProcessed", "OrderPlaced"],
        ["inventory", "InventoryReservationCancelled"], ["payment", "PaymentCancelled"],
        ["order", "OrderCancelled"]]

    document = json.loads(applied.output("order", "show", ORDER, "--json"))
    assert (document["status"], document["duration_ms"]) == ("cancelling", None)
    assert [(step["event_type"], step["service"], step["after"]) for step in document["next"]] == [
        ("ShipmentCancelled", "shipping", asked["event_id"]), ("PaymentProcessed", "payment", placed["event_id"]),
        ("InventoryReservationCancelled", "inventory", None), ("PaymentCancelled", "payment", None),
        ("OrderCancelled", "order", None)]
    assert [step["waiting_ms"] is None for step in document["next"]] == [False, False, True, True, True]


def test_show_shows_one_order_of_many(applied, writer):
    mine, others = events.order_placed(ORDER), [events.order_placed() for _ in range(50)]
    for event in [*others[:25], mine, *others[25:]]:
        writer.write_event(event)

    shown = json.loads(applied.output("order", "show", ORDER, "--json"))["events"]
    assert [event["event_id"] for event in shown] == [mine["event_id"]]


def test_show_passes_over_records_that_are_no_events(applied, writer):
    placed = events.order_placed(ORDER)
    value, headers = events.encode(placed)
    for bad in (None, b"", b"no json", value[:-1], value.replace(b"USD", b"XXX")):
        writer.write("orders", ORDER.encode(), bad, headers)
    writer.write("payments", ORDER.encode(), value, headers)  # not that topic's event
    writer.write_event(placed)

    shown = json.loads(applied.output("order", "show", ORDER, "--json"))["events"]
    assert [event["event_id"] for event in shown] == [placed["event_id"]]


def test_show_ends_where_a_transaction_is_open_and_shows_no_aborted_event(broker, applied, writer, prefix):
    placed = events.order_placed(ORDER)
    writer.write_event(placed)
    key = ORDER.encode()
    aborted, headers = events.encode(events.cancellation_requested(ORDER))
    producer = Producer({"bootstrap.servers": broker.bootstrap, "transactional.id": prefix + "test",
                         "partitioner": "murmur2_random"})
    producer.init_transactions(RUN_S)
    producer.begin_transaction()
    producer.produce(prefix + "orders", aborted, key, headers=headers)
    producer.flush(RUN_S)

    while_open = json.loads(applied.output("order", "show", ORDER, "--json"))["events"]
    producer.abort_transaction(RUN_S)
    after_abort = json.loads(applied.output("order", "show", ORDER, "--json"))["events"]

    for shown in (while_open, after_abort):
        assert [event["event_id"] for event in shown] == [placed["event_id"]]


def test_an_unknown_order_is_one_line_and_exit_code_1(applied, writer):
    writer.write_event(events.order_placed())

    assert applied.refusal(1, "order", "show", ORDER) == f"there is no order {ORDER}"
    assert applied.refusal(1, "order", "show", ORDER, "--json") == f"there is no order {ORDER}"


@pytest.mark.parametrize("order_id", ["", "1", ORDER.upper(), ORDER + "0"])
def test_what_is_no_order_id_is_refused(tool, order_id):
    assert "is no order id" in tool.refusal(2, "order", "show", order_id)


# --- the command line -------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [
    (), ("topics",), ("topics", "frobnicate"), ("frobnicate",), ("order", "show"), ("order", "show", ORDER, ORDER),
    ("topics", "apply", "now"), ("topics", "apply", "--frobnicate"), ("order", "show", ORDER, "--json=1"),
    ("order", "list", "--status", "open"), ("order", "list", "--limit", "0"), ("order", "list", "--limit", "10001"),
    ("order", "list", ORDER), ("stuck", "--for", "-1"), ("stuck", "--for", "604801"), ("stuck", "--for", "1m"),
    ("order", "cancel"), ("order", "cancel", "1"), ("order", "cancel", ORDER, "--wait", "601"),
    ("order", "cancel", ORDER, "--reason", ""), ("order", "cancel", ORDER, "--reason", "two\nlines"),
    ("order", "cancel", ORDER, "--reason", "x" * 201), ("order", "cancel", ORDER, "--reason", "x" * 2000)])
def test_a_wrong_command_line_is_one_line_and_exit_code_2(words):
    Tool(NOBODY, "").refusal(2, *words)


@pytest.mark.parametrize("name, value", [
    ("TOPIC_PREFIX", "a b"), ("KAFKA_BOOTSTRAP_SERVERS", ""), ("KAFKA_CLIENT_PROPERTIES", "/does/not/exist")])
def test_a_wrong_environment_is_one_line_and_exit_code_2(name, value):
    tool = Tool(NOBODY, "")
    tool.env[name] = value

    tool.refusal(2, "topics", "apply")


def test_help_and_version_need_no_broker():
    tool = Tool(NOBODY, "")

    for words in (("--help",), ("topics", "apply", "--help"), ("stock", "receive", "-h"), ("order", "show", "--help"),
                  ("order", "list", "--help"), ("order", "cancel", "-h"), ("stock", "show", "-h"), ("stuck", "-h")):
        text = tool.output(*words)
        assert text.startswith("usage: sagactl ")
        for variable in ("KAFKA_BOOTSTRAP_SERVERS", "KAFKA_CLIENT_PROPERTIES", "TOPIC_PREFIX"):
            assert variable in text
    assert tool.output("--version").startswith("sagactl ")


def test_a_broker_that_is_away_is_one_line_within_a_bounded_time():
    tool = Tool(NOBODY, "")
    started = time.monotonic()
    calls = [tool.start(*words) for words in (
        ("topics", "apply"), ("stock", "receive", "A", "1"), ("order", "show", ORDER), ("order", "list"),
        ("order", "cancel", ORDER), ("stock", "show"), ("stuck",))]
    results = [(*call.communicate(timeout=RUN_S), call.returncode) for call in calls]

    assert time.monotonic() - started < NO_ANSWER_S + 5
    for stdout, stderr, code in results:
        assert (stdout, code) == ("", 1)
        assert stderr.startswith(f"sagactl: no answer from {NOBODY} within {NO_ANSWER_S} s: ")
        assert "Connection refused" in stderr and stderr.count("\n") == 1
