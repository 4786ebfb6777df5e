"""Services of two versions of the schemas run side by side, and take over from each other.

The next version is made here, from schemas/ as they are: every event and every entry of its lists
gets one more member, as the rules of schemas/compatibility.py want it. Its services are built once
and kept in the build directory.
"""

import json
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.cluster import ROOT, build_dir
from support.events import SERVICES, WRITER_OF
from support.orders import Kind, OrderMix
from support.waiting import wait_until

BUILD_S = 300
RATE = 30
ORDERS = 40
REACTION_S = 15
MEMBER = {"type": "integer", "minimum": 0, "maximum": 9, "default": 0}
NEXT = 2
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
            document["properties"]["schema_version"]["default"] = NEXT
        path.write_text(json.dumps(document))


def copy_if_changed(source: str, target: str) -> None:
    """The build looks at the times."""
    if not Path(target).exists() or Path(source).read_bytes() != Path(target).read_bytes():
        shutil.copyfile(source, target)


@pytest.fixture(scope="module")
def next_build(tmp_path_factory) -> Path:
    """Where the four services of the next version are."""
    folder = build_dir() / "next-version"
    fresh = tmp_path_factory.mktemp("next-version") / "schemas"
    shutil.copytree(ROOT / "schemas", fresh, ignore=shutil.ignore_patterns("examples"))
    write_next_version(fresh)
    run(sys.executable, "-B", str(fresh / "compatibility.py"))
    shutil.copytree(fresh, folder / "schemas", copy_function=copy_if_changed, dirs_exist_ok=True)
    run(str(ROOT / "scripts/build"), "--schemas", str(folder / "schemas"), "--dir", str(folder / "build"),
        *(f"{name}-service" for name in SERVICES))
    return folder / "build"


def run(*command: str) -> None:
    result = subprocess.run(command, capture_output=True, text=True, timeout=BUILD_S)
    assert result.returncode == 0, f"{command}\n{result.stdout[-2000:]}{result.stderr[-2000:]}"


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
