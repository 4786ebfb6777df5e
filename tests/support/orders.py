"""Orders as a client places them, of the kinds that the saga tells apart.

    orders = OrderMix(rng)                    orders.next(), orders.of(kind), or endless by iteration

Each order of a mix is different from all others (by its price), so that a record in the log tells
which POST it comes from even when that was never answered.
"""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

REFUSED_CUSTOMER = "refused-by-carrier"
DECLINE_OVER_MINOR = 100_000  # the default of PAYMENT_DECLINE_OVER
PLENTY = ("widget", "gadget", "gizmo")  # products that never run out
SCARCE = "scarce"  # known, and one piece of it is there
UNKNOWN = "unheard-of"  # never received
STOCK = {**{product: 1_000_000 for product in PLENTY}, SCARCE: 1}


class Kind(StrEnum):
    """How an order ends, if nobody cancels it."""

    SHIPPED = "shipped"
    DECLINED = "payment_declined"
    OUT_OF_STOCK = "out_of_stock"
    UNKNOWN_PRODUCT = "unknown_product"
    REFUSED = "shipment_refused"

    @property
    def outcome(self) -> str:
        return "OrderCompleted" if self is Kind.SHIPPED else "OrderCancelled"


@dataclass(frozen=True)
class Item:
    product_id: str
    quantity: int
    price_minor: int


@dataclass(frozen=True)
class Order:
    customer_id: str
    items: tuple[Item, ...]
    currency: str = "USD"
    kind: Kind = Kind.SHIPPED

    @property
    def total_minor(self) -> int:
        return sum(item.quantity * item.price_minor for item in self.items)

    def document(self) -> dict:
        """As a client sends it. n / 100 is the nearest number, which prints with two decimals."""
        items = [{"product_id": item.product_id, "quantity": item.quantity,
                  "unit_price": item.price_minor / 100} for item in self.items]
        return {"customer_id": self.customer_id, "items": items, "currency": self.currency,
                "total_amount": self.total_minor / 100}

    def body(self) -> bytes:
        return json.dumps(self.document()).encode()


class OrderMix:
    """Seven of ten orders ship; the others fail in all ways there are. Repeatable by `rng`."""

    WEIGHTS = {Kind.SHIPPED: 7, Kind.DECLINED: 1, Kind.OUT_OF_STOCK: 1, Kind.REFUSED: 1}

    def __init__(self, rng: random.Random, weights: dict[Kind, int] | None = None, tag: str = "c"):
        self.rng, self.tag, self.count = rng, tag, 0
        self.weights = weights or self.WEIGHTS

    def next(self) -> Order:
        return self.of(self.rng.choices(list(self.weights), list(self.weights.values()))[0])

    def __iter__(self) -> Iterator[Order]:
        while True:
            yield self.next()

    def take(self, count: int) -> list[Order]:
        return [self.next() for _ in range(count)]

    def of(self, kind: Kind) -> Order:
        self.count += 1
        # The price makes the order unique; far enough below and above what payment declines.
        price = (DECLINE_OVER_MINOR if kind is Kind.DECLINED else 100) + self.count
        first = {Kind.OUT_OF_STOCK: Item(SCARCE, 2, price), Kind.UNKNOWN_PRODUCT: Item(UNKNOWN, 1, price)}
        items = [first.get(kind) or Item(self.rng.choice(PLENTY), 1, price)]
        if self.rng.random() < 0.3:
            items.append(Item(self.rng.choice(PLENTY), self.rng.randint(1, 3), self.rng.randint(1, 100)))
        customer = REFUSED_CUSTOMER if kind is Kind.REFUSED else f"{self.tag}-{self.count}"
        return Order(customer, tuple(items), self.rng.choice(("USD", "EUR")), kind)
