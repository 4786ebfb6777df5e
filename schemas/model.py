"""Reads the schemas and topics.json into plain objects for generate.py.

Not a JSON Schema validator: it knows exactly the keywords that the C codec can enforce and
refuses any other, so that no rule of a schema is silently left unchecked in C.
"""

import json
import re
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

UUID_PATTERN = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
TIMESTAMP_PATTERN = (
    "^(19[7-9][0-9]|[2-9][0-9]{3})-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
    r"T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\.[0-9]{3}Z$"
)
FIXED_TEXTS = {  # format: the pattern that the C function checks, and its length
    "uuid": (UUID_PATTERN, 36),
    "date-time": (TIMESTAMP_PATTERN, 24),
}
MEMBER_COUNT_MAX = 32  # the decoder remembers the members it has seen in 32 bits
ANNOTATIONS = {"$schema", "$id", "title", "description", "default", "x-bytes-max", "x-depth-max",
               "x-schema-version"}
KEYWORDS = {
    "object": {"type", "maxProperties", "required", "properties"},
    "array": {"type", "minItems", "maxItems", "items"},
    "integer": {"type", "minimum", "maximum"},
    "number": {"type", "minimum", "maximum", "multipleOf"},
    "string": {"type", "minLength", "maxLength", "not", "enum", "format", "pattern"},
}


class SchemaError(Exception):
    """A schema that the generator does not support, or that contradicts another file."""


@dataclass
class Field:
    name: str
    kind: str  # uuid timestamp text choice integer money list, and of the envelope: type data
    description: str
    required: bool = True
    minimum: int = 0  # of the value in C units, the code points, or the count
    maximum: int = 0
    forbidden: int = 0  # a bit for each of the 256 byte values
    choices: list = field(default_factory=list)
    default: object = None
    item: "Record" = None
    rule: str = ""  # completes "must be ..."
    type_name: str = ""  # the $def that it refers to


@dataclass
class Record:
    name: str
    description: str
    members_max: int
    fields: list


@dataclass
class Event:
    name: str
    topic: str
    key: str
    data: Record


