#!/usr/bin/env python3
"""Turns openapi.yaml into one JSON document, openapi.json, and the same as a C string, openapi.h.

usage: openapi.py OUTPUT_DIRECTORY [DEPENDENCY_FILE]

Run by meson; the output is not committed. What openapi.yaml refers to in other files moves to its
components: "types.json#/$defs/order_item" is "#/components/schemas/OrderItem" then.
"""

import json
import posixpath
import sys
from pathlib import Path

import yaml



class Bundle:
    def __init__(self, root: Path):
        self.root = root
        self.files = {}
        self.names = {}  # (file, pointer) -> name of the component
        self.document = self.load("openapi.yaml")
        self.moved = {}  # name -> schema

    def load(self, file: str):
        if file not in self.files:
            text = (self.root / file).read_text(encoding="utf-8")
            self.files[file] = yaml.load(text, Loader) if file.endswith(".yaml") else json.loads(text)
        return self.files[file]

    def run(self) -> dict:
        document = self.move(self.document, "openapi.yaml")
        document["components"]["schemas"] |= dict(sorted(self.moved.items()))
        return document

    def move(self, value, file: str):
        """A copy in which every reference is one into the document."""
        if isinstance(value, list):
            return [self.move(entry, file) for entry in value]
        if not isinstance(value, dict):
            return value
        copy = {key: self.move(entry, file) for key, entry in value.items()}
        if isinstance(value.get("$ref"), str):
            target, _, pointer = value["$ref"].partition("#")
            target = posixpath.normpath(posixpath.join(posixpath.dirname(file), target)) if target else file
            if target != "openapi.yaml":
                copy["$ref"] = "#/components/schemas/" + self.component(target, pointer)
        return copy

    def component(self, file: str, pointer: str) -> str:
        """The name of what is referred to, which is moved here when it is first met."""
        key = (file, pointer)
        if key not in self.names:
            schema = self.load(file)
            for part in pointer.split("/")[1:]:
                schema = schema[part]
            self.names[key] = name = component_name(file, pointer)
            if name in self.moved or name in self.document["components"]["schemas"]:
                sys.exit(f"openapi.py: there are two of {name}")
            self.moved[name] = None  # taken, also while it refers to itself
            self.moved[name] = self.move(schema, file)
        return self.names[key]


class Loader(yaml.SafeLoader):
    """Numbers, but no dates: what looks like one is text, as in JSON."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()}


def component_name(file: str, pointer: str) -> str:
    """types.json#/$defs/order_item: OrderItem. events/OrderPlaced.json#/properties/data: OrderPlacedData."""
    last = "".join(word[:1].upper() + word[1:] for word in pointer.rpartition("/")[2].split("_"))
    return last if file == "types.json" else Path(file).stem + last


def c_string(text: str) -> str:
    """Adjacent literals are one string."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    lines, line = [], ""
    for character in escaped:
        line += character
        if len(line) >= 90 and not line.endswith("\\"):
            lines, line = [*lines, line], ""
    return "\n".join(f'    "{line}"' for line in [*lines, line])


def main(arguments):
    if len(arguments) not in (1, 2):
        sys.exit(__doc__)
    directory = Path(arguments[0])
    bundle = Bundle(Path(__file__).resolve().parent)
    text = json.dumps(bundle.run(), separators=(",", ":"))
    outputs = {
        "openapi.json": text,
        "openapi.h": f"/* openapi.h - openapi.yaml as one JSON document. Written by schemas/openapi.py. */\n"
                     f"#pragma once\n\nstatic const char openapi_json[] =\n{c_string(text)};\n",
    }
    for name, content in outputs.items():
        (directory / name).write_text(content, encoding="utf-8")
    if len(arguments) == 2:
        inputs = [__file__, *(bundle.root / file for file in bundle.files)]
        names = " ".join(str(directory / name) for name in outputs)
        Path(arguments[1]).write_text(f"{names}: {' '.join(map(str, inputs))}\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
