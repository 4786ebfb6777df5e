"""sagactl over all orders: list, cancel, stuck, and the stock. Most events are written by hand; of a
cancellation the services decide."""

import json
import time

import pytest
from support import events
from support.orders import Item, Order
from support.sagactl import RUN_S, Tool, rows
from support.topics import read_all
from support.waiting import wait_until

REACTION_S = 10
MINUTE_MS = 60_000
DAY_MS = 86_400_000
GOODS = {"items": [{"product_id": "widget", "quantity": 1}]}
PAID = ("PaymentProcessed", {"customer_id": "c-1", "amount": 10.0, "currency": "USD", **GOODS})
RESERVED = ("InventoryReserved", {"customer_id": "c-1", **GOODS})
SHIPPED = ("ShipmentCreated", {"customer_id": "c-1", **GOODS})
COMPLETED = ("OrderCompleted", {})
DECLINED = ("PaymentFailed", {"reason": "payment_declined"})
CANCELLED = ("OrderCancelled", {"reason": "payment_declined"})


def chain(ms: int, *steps: tuple[str, dict], customer: str = "c-1", order_id: str | None = None) -> list[dict]:
    """An order that was placed at `ms`, and what followed upon it, each 10 ms after its cause."""
    placed = {**events.order_placed(order_id, customer), "timestamp": events.timestamp(ms)}
    made = [placed]
    for n, (event_type, data) in enumerate(steps, 1):
        data = {"order_id": placed["data"]["order_id"], **data}
        made.append(events.new_event(event_type, data, made[-1], ms + 10 * n))
    return made


def write(writer, *chains: list[dict]) -> list[str]:
    """Returns the ids of the orders."""
    for made in chains:
        for event in made:
            writer.write_event(event)
    return [made[0]["data"]["order_id"] for made in chains]


@pytest.fixture
def now() -> int:
    return int(time.time() * 1000)


# --- order list -------------------------------------------------------------------------------------


def test_list_has_the_newest_order_first_and_how_it_stands(applied, writer, now):
    ids = write(writer, chain(now - 3000, DECLINED, CANCELLED), chain(now - 1000, PAID, customer="c-2"),
                chain(now - 2000, PAID, RESERVED, SHIPPED, COMPLETED))

    table, count = applied.output("order", "list").split("\n\n")

    assert count == "orders: 3\n"
    assert [row[1:] for row in rows(table)[1:]] == [
        [ids[1], "paid", "c-2", "10.00", "USD"], [ids[2], "completed", "c-1", "10.00", "USD"],
        [ids[0], "cancelled", "c-1", "10.00", "USD", "payment_declined"]]
    assert applied.document("order", "list")["orders"][2] == {
        "order_id": ids[0], "customer_id": "c-1", "status": "cancelled", "reason": "payment_declined",
        "total_amount": 10.0, "currency": "USD", "placed_at": events.timestamp(now - 3000),
        "updated_at": events.timestamp(now - 2980)}


def test_list_can_be_narrowed(applied, writer, now):
    ids = write(writer, *(chain(now - n * 1000, *([PAID] if n % 2 else []), customer=f"c-{n % 3}")
                          for n in range(12)))

    def listed(*words: str) -> tuple[list[str], int]:
        document = applied.document("order", "list", *words)
        return [order["order_id"] for order in document["orders"]], document["count"]

    assert listed() == (ids, 12)
    assert listed("--status", "paid") == (ids[1::2], 6)
    assert listed("--customer", "c-2") == (ids[2::3], 4)
    assert listed("--status=placed", "--customer=c-0", "--limit=1") == ([ids[0]], 2)
    assert listed("--customer", "nobody") == ([], 0)
    assert applied.output("order", "list", "--limit", "5").endswith("\n\norders: 12, the newest 5 are shown\n")


def test_list_of_nothing_is_empty(applied):
    assert applied.document("order", "list") == {"orders": [], "count": 0}
    assert applied.output("order", "list").endswith("\n\norders: 0\n")


def test_list_reads_all_partitions_to_their_ends(applied, writer, now):
    ids = write(writer, *(chain(now - n, PAID) for n in range(300)))

    document = applied.document("order", "list", "--limit", "300")
    assert [order["order_id"] for order in document["orders"]] == ids
    assert {order["status"] for order in document["orders"]} == {"paid"}