class Schemas:
    """All schema files of a directory; remembers what was read, for the build's dependencies."""

    def __init__(self, root: Path):
        self.root = root
        self.files = {}
        self.records = {}  # name -> Record, of list items; in order of first use

    def load(self, path: Path):
        path = path.resolve()
        if path not in self.files:
            try:
                text = path.read_text(encoding="utf-8")
                self.files[path] = json.loads(text, parse_float=Decimal)
            except (OSError, ValueError) as error:
                raise SchemaError(f"{path}: {error}") from error
        return self.files[path]

    def resolve(self, schema: dict, path: Path):
        """Follows $ref; members beside it override. Returns (schema, its file, name of the $def)."""
        name = None
        while "$ref" in schema:
            target, _, pointer = schema["$ref"].partition("#/")
            beside = {key: value for key, value in schema.items() if key != "$ref"}
            if set(beside) - ANNOTATIONS:
                raise SchemaError(f"{path}: only annotations may stand beside $ref: {beside}")
            path = (path.parent / target) if target else path
            schema = self.load(path)
            for part in pointer.split("/") if pointer else []:
                if part not in schema:
                    raise SchemaError(f"{path}: no '#/{pointer}'")
                schema = schema[part]
            name = name or pointer.rpartition("/")[2]
            schema = {**schema, **beside}
        return schema, path, name

    def record(self, name: str, schema: dict, path: Path) -> Record:
        check_keywords(schema, "object", f"{path}: {name}")
        required = set(schema.get("required", []))
        properties = schema.get("properties", {})
        if required - set(properties):
            raise SchemaError(f"{path}: {name}: required, but not described: {required}")
        members_max = need(schema, "maxProperties", f"{path}: {name}")
        if members_max > MEMBER_COUNT_MAX or len(properties) > members_max:
            raise SchemaError(f"{path}: {name}: at most {MEMBER_COUNT_MAX} members, maxProperties")
        fields = [
            self.field(key, value, path, key in required) for key, value in properties.items()
        ]
        if sum(member.kind == "list" for member in fields) > 1:
            raise SchemaError(f"{path}: {name}: more than one list in an object")
        return Record(name, schema.get("description", ""), members_max, fields)

    def field(self, name: str, schema: dict, path: Path, required: bool) -> Field:
        schema, path, type_name = self.resolve(schema, path)
        where = f"{path}: {name}"
        kind = need(schema, "type", where)
        if kind not in KEYWORDS or kind == "object":
            raise SchemaError(f"{where}: type {kind} is not supported for a member")
        check_keywords(schema, kind, where)
        result = Field(name, kind, schema.get("description", ""), required, type_name=type_name or name)
        if kind == "string":
            read_string(result, schema, where)
        elif kind == "array":
            self.read_list(result, schema, path)
        else:
            read_number(result, schema, where)
        read_default(result, schema, where)
        return result

    def read_list(self, result: Field, schema: dict, path: Path):
        where = f"{path}: {result.name}"
        item, item_path, name = self.resolve(need(schema, "items", where), path)
        if item.get("type") != "object" or name is None:
            raise SchemaError(f"{where}: items must be a $ref to an object")
        result.kind = "list"
        result.minimum, result.maximum = need(schema, "minItems", where), need(schema, "maxItems", where)
        if name not in self.records:
            self.records[name] = self.record(name, item, item_path)
        result.item = self.records[name]
        result.rule = f"an array of {result.minimum}..{result.maximum} objects"

    def envelope(self) -> Record:
        """The envelope, with the two members that the codec treats in its own way."""
        path = self.root / "envelope.json"
        schema = dict(self.load(path))
        properties = dict(schema["properties"])
        data = properties.pop("data")
        check_keywords(data, "object", f"{path}: data")
        record = self.record("envelope", {**schema, "properties": properties,
                             "required": [name for name in schema["required"] if name != "data"]}, path)
        for member in record.fields:
            if member.name == "event_type":
                member.kind = "type"
        record.fields.append(Field("data", "data", data["description"], rule="an object"))
        return record

    def event(self, name: str, topic: dict) -> Event:
        path = self.root / "events" / f"{name}.json"
        schema = self.load(path)
        properties = schema.get("properties", {})
        expected = {
            "$id": f"{name}.json",
            "title": name,
            "allOf": [{"$ref": "../envelope.json"}],
            "properties": {"event_type": {"const": name}, "data": properties.get("data")},
        }
        for key, value in expected.items():
            if schema.get(key) != value:
                raise SchemaError(f"{path}: {key} must be {value}")
        if set(schema) - set(expected) - {"$schema", "description"}:
            raise SchemaError(f"{path}: only {sorted(expected)} and a description are supported")
        data = {**properties["data"], "description": schema["description"]}
        record = self.record(snake(name), data, path)
        if topic["key"] not in [member.name for member in record.fields if member.required]:
            raise SchemaError(f"{path}: {topic['key']} is the key of {topic['name']}: require it")
        return Event(name, topic["name"], topic["key"], record)

    def named_fields(self):
        """The scalar types of types.json by name, for the constants of the C header."""
        path = self.root / "types.json"
        for name, schema in self.load(path)["$defs"].items():
            if schema.get("type") in ("string", "integer", "number"):
                yield self.field(name, schema, path, True)


def need(schema: dict, keyword: str, where: str):
    if keyword not in schema:
        raise SchemaError(f"{where}: '{keyword}' is missing")
    return schema[keyword]


def check_keywords(schema: dict, kind: str, where: str):
    unknown = set(schema) - KEYWORDS[kind] - ANNOTATIONS
    if schema.get("type") != kind:
        raise SchemaError(f"{where}: must have type {kind}")
    if unknown:
        raise SchemaError(f"{where}: the generator does not support {sorted(unknown)}")


