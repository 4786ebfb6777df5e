"""Places one order of each kind, waits for their ends and prints what happened to each, as a table.

    demo_orders.py URL        exit code 0 if and only if every order ended as expected

KAFKA_BOOTSTRAP_SERVERS says where the goods that were received must be counted in first.
"""

import json
import os
import sys
import time
import urllib.request
from dataclasses import dataclass

from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

PRODUCTS = {"tea", "cups", "teapot"}
STOCK_S = 30
FINAL_S = 30
REQUEST_S = 10
POLL_S = 0.05
COLUMNS = ("ms", "service", "event", "after", "says")


@dataclass
class Case:
    title: str
    order: dict
    status: str
    reason: str | None
    steps: tuple[str, ...]


def order(customer: str, product: str, quantity: int, price: float) -> dict:
    return {"customer_id": customer,
            "items": [{"product_id": product, "quantity": quantity, "unit_price": price}]}


CASES = (
    Case("shipped", order("alice", "tea", 2, 4.50), "completed", None,
         ("OrderPlaced", "PaymentProcessed", "InventoryReserved", "ShipmentCreated", "OrderCompleted",
          "InventoryDeducted")),
    Case("payment declined", order("bob", "tea", 300, 4.50), "cancelled", "payment_declined",
         ("OrderPlaced", "PaymentFailed", "OrderCancelled")),
    # As many as an order may have: more than this demo's runs will ever receive.
    Case("out of stock, refunded", order("carol", "teapot", 10_000, 0.01), "cancelled", "out_of_stock",
         ("OrderPlaced", "PaymentProcessed", "InventoryReservationFailed", "PaymentRefunded",
          "OrderCancelled")),
    Case("unknown product, refunded", order("dave", "unicorn", 1, 99.00), "cancelled", "unknown_product",
         ("OrderPlaced", "PaymentProcessed", "InventoryReservationFailed", "PaymentRefunded",
          "OrderCancelled")),
    Case("shipment refused, released and refunded", order("far-away", "cups", 6, 3.20), "cancelled",
         "shipment_refused",
         ("OrderPlaced", "PaymentProcessed", "InventoryReserved", "ShipmentFailed", "InventoryReleased",
          "PaymentRefunded", "OrderCancelled")),
)


def wait_for_stock() -> None:
    """Receipts and orders are topics of their own: an order could be faster than the goods for it."""
    consumer = Consumer({"bootstrap.servers": os.environ["KAFKA_BOOTSTRAP_SERVERS"], "group.id": "demo",
                         "enable.auto.commit": False})
    consumer.list_topics(timeout=REQUEST_S)
    consumer.assign([TopicPartition("stock", 0, OFFSET_BEGINNING)])
    missing, deadline = set(PRODUCTS), time.monotonic() + STOCK_S
    while missing:
        if time.monotonic() > deadline:
            sys.exit(f"demo: error: {', '.join(sorted(missing))} not counted in within {STOCK_S} s")
        record = consumer.poll(POLL_S)
        if record is not None and record.error() is None:
            missing.discard(record.key().decode())
    consumer.close()


def call(url: str, body: dict | None = None) -> dict:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"} if data else {})
    with urllib.request.urlopen(request, timeout=REQUEST_S) as answer:
        return json.load(answer)


def wait_for_end(url: str, case: Case) -> dict:
    """The timeline, as soon as it has all the steps that are expected, or when time is up."""
    deadline = time.monotonic() + FINAL_S
    while True:
        timeline = call(url + "/timeline")
        is_final = timeline["status"] in ("completed", "cancelled")
        if is_final and len(timeline["events"]) >= len(case.steps) or time.monotonic() > deadline:
            return timeline
        time.sleep(POLL_S)


def milliseconds(event: dict) -> int:
    hours, minutes, seconds = event["timestamp"][11:-1].split(":")
    return round((int(hours) * 3600 + int(minutes) * 60 + float(seconds)) * 1000)


def detail(event: dict) -> str:
    data = event["data"]
    words = []
    for member in ("total_amount", "amount"):
        if member in data:
            words.append(f"{data[member]:.2f} {data.get('currency', 'USD')}")
    if event["event_type"] in ("OrderPlaced", "InventoryReserved", "InventoryReleased"):
        words += [f"{item['quantity']} x {item['product_id']}" for item in data["items"]]
    return ", ".join([*words, *([data["reason"]] if "reason" in data else [])])


def rows_of(timeline: dict) -> list[tuple[str, ...]]:
    events = timeline["events"]
    start = milliseconds(events[0])
    type_of = {event["event_id"]: event["event_type"] for event in events}
    return [(str(milliseconds(event) - start), event["service"], event["event_type"],
             type_of.get(event["causation_id"], "-"), detail(event)) for event in events]


def print_table(rows: list[tuple[str, ...]]) -> None:
    widths = [max(len(row[column]) for row in [COLUMNS, *rows]) for column in range(len(COLUMNS))]
    for row in [COLUMNS, *rows]:
        cells = [row[0].rjust(widths[0]), *(cell.ljust(width) for cell, width in zip(row[1:], widths[1:]))]
        print("  " + "  ".join(cells).rstrip())


def differences(case: Case, document: dict, timeline: dict) -> list[str]:
    steps = sorted(event["event_type"] for event in timeline["events"])
    found = []
    if (document["status"], document.get("reason")) != (case.status, case.reason):
        found.append(f"it is {document['status']} ({document.get('reason')}), not {case.status} ({case.reason})")
    if steps != sorted(case.steps):
        found.append(f"its events are {', '.join(steps)}, not {', '.join(sorted(case.steps))}")
    return [f"{case.title}: {text}" for text in found]


def run_case(base: str, case: Case) -> list[str]:
    placed = call(base + "/v1/orders", case.order)
    url = f"{base}/v1/orders/{placed['order_id']}"
    timeline = wait_for_end(url, case)
    document = call(url)
    reason = f" ({document['reason']})" if "reason" in document else ""
    print(f"\n{case.title}: order {placed['order_id']} of {case.order['customer_id']} is "
          f"{document['status']}{reason}")
    print_table(rows_of(timeline))
    return differences(case, document, timeline)


def main() -> int:
    wait_for_stock()
    found = [text for case in CASES for text in run_case(sys.argv[1], case)]
    for text in found:
        print(f"demo: not as expected: {text}", file=sys.stderr)
    if not found:
        print(f"\nAll {len(CASES)} orders ended as expected.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