def test_what_is_older_than_its_retention_does_not_count(applied, writer, now):
    """A topic may keep it longer; the outcome of this one went first."""
    old = chain(now - 8 * DAY_MS)[0]
    value, headers = events.encode(old)
    writer.write("orders", old["data"]["order_id"].encode(), value, headers, ms=now - 8 * DAY_MS)
    young = write(writer, chain(now - DAY_MS))

    assert [order["order_id"] for order in applied.document("order", "list")["orders"]] == young
    assert [order["order_id"] for order in applied.document("stuck", code=1)["orders"]] == young


# --- stuck ------------------------------------------------------------------------------------------


def test_stuck_names_the_service_that_an_order_waits_for(applied, writer, now):
    ids = write(writer, chain(now - 5 * MINUTE_MS), chain(now - 3 * MINUTE_MS, PAID, RESERVED),
                chain(now - 9 * MINUTE_MS, PAID, RESERVED, SHIPPED, COMPLETED),
                chain(now - 9 * MINUTE_MS, DECLINED, CANCELLED), chain(now))

    done = applied.run("stuck")
    table, summary = done.stdout.split("\n\n")

    assert (done.returncode, done.stderr) == (1, "")
    assert summary == "stuck: 2 orders; waiting for payment: 1, shipping: 1\n"
    lines = rows(table)[1:]
    assert [(line[0], line[1], line[3], line[5], line[6]) for line in lines] == [
        (ids[0], "placed", "payment", "PaymentProcessed", "OrderPlaced"),
        (ids[1], "reserved", "shipping", "ShipmentCreated", "InventoryReserved")]
    assert all(line[2] == line[4] for line in lines)
    assert [round(int(line[2]) / 60) for line in lines] == [5, 3]

    found = applied.document("stuck", code=1)["orders"]
    assert [(order["order_id"], order["status"]) for order in found] == [(ids[0], "placed"), (ids[1], "reserved")]
    assert [step["event_type"] for step in found[1]["next"]] == [
        "ShipmentCreated", "OrderCompleted", "InventoryDeducted"]
    assert found[1]["next"][0]["waiting_ms"] == found[1]["silent_ms"]


def test_an_order_is_stuck_from_the_given_time_on(applied, writer, now):
    write(writer, chain(now - 10 * MINUTE_MS))

    assert len(applied.document("stuck", "--for", "590", code=1)["orders"]) == 1
    assert applied.document("stuck", "--for", "1000")["orders"] == []
    assert applied.output("stuck", "--for=1000") == "stuck: 0 orders\n"


def test_that_a_client_asks_again_is_no_progress(applied, writer, now):
    placed = chain(now - 10 * MINUTE_MS, PAID)
    ids = write(writer, placed)
    for _ in range(3):
        writer.write_event(events.cancellation_submitted(ids[0]))

    done = applied.run("stuck")
    assert done.stdout.endswith("\n\nstuck: 1 orders; waiting for order: 1, inventory: 1\n")


def test_an_order_that_is_asked_for_and_never_placed_is_stuck(applied, writer, now):
    submitted = {**events.order_submitted(events.new_id()), "timestamp": events.timestamp(now - MINUTE_MS)}
    writer.write_event(submitted)

    found = applied.document("stuck", code=1)["orders"]
    assert [(order["order_id"], order["status"]) for order in found] == [(submitted["data"]["order_id"], "unknown")]
    assert found[0]["next"][0]["event_type"] == "OrderPlaced"
    assert found[0]["next"][0]["service"] == "order"


# --- order cancel -----------------------------------------------------------------------------------


def submitted(broker, prefix) -> list[dict]:
    records = read_all(broker.bootstrap, prefix, only=("order-requests",)).of("order-requests")
    return [record.event for record in records if record.event["event_type"] == "OrderCancellationSubmitted"]


