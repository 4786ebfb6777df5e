"""The generator refuses what the codec could not enforce, and files that contradict each other."""

import json
import shutil
import subprocess
import sys

import pytest
from support import schemas


@pytest.fixture
def copy(tmp_path):
    """A copy of schemas/ that a test may spoil."""
    shutil.copytree(schemas.ROOT, tmp_path / "schemas", ignore=shutil.ignore_patterns("examples", "released"))
    (tmp_path / "out").mkdir()
    return tmp_path


def generate(copy):
    command = [sys.executable, "-B", copy / "schemas/generate.py", copy / "out", copy / "out/depfile"]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def change(copy, file, edit):
    path = copy / "schemas" / file
    document = json.loads(path.read_text())
    edit(document)
    path.write_text(json.dumps(document))


def members(document):
    return document["properties"]["data"]["properties"]


def test_the_same_schemas_give_the_same_output(copy):
    assert generate(copy).returncode == 0
    first = [path.read_text() for path in sorted((copy / "out").iterdir())]
    assert generate(copy).returncode == 0
    assert [path.read_text() for path in sorted((copy / "out").iterdir())] == first


def test_every_file_that_was_read_is_a_dependency(copy):
    generate(copy)
    depfile = (copy / "out/depfile").read_text()
    for path in (copy / "schemas").rglob("*"):
        if path.suffix in (".json", ".py"):
            assert str(path) in depfile


def topic(document, name):
    return next(entry for entry in document["topics"] if entry["name"] == name)


CASES = {
    "a number that is not money": (
        "types.json", lambda d: d["$defs"]["amount"].pop("multipleOf"), "needs 'multipleOf': 0.01"),
    "another precision": (
        "types.json", lambda d: d["$defs"]["amount"].update(multipleOf=0.001), "needs 'multipleOf'"),
    "an unbounded integer": (
        "types.json", lambda d: d["$defs"]["stock_level"].pop("maximum"), "'maximum' is missing"),
    "an unbounded text": (
        "types.json", lambda d: d["$defs"]["reason"].pop("maxLength"), "needs minLength and maxLength"),
    "a free pattern": (
        "types.json", lambda d: d["$defs"]["reason"].update(pattern="^a+$"), "'not' for pattern"),
    "a pattern that is no character class": (
        "types.json", lambda d: d["$defs"]["reason"].update({"not": {"pattern": "ab"}}), "one ASCII class"),
    "another pattern for a UUID": (
        "types.json", lambda d: d["$defs"]["uuid"].update(pattern="^.{36}$"), "format uuid goes with"),
    "an unknown format": (
        "types.json", lambda d: d["$defs"]["uuid"].update(format="email"), "format email"),
    "a keyword that C does not enforce": (
        "types.json", lambda d: d["$defs"]["stock_level"].update(exclusiveMinimum=3), "exclusiveMinimum"),
    "an object that is closed": (
        "types.json", lambda d: d["$defs"]["item_line"].update(additionalProperties=False),
        "additionalProperties"),
    "an unbounded object": (
        "types.json", lambda d: d["$defs"]["item_line"].pop("maxProperties"), "'maxProperties' is missing"),
    "an unbounded list": (
        "types.json", lambda d: d["$defs"]["item_lines"].pop("maxItems"), "'maxItems' is missing"),
    "a rule beside a reference": (
        "events/StockReceived.json", lambda d: members(d)["quantity"].update(maximum=5), "beside $ref"),
    "a reference to nothing": (
        "events/StockReceived.json",
        lambda d: members(d).update(quantity={"$ref": "../types.json#/$defs/none"}), "no '#/$defs/none'"),
    "an optional member without a default": (
        "events/StockReceived.json",
        lambda d: d["properties"]["data"]["required"].remove("quantity"), "needs a valid default"),
    "a key that may be absent": (
        "events/StockReceived.json",
        lambda d: d["properties"]["data"]["required"].remove("product_id"), "is the key of stock-receipts"),
    "an event type that is not the file's name": (
        "events/StockReceived.json",
        lambda d: d["properties"]["event_type"].update(const="Stock"), "properties must be"),
    "a member required but not described": (
        "events/StockReceived.json",
        lambda d: d["properties"]["data"]["required"].append("colour"), "required, but not described"),
    "a topic twice": (
        "topics.json", lambda d: d["topics"].append(d["topics"][0]), "more than one topic"),
    "an event without a topic": (
        "topics.json", lambda d: topic(d, "order-outcomes")["events"].pop(), "no topic for"),
    "an event without a schema": (
        "topics.json", lambda d: topic(d, "orders")["events"].append("OrderArchived"), "OrderArchived.json"),
    "topics of one key that are not co-partitioned": (
        "topics.json", lambda d: d["topics"][0].update(partitions=8), "differ in partitions"),
    "a consumer of what is not there": (
        "topics.json", lambda d: topic(d, "orders")["consumers"].update(payment=["StockReceived"]), "consumer"),
    "replays that are not co-partitioned": (
        "topics.json", lambda d: topic(d, "payment.replays").update(partitions=1), "differ in partitions"),
    "more inventory shards than one": (
        "topics.json", lambda d: d["services"]["inventory"].update(shards=2), "shards must be 1..1"),
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.replace(" ", "-"))
def test_the_generator_refuses(copy, case):
    file, edit, message = CASES[case]
    change(copy, file, edit)
    result = generate(copy)
    assert result.returncode == 1
    assert message in result.stderr
    assert result.stderr.startswith("generate.py: ") and result.stderr.count("\n") == 1
