"""The compatibility gate refuses each change that would part two versions, and no other."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support import schemas


def gate(root: Path, *arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-B", root / "compatibility.py", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    """A copy of schemas/, released as it is."""
    root = tmp_path_factory.mktemp("released") / "schemas"
    shutil.copytree(schemas.ROOT, root, ignore=shutil.ignore_patterns("examples", "released"))
    assert gate(root, "--release", "1").returncode == 0
    return root


@pytest.fixture
def copy(tmp_path, released):
    """The same, whose next version a test may spoil."""
    return Path(shutil.copytree(released, tmp_path / "schemas"))


def change(root: Path, file: str, edit):
    path = root / file
    document = json.loads(path.read_text())
    edit(document)
    path.write_text(json.dumps(document))


def data(document) -> dict:
    return document["properties"]["data"]


def topic(document, name: str) -> dict:
    return next(topic for topic in document["topics"] if topic["name"] == name)


def at(name: str) -> str:
    """Where topics.json has the topic."""
    return f"topics.json#/topics/{[topic['name'] for topic in schemas.TOPICS].index(name)}"


def move_event(document):
    topic(document, "order-outcomes")["events"].remove("OrderCompleted")
    topic(document, "shipments")["events"].append("OrderCompleted")


def rename_member(document):
    members = data(document)["properties"]
    members["sum"] = members.pop("currency")


def definition(name, **rules):
    return lambda document: document["$defs"][name].update(rules)


def without(name, rule):
    return lambda document: document["$defs"][name].pop(rule)


def new_member(**schema):
    return lambda document: data(document)["properties"].update(channel=schema)


def new_required_member(document):
    new_member(type="string", minLength=1, maxLength=9, default="web")(document)
    data(document)["required"].append("channel")


TYPES, PLACED, TOPICS, ENVELOPE = "types.json", "events/OrderPlaced.json", "topics.json", "envelope.json"
SCHEMA_VERSION = "envelope.json#/x-schema-version"
NOW = schemas.load_schema("envelope.json")["x-schema-version"]
MEMBERS = "events/OrderPlaced.json#/properties/data/properties"
NEW = {"type": "integer", "minimum": 0, "maximum": 9, "default": 0}
REFUSED = {  # file, what is done to it, how the line begins
    "a member removed": (
        PLACED, lambda d: data(d)["properties"].pop("currency"), f"{MEMBERS}/currency: the member was removed"),
    "a member renamed": (PLACED, rename_member, f"{MEMBERS}/currency: the member was removed"),
    "a member of a list's entries removed": (
        TYPES, lambda d: d["$defs"]["item_line"]["properties"].pop("quantity"),
        "types.json#/$defs/item_line/properties/quantity: the member was removed"),
    "a member of the envelope removed": (
        ENVELOPE, lambda d: d["properties"].pop("causation_id"),
        "envelope.json#/properties/causation_id: the member was removed"),
    "an optional member made required": (
        PLACED, lambda d: data(d)["required"].append("currency"),
        f"{MEMBERS}/currency: the member is now required"),
    "a required member made optional": (
        PLACED, lambda d: data(d)["required"].remove("customer_id"),
        f"{MEMBERS}/customer_id: the member was required"),
    "a new required member": (PLACED, new_required_member, f"{MEMBERS}/channel: the new member is required"),
    "a new member without a default": (
        PLACED, new_member(type="string", minLength=1, maxLength=9),
        f"{MEMBERS}/channel: the new member has no default"),
    "a type narrowed": (
        TYPES, definition("amount", type="integer"), 'types.json#/$defs/amount/type: was "number", is "integer"'),
    "a type widened": (
        TYPES, definition("stock_level", type="number"), "types.json#/$defs/stock_level/type: "),
    "a type changed": (TYPES, definition("reason", type="array"), "types.json#/$defs/reason/type: "),
    "an enum value removed": (
        TYPES, lambda d: d["$defs"]["currency"]["enum"].remove("EUR"), "types.json#/$defs/currency/enum: was"),
    "an enum value added": (
        TYPES, lambda d: d["$defs"]["currency"]["enum"].append("RON"), "types.json#/$defs/currency/enum: was"),
    "an enum added": (TYPES, definition("reason", enum=["late"]), "types.json#/$defs/reason/enum: was absent"),
    "an enum dropped": (TYPES, without("currency", "enum"), "types.json#/$defs/currency/enum: was"),
    "a minimum raised": (TYPES, definition("amount", minimum=1), "types.json#/$defs/amount/minimum: was 0, is 1"),
    "a minimum lowered": (TYPES, definition("amount", minimum=-1), "types.json#/$defs/amount/minimum: was 0"),
    "a maximum lowered": (
        TYPES, definition("received_quantity", maximum=7),
        "types.json#/$defs/received_quantity/maximum: was 1000000000, is 7"),
    "a maximum raised": (
        TYPES, definition("received_quantity", maximum=10**10), "types.json#/$defs/received_quantity/maximum: "),
    "a maximum dropped": (
        TYPES, without("amount", "maximum"), "types.json#/$defs/amount/maximum: was 1000000000000, is absent"),
    "an exclusive minimum added": (
        TYPES, definition("amount", exclusiveMinimum=0), "types.json#/$defs/amount/exclusiveMinimum: was absent"),
    "minLength raised": (TYPES, definition("reason", minLength=2), "types.json#/$defs/reason/minLength: "),
    "minLength lowered": (TYPES, definition("reason", minLength=0), "types.json#/$defs/reason/minLength: "),
    "maxLength lowered": (TYPES, definition("reason", maxLength=20), "types.json#/$defs/reason/maxLength: "),
    "maxLength raised": (TYPES, definition("reason", maxLength=999), "types.json#/$defs/reason/maxLength: "),
    "minItems changed": (TYPES, definition("item_lines", minItems=0), "types.json#/$defs/item_lines/minItems: "),
    "maxItems lowered": (TYPES, definition("order_items", maxItems=9), "types.json#/$defs/order_items/maxItems: "),
    "maxItems raised": (TYPES, definition("order_items", maxItems=999), "types.json#/$defs/order_items/maxItems: "),
    "uniqueItems added": (
        TYPES, definition("order_items", uniqueItems=True), "types.json#/$defs/order_items/uniqueItems: "),
    "maxProperties lowered": (
        TYPES, definition("order_item", maxProperties=3), "types.json#/$defs/order_item/maxProperties: "),
    "maxProperties raised": (
        ENVELOPE, lambda d: d.update(maxProperties=64), "envelope.json#/maxProperties: was 32, is 64"),
    "an object closed": (
        TYPES, definition("order_item", additionalProperties=False),
        "types.json#/$defs/order_item/additionalProperties: was absent, is false"),
    "multipleOf changed": (
        TYPES, definition("amount", multipleOf=0.001), "types.json#/$defs/amount/multipleOf: was"),
    "a pattern changed": (TYPES, definition("uuid", pattern="^.{36}$"), "types.json#/$defs/uuid/pattern: was"),
    "a forbidden character allowed": (
        TYPES, definition("product_id", **{"not": {"pattern": "[^A-Za-z0-9._: -]"}}),
        "types.json#/$defs/product_id/not: was"),
    "a format dropped": (TYPES, without("timestamp", "format"), "types.json#/$defs/timestamp/format: was"),
    "more bytes": (
        ENVELOPE, lambda d: d.update({"x-bytes-max": 131072}), "envelope.json#/x-bytes-max: was 65536, is 131072"),
    "less depth": (ENVELOPE, lambda d: d.update({"x-depth-max": 7}), "envelope.json#/x-depth-max: was 8, is 7"),
    "a const changed": (
        PLACED, lambda d: d["properties"]["event_type"].update(const="OrderMade"),
        "events/OrderPlaced.json#/properties/event_type/const: was"),
    "a default changed": (
        TYPES, definition("currency", default="EUR"), 'types.json#/$defs/currency/default: was "USD", is "EUR"'),
    "a default removed": (TYPES, without("currency", "default"), "types.json#/$defs/currency/default: was"),
    "a default changed beside the reference": (
        PLACED, lambda d: data(d)["properties"]["currency"].update(default="EUR"),
        f"{MEMBERS}/currency/default: was"),
    "another type referred to": (
        PLACED, lambda d: data(d)["properties"].update(customer_id={"$ref": "../types.json#/$defs/reason"}),
        "types.json#/$defs/reason/maxLength: was 64, is 200"),
    "entries of another type": (
        TYPES, lambda d: d["$defs"]["order_items"].update(items={"$ref": "#/$defs/item_line"}),
        "types.json#/$defs/order_item/properties/unit_price: the member was removed"),
    "no envelope": (PLACED, lambda d: d.pop("allOf"), "events/OrderPlaced.json#/allOf: was"),
    "one rule more": (PLACED, lambda d: d["allOf"].append({}), "events/OrderPlaced.json#/allOf: was"),
    "a member without a new schema_version": (PLACED, new_member(**NEW), f"{SCHEMA_VERSION}: was {NOW}, is {NOW}"),
    "a schema_version left out": (
        ENVELOPE, lambda d: d.update({"x-schema-version": NOW + 2}),
        f"{SCHEMA_VERSION}: was {NOW}, is {NOW + 2}"),
    "another version of events without one": (
        ENVELOPE, lambda d: d["properties"]["schema_version"].update(default=NOW + 1),
        f"envelope.json#/properties/schema_version/default: was {NOW}, is {NOW + 1}"),
    "an event removed": (
        TOPICS, lambda d: topic(d, "orders")["events"].remove("OrderPlaced"),
        "events/OrderPlaced.json#: the event was removed"),
    "an event in another topic": (TOPICS, move_event, at("shipments") + "/events: OrderCompleted was in"),
    "a topic removed": (
        TOPICS, lambda d: d["topics"].remove(topic(d, "payment.dead-letters")),
        "topics.json#/topics: payment.dead-letters was removed"),
    "a topic renamed": (
        TOPICS, lambda d: topic(d, "stock").update(name="levels"), "topics.json#/topics: stock was removed"),
    "another key": (
        TOPICS, lambda d: topic(d, "orders").update(key="customer_id"), at("orders") + "/key: of orders"),
    "other partitions": (
        TOPICS, lambda d: topic(d, "orders").update(partitions=8),
        at("orders") + "/partitions: of orders, was 4, is 8"),
    "another writer": (
        TOPICS, lambda d: topic(d, "orders").update(writer="payment"), at("orders") + "/writer: of orders"),
    "a topic no longer compacted": (
        TOPICS, lambda d: topic(d, "stock").pop("compacted"), at("stock") + "/compacted: of stock, was true"),
    "shards of another service": (
        TOPICS, lambda d: topic(d, "order.shards").update(shards_of="payment"),
        at("order.shards") + "/shards_of: of order.shards"),
}


def next_version(document):
    document["x-schema-version"] = NOW + 1


def move_type(root):
    """The same type under another name, in another file."""
    change(root, PLACED, lambda d: data(d)["properties"]["customer_id"].update(
        {"$ref": "../people.json#/$defs/buyer"}))
    person = json.loads((root / TYPES).read_text())["$defs"]["customer_id"]
    (root / "people.json").write_text(json.dumps({"$defs": {"buyer": person}}))


def add_event(root):
    event = (root / PLACED).read_text().replace("OrderPlaced", "OrderArchived")
    (root / "events/OrderArchived.json").write_text(event)
    change(root, TOPICS, lambda d: topic(d, "orders")["events"].append("OrderArchived"))


def add_members(root):
    change(root, ENVELOPE, next_version)
    for file in (PLACED, "events/PaymentProcessed.json"):
        change(root, file, new_member(**NEW))
    change(root, TYPES, lambda d: d["$defs"]["order_item"]["properties"].update(gift=NEW))


ALLOWED = {
    "nothing": lambda root: None,
    "members with defaults in a new version": add_members,
    "an event": add_event,
    "a topic before the others": lambda root: change(root, TOPICS, lambda d: d["topics"].insert(0, {
        "name": "order-archive", "description": "-", "writer": "order", "partitions": 4, "retention_ms": 1})),
    "other words": lambda root: change(
        root, TYPES, lambda d: d["$defs"]["amount"].update(title="T", description="D", examples=[1])),
    "another order of values": lambda root: change(root, TYPES, lambda d: d["$defs"]["currency"]["enum"].sort()),
    "another order of required members": lambda root: change(root, PLACED, lambda d: data(d)["required"].reverse()),
    "a type moved": move_type,
    "another retention": lambda root: change(
        root, TOPICS, lambda d: topic(d, "orders").update(retention_ms=86400000)),
    "another consumer": lambda root: change(
        root, TOPICS, lambda d: topic(d, "orders")["consumers"].update(shipping=["OrderPlaced"])),
}


def test_the_schemas_are_compatible_with_their_last_release():
    result = gate(schemas.ROOT)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.replace(" ", "-"))
def test_the_gate_refuses(copy, case):
    file, edit, line = REFUSED[case]
    change(copy, file, edit)
    result = gate(copy)
    assert result.returncode == 1
    lines = result.stderr.splitlines()
    assert any(found.startswith(line) for found in lines), result.stderr
    assert all(found.partition(": ")[0].count("#") == 1 and ".json#" in found for found in lines), result.stderr
    assert len(lines) == len(set(lines))


@pytest.mark.parametrize("case", ALLOWED, ids=lambda case: case.replace(" ", "-"))
def test_the_gate_allows(copy, case):
    ALLOWED[case](copy)
    result = gate(copy)
    assert (result.returncode, result.stderr) == (0, "")


def test_what_was_allowed_is_the_next_release_and_binds_from_then_on(copy):
    add_members(copy)
    assert gate(copy, "--release", "2").returncode == 0
    assert gate(copy).returncode == 0
    change(copy, PLACED, lambda d: data(d)["properties"].pop("channel"))
    assert gate(copy).stderr == f"{MEMBERS}/channel: the member was removed\n"


def test_what_is_refused_cannot_be_released(copy):
    change(copy, PLACED, new_required_member)
    assert gate(copy, "--release", "2").returncode == 1
    assert not (copy / "released/2").exists()


@pytest.mark.parametrize("number", ["0", "1", "3"])
def test_no_release_is_overwritten_or_left_out(copy, number):
    assert gate(copy, "--release", number).stderr == f"the newest release is 1: the next one is not {number}\n"


def test_a_checkout_without_a_release_is_no_success(copy):
    shutil.rmtree(copy / "released")
    assert gate(copy).stderr == "there is no release to compare with\n"