def test_a_cancellation_wins_while_the_order_waits_for_payment(broker, prefix, system, tool):
    system.begin(["order", "inventory", "shipping"])
    order_id = system.place().order_id
    call = tool.start("order", "cancel", order_id, "--reason", "fraud suspected")
    wait_until(lambda: "ShipmentCancelled" in system.types_of(order_id), REACTION_S, "shipping has cancelled")
    system.start(["payment"])

    stdout, stderr = call.communicate(timeout=RUN_S)

    assert (call.returncode, stdout, stderr) == (0, "cancelled: fraud suspected\n", "")
    assert [event["data"]["reason"] for event in submitted(broker, prefix)] == ["fraud suspected"]
    system.wait_final()
    system.assert_sound()
    # It is cancelled once; that it is, is the answer again.
    assert tool.document("order", "cancel", order_id) == {
        "order_id": order_id, "status": "cancelled", "reason": "fraud suspected", "next": []}
    assert len(submitted(broker, prefix)) == 1


def test_a_completed_order_is_not_cancelled(broker, shared):
    tool = Tool(broker.bootstrap, shared.prefix)
    order_id = shared.place().order_id
    shared.wait_final()

    done = tool.run("order", "cancel", order_id)

    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout == "completed: the shipment won, nothing is cancelled\n"
    assert tool.document("order", "cancel", order_id, code=1)["status"] == "completed"
    assert submitted(broker, shared.prefix) == []


def test_a_shipment_that_comes_first_wins(broker, prefix, applied, writer, now):
    steps = chain(now, PAID, RESERVED, SHIPPED)
    order_id = write(writer, steps[:1])[0]
    call = applied.start("order", "cancel", order_id)
    wait_until(lambda: submitted(broker, prefix), REACTION_S, "the cancellation is asked for")
    write(writer, steps[1:])

    stdout, stderr = call.communicate(timeout=RUN_S)

    assert (call.returncode, stderr) == (1, "")
    assert stdout == "shipped: the shipment won, nothing is cancelled\n"
    assert [event["data"]["reason"] for event in submitted(broker, prefix)] == ["operator_request"]


def test_a_cancellation_that_nobody_decides_says_on_whom_it_waits(applied, writer, now):
    order_id = write(writer, chain(now))[0]

    done = applied.run("order", "cancel", order_id, "--wait", "1")

    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith("placed; order has to publish OrderCancellationRequested, for ")
    document = json.loads(applied.run("order", "cancel", order_id, "--wait", "0", "--json").stdout)
    assert document["next"][0]["event_type"] == "OrderCancellationRequested"


def test_an_unknown_order_is_not_cancelled(broker, prefix, applied):
    order_id = events.new_id()

    assert applied.refusal(1, "order", "cancel", order_id) == f"there is no order {order_id}"
    assert submitted(broker, prefix) == []


# --- stock show -------------------------------------------------------------------------------------


def level(product: str, on_hand: int, reserved: int, ms: int) -> dict:
    return events.new_event("StockLevelChanged", {
        "product_id": product, "on_hand": on_hand, "reserved": reserved, "available": on_hand - reserved,
        "last_receipt_offset": 0}, ms=ms)


def test_stock_shows_the_last_level_of_each_product(applied, writer, now):
    for n in range(100):
        writer.write_event(level("widget", 100 - n, n % 7, now + n))
    writer.write_event(level("gadget", 5, 5, now))

    assert applied.document("stock", "show") == {"stock": [
        {"product_id": "gadget", "on_hand": 5, "reserved": 5, "available": 0, "updated_at": events.timestamp(now)},
        {"product_id": "widget", "on_hand": 1, "reserved": 1, "available": 0,
         "updated_at": events.timestamp(now + 99)}]}
    assert [row[:4] for row in rows(applied.output("stock", "show", "widget"))[1:]] == [["widget", "1", "1", "0"]]
    assert applied.refusal(1, "stock", "show", "gadget", "x" * 300) == f"there is no product '{'x' * 300}' in stock"


def test_stock_of_a_running_system_adds_up(broker, shared):
    tool = Tool(broker.bootstrap, shared.prefix)
    before = tool.document("stock", "show", "gizmo")["stock"][0]
    shared.place(Order("c-1", (Item("gizmo", 3, 1000),)))
    shared.wait_final()

    after = tool.document("stock", "show", "gizmo")["stock"][0]
    assert (after["on_hand"], after["reserved"]) == (before["on_hand"] - 3, before["reserved"])


def test_an_empty_stock_is_empty(applied):
    assert applied.document("stock", "show") == {"stock": []}
