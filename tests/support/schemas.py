"""The schemas as an independent JSON Schema validator sees them: the second opinion on every event.

    violations(event_bytes)   [] when the event is valid; otherwise the faults, as text
    pointers(event_bytes)     the same as JSON pointers, to compare with the codec's error lines
    judge(event_bytes)        "accept", "refuse" or "unknown", as the C codec must decide

What lies below JSON Schema (bytes, depth, UTF-8, members that stand twice) is refused by
parse_event(). Nothing here uses floating point: numbers are int or Decimal.
"""

import decimal
import json
from decimal import Decimal
from functools import lru_cache
from pathlib import Path

import jsonschema_rs
from jsonschema import Draft202012Validator, validators
from referencing import Registry
from referencing.jsonschema import DRAFT202012

ROOT = Path(__file__).resolve().parents[2] / "schemas"
BASE = "file:///schemas/"

_formats = Draft202012Validator.FORMAT_CHECKER
if not {"uuid", "date-time"} <= set(_formats.checkers):
    raise ImportError("jsonschema cannot check 'date-time': install rfc3339-validator")


def load_schema(path):
    """A schema by its path below schemas/. Decimal, so that multipleOf 0.01 is exact."""
    return json.loads((ROOT / path).read_text(encoding="utf-8"), parse_float=Decimal)


ENVELOPE = load_schema("envelope.json")
TOPICS = load_schema("topics.json")["topics"]
EVENT_TYPES = [name for topic in TOPICS for name in topic.get("events", [])]


def _is_integer(_checker, value):
    if isinstance(value, Decimal):
        return value.is_finite() and value == value.to_integral_value()
    return isinstance(value, int) and not isinstance(value, bool)


_Validator = validators.extend(
    Draft202012Validator,
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine("integer", _is_integer),
)


def _resources():
    for path in ROOT.rglob("*.json"):
        name = path.relative_to(ROOT).as_posix()
        if name != "topics.json" and not name.startswith(("examples/", "released/")):
            # Without its $schema: that would switch back to the validator without our integers.
            schema = {key: value for key, value in load_schema(name).items() if key != "$schema"}
            yield BASE + name, DRAFT202012.create_resource(schema)


_registry = Registry().with_resources(_resources())
_event_type = _Validator(ENVELOPE["properties"]["event_type"])


@lru_cache(maxsize=None)
def validator(path):
    """The validator of a schema, as "events/OrderPlaced.json"."""
    return _Validator({"$ref": BASE + path}, registry=_registry, format_checker=_formats)


class Members(dict):
    """A JSON object that remembers whether a member stood in it twice."""

    def __init__(self, pairs):
        super().__init__(pairs)
        self.twice = len(self) < len(pairs)


def _refuse_constant(name):
    raise ValueError(f"{name} is not JSON")


def _is_deeper(value, depth):
    """Looks no deeper than that: Python parses more levels than it calls functions."""
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return children is not None and (depth == 0 or any(_is_deeper(child, depth - 1) for child in children))


def _objects_looked_at(event):
    """The envelope, its data, and the entries of the data's lists."""
    data = event.get("data") if isinstance(event, dict) else None
    lists = [value for value in data.values() if isinstance(value, list)] if isinstance(data, dict) else []
    entries = [entry for entries in lists for entry in entries]
    return [value for value in [event, data, *entries] if isinstance(value, Members)]


def parse_event(text: bytes):
    """Strict JSON: raises ValueError for whatever is wrong below the level of the schemas."""
    if len(text) > ENVELOPE["x-bytes-max"]:
        raise ValueError("too large")
    try:
        event = json.loads(text.decode("utf-8"), parse_float=Decimal, object_pairs_hook=Members,
                           parse_constant=_refuse_constant)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if _is_deeper(event, ENVELOPE["x-depth-max"]):
        raise ValueError("nested too deeply")
    json.dumps(event, ensure_ascii=False, default=str).encode("utf-8")  # lone surrogates: ValueError
    if any(value.twice for value in _objects_looked_at(event)):
        raise ValueError("a member stands there twice")
    return event


def _schema_of(event):
    """Of the type that the event names; of the envelope, if it names none."""
    name = event.get("event_type") if isinstance(event, dict) else None
    return f"events/{name}.json" if name in EVENT_TYPES else "envelope.json"


def errors(event, path=None):
    """jsonschema's errors about a parsed event, against its own schema or the one at `path`."""
    with decimal.localcontext(prec=2000):  # enough digits to divide any number of a test exactly
        return list(validator(path or _schema_of(event)).iter_errors(event))


@lru_cache(maxsize=None)
def _quick_validator(path):
    return jsonschema_rs.Draft202012Validator(
        {"$ref": BASE + path}, validate_formats=True, retriever=lambda uri: load_schema(uri.removeprefix(BASE)))


def is_valid(event):
    """Whether errors() would find none, in a hundredth of the time: by another validator, written in Rust."""
    return _quick_validator(_schema_of(event)).is_valid(event)


def violations(text: bytes, path=None):
    try:
        event = parse_event(text)
    except ValueError as error:
        return [f"not JSON: {error}"]
    return [f"{error.json_path}: {error.message}" for error in errors(event, path)]


def _pointer(parts):
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


def pointers(text: bytes):
    """Where the faults are; of a missing member, where it should have been."""
    found = set()
    for error in errors(parse_event(text)):
        if error.validator == "required":
            missing = [name for name in error.validator_value if name not in error.instance]
            found |= {_pointer([*error.absolute_path, name]) for name in missing}
        else:
            found.add(_pointer(error.absolute_path))
    return found


def _is_of_the_future(event):
    """Names a type, as the envelope wants it, that there is no schema for."""
    if not isinstance(event, dict) or len(event) > ENVELOPE["maxProperties"]:
        return False
    name = event.get("event_type")
    return name not in EVENT_TYPES and _event_type.is_valid(name)


def judge(text: bytes):
    try:
        event = parse_event(text)
    except ValueError:
        return "refuse"
    if _is_of_the_future(event):
        return "unknown"
    return "refuse" if errors(event) else "accept"


def _resolve(schema, path):
    while "$ref" in schema:
        file, _, pointer = schema["$ref"].partition("#/")
        beside = {key: value for key, value in schema.items() if key != "$ref"}
        path = (Path(path).parent / file) if file else path
        schema = load_schema(str((ROOT / path).resolve().relative_to(ROOT)))
        for part in pointer.split("/"):
            schema = schema[part]
        schema = {**schema, **beside}
    return schema, path


def _normalise(value, schema, path):
    schema, path = _resolve(schema, path)
    if isinstance(value, list):
        return [_normalise(entry, schema["items"], path) for entry in value]
    if not isinstance(value, dict):
        return value
    result = {}
    for name, member in schema["properties"].items():
        default = _resolve(member, path)[0].get("default")
        if name in value:
            result[name] = _normalise(value[name], member, path)
        elif default not in (None, ""):  # an empty text is as good as an absent one, and not written
            result[name] = default
    return result


def normalise(event):
    """A valid event as a reader sees it: known members only, defaults filled in."""
    own = f"events/{event['event_type']}.json"
    data = load_schema(own)["properties"]["data"]
    envelope = _normalise({**event, "data": {}}, {**ENVELOPE, "properties": {
        **ENVELOPE["properties"], "data": {"properties": {}}}}, "envelope.json")
    return {**envelope, "data": _normalise(event["data"], data, own)}
