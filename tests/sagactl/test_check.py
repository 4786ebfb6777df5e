"""The core of `sagactl check` against the checker of the integration tests: both see the same faults.

The logs are those of test_checker.py: faultless ones, and each with one fault.
"""

import json
import os
import subprocess
from dataclasses import dataclass
from random import Random

import pytest
from integration.test_checker import FAULTS, LETTER_FAULTS
from support.checker import check
from support.events import encode, timestamp
from support.synthetic import EPOCH_MS, PARTITIONS, World
from support.topics import Record

PREFIX = "x-"  # as World.dead_letter() writes it
FIRST = (".dead-letters", ".replays")
HOUR_MS = 3_600_000
SEEDS = range(5)
# What clients were told is not in the topics.
NOT_IN_TOPICS = {"accepted_order_that_is_not_there", "one_post_became_two_orders", "refused_post_became_an_order",
                 "order_nobody_placed", "placed_with_other_items", "two_answers_with_one_order"}
# Records that are no events are dead letters, if a service reads them; the checker's tests say "foreign".
SEEN_AS = {"amount_with_a_fraction_of_a_cent": 8, "header_that_disagrees": 8,
           "receipt_refused_and_counted_all_the_same": 5}


@dataclass
class Answer:
    findings: list[dict]
    counts: dict

    @property
    def invariants(self) -> set[int]:
        return {finding["invariant"] for finding in self.findings}


def hexed(value: bytes | None) -> str | None:
    return None if value is None else value.hex()


def line_of(record: Record, young: bool) -> dict:
    return {"topic": record.topic, "partition": record.partition, "partitions": PARTITIONS[record.topic],
            "offset": record.offset, "timestamp_ms": record.timestamp_ms, "key": hexed(record.key),
            "value": hexed(record.value), "young": young,
            "headers": [[name, hexed(value)] for name, value in record.headers]}


def core(world: World, *, final: bool = True, lows: dict | None = None, young=lambda record: False) -> Answer:
    """`lows`: by topic and partition, where it begins."""
    records = sorted(world.log.records, key=lambda record: (not record.topic.endswith(FIRST), record.place))
    lines = [{"topic": topic, "partition": p, "low": low} for (topic, p), low in (lows or {}).items()]
    lines += [{"topic": place.split("[")[0], "partition": int(place[:-1].split("[")[1]), "open": True}
              for place in world.log.open]
    lines += [line_of(record, young(record)) for record in records]
    done = subprocess.run([os.environ["CHECK_DRIVER"], PREFIX, *(["--final"] if final else [])], check=True,
                          input="".join(json.dumps(line) + "\n" for line in lines).encode(), capture_output=True)
    *findings, counts = [json.loads(line) for line in done.stdout.splitlines()]
    assert counts["findings"] == len(findings)
    return Answer(findings, counts)


@pytest.fixture
def world() -> World:
    return World(7).run(2)


# --- faultless logs -----------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("final", [True, False])
def test_a_faultless_log_has_no_finding(seed, final):
    answer = core(World(seed).run(), final=final)
    assert answer.findings == []
    assert answer.counts["orders"] == answer.counts["final"] == 24


def test_every_prefix_in_time_of_a_faultless_log_has_no_finding(world):
    """Cut between decisions; nothing is final then, and that is no finding either."""
    world.log.records.sort(key=lambda record: (record.event["timestamp"], record.place))
    records, opened = world.log.records, 0
    for count in range(1, len(records), 3):
        if records[count].event["event_type"] != "StockLevelChanged":
            world.log.records = records[:count]
            answer = core(world, final=False)
            assert answer.findings == []
            opened += answer.counts["open"]
    assert opened > 10


def test_an_order_that_is_open_is_a_finding_of_a_system_at_rest_only(world):
    world.pay(world.place())
    assert core(world, final=False).findings == []
    assert 3 in core(world).invariants


