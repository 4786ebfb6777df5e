"""A Python consumer with Pydantic models of exactly these fields parses what the C encoder writes."""

from datetime import datetime, timezone

import pytest
from support import schemas
from support.consumer_models import OrderPlacedEvent

FILES = sorted((schemas.ROOT / "examples/valid/OrderPlaced").glob("*.json"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_pydantic_models_parse_the_encoder_s_output(codec, file):
    event = OrderPlacedEvent.model_validate_json(codec(file.read_bytes()).text)
    expected = schemas.normalise(schemas.parse_event(file.read_bytes()))
    assert event.event_type == "OrderPlaced"
    assert str(event.event_id) == expected["event_id"]
    assert event.timestamp.tzinfo is not None
    assert event.data.currency == expected["data"]["currency"]
    assert [item.quantity for item in event.data.items] == [i["quantity"] for i in expected["data"]["items"]]
    assert event.data.total_amount == float(expected["data"]["total_amount"])


def test_the_timestamp_is_utc_with_milliseconds(codec):
    event = OrderPlacedEvent.model_validate_json(codec(FILES[-1].with_stem("typical").read_bytes()).text)
    assert event.timestamp == datetime(2026, 11, 24, 16, 15, 37, 123000, tzinfo=timezone.utc)
