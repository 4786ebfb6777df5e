"""The flow of an order, forwards and back, over real topics: every kind of end, and cancellation.

Most of these tests share one system, so the checker sees what all of them have done to it.
"""

import json
import time

import pytest
from support.client import Client
from support.events import cancellation_requested, new_id, order_placed
from support.orders import PLENTY, SCARCE, Item, Kind, Order
from support.waiting import wait_until
from support.watch import OUTCOMES

EVENTS_OF = {
    Kind.SHIPPED: ["OrderPlaced", "PaymentProcessed", "InventoryReserved", "ShipmentCreated",
                   "InventoryDeducted", "OrderCompleted"],
    Kind.DECLINED: ["OrderPlaced", "PaymentFailed", "OrderCancelled"],
    Kind.OUT_OF_STOCK: ["OrderPlaced", "PaymentProcessed", "InventoryReservationFailed", "PaymentRefunded",
                        "OrderCancelled"],
    Kind.UNKNOWN_PRODUCT: ["OrderPlaced", "PaymentProcessed", "InventoryReservationFailed",
                           "PaymentRefunded", "OrderCancelled"],
    Kind.REFUSED: ["OrderPlaced", "PaymentProcessed", "InventoryReserved", "ShipmentFailed",
                   "InventoryReleased", "PaymentRefunded", "OrderCancelled"],
}
CANCELLED_EARLY = ["OrderPlaced", "OrderCancellationRequested", "ShipmentCancelled",
                   "InventoryReservationCancelled", "PaymentCancelled", "OrderCancelled"]
BATCH = 500
REACTION_S = 10


@pytest.mark.parametrize("kind", Kind, ids=str)
def test_an_order_ends_as_its_kind_says(shared, kind):
    attempt = shared.place(kind)
    shared.wait_final()
    assert shared.types_of(attempt.order_id) == sorted(EVENTS_OF[kind])
    shared.assert_sound()
    document = shared.client.order(attempt.order_id).json()
    assert document["status"] == ("completed" if kind is Kind.SHIPPED else "cancelled")
    assert document.get("reason") == (None if kind is Kind.SHIPPED else kind.value)


def test_the_largest_charge_that_is_not_declined(shared):
    """PAYMENT_DECLINE_OVER is what may still be charged."""
    exactly = shared.place(Order("c-exactly", (Item("widget", 1, 100_000),)))
    over = shared.place(Order("c-over", (Item("widget", 1, 100_001),), kind=Kind.DECLINED))
    shared.wait_final()
    shared.assert_sound()
    assert shared.status(exactly.order_id) == "completed"
    assert shared.status(over.order_id) == "cancelled"


def test_the_answer_to_a_post_is_the_order(shared):
    order = Order("c-1", (Item("widget", 2, 1999), Item("gadget", 1, 500)), "EUR")
    answer = shared.client.http.post("/v1/orders", order.body())
    assert answer.status == 201
    document = answer.json()
    shared.history.by_hand.add(document["order_id"])
    assert answer.headers["location"] == f"/v1/orders/{document['order_id']}"
    assert answer.headers["content-type"].startswith("application/json")
    assert document["customer_id"] == "c-1"
    assert document["items"] == order.document()["items"]
    assert (document["total_amount"], document["currency"]) == (44.98, "EUR")
    again = shared.client.http.get(answer.headers["location"])
    assert again.status == 200
    assert again.json()["items"] == document["items"]


def test_currency_and_total_may_be_left_out(shared):
    body = b'{"customer_id": "c-1", "items": [{"product_id": "widget", "quantity": 3, "unit_price": 0.1}]}'
    answer = shared.client.http.post("/v1/orders", body)
    assert answer.status == 201
    shared.history.by_hand.add(answer.json()["order_id"])
    assert (answer.json()["total_amount"], answer.json()["currency"]) == (0.3, "USD")


def test_lines_of_one_product_are_merged(shared):
    """Alone each line fits into the stock; together they do not."""
    shared.receive_stock({"pair": 3})
    fits = shared.place(Order("c-fits", (Item("pair", 1, 500), Item("widget", 1, 100), Item("pair", 2, 400))))
    shared.wait_final()
    short = shared.place(Order("c-short", (Item("pair", 1, 500), Item("pair", 1, 500)), kind=Kind.OUT_OF_STOCK))
    shared.wait_final()
    reserved = next(e for e in shared.events_of(fits.order_id) if e["event_type"] == "InventoryReserved")
    assert reserved["data"]["items"] == [
        {"product_id": "pair", "quantity": 3}, {"product_id": "widget", "quantity": 1}]
    shared.assert_sound()
    assert shared.status(short.order_id) == "cancelled"


