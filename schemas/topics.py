"""Reads topics.json for generate.py and checks that it agrees with the schemas and with itself."""

import re
from dataclasses import dataclass, field

from model import Schemas, SchemaError

MEMBERS = {
    "name", "description", "writer", "key", "events", "partitions", "retention_ms", "compacted",
    "config", "consumers", "views", "also_written_by", "shards_of",
}
NO_MEMBERS_OF_TOPIC = ("views", "also_written_by")
RETENTION_OF_NOTHING_MS = 86400000  # shard topics stay empty; Kafka wants a number


@dataclass
class Topic:
    name: str
    description: str
    writer: str = ""
    key: str = ""
    events: list = field(default_factory=list)
    partitions: int = 0
    retention_ms: int = -1
    compacted: bool = False
    config: dict = field(default_factory=dict)
    consumers: dict = field(default_factory=dict)
    shards_of: str = ""
    may_read: list = field(default_factory=list)  # what ACLs are made of, as the next
    may_write: list = field(default_factory=list)


def read_topics(schemas: Schemas):
    """Returns the topics in the order of topics.json."""
    document = read_document(schemas)
    topics = [read_topic(entry, document["services"]) for entry in document["topics"]]
    check_names([topic.name for topic in topics], "topic")
    check_names([name for topic in topics for name in topic.events], "event")
    check_co_partitioning(topics)
    for entry in document["topics"]:
        check_consumers(entry, document["services"])
    check_files(schemas, topics)
    return topics


def read_document(schemas: Schemas) -> dict:
    return schemas.load(schemas.root / "topics.json")


def read_services(schemas: Schemas) -> dict:
    """Name to the largest number of shards, in the order of topics.json."""
    return {name: shards["shards_max"] for name, shards in read_document(schemas)["services"].items()}


def read_topic(entry: dict, services: dict) -> Topic:
    name = entry.get("name", "")
    if not re.fullmatch(r"[a-z][a-z.-]*", name):
        raise SchemaError(f"topics.json: '{name}' is no topic name")
    if set(entry) - MEMBERS:
        raise SchemaError(f"topics.json: {name}: unknown {sorted(set(entry) - MEMBERS)}")
    if "shards_of" in entry:
        return read_shards_topic(entry, services)
    topic = Topic(**{key: value for key, value in entry.items() if key not in NO_MEMBERS_OF_TOPIC})
    if topic.partitions < 1 or topic.writer not in {*services, "operator"}:
        raise SchemaError(f"topics.json: {name}: needs partitions and a known writer")
    if topic.compacted == ("retention_ms" in entry):
        raise SchemaError(f"topics.json: {name}: either compacted or retention_ms")
    if bool(topic.events) != bool(topic.key):
        raise SchemaError(f"topics.json: {name}: a topic with events has a key")
    topic.may_read = readers_of(entry, services)
    topic.may_write = [topic.writer, *entry.get("also_written_by", {})]
    return topic


def readers_of(entry: dict, services: dict) -> list:
    """Consumers, views, the writer of a ledger, and the operator, who may look at everything."""
    named = {*entry.get("consumers", {}), *entry.get("views", []), "operator"}
    if "events" in entry:
        named.add(entry["writer"])
    return [name for name in [*services, "operator"] if name in named]


def read_shards_topic(entry: dict, services: dict) -> Topic:
    service = entry["shards_of"]
    shards = services[service]
    if entry["name"] != f"{service}.shards" or set(entry) != {"name", "description", "shards_of"}:
        raise SchemaError(f"topics.json: {entry['name']}: must be just {service}.shards")
    if not 1 <= shards["shards"] <= shards["shards_max"]:
        raise SchemaError(f"topics.json: {service}: shards must be 1..{shards['shards_max']}")
    return Topic(entry["name"], entry["description"], partitions=shards["shards"],
                 retention_ms=RETENTION_OF_NOTHING_MS, shards_of=service, may_read=[service])


def check_names(names: list, what: str):
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise SchemaError(f"topics.json: more than one {what} {sorted(twice)}")


def check_co_partitioning(topics: list):
    """One order is one partition everywhere, also when a record of it is replayed."""
    counts = {topic.partitions for topic in topics
              if topic.key == "order_id" or topic.name.endswith(".replays")}
    if len(counts) > 1:
        raise SchemaError(f"topics.json: keyed by order_id, or replayed: differ in partitions: {counts}")


def check_consumers(entry: dict, services: dict):
    for service, events in entry.get("consumers", {}).items():
        if service not in services or set(events) - set(entry["events"]):
            raise SchemaError(f"topics.json: {entry['name']}: consumer {service} of {events}")
    for name, events in entry.get("also_written_by", {}).items():
        if name not in {*services, "operator"} or set(events) - set(entry["events"]):
            raise SchemaError(f"topics.json: {entry['name']}: also written by {name}: {events}")
    if set(entry.get("views", [])) - {*services, "operator", "anyone"}:
        raise SchemaError(f"topics.json: {entry['name']}: views {entry['views']}")


def check_files(schemas: Schemas, topics: list):
    """Every schema belongs to a topic; the reverse shows when the schema is read."""
    listed = {name for topic in topics for name in topic.events}
    found = {path.stem for path in (schemas.root / "events").glob("*.json")}
    if found - listed:
        raise SchemaError(f"topics.json: no topic for {sorted(found - listed)}")
