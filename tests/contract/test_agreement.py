"""Thousands of mutants of the valid examples: the codec and the schemas accept the same ones.

A mutant has one value replaced, removed or added. SAGA_SEED chooses another sample, SAGA_MUTANTS
its size.
"""

import copy
import os
import random
from decimal import Decimal

import pytest
from support import schemas

SEED = int(os.environ.get("SAGA_SEED", "4"))
SAMPLE = int(os.environ.get("SAGA_MUTANTS", "3000"))
UNKNOWN = 5  # that many at least
UNKNOWN_TYPE = "OrderArchived"
LARGE = "hundred-items"  # adds mutants, but no new ones

NUMBERS = """0 -0 -0.0 1 2.0 1e1 10e-1 -1 -2 0.5 0.01 0.001 0.010 1.005 1e-2 1e-3 10000 10001 1000000 1000001
1000000.00 1000000.01 1000000000 1000000001 1e12 1000000000000.01 1000000000001 9007199254740991
9007199254740992 9223372036854775807 9223372036854775808 18446744073709551617 1e19 1e400 -1e400 1e-400
0e400 0.1e1 100E-2""".split()
TEXTS = [
    "", " ", "x", "x" * 64, "x" * 65, "r" * 200, "r" * 201, "é" * 200, "é" * 201, "\U0001f4b3" * 200,
    "a b", "a/b", "a\n", "\n", "\0", "a\0", "a\x1f", "a\x7f", "a\x80", "\u2028", "müller", "A.b_c:d-9",
    "USD", "usd", "JPY", "USD ", "0", "19.99", "OrderPlaced", "PaymentFailed", UNKNOWN_TYPE,
    "0193652f-8a31-7c04-9a5e-3f1d2b7c8e90", "0193652F-8A31-7C04-9A5E-3F1D2B7C8E90",
    "00000000-0000-0000-0000-000000000000", "0193652f8a317c049a5e3f1d2b7c8e90",
    "0193652f-8a31-7c04-9a5e-3f1d2b7c8e9", "0193652f-8a31-7c04-9a5e-3f1d2b7c8e90\n",
    "{193652f-8a31-7c04-9a5e-3f1d2b7c8e9}", "2026-11-24T16:15:37.123Z", "2026-11-24T16:15:37.123Z\n",
    "2026-11-24T16:15:37Z", "2026-02-29T00:00:00.000Z", "2024-02-29T00:00:00.000Z",
    "1900-02-29T00:00:00.000Z", "2000-02-29T00:00:00.000Z", "2100-02-29T00:00:00.000Z",
    "1969-12-31T23:59:59.999Z", "1970-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999Z",
    "2026-04-31T00:00:00.000Z", "2026-12-31T23:59:60.000Z", "2026-12-31T24:00:00.000Z",
    "2026-11-24T16:15:37.123+00:00",
]


class Raw(str):
    """JSON text that stands for itself."""


def write(value):
    """JSON text of a parsed event; Decimal and Raw as they are."""
    if isinstance(value, Raw):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{write(name)}:{write(v)}" for name, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(write, value)) + "]"
    if isinstance(value, (Decimal, int)) and not isinstance(value, bool):
        return str(value)
    return schemas.json.dumps(value, ensure_ascii=False)


def paths(value, path=()):
    """The way to every value of an event."""
    yield path
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield from paths(child, (*path, key))


def replaced(event, path, new):
    event = copy.deepcopy(event)
    place = event
    for key in path[:-1]:
        place = place[key]
    if new is None:
        del place[path[-1]]
    else:
        place[path[-1]] = new
    return event


def grown(event, path):
    """Lists at and around their bounds, objects with members added."""
    value = event
    for key in path:
        value = value[key]
    if isinstance(value, list) and value and isinstance(value[0], dict):
        yield from ([value[0]] * count for count in (99, 100, 101))
        yield [*value, value[0], {**value[0], "quantity": 0}]
    if isinstance(value, dict):
        for count in (1, 32 - len(value), 33 - len(value)):
            yield {**value, **{f"more_{i}": [i] for i in range(count)}}


def changes_of(event):
    """Where, and what then stands there: None for nothing."""
    values = [Raw(number) for number in NUMBERS] + TEXTS
    values += [Raw(text) for text in ("null", "true", "false", "[]", "{}", "[null]", "[[]]", "[{}]")]
    for path in list(paths(event))[1:]:
        yield from ((path, value) for value in (*values, None))
    for path in paths(event):
        yield from ((path, value) for value in grown(event, path))


def all_changes():
    """Of all examples: the event, and the change."""
    for file in sorted((schemas.ROOT / "examples/valid").rglob("*.json")):
        if file.stem != LARGE:
            event = schemas.parse_event(file.read_bytes())
            yield from ((event, *change) for change in changes_of(event))


def mutant(event, path, new):
    """JSON text, as bytes."""
    return write(replaced(event, path, new) if path else new).encode()


@pytest.fixture(scope="module")
def mutants():
    changes = list(all_changes())
    random.Random(SEED).shuffle(changes)
    # Types that nobody knows are rare among them: some are always there.
    unknown = [change for change in changes[SAMPLE:] if change[1:] == (("event_type",), UNKNOWN_TYPE)]
    return list(dict.fromkeys(mutant(*change) for change in changes[:SAMPLE] + unknown[:UNKNOWN]))


def test_codec_and_schemas_accept_the_same_mutants(codec, mutants):
    verdicts = {"accept": 0, "refuse": 0, "unknown": 0}
    for text in mutants:
        answer, expected = codec(text), schemas.judge(text)
        assert answer.verdict == expected, f"SAGA_SEED={SEED}: {answer} {text.decode()}"
        verdicts[expected] += 1
    assert verdicts["accept"] > 100 and verdicts["refuse"] > 1000 and verdicts["unknown"] >= UNKNOWN, verdicts


def test_accepted_mutants_are_written_as_they_were_read(codec, mutants):
    accepted = 0
    for text in mutants:
        answer = codec(text)
        if answer.verdict == "accept":
            accepted += 1
            written = answer.text.encode()
            assert schemas.parse_event(written) == schemas.normalise(schemas.parse_event(text))
            assert schemas.violations(written) == []
    assert accepted > 100


def test_refused_mutants_are_faulted_at_the_same_place(codec, mutants):
    for text in mutants:
        answer = codec(text)
        if answer.verdict == "refuse" and not answer.text.startswith(("not JSON", "nested", "larger")):
            assert answer.pointer in schemas.pointers(text), f"{answer} {text.decode()}"