def test_all_lines_are_reserved_or_none(shared):
    short = shared.place(Order("c-1", (Item("widget", 5, 100), Item(SCARCE, 2, 100)), kind=Kind.OUT_OF_STOCK))
    shared.wait_final()
    assert shared.types_of(short.order_id) == sorted(EVENTS_OF[Kind.OUT_OF_STOCK])
    shared.assert_sound()


def test_the_last_piece_is_sold_once(shared):
    """Twenty customers, three pieces."""
    shared.receive_stock({"rare": 3})
    ids = [shared.place(Order(f"c-{n}", (Item("rare", 1, 1000 + n),))).order_id for n in range(20)]
    shared.wait_final()
    shared.assert_sound()
    assert sorted(shared.status(order_id) for order_id in ids) == ["cancelled"] * 17 + ["completed"] * 3


def test_get_right_after_201_finds_the_order(shared):
    for _ in range(BATCH):
        order_id = shared.place(Kind.SHIPPED).order_id
        assert shared.client.order(order_id).status == 200
    shared.wait_final()
    shared.assert_sound()


def test_another_client_finds_the_order_too(shared):
    other = Client(shared.service("order").port)
    order_id = shared.place(Kind.SHIPPED).order_id
    assert other.order(order_id).status == 200
    assert other.timeline(order_id).status == 200


def test_the_status_of_an_order_never_goes_back(shared):
    ranks = ["placed", "paid", "reserved", "cancelling", "shipped", "completed", "cancelled"]
    for kind in (Kind.SHIPPED, Kind.REFUSED):
        order_id, seen = shared.place(kind).order_id, []
        wait_until(lambda: seen.append(shared.status(order_id)) or seen[-1] in ranks[-2:], REACTION_S,
                   f"{order_id} is final", poll_s=0)
        assert [ranks.index(status) for status in seen] == sorted(ranks.index(status) for status in seen)


def test_the_timeline_shows_every_event_with_its_cause(shared):
    order_id = shared.place(Kind.REFUSED).order_id
    shared.wait_final()
    shared.assert_sound()
    shown = shared.client.timeline(order_id).json()["events"]
    assert [event["event_type"] for event in shown] == EVENTS_OF[Kind.REFUSED]
    assert shown[0]["causation_id"] is None
    for earlier, later in zip(shown, shown[1:]):
        assert later["causation_id"] == earlier["event_id"]
        assert later["delay_ms"] >= 0
    assert [event["service"] for event in shown] == [
        "order", "payment", "inventory", "shipping", "inventory", "payment", "order"]


def test_sagactl_shows_the_same_events_as_the_service(shared):
    order_id = shared.place(Kind.SHIPPED).order_id
    shared.wait_final()
    shared.assert_sound()
    shown = json.loads(shared.sagactl("order", "show", order_id, "--json").stdout)
    timeline = shared.client.timeline(order_id).json()
    assert shown["status"] == timeline["status"] == "completed"
    assert ([event["event_id"] for event in shown["events"]]
            == [event["event_id"] for event in timeline["events"]])


# --- cancellation -------------------------------------------------------------------------------------


def test_a_cancellation_that_overtakes_the_order_prevents_the_charge(shared):
    """The request is through all services before payment ever sees the order."""
    placed = order_placed(new_id(), "c-overtaken")
    order_id = placed["data"]["order_id"]
    shared.writer.write_event(cancellation_requested(order_id))
    wait_until(lambda: shared.watch.has("OrderCancelled", order_id), REACTION_S, "the order is cancelled")
    shared.place_by_hand(placed)
    shared.place(Kind.SHIPPED)  # behind it: when this is final, that was read
    shared.wait_final()
    log = shared.assert_sound()
    assert sorted(e["event_type"] for e in log.of_order(order_id)) == sorted(CANCELLED_EARLY)
    assert all(e["data"]["reason"] == "customer_request" for e in log.of_order(order_id)
               if e["event_type"] != "OrderPlaced")
    assert shared.status(order_id) == "cancelled"


