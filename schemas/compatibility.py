#!/usr/bin/env python3
"""Compares the schemas with the newest release and refuses what would part two versions.

usage: compatibility.py               exit code 1, and a line for each refusal
       compatibility.py --release N   if there is none: copies them to released/N

Services of the previous and of the next version run side by side and read each other's events, and
events outlive a release. So both directions count: nothing may be refused by an old reader, nothing
missed by a new one. What may come: optional members with a default, events, topics. What may
change: words (NOTES), and where a $ref points to, as schemas are compared with it followed.
"""

import json
import posixpath
import shutil
import sys
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

ROOT = Path(__file__).resolve().parent
NOTES = {"$schema", "$id", "$comment", "title", "description", "examples"}
RELEASED_FILES = ("topics.json", "envelope.json", "types.json", "events/*.json")
TOPIC_MEMBERS = ("writer", "key", "partitions", "compacted", "shards_of")
VERSION = ("x-schema-version",)  # of the envelope: what programs write; absent, it is 1 for ever
ABSENT = object()


@dataclass(frozen=True)
class Place:
    file: str
    path: tuple = ()

    def __truediv__(self, key):
        return Place(self.file, (*self.path, str(key)))

    def __str__(self):
        parts = [part.replace("~", "~0").replace("/", "~1") for part in self.path]
        return self.file + "#" + "".join("/" + part for part in parts)


class Version:
    """The files of one version."""

    def __init__(self, root: Path):
        self.root, self.files = root, {}

    def value(self, place: Place):
        """What stands there, or ABSENT."""
        if place.file not in self.files:
            path = self.root / place.file
            self.files[place.file] = (json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
                                      if path.exists() else ABSENT)
        value = self.files[place.file]
        for key in place.path:
            if isinstance(value, list) and key.isdigit() and int(key) < len(value):
                value = value[int(key)]
            else:
                value = value.get(key, ABSENT) if isinstance(value, dict) else ABSENT
        return value

    def keywords(self, place: Place) -> dict:
        """The place of each rule of a schema. $ref is followed; what stands beside it overrides."""
        schema = self.value(place)
        if not isinstance(schema, dict):
            sys.exit(f"{place}: no schema")
        found = {}
        if "$ref" in schema:
            file, _, pointer = schema["$ref"].partition("#/")
            file = posixpath.normpath(posixpath.join(posixpath.dirname(place.file), file)) if file else place.file
            found = self.keywords(Place(file, tuple(pointer.split("/") if pointer else ())))
        return {**found, **{key: place / key for key in schema if key not in {"$ref", *NOTES}}}

    def topics(self) -> dict:
        """The place of each topic, by its name."""
        topics = Place("topics.json") / "topics"
        return {self.value(topics / i / "name"): topics / i for i in range(len(self.value(topics)))}

    def events(self) -> dict:
        """The name of each event's topic."""
        return {event: name for name, place in self.topics().items()
                for event in self.value(place).get("events", ())}


