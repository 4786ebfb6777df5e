"""Services of two versions of the schemas run side by side, and take over from each other.

The next version is made here, from schemas/ as they are: every event and every entry of its lists
gets one more member, as the rules of schemas/compatibility.py want it. Its services are built once
and kept in the build directory.
"""

import json
import random
import sys
from pathlib import Path

import pytest
from support import schemas, versions
from support.cluster import build_dir
from support.events import SERVICES, WRITER_OF
from support.orders import Kind, OrderMix
from support.waiting import wait_until

RATE = 30
ORDERS = 40
REACTION_S = 15
MEMBER = {"type": "integer", "minimum": 0, "maximum": 9, "default": 0}
NEXT = schemas.load_schema("envelope.json")["x-schema-version"] + 1
ALL_KINDS = dict.fromkeys(Kind, 1) | {Kind.SHIPPED: 3}


def add_member(schema: dict) -> None:
    schema["properties"]["added"] = MEMBER


def write_next_version(root: Path) -> None:
    for path in root.glob("**/*.json"):
        if "released" in path.parts:
            continue
        document = json.loads(path.read_text())
        if path.parent.name == "events":
            add_member(document["properties"]["data"])
        elif path.name == "types.json":
            add_member(document["$defs"]["order_item"])
            add_member(document["$defs"]["item_line"])
        elif path.name == "envelope.json":
            document["x-schema-version"] = NEXT
        path.write_text(json.dumps(document))
    versions.run(sys.executable, "-B", str(root / "compatibility.py"))


@pytest.fixture(scope="module")
def next_build() -> Path:
    """Where the four services of the next version are."""
    return versions.build("next", write_next_version, (f"{name}-service" for name in SERVICES))


def versions_written(log, names) -> set[int]:
    return {record.event["schema_version"] for record in log.records
            if record.event and WRITER_OF.get(record.event["event_type"]) in names}


def assert_written_as_announced(log, next_names) -> None:
    """The services of the next version write all that it has; those of this one, nothing of it."""
    assert versions_written(log, next_names) == {NEXT}
    assert versions_written(log, set(SERVICES) - set(next_names)) == {1}
    for record in log.records:
        if record.event:
            is_next = record.event["schema_version"] == NEXT
            objects = [record.event["data"], *record.event["data"].get("items", ())]
            assert all((value.get("added") == MEMBER["default"]) == is_next for value in objects), record


@pytest.mark.parametrize("next_names", [("order", "inventory"), ("payment", "shipping")], ids="+".join)
def test_two_versions_work_side_by_side(system, next_build, next_names):
    for name in next_names:
        system.service(name).use(next_build)
    system.begin()
    for order in (system.orders.of(kind) for kind in Kind for _ in range(ORDERS // len(Kind))):
        system.place(order)
    system.wait_final()
    assert_written_as_announced(system.assert_sound(), next_names)


def test_services_take_over_from_the_other_version_under_load(saga, next_build, rng):
    """Forwards, in any order, and back again. What one version has left, the other goes on with."""
    running = saga.load(RATE, OrderMix(rng, ALL_KINDS))
    for build in (next_build, build_dir()):
        for name in random_order(rng):
            take_over(saga, name, build, rng)
    running.stop()
    saga.wait_final()
    log = saga.assert_sound()
    for name in SERVICES:
        assert versions_written(log, {name}) == {1, NEXT}, name


def random_order(rng: random.Random) -> list[str]:
    return rng.sample(SERVICES, len(SERVICES))


def take_over(saga, name: str, build: Path, rng: random.Random) -> None:
    """Killed, it leaves work to be done again: by the ledger, which the other version wrote."""
    service = saga.service(name)
    rng.choice((service.stop, service.kill9))()
    service.use(build).start()
    count = len(saga.history.accepted())
    wait_until(lambda: len(saga.history.accepted()) > count + RATE, REACTION_S, "orders are placed")