# --- faults -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(FAULTS.keys() - NOT_IN_TOPICS))
def test_the_core_sees(world, name):
    invariant, spoil = FAULTS[name]
    spoil(world)
    answer = core(world)
    assert SEEN_AS.get(name, invariant) in answer.invariants, answer


def test_faults_that_only_clients_know_of_are_seen_by_both_or_by_none():
    for name in NOT_IN_TOPICS:
        other = World(7).run(2)
        FAULTS[name][1](other)
        assert bool(check(other.log)) == bool(core(other).findings), name


# --- dead letters and their replays -------------------------------------------------------------------


@pytest.fixture
def poisoned(world):
    """A record that all readers of its topic must refuse, and have."""
    world.poison = world.write(Record("payments", 3, 0, 0, b"key", b"\xff{", [("trace", b"1")]))
    world.letter = world.dead_letter("inventory", world.poison)
    world.dead_letter("order", world.poison)
    return world


def test_a_faultless_dead_letter_is_no_finding(poisoned):
    answer = core(poisoned)
    assert answer.findings == [] and answer.counts["refused"] == 1


@pytest.mark.parametrize("name", LETTER_FAULTS)
def test_the_core_sees_a_dead_letter_with_a_fault(poisoned, name):
    LETTER_FAULTS[name](poisoned)
    assert 8 in core(poisoned).invariants


def test_a_service_may_come_to_a_record_later(poisoned):
    poisoned.remove(poisoned.letter)
    assert core(poisoned, final=False).findings == []


def test_a_record_of_a_type_of_the_future_is_counted_only(world):
    world.write(Record("orders", 0, 0, 0, b"k", b"{}", [("ce_type", b"OrderPostponed")]))
    answer = core(world)
    assert answer.findings == [] and answer.counts["unknown"] == 1


def replay(world: World, letter: Record, source: Record, value: bytes | None, more: tuple = ()) -> Record:
    service = letter.topic.split(".")[0]
    letter_id = f"{service}/{letter.partition}/{letter.offset}".encode()
    return world.write(Record(f"{service}.replays", source.partition, 0, world.now_ms, source.key, value,
                              [*source.headers, ("dead_letter_id", letter_id), *more]))


@pytest.fixture
def refused(world):
    """An event that a service has refused: impossible, it said."""
    world.source = world.last("PaymentProcessed")
    world.letter = world.dead_letter("inventory", world.source, "impossible")
    return world


def test_an_event_that_was_refused_is_a_finding_until_it_is_resolved(refused):
    assert core(refused, final=False).findings[0]["subject"] == refused.source.key.decode()
    replay(refused, refused.letter, refused.source, refused.source.value)
    assert core(refused).findings == []


def test_an_event_that_was_refused_may_be_discarded(refused):
    replay(refused, refused.letter, refused.source, None, (("dead_letter_resolution", b"discarded"),))
    assert core(refused).findings == []


def test_what_is_refused_again_is_to_be_resolved_again(refused):
    again = refused.dead_letter("inventory", replay(refused, refused.letter, refused.source, refused.source.value))
    assert core(refused).invariants == {8}
    replay(refused, again, refused.source, refused.source.value)
    assert core(refused).findings == []


REPLAY_FAULTS = {
    "twice": lambda w: [replay(w, w.letter, w.source, w.source.value) for _ in range(2)],
    "with other bytes": lambda w: replay(w, w.letter, w.source, b"{}"),
    "of nothing": lambda w: w.remove([replay(w, w.letter, w.source, w.source.value), w.letter][1]),
    "without its id": lambda w: replay(w, w.letter, w.source, w.source.value).headers.pop(),
}


@pytest.mark.parametrize("name", REPLAY_FAULTS)
def test_the_core_sees_a_replay(refused, name):
    REPLAY_FAULTS[name](refused)
    assert core(refused).invariants == {8}


# --- logs whose beginning is gone ---------------------------------------------------------------------

ORDER_TOPICS = {topic for topic in PARTITIONS if PARTITIONS[topic] == 4 and not topic.endswith(FIRST)}