class Comparison:
    def __init__(self, old: Version, new: Version):
        self.old, self.new = old, new
        self.refusals = {}  # the lines, in the order of their finding; shared types are seen often
        self.has_new_members = False

    def refuse(self, place: Place, text: str):
        self.refusals[f"{place}: {text}"] = None

    def run(self) -> list:
        self.compare_topics()
        now = self.new.events()
        for event, topic in self.old.events().items():
            file = Place(f"events/{event}.json")
            if event not in now or self.new.value(file) is ABSENT:
                self.refuse(file, "the event was removed")
            elif now[event] != topic:
                self.refuse(self.new.topics()[now[event]] / "events", f"{event} was in {topic}")
            else:
                self.compare(file, file)
        self.compare_versions()
        return list(self.refusals)

    def compare_topics(self):
        now = self.new.topics()
        for name, place in self.old.topics().items():
            if name not in now:
                self.refuse(Place("topics.json") / "topics", f"{name} was removed")
                continue
            for member in TOPIC_MEMBERS:
                was, is_ = self.old.value(place / member), self.new.value(now[name] / member)
                if was != is_:
                    self.refuse(now[name] / member, f"of {name}, was {show(was)}, is {show(is_)}")

    def compare_versions(self):
        """A program must say so if its events have members that those of the release did not have."""
        place = Place("envelope.json", VERSION)
        was, is_ = self.old.value(place), self.new.value(place)
        if is_ not in (was, was + 1) or self.has_new_members and is_ == was:
            self.refuse(place, f"was {was}, is {is_}, "
                               f"and should be {was + 1 if self.has_new_members else was}")

    def compare(self, old: Place, new: Place):
        """Two schemas."""
        was, is_ = self.old.keywords(old), self.new.keywords(new)
        self.compare_members(old, new, was, is_)
        for keyword in [*was, *(keyword for keyword in is_ if keyword not in was)]:
            if keyword in ("properties", "required"):
                continue
            places = was.get(keyword), is_.get(keyword)
            if keyword == "items" and all(places):
                self.compare(*places)
            elif keyword == "allOf" and all(places) and self.same_length(*places):
                for i in range(len(self.old.value(places[0]))):
                    self.compare(places[0] / i, places[1] / i)
            else:
                self.compare_values(*places)

    def same_length(self, old: Place, new: Place) -> bool:
        return len(self.old.value(old)) == len(self.new.value(new))

    def compare_values(self, old: Place | None, new: Place | None):
        was = self.old.value(old) if old else ABSENT
        is_ = self.new.value(new) if new else ABSENT
        if new == Place("envelope.json", VERSION):
            return
        if (new or old).path[-1] == "enum" and ABSENT not in (was, is_):
            was, is_ = sorted(map(show, was)), sorted(map(show, is_))
        if show(was) != show(is_):
            self.refuse(new or old, f"was {show(was)}, is {show(is_)}")

    def compare_members(self, old: Place, new: Place, was: dict, is_: dict):
        before, needed_before = self.members(self.old, was)
        now, needed_now = self.members(self.new, is_)
        for name, place in before.items():
            if name not in now:
                self.refuse(place, "the member was removed")
                continue
            if (name in needed_before) != (name in needed_now):
                self.refuse(now[name], f"the member {'was' if name in needed_before else 'is now'} required")
            self.compare(place, now[name])
        for name in now.keys() - before.keys():
            self.has_new_members = True
            if name in needed_now:
                self.refuse(now[name], "the new member is required")
            elif "default" not in self.new.keywords(now[name]):
                self.refuse(now[name], "the new member has no default")

    @staticmethod
    def members(version: Version, keywords: dict):
        """The places of the members of an object, and the names of those that are required."""
        properties, required = keywords.get("properties"), keywords.get("required")
        names = version.value(properties) if properties else ()
        return {name: properties / name for name in names}, version.value(required) if required else ()


def show(value) -> str:
    return "absent" if value is ABSENT else json.dumps(value, sort_keys=True, default=str)


def newest_release(root: Path) -> int:
    """0 if there is none."""
    return max((int(path.name) for path in root.glob("released/*") if path.name.isdigit()), default=0)


def release(root: Path, number: int):
    if number != newest_release(root) + 1:
        sys.exit(f"the newest release is {newest_release(root)}: the next one is not {number}")
    for path in (path for pattern in RELEASED_FILES for path in root.glob(pattern)):
        copy = root / "released" / str(number) / path.relative_to(root)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)


def main(arguments):
    is_release = len(arguments) == 2 and arguments[0] == "--release" and arguments[1].isdigit()
    if arguments and not is_release:
        sys.exit(__doc__)
    newest = newest_release(ROOT)
    if newest:
        refusals = Comparison(Version(ROOT / "released" / str(newest)), Version(ROOT)).run()
        if refusals:
            sys.exit("\n".join(refusals))
    elif not is_release:
        sys.exit("there is no release to compare with")
    if is_release:
        release(ROOT, int(arguments[1]))


if __name__ == "__main__":
    main(sys.argv[1:])
