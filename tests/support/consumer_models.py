"""What a Python consumer of ours looks like: Pydantic models of exactly these fields read our topics."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel


class OrderItem(BaseModel):
    product_id: str
    quantity: int
    unit_price: float


class OrderPlacedData(BaseModel):
    order_id: UUID
    customer_id: str
    items: list[OrderItem]
    total_amount: float
    currency: str


class OrderPlacedEvent(BaseModel):
    event_id: UUID
    event_type: str
    timestamp: datetime
    data: OrderPlacedData
