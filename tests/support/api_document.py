"""schemas/openapi.yaml as the tests see it: its examples, each with the request that it answers.

An example of an answer says in `x-request` {path, query, headers, body} what was asked; without it, it
answers the example of the same name in the request body, or the plain request.
"""

import re
import runpy
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

import yaml
from jsonschema import Draft202012Validator
from support import schemas

METHODS = ("get", "post")
# What is different each time, and how it looks.
VOLATILE = {
    "<id>": r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    "<time>": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z",
    "<cursor>": r"01[0-7][0-9a-f]{47}",
    "id: <position>": r"id: [ao]1:[0-9./]*",
}
NUMBERS = {"partition", "offset", "delay_ms", "waiting_ms", "on_hand", "reserved", "available"}


def load() -> dict:
    return yaml.safe_load((schemas.ROOT / "openapi.yaml").read_text())


@dataclass
class Example:
    operation: str
    method: str
    path: str  # the template
    status: int
    name: str
    content_type: str
    value: object
    response: dict
    request: dict = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.operation}-{self.status}-{self.name}"


def operations(document: dict) -> Iterator[tuple[str, str, dict]]:
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                yield method, path, item[method]


def examples() -> list[Example]:
    """All that stand with an answer."""
    return [
        Example(operation["operationId"], method.upper(), path, int(status), name, content_type,
                example["value"], response, example.get("x-request") or request_of(operation, name))
        for method, path, operation in operations(load())
        for status, response in operation["responses"].items()
        for content_type, content in response.get("content", {}).items()
        for name, example in content.get("examples", {}).items()]


def bodies(operation: dict) -> dict:
    """The examples of an operation's request body."""
    return operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("examples", {})


def request_of(operation: dict, name: str) -> dict:
    example = bodies(operation).get(name)
    return {"body": example["value"]} if example else {}


def masked(value, name: str = ""):
    """Without what is different each time, and numbers as JSON knows them."""
    if isinstance(value, dict):
        return {key: masked(entry, key) for key, entry in value.items()}
    if isinstance(value, list):
        return [masked(entry) for entry in value]
    if isinstance(value, str):
        for mask, pattern in VOLATILE.items():
            value = re.sub(pattern, mask, value)
        return value
    if name in NUMBERS and isinstance(value, int) and not isinstance(value, bool):
        return "<number>"
    return value


@lru_cache
def closed() -> dict:
    """The document in one piece, as if no answer might have a member that it does not name."""
    document = runpy.run_path(str(schemas.ROOT / "openapi.py"))["Bundle"](schemas.ROOT).run()
    close(document["components"]["schemas"])
    return document


def close(schema) -> None:
    if isinstance(schema, dict):
        for entry in schema.values():
            close(entry)
        if schema.get("type") == "object" and "properties" in schema:
            schema.setdefault("unevaluatedProperties" if "allOf" in schema else "additionalProperties", False)
    for entry in schema if isinstance(schema, list) else ():
        close(entry)


def undescribed(path: str, method: str, status: int, content_type: str, value) -> list[str]:
    """Members of a JSON answer that its description does not have."""
    response = closed()["paths"][path].get(method.lower(), {}).get("responses", {}).get(str(status), {})
    schema = response.get("content", {}).get(content_type, {}).get("schema", {})
    validator = Draft202012Validator({**schema, "components": closed()["components"]})
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)
            if error.validator in ("additionalProperties", "unevaluatedProperties")]
