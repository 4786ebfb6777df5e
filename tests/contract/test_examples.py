"""Every example of schemas/examples: both validators agree, and valid ones survive the codec."""

import pytest
from support import schemas

EXAMPLES = schemas.ROOT / "examples"


def examples(kind):
    files = sorted((EXAMPLES / kind).rglob("*.json"))
    return [pytest.param(file.read_bytes(), id=str(file.relative_to(EXAMPLES))) for file in files]


def is_event(text):
    """As the checker of the integration tests decides."""
    try:
        return schemas.is_valid(schemas.parse_event(text))
    except ValueError:
        return False


def test_every_event_type_has_examples():
    for kind, least in [("valid", 1), ("invalid", 2)]:
        for name in schemas.EVENT_TYPES:
            assert len(list((EXAMPLES / kind / name).glob("*.json"))) >= least, f"{kind}/{name}"


def test_examples_stand_under_the_type_that_they_show():
    for file in (EXAMPLES / "valid").rglob("*.json"):
        assert schemas.parse_event(file.read_bytes())["event_type"] == file.parent.name


@pytest.mark.parametrize("text", examples("valid"))
def test_a_valid_example_is_read_and_written_again_unchanged(codec, text):
    assert schemas.violations(text) == []
    assert is_event(text)
    answer = codec(text)
    assert answer.verdict == "accept", answer.text
    assert schemas.parse_event(answer.text.encode()) == schemas.normalise(schemas.parse_event(text))


@pytest.mark.parametrize("text", examples("valid"))
def test_what_the_encoder_writes_is_valid(codec, text):
    assert schemas.violations(codec(text).text.encode()) == []


@pytest.mark.parametrize("text", examples("valid"))
def test_the_encoder_writes_money_with_two_decimals(codec, text):
    def decimals(value):
        if isinstance(value, dict):
            return [d for name, v in value.items() for d in decimals((name, v))]
        if isinstance(value, list):
            return [d for entry in value for d in decimals(entry)]
        if isinstance(value, tuple):
            name, v = value
            money = name in ("unit_price", "total_amount", "amount")
            return [v.as_tuple().exponent] if money else decimals(v)
        return []

    written = schemas.parse_event(codec(text).text.encode())
    assert set(decimals(written)) <= {-2}


@pytest.mark.parametrize("text", examples("invalid"))
def test_an_invalid_example_is_refused_by_both(codec, text):
    assert schemas.violations(text) != []
    assert not is_event(text)
    answer = codec(text)
    assert answer.verdict == "refuse", answer.text


def schema_level(kind):
    return [case for case in examples(kind) if "/syntax/" not in case.id]


@pytest.mark.parametrize("text", schema_level("invalid"))
def test_both_see_the_fault_at_the_same_place(codec, text):
    assert codec(text).pointer in schemas.pointers(text)


@pytest.mark.parametrize("text", schema_level("invalid"))
def test_an_invalid_example_has_one_fault_only(text):
    assert len(schemas.pointers(text)) == 1


@pytest.mark.parametrize("text", examples("unknown"))
def test_an_event_of_the_future_is_told_apart_from_a_broken_one(codec, text):
    assert codec(text).verdict == schemas.judge(text) == "unknown"


def test_the_largest_document_is_read_and_one_byte_more_is_not(codec):
    text = (EXAMPLES / "valid/OrderPlaced/typical.json").read_bytes()
    largest = text.ljust(schemas.ENVELOPE["x-bytes-max"])
    assert codec(largest).verdict == schemas.judge(largest) == "accept"
    assert codec(largest + b" ").verdict == schemas.judge(largest + b" ") == "refuse"