def read_string(result: Field, schema: dict, where: str):
    result.minimum, result.maximum = schema.get("minLength"), schema.get("maxLength")
    if "format" in schema:
        read_fixed_text(result, schema, where)
    elif "enum" in schema:
        result.kind, result.choices = "choice", schema["enum"]
        if set(schema) - ANNOTATIONS - {"type", "enum"} or not all(map(str.isascii, result.choices)):
            raise SchemaError(f"{where}: an enum must be of ASCII strings, and the only rule")
        result.rule = "one of " + " ".join(result.choices)
    else:
        if None in (result.minimum, result.maximum) or "pattern" in schema:
            raise SchemaError(f"{where}: needs minLength and maxLength, and 'not' for pattern")
        result.kind = "text"
        read_forbidden(result, schema.get("not"), where)


def read_fixed_text(result: Field, schema: dict, where: str):
    name = schema["format"]
    if name not in FIXED_TEXTS:
        raise SchemaError(f"{where}: format {name} is not supported")
    pattern, length = FIXED_TEXTS[name]
    found = (schema.get("pattern"), result.minimum, result.maximum)
    if found != (pattern, length, length) or {"not", "enum"} & set(schema):
        raise SchemaError(f"{where}: format {name} goes with length {length} and {pattern}")
    result.kind = {"uuid": "uuid", "date-time": "timestamp"}[name]
    result.rule = {"uuid": "a lower-case UUID", "timestamp": "a UTC time as 2026-11-24T16:15:37.123Z"}[
        result.kind
    ]


def read_forbidden(result: Field, rule: dict, where: str):
    """'not' {pattern "[...]"}: characters that a text must not have. Means the same to every
    regular expression engine, which '^[...]*$' does not ('$' before a final newline)."""
    pattern = rule.get("pattern", "") if rule else ""
    if not rule or set(rule) != {"pattern"} or not re.fullmatch(r"\[\^?[\x00-\x7f]+\]", pattern) \
            or "[" in pattern[1:] or "]" in pattern[:-1] or "\\" in pattern:
        raise SchemaError(f"{where}: needs 'not': {{'pattern': '[...]'}}, one ASCII class, no escapes")
    wide = bool(re.search(pattern, "\u20ac"))
    for byte in range(256):
        if wide if byte >= 128 else re.search(pattern, chr(byte)):
            result.forbidden |= 1 << byte
    if pattern.startswith("[^"):
        result.rule = f"a text of {result.minimum}..{result.maximum} characters of [{pattern[2:]}"
    else:
        result.rule = f"a text of {result.minimum}..{result.maximum} characters on one line"


def read_number(result: Field, schema: dict, where: str):
    minimum, maximum = need(schema, "minimum", where), need(schema, "maximum", where)
    if schema["type"] == "integer":
        result.kind, result.rule = "integer", f"an integer {minimum}..{maximum}"
        scale = 1
    else:
        if schema.get("multipleOf") != Decimal("0.01"):
            raise SchemaError(f"{where}: a number is money: needs 'multipleOf': 0.01")
        result.kind, scale = "money", 100
        result.rule = f"an amount {minimum:.2f}..{maximum:.2f} with at most two decimals"
    result.minimum, result.maximum = int(minimum * scale), int(maximum * scale)
    if (result.minimum, result.maximum) != (minimum * scale, maximum * scale):
        raise SchemaError(f"{where}: bounds must be whole")
    if not -(2**63) <= result.minimum <= result.maximum < 2**63:
        raise SchemaError(f"{where}: bounds do not fit int64_t")


def read_default(result: Field, schema: dict, where: str):
    """An optional member must have a value in C when it is absent: its default, or ""."""
    if not result.required:
        result.default = schema.get("default")
        allowed = {
            "choice": lambda value: value in result.choices,
            "integer": lambda value: isinstance(value, int)
            and result.minimum <= value <= result.maximum,
        }
        if result.kind in allowed and not allowed[result.kind](result.default):
            raise SchemaError(f"{where}: optional, so it needs a valid default")
        if result.kind not in ("choice", "integer", "text", "uuid"):
            raise SchemaError(f"{where}: an optional {result.kind} is not supported")
        is_empty_allowed = result.default == "" and result.kind == "text"
        if result.kind in ("text", "uuid") and (result.default or result.minimum < 1) and not is_empty_allowed:
            raise SchemaError(f"{where}: an optional {result.kind} is \"\" when absent")


def snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()
