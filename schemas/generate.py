#!/usr/bin/env python3
"""Turns schemas/*.json into generated.h and generated.c: enums, structs and the codec's tables.

usage: generate.py OUTPUT_DIRECTORY [DEPENDENCY_FILE]

Run by meson; the output is not committed. Standard library only. The rules that the C codec
enforces are all in the tables written here, and these come from the schemas alone.
"""

import hashlib
import sys
import textwrap
from pathlib import Path

from model import Schemas, SchemaError, snake
from topics import read_services, read_topics

C_MEMBERS = {"timestamp": "timestamp_ms", "event_type": "type"}
KINDS = {
    "uuid": "FIELD_UUID", "text": "FIELD_TEXT", "choice": "FIELD_CHOICE", "list": "FIELD_LIST",
    "timestamp": "FIELD_TIMESTAMP", "integer": "FIELD_INTEGER", "money": "FIELD_MONEY",
    "type": "FIELD_EVENT_TYPE", "data": "FIELD_DATA",
}
BANNER = "/* {name} - {what} Written by schemas/generate.py. */"


def upper(name):
    return snake(name).upper().replace("-", "_").replace(".", "_")


def quote(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def c_member(member):
    """The name of a schema member in C: units last."""
    if member.kind == "money":
        return member.name + "_minor"
    return C_MEMBERS.get(member.name, member.name)


def count_member(member):
    return member.name.removesuffix("s") + "_count"


def text_size(member):
    """Bytes with NUL. JSON Schema counts code points; one takes up to four bytes."""
    if member.kind == "choice":
        return max(map(len, member.choices)) + 1
    ascii_only = bool(member.forbidden >> 128)
    return member.maximum * (1 if ascii_only else 4) + 1


def comment(text, indent=""):
    lines = textwrap.wrap(text, 96 - len(indent))
    if len(lines) == 1:
        return f"{indent}/* {lines[0]} */"
    return "\n".join([f"{indent}/*", *[f"{indent} * {line}" for line in lines], f"{indent} */"])


# ---------------------------------------------------------------- generated.h


def c_declaration(member):
    name = c_member(member)
    if member.kind == "uuid":
        return f"char {name}[UUID_SIZE];"
    if member.kind in ("text", "choice"):
        return f"char {name}[{upper(member.type_name)}_SIZE];"
    if member.kind == "list":
        return f"struct {member.item.name} {name}[{upper(member.name)}_MAX];"
    return f"int64_t {name};"


def header_struct(record):
    """Lists come last, so that the used part of a struct is one piece and can be short."""
    scalars = [member for member in record.fields if member.kind != "list"]
    lists = [member for member in record.fields if member.kind == "list"]
    lines = [comment(record.description), f"struct {record.name} {{"]
    for member in scalars:
        lines += [comment(member.description, "    "), "    " + c_declaration(member)]
    for member in lists:
        lines += [f"    size_t {count_member(member)};", comment(member.description, "    ")]
        lines += ["    " + c_declaration(member)]
    return "\n".join([*lines, "};", ""])


def header_enum(name, comment_text, prefix, names):
    lines = [comment(comment_text), f"enum {name} {{", f"    {prefix}NONE = 0,"]
    lines += [f"    {prefix}{upper(entry)}," for entry in names]
    return "\n".join([*lines, f"    {name.upper()}_COUNT,", "};", ""])


def header_constants(schemas, events):
    """Bounds by name, for whoever needs one outside the codec."""
    envelope = schemas.load(schemas.root / "envelope.json")
    lines = [
        "/* Bytes of an event's JSON, and its levels of objects and arrays. */",
        f"#define EVENT_BYTES_MAX {envelope['x-bytes-max']}",
        f"#define EVENT_DEPTH_MAX {envelope['x-depth-max']}",
        "/* The version that this program writes. */",
        f"#define EVENT_SCHEMA_VERSION {envelope['x-schema-version']}",
        "/* Texts in bytes with NUL, money in minor units, the rest as it is. */",
    ]
    for member in schemas.named_fields():
        if member.kind in ("text", "choice"):
            lines.append(f"#define {upper(member.name)}_SIZE {text_size(member)}")
        elif member.kind in ("integer", "money"):
            unit = "_MINOR" if member.kind == "money" else ""
            lines.append(f"#define {upper(member.name)}{unit}_MAX INT64_C({member.maximum})")
    lines.append(f"#define SERVICE_INFO_COUNT {len(read_services(schemas))}")
    return "\n".join([*lines, *list_constants(events), ""])


def list_constants(events):
    bounds = {}
    for member in (member for event in events for member in event.data.fields):
        if member.kind == "list" and bounds.setdefault(member.name, member.maximum) != member.maximum:
            raise SchemaError(f"'{member.name}' has different maxItems in different events")
    return [f"#define {upper(name)}_MAX {maximum}" for name, maximum in bounds.items()]


def header(schemas, topics, events):
    what = "the events and topics of the system as C types."
    union = [f"    struct {event.data.name} {event.data.name};" for event in events]
    parts = [
        BANNER.format(name="generated.h", what=what),
        '#pragma once\n\n#include <stddef.h>\n#include <stdint.h>\n\n#include "common/base/uuid.h"\n',
        header_constants(schemas, events),
        header_enum("event_type", "In memory only: the numbers change with the schemas.", "EVENT_",
                    [event.name for event in events]),
        header_enum("topic", "In memory only, like the event types.", "TOPIC_",
                    [topic.name for topic in topics]),
        *[header_struct(record) for record in schemas.records.values()],
        *[header_struct(event.data) for event in events],
        "\n".join(["/* The member that `type` names is the one in use. */", "union event_data {",
                   *union, "};", ""]),
    ]
    return "\n".join([*parts, header_fingerprint(parts)])


def header_fingerprint(parts):
    """Differs when a struct or an enum does: what was stored as C structs is then void."""
    digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
    return f'/* Of all the above: another layout has another one. */\n#define SCHEMAS_FINGERPRINT "{digest}"\n'


# ---------------------------------------------------------------- generated.c


class Arrays:
    """Constant arrays that several fields share: written once, named by their first user."""

    def __init__(self):
        self.names = {}
        self.text = []

    def name(self, kind, declaration, values, user):
        key = (kind, tuple(values))
        if key not in self.names:
            self.names[key] = f"{kind}_{len(self.names)}"
            body = wrap(values, "    ", "    ")
            self.text.append(
                f"/* {user} */\nstatic {declaration.format(self.names[key])} = {{\n{body},\n}};\n")
        return self.names[key]

    def forbidden(self, member):
        words = [f"0x{member.forbidden >> 64 * i & (1 << 64) - 1:016x}" for i in range(4)]
        return self.name("forbidden", "const uint64_t {}[4]", words, member.name)

    def choices(self, member):
        values = [quote(choice) for choice in member.choices] + ["NULL"]
        return self.name("choices", "const char *const {}[]", values, member.name)


def wrap(parts, first, rest, width=98):
    """Joins with commas; breaks between parts only."""
    lines = [first + parts[0]]
    for part in parts[1:]:
        if len(lines[-1]) + len(part) + 2 <= width:
            lines[-1] += f", {part}"
        else:
            lines[-1] += ","
            lines.append(rest + part)
    return "\n".join(lines)


def table_row(member, struct, arrays):
    row = {
        "name": quote(member.name), "name_len": len(member.name), "kind": KINDS[member.kind],
        "rule": quote(member.rule), "offset": f"offsetof({struct}, {c_member(member)})",
    }
    if member.required:
        row["required"] = "true"
    if member.kind in ("uuid", "text", "choice"):
        row["size"] = f"sizeof((({struct} *)0)->{c_member(member)})"
    if member.kind in ("text", "type", "integer", "money", "list"):
        row["min"], row["max"] = member.minimum, member.maximum
    if member.forbidden:
        row["forbidden"] = arrays.forbidden(member)
    if member.kind == "choice":
        row["choices"] = arrays.choices(member)
    if member.default is not None:
        integer = member.kind == "integer"
        row["default_value" if integer else "default_text"] = (
            member.default if integer else quote(member.default))
    if member.kind == "list":
        row["count_offset"] = f"offsetof({struct}, {count_member(member)})"
        row["item"] = f"&{member.item.name}_record"
    return wrap([f".{key} = {value}" for key, value in row.items()], "    {", "     ") + "},"


def table_record(record, struct, arrays, public=False):
    rows = [table_row(member, struct, arrays) for member in record.fields]
    lists = [i for i, member in enumerate(record.fields) if member.kind == "list"]
    storage = "" if public else "static "
    lines = [f"static const struct field {record.name}_fields[] = {{", *rows, "};", "",
             f"{storage}const struct record {record.name}_record = {{",
             f"    .fields = {record.name}_fields, .field_count = {len(record.fields)},",
             f"    .members_max = {record.members_max}, .size = sizeof({struct}),"]
    if lists:
        lines.append(f"    .list = &{record.name}_fields[{lists[0]}],")
    return "\n".join([*lines, "};", ""])


def table_events(events):
    lines = ["const struct event_info event_infos[EVENT_TYPE_COUNT] = {"]
    for event in events:
        lines.append(
            f"    [EVENT_{upper(event.name)}] = {{\n"
            f"        .name = {quote(event.name)}, .topic = TOPIC_{upper(event.topic)},\n"
            f"        .data = &{event.data.name}_record,"
            f" .key_offset = offsetof(struct {event.data.name}, {event.key}),\n    }},")
    return "\n".join([*lines, "};", ""])


def list_member(topic, member, kind, entries, lists):
    """Adds an array of struct topic_<kind> to `lists`; returns what points to it."""
    if not entries:
        return ""
    name = f"{upper(topic.name).lower()}_{member}"
    lists += [f"static const struct topic_{kind} {name}[] = {{"]
    lists += [*[f"    {{{entry}}}," for entry in entries], "};", ""]
    return f"\n        .{member} = {name}, .{kind}_count = {len(entries)},"


def name_list(names, arrays):
    """NULL ends it, and stands for an empty one."""
    return arrays.name("names", "const char *const {}[]", [*map(quote, names), "NULL"], "principals")


def table_services(services):
    rows = [f"    {{.name = {quote(name)}, .shards_max = {shards_max}}}," for name, shards_max in services.items()]
    return "\n".join(["const struct service_info service_infos[SERVICE_INFO_COUNT] = {", *rows, "};", ""])


def table_topics(topics, arrays):
    lists, rows = [], []
    for topic in topics:
        configs = [f"{quote(name)}, {quote(value)}" for name, value in topic.config.items()]
        readers = [f"{quote(service)}, EVENT_{upper(event)}"
                   for service, events in topic.consumers.items() for event in events]
        more = list_member(topic, "config", "config", configs, lists)
        more += list_member(topic, "readers", "reader", readers, lists)
        writer = quote(topic.writer) if topic.writer else "NULL"
        rows.append(
            f"    [TOPIC_{upper(topic.name)}] = {{\n        .name = {quote(topic.name)},"
            f" .writer = {writer}, .partitions = {topic.partitions},\n"
            f"        .retention_ms = {topic.retention_ms},"
            f" .compacted = {str(topic.compacted).lower()},"
            f" .keyed_by_order = {str(topic.key == 'order_id').lower()},{more}\n"
            f"        .may_read = {name_list(topic.may_read, arrays)},"
            f" .may_write = {name_list(topic.may_write, arrays)},\n    }},")
    return "\n".join([*lists, "const struct topic_info topic_infos[TOPIC_COUNT] = {", *rows, "};", ""])


def lookup_function(events):
    """A switch on the length leaves one or two names to compare."""
    by_length = {}
    for event in events:
        by_length.setdefault(len(event.name), []).append(event.name)
    lines = ["enum event_type event_type_from_name(const char *name, size_t len)", "{", "    switch (len) {"]
    for length, names in sorted(by_length.items()):
        lines.append(f"    case {length}:")
        for name in names:
            lines += [f"        if (memcmp(name, {quote(name)}, {length}) == 0)",
                      f"            return EVENT_{upper(name)};"]
        lines.append("        break;")
    return "\n".join([*lines, "    default:", "        break;", "    }", "    return EVENT_NONE;", "}", ""])


def source(schemas, topics, events):
    arrays = Arrays()
    topic_table = table_topics(topics, arrays)
    records = [table_record(record, f"struct {record.name}", arrays) for record in schemas.records.values()]
    records += [table_record(event.data, f"struct {event.data.name}", arrays) for event in events]
    records.append(table_record(schemas.envelope(), "struct event", arrays, public=True))
    parts = [
        BANNER.format(name="generated.c", what="the tables that the codec walks."),
        '#include "common/event/tables.h"\n\n#include <string.h>\n',
        *arrays.text, *records, table_events(events), topic_table,
        table_services(read_services(schemas)), lookup_function(events),
    ]
    return "\n".join(parts)


def main(arguments):
    if len(arguments) not in (1, 2):
        sys.exit(__doc__)
    directory = Path(arguments[0])
    schemas = Schemas(Path(__file__).resolve().parent)
    try:
        topics = read_topics(schemas)
        events = [schemas.event(name, vars(topic)) for topic in topics for name in topic.events]
        outputs = {"generated.h": header(schemas, topics, events),
                   "generated.c": source(schemas, topics, events)}
    except SchemaError as error:
        sys.exit(f"generate.py: {error}")
    for name, text in outputs.items():
        (directory / name).write_text(text, encoding="utf-8")
    if len(arguments) == 2:
        inputs = [*schemas.files, *Path(__file__).resolve().parent.glob("*.py")]
        names = " ".join(str(directory / name) for name in outputs)
        Path(arguments[1]).write_text(f"{names}: {' '.join(map(str, inputs))}\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
