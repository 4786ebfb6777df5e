"""`sagactl check` on a real broker: it finds what is wrong, and nothing in a system that works.

What it sees is tried in tests/sagactl; and each test that ends with assert_sound() asks it, too.
"""

import json

from confluent_kafka import Producer, TopicPartition
from support.events import cancellation_requested, new_event, partition_of
from support.orders import Kind, OrderMix
from support.synthetic import PARTITIONS
from support.topics import REQUEST_S, admin, end_offsets

RATE = 60
CHECKS = 4
ORDERS = 30
CANCEL_EVERY = 5


def finding(saga, *options: str) -> dict:
    """What it tells of a system in which it must find something."""
    result = saga.sagactl("check", "--json", *options, check=False)
    assert result.returncode == 1 and result.stderr == "", result
    return json.loads(result.stdout)


def test_a_system_under_load_has_no_finding_at_any_moment(saga, note):
    """Each record that it reads may be the last one that was there."""
    load = saga.load(RATE, OrderMix(saga.rng))
    told = []
    for _ in range(CHECKS):
        told.append(json.loads(saga.sagactl("check", "--json").stdout))
        for attempt in saga.history.accepted()[-CANCEL_EVERY:]:
            saga.writer.write_event(cancellation_requested(attempt.order_id))
    load.stop()
    saga.wait_final()
    saga.assert_sound()
    note(f"{len(told)} checks, orders open at that moment: {[counts['open'] for counts in told]}")
    assert any(counts["open"] > 0 for counts in told)
    assert told[-1]["orders"] > told[0]["orders"]


def test_an_order_that_is_charged_twice_is_found_and_named(saga):
    sound, harmed = saga.place(Kind.SHIPPED), saga.place(Kind.SHIPPED)
    saga.wait_final()
    events = {event["event_type"]: event for event in saga.events_of(harmed.order_id)}
    data, placed = events["PaymentProcessed"]["data"], events["OrderPlaced"]
    twice = new_event("PaymentProcessed", {**data, "amount": float(data["amount"])}, placed)
    saga.writer.write_event(twice)
    saga.wait_settled()
    told = finding(saga)
    assert {entry["where"] for entry in told["findings"]} >= {harmed.order_id}
    assert 1 in {entry["invariant"] for entry in told["findings"] if entry["where"] == harmed.order_id}
    assert sound.order_id not in {entry["where"] for entry in told["findings"]}
    assert (told["orders"], told["final"], told["finding_count"]) == (2, 2, len(told["findings"]))
    table = saga.sagactl("check", check=False)
    assert table.returncode == 1 and table.stdout.startswith("INVARIANT") and harmed.order_id in table.stdout


def test_an_order_that_is_open_is_a_finding_only_of_a_system_at_rest(saga):
    saga.service("shipping").stop()
    order_id = saga.place(Kind.SHIPPED).order_id
    saga.wait_settled()
    assert "1 orders, 0 final, 1 open: no findings" in saga.sagactl("check").stdout
    assert [entry["where"] for entry in finding(saga, "--final")["findings"]][:1] == [order_id]
    saga.service("shipping").start()
    saga.wait_final()
    saga.assert_sound()


def test_orders_whose_events_have_expired_are_left_out_and_counted(saga):
    """Of one topic of one partition alone: the order's other events are there still."""
    ids = [saga.place(Kind.SHIPPED).order_id for _ in range(ORDERS)]
    saga.wait_final()
    gone = [order_id for order_id in ids if partition_of(order_id.encode(), PARTITIONS["payments"]) == 1]
    ends = end_offsets(saga.bootstrap, saga.prefix)
    assert gone
    deleted = admin(saga.bootstrap).delete_records([TopicPartition(f"{saga.prefix}payments", 1, ends["payments", 1])])
    for result in deleted.values():
        result.result(REQUEST_S)
    told = json.loads(saga.sagactl("check", "--final", "--json").stdout)
    assert (told["orders"], told["left_out"]) == (ORDERS - len(gone), len(gone))


def test_a_transaction_that_was_left_open_is_a_finding_of_a_system_at_rest(saga):
    """Nobody but the broker ends it; until then its partition's readers see nothing that comes after."""
    producer = Producer({"bootstrap.servers": saga.bootstrap, "transactional.id": f"{saga.prefix}stranger",
                         "transaction.timeout.ms": 60_000})
    producer.init_transactions(REQUEST_S)
    producer.begin_transaction()
    producer.produce(f"{saga.prefix}order-outcomes", b"{}", b"key", partition=2)
    producer.flush(REQUEST_S)
    assert "no findings" in saga.sagactl("check").stdout
    assert [(entry["invariant"], entry["where"]) for entry in finding(saga, "--final")["findings"]] \
        == [(5, "order-outcomes[2]")]
    producer.abort_transaction(REQUEST_S)
    saga.place(Kind.SHIPPED)
    saga.wait_final()
    saga.assert_sound()


def test_without_topics_it_says_which_one_is_missing(broker, system):
    result = system.sagactl("check", check=False)
    assert result.returncode == 1 and result.stdout == "" and "topics apply" in result.stderr