def test_a_cancellation_while_payment_is_down_costs_nothing_in_the_end(saga):
    saga.service("payment").stop()
    attempt = saga.place(Kind.SHIPPED)
    saga.writer.write_event(cancellation_requested(attempt.order_id))
    wait_until(lambda: saga.watch.has("InventoryReservationCancelled", attempt.order_id), REACTION_S,
               "inventory knows of the cancellation")
    saga.service("payment").start()
    saga.wait_final()
    types = set(saga.types_of(attempt.order_id))
    # Payment reads two topics: either it never charges, or it charges and gives back.
    assert "PaymentCancelled" in types or {"PaymentProcessed", "PaymentRefunded"} <= types
    saga.assert_sound()
    assert "ShipmentCreated" not in types and saga.status(attempt.order_id) == "cancelled"


def test_a_cancellation_before_the_shipment_gives_everything_back(saga):
    saga.service("shipping").stop()
    attempt = saga.place(Kind.SHIPPED)
    wait_until(lambda: saga.watch.has("InventoryReserved", attempt.order_id), REACTION_S, "goods are held")
    saga.writer.write_event(cancellation_requested(attempt.order_id))
    saga.service("shipping").start()
    saga.wait_final()
    saga.assert_sound()
    types = saga.types_of(attempt.order_id)
    # Shipping reads two topics as well: the one that it reads first wins, never both.
    assert ("ShipmentCreated" in types) != ("ShipmentCancelled" in types)
    assert ("OrderCompleted" in types) == ("ShipmentCreated" in types)


def test_a_cancellation_after_the_shipment_changes_nothing(shared):
    attempt = shared.place(Kind.SHIPPED)
    shared.wait_final()
    shared.writer.write_event(cancellation_requested(attempt.order_id))
    shared.place(Kind.SHIPPED)
    shared.wait_final()
    shared.assert_sound()
    assert shared.types_of(attempt.order_id) == sorted(
        [*EVENTS_OF[Kind.SHIPPED], "OrderCancellationRequested"])
    assert shared.status(attempt.order_id) == "completed"


def test_cancellations_that_race_shipments_have_one_winner_each(shared, note):
    """Two hundred requests, each written a moment after its order."""
    ids = []
    for _ in range(200):
        ids.append(shared.place(Kind.SHIPPED).order_id)
        if len(ids) > 1:
            shared.writer.write_event(cancellation_requested(ids[-2 if shared.rng.random() < 0.5 else -1]))
    shared.wait_final()
    log = shared.assert_sound()
    cancelled = sum(shared.watch.outcome(order_id) == "OrderCancelled" for order_id in ids)
    note(f"{cancelled} of {len(ids)} were cancelled")
    outcomes = [e for order_id in ids for e in log.of_order(order_id) if e["event_type"] in OUTCOMES]
    assert len(outcomes) == len(ids)


def test_a_declined_order_that_is_cancelled_as_well_ends_once(saga):
    saga.service("payment").stop()
    attempt = saga.place(Kind.DECLINED)
    saga.writer.write_event(cancellation_requested(attempt.order_id, "changed my mind"))
    saga.service("payment").start()
    saga.wait_final()
    saga.assert_sound()
    assert saga.client.order(attempt.order_id).json()["reason"] in ("payment_declined", "changed my mind")


# --- around the edges of the flow ---------------------------------------------------------------------


def test_an_event_written_twice_has_one_effect(shared):
    """The same record again, byte for byte, as a producer without idempotence might write it."""
    attempt = shared.place(Kind.SHIPPED)
    shared.wait_final()
    log = shared.log()
    for name in ("PaymentProcessed", "InventoryReserved", "ShipmentCreated"):
        event = next(e for e in log.of_order(attempt.order_id) if e["event_type"] == name)
        shared.foreign.add(shared.writer.write_event(event))
    shared.place(Kind.SHIPPED)
    shared.wait_final()
    shared.assert_sound(reads=False)


def test_stock_that_comes_later_serves_the_orders_after_it(shared):
    shared.receive_stock({"late": 1})
    short = shared.place(Order("c-before", (Item("late", 2, 100),), kind=Kind.OUT_OF_STOCK))
    shared.wait_final()
    shared.receive_stock({"late": 5})
    served = shared.place(Order("c-after", (Item("late", 2, 101),)))
    shared.wait_final()
    shared.assert_sound()
    assert (shared.status(short.order_id), shared.status(served.order_id)) == ("cancelled", "completed")


def test_a_calm_order_is_through_within_a_second(shared):
    shared.place(Kind.SHIPPED)
    shared.wait_final()
    started = time.monotonic()
    shared.place(Order("c-quick", tuple(Item(product, 1, 100) for product in PLENTY)))
    shared.wait_final()
    assert time.monotonic() - started < 1