def date(world: World) -> None:
    """Records as old as their events, an hour apart: longer than what clocks may differ by."""
    for record in world.log.records:
        record.timestamp_ms = record.timestamp_ms or 0
    events = sorted((r for r in world.log.records if r.event), key=lambda r: (r.event["timestamp"], r.place))
    for number, record in enumerate(events):
        record.timestamp_ms = EPOCH_MS + number * HOUR_MS
        record.headers = [(n, timestamp(record.timestamp_ms).encode() if n == "ce_time" else v)
                          for n, v in record.headers]
        event = {**record.event, "timestamp": timestamp(record.timestamp_ms)}
        record.value = encode(event)[0]
        del record.event


def expire(world: World, rng: Random) -> dict:
    """The older records of each partition are gone, of some more than of others. Returns where they begin."""
    lows = {}
    times = sorted(record.timestamp_ms for record in world.log.records)
    for topic in ORDER_TOPICS:
        for partition in range(4):
            first_ms = times[rng.randrange(len(times) // 2)]
            found = [r for r in world.log.of(topic) if r.partition == partition]
            gone = [r for r in found if r.timestamp_ms < first_ms]
            for record in gone:
                world.remove(record)
            if gone:
                lows[topic, partition] = max(r.offset for r in gone) + 1
    return lows


@pytest.mark.parametrize("seed", SEEDS)
def test_orders_of_which_something_has_expired_are_left_out_and_counted(seed):
    world = World(seed).run()
    date(world)
    lows = expire(world, Random(seed))
    answer = core(world, lows=lows)
    assert answer.findings == []
    assert answer.counts["left_out"] > 0 and answer.counts["orders"] > 0


def test_faults_of_orders_that_are_whole_are_seen_although_others_have_expired(world):
    date(world)
    lows = expire(world, Random(1))
    world.remove(world.last("OrderCompleted"))
    assert core(world, lows=lows).invariants == {3}


def compact(world: World, share: float) -> int:
    """As the broker cleans: in the first part of `stock`, only the last level of a product is left."""
    levels = world.log.of("stock")
    cleaned = levels[:int(len(levels) * share)]
    last = {record.key: record for record in cleaned}
    for record in cleaned:
        if last[record.key] is not record:
            world.remove(record)
    return len(cleaned) - len(last)


@pytest.mark.parametrize("share", [0.3, 0.7, 1])
@pytest.mark.parametrize("seed", SEEDS)
def test_a_stock_topic_that_was_compacted_adds_up(seed, share):
    world = World(seed).run()
    assert compact(world, share) > 0
    assert core(world).findings == []


@pytest.mark.parametrize("seed", SEEDS)
def test_a_compacted_stock_topic_does_not_hide_a_lost_piece(seed):
    """All levels from some moment on are one piece short, as if that had been lost then."""
    world = World(seed).run()
    levels = [r for r in world.log.of("stock") if r.key == b"widget"]
    for record in levels[len(levels) // 3:]:
        data = record.event["data"]
        world.edit(record, on_hand=data["on_hand"] - 1, available=data["available"] - 1)
    compact(world, 0.7)
    assert core(world).invariants == {2}


# --- logs that are being written ----------------------------------------------------------------------


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_written_while_the_check_reads_is_no_finding(seed):
    """Of each partition, another part of what came after the reading began has been read."""
    rng = Random(seed)
    for _ in range(10):
        world = World(seed).run(2)
        world.log.records.sort(key=lambda record: (record.event["timestamp"], record.place))
        events = [record.event for record in world.log.records]
        began = rng.choice([i for i, event in enumerate(events) if event["event_type"] != "StockLevelChanged"])
        young = {id(record) for record in world.log.records[began:]}
        for topic, count in PARTITIONS.items():
            for partition in range(count):
                late = [r for r in world.log.of(topic) if r.partition == partition and id(r) in young]
                for record in late[rng.randint(0, len(late)):]:
                    world.remove(record)
        assert core(world, final=False, young=lambda record: id(record) in young).findings == []
