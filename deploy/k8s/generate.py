#!/usr/bin/env python3
"""Writes topics.yaml, users.yaml and services.yaml: generate.py SAGACTL [DIRECTORY].

Topics and services are those of schemas/topics.json; users may do what `sagactl acls` says. What it
writes is committed, so that kubectl is all that an installation needs; tests/deploy compares.
"""

import json
import subprocess
import sys
from pathlib import Path
from string import Template

import yaml

HERE = Path(__file__).resolve().parent
TOPICS = HERE.parent.parent / "schemas/topics.json"
CLUSTER = "saga"
REPLICAS = 3
PORT_FIRST = 8080  # the defaults of the executables: counted up in the order of topics.json
RETENTION_OF_NOTHING_MS = 86400000  # shard topics stay empty; as in schemas/topics.py
HEADER = "# Made by generate.py; do not edit.\n"


def resource(kind: str, name: str, spec: dict) -> dict:
    return {
        "apiVersion": "kafka.strimzi.io/v1",
        "kind": kind,
        "metadata": {"name": name, "labels": {"strimzi.io/cluster": CLUSTER}},
        "spec": spec,
    }


def topic(entry: dict, services: dict) -> dict:
    """As `sagactl topics apply` would create it."""
    if "shards_of" in entry:
        partitions = services[entry["shards_of"]]["shards"]
        retention_ms = RETENTION_OF_NOTHING_MS
    else:
        partitions = entry["partitions"]
        retention_ms = entry.get("retention_ms")
    config = {"cleanup.policy": "compact" if entry.get("compacted") else "delete"}
    if retention_ms is not None:
        config["retention.ms"] = str(retention_ms)
    config.update(entry.get("config", {}))
    return resource("KafkaTopic", entry["name"],
                    {"partitions": partitions, "replicas": REPLICAS, "config": config})


def user(principal: dict) -> dict:
    """Its certificate is in the Secret of its name."""
    return resource("KafkaUser", principal["role"], {
        "authentication": {"type": "tls"},
        "authorization": {"type": "simple", "acls": principal["acls"]},
    })


def documents(items: list) -> str:
    return HEADER + yaml.safe_dump_all(items, sort_keys=False, width=100)


def services_document(services: dict) -> str:
    template = Template((HERE / "service.template.yaml").read_text())
    parts = [(HERE / "shared.template.yaml").read_text()]
    parts += [template.substitute(service=name, port=PORT_FIRST + i) for i, name in enumerate(services)]
    # The first line of each template says what it is a template of.
    return HEADER + "---\n".join(part.split("\n", 1)[1] for part in parts)


def generate(sagactl: str) -> dict:
    """File name to text."""
    catalogue = json.loads(TOPICS.read_text())
    acls = subprocess.run([sagactl, "acls", "--format", "json"], check=True, capture_output=True,
                          env={}, text=True).stdout
    return {
        "topics.yaml": documents([topic(entry, catalogue["services"]) for entry in catalogue["topics"]]),
        "users.yaml": documents([user(principal) for principal in json.loads(acls)["principals"]]),
        "services.yaml": services_document(catalogue["services"]),
    }


def main(arguments: list):
    if not 1 <= len(arguments) <= 2:
        sys.exit(__doc__)
    directory = Path(arguments[1]) if len(arguments) == 2 else HERE
    for name, text in generate(arguments[0]).items():
        (directory / name).write_text(text)


if __name__ == "__main__":
    main(sys.argv[1:])
