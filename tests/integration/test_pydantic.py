"""A Python consumer with Pydantic models of exactly these fields parses what is on the topic."""

from datetime import datetime, timedelta, timezone
from uuid import UUID

from pydantic import BaseModel
from support.consumer_models import OrderItem, OrderPlacedData, OrderPlacedEvent
from support.orders import Item, Kind, Order


def test_pydantic_models_parse_what_is_on_the_topic(saga):
    order = Order("c-1", (Item("widget", 2, 1999), Item("gadget", 1, 500)), "EUR")
    order_id = saga.place(order).order_id
    others = [saga.place(saga.orders.next()).order_id for _ in range(50)]
    saga.wait_final()
    log = saga.assert_sound()

    events = [OrderPlacedEvent.model_validate_json(record.value) for record in log.of("orders")]

    assert {str(event.data.order_id) for event in events} == {order_id, *others}
    event = next(event for event in events if str(event.data.order_id) == order_id)
    assert event.event_type == "OrderPlaced"
    assert timedelta(0) <= datetime.now(timezone.utc) - event.timestamp < timedelta(minutes=1)
    assert event.timestamp.utcoffset() == timedelta(0)
    assert event.data == OrderPlacedData(
        order_id=UUID(order_id), customer_id="c-1", total_amount=44.98, currency="EUR",
        items=[OrderItem(product_id="widget", quantity=2, unit_price=19.99),
               OrderItem(product_id="gadget", quantity=1, unit_price=5.0)])


class Event(BaseModel):
    """What every event has."""

    event_id: UUID
    event_type: str
    timestamp: datetime
    correlation_id: UUID
    causation_id: UUID | None = None
    schema_version: int
    data: dict


def test_every_event_of_every_topic_has_the_envelope(saga):
    for kind in Kind:
        saga.place(kind)
    saga.wait_final()
    log = saga.assert_sound()
    for record in log.records:
        event = Event.model_validate_json(record.value)
        assert event.schema_version == 1
        assert event.timestamp.tzinfo is not None
