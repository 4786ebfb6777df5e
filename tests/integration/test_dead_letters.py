"""Dead letters, from the refusal to the end of the order: listed, replayed once, discarded.

The cause here is one that teams meet: a payment service of an older version knows smaller orders
only, and refuses one that the order service has accepted. The newer version mends it.
"""

import json
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest
from support import events, topics, versions
from support.checker import Refused
from support.cluster import executable
from support.orders import Item, Order
from support.topics import Record
from support.waiting import wait_until

QUANTITY_KNOWN = 5  # to the older payment service
LETTER_S = 10
TOOL_S = 40
LEVEL_MAX = 10**12  # STOCK_LEVEL_MAX
RECEIPT_MAX = 10**9
DAY_MS = 86_400_000
CAUSE = "/data/items/0/quantity"


def know_small_orders_only(schemas: Path) -> None:
    path = schemas / "types.json"
    document = json.loads(path.read_text())
    document["$defs"]["ordered_quantity"]["maximum"] = QUANTITY_KNOWN
    path.write_text(json.dumps(document))


@pytest.fixture(scope="module")
def older() -> Path:
    return versions.build("older", know_small_orders_only, ("payment-service",))


@pytest.fixture
def narrow(system, older):
    """A running system whose payment service is of the older version."""
    system.service("payment").use(older)
    return system.begin()


def mend(saga) -> None:
    payment = saga.service("payment")
    payment.stop()
    payment.use(versions.build_dir()).start()


def large_order(number: int = 0) -> Order:
    return Order(f"c-{number}", (Item("widget", QUANTITY_KNOWN + 1, 100 + number),))


def letters(saga, *options: str) -> list[dict]:
    return json.loads(saga.sagactl("dead-letters", "list", "--json", *options).stdout)["dead_letters"]


def wait_for_letters(saga, count: int) -> list[dict]:
    """The open ones."""
    found: list[dict] = []

    def are_there() -> bool:
        found[:] = letters(saga)
        return len(found) >= count

    wait_until(are_there, LETTER_S, lambda: f"{count} letters, not {found}\n{saga.tails()}", poll_s=0.1)
    assert len(found) == count, found
    for letter in found:
        origin = letter["origin"]
        place = origin["topic"].removeprefix(saga.prefix), origin["partition"], origin["offset"]
        if Refused(letter["service"], place) not in saga.refused:
            saga.refused.append(Refused(letter["service"], place))
    return found


def replays(saga, service: str = "payment") -> list[Record]:
    topic = f"{service}.replays"
    return topics.read_all(saga.bootstrap, saga.prefix, only=(topic,)).of(topic)


def ids_of(records: list[Record]) -> list[str | None]:
    return sorted(record.header("dead_letter_id") for record in records)


def everything(saga) -> list:
    """What stands in the topics: unchanged when nothing was written."""
    return [(record.place, record.value, record.headers) for record in saga.log().records]


# --- replay -----------------------------------------------------------------------------------------


def test_a_replay_completes_the_order_once_the_cause_is_mended(narrow):
    order_id = narrow.place(large_order()).order_id
    letter, = wait_for_letters(narrow, 1)
    assert letter["service"] == "payment" and letter["key"] == order_id and letter["state"] == "open"
    assert letter["event_type"] == "OrderPlaced" and letter["cause"].startswith(CAUSE)
    assert narrow.types_of(order_id) == ["OrderPlaced"]

    before = everything(narrow)
    dry = narrow.sagactl("dead-letters", "replay", "--all", "--dry-run").stdout
    assert letter["id"] in dry and "would be replayed to" in dry
    assert everything(narrow) == before

    mend(narrow)
    narrow.sagactl("dead-letters", "replay", letter["id"])
    narrow.wait_final()
    assert "OrderCompleted" in narrow.types_of(order_id)
    narrow.assert_sound()

    before = everything(narrow)
    again = narrow.sagactl("dead-letters", "replay", letter["id"]).stdout
    assert "already replayed" in again and "0 replayed" in again
    assert "0 replayed" in narrow.sagactl("dead-letters", "replay", "--all").stdout
    narrow.wait_settled()
    assert everything(narrow) == before
    assert letters(narrow) == [] and [each["state"] for each in letters(narrow, "--all")] == ["replayed"]


def test_the_record_comes_back_as_it_was(narrow):
    order_id = narrow.place(large_order()).order_id
    letter, = wait_for_letters(narrow, 1)
    narrow.sagactl("dead-letters", "replay", "--cause", "quantity")
    replayed, = replays(narrow)
    placed, = [record for record in narrow.log().of("orders") if record.key == order_id.encode()]
    assert (replayed.key, replayed.value, replayed.partition) == (placed.key, placed.value, placed.partition)
    assert replayed.headers == [*placed.headers, ("dead_letter_id", letter["id"].encode())]


def test_what_is_refused_again_is_a_letter_again_and_says_of_which(narrow):
    order_id = narrow.place(large_order()).order_id
    first, = wait_for_letters(narrow, 1)
    narrow.sagactl("dead-letters", "replay", first["id"])
    wait_until(lambda: len(letters(narrow, "--all")) == 2, LETTER_S, "it is refused again")
    second, = wait_for_letters(narrow, 1)
    assert second["ancestor"] == first["id"] and second["id"] != first["id"]
    assert second["origin"]["topic"] == f"{narrow.prefix}payment.replays"
    assert second["cause"] == first["cause"]
    mend(narrow)
    said = narrow.sagactl("dead-letters", "replay", "--cause", CAUSE, "--service", "payment").stdout
    assert "1 replayed, 1 resolved before" in said
    narrow.wait_final()
    assert "OrderCompleted" in narrow.types_of(order_id)
    narrow.assert_sound()


def test_a_cancellation_meanwhile_has_the_last_word(narrow):
    """Later events of the order meet a service that knows nothing of it; then the letter comes."""
    order_id = narrow.place(large_order()).order_id
    letter, = wait_for_letters(narrow, 1)
    narrow.writer.write_event(events.cancellation_submitted(order_id))
    narrow.wait_final()
    cancelled = narrow.types_of(order_id)
    assert "OrderCancelled" in cancelled and "PaymentCancelled" in cancelled
    mend(narrow)
    narrow.sagactl("dead-letters", "replay", letter["id"])
    other = narrow.place(large_order(1)).order_id  # the service has passed the replay when this is done
    narrow.wait_final()
    wait_until(lambda: not letters(narrow), LETTER_S, "nothing is refused")
    assert narrow.types_of(order_id) == cancelled
    assert "OrderCompleted" in narrow.types_of(other)
    narrow.assert_sound()


def test_operators_at_the_same_time_and_killed_ones_replay_each_letter_once(narrow, rng):
    orders = [narrow.place(large_order(number)).order_id for number in range(12)]
    found = wait_for_letters(narrow, len(orders))
    mend(narrow)
    done = [replay_by_many(narrow, rng) for _ in range(3)]
    narrow.sagactl("dead-letters", "replay", "--all")
    assert ids_of(replays(narrow)) == sorted(letter["id"] for letter in found), done
    narrow.wait_final()
    assert all("OrderCompleted" in narrow.types_of(order_id) for order_id in orders)
    narrow.assert_sound()


def replay_by_many(saga, rng: random.Random) -> list[int]:
    """Three at once, one of them killed. Exit codes."""
    command = [executable("tools/sagactl/sagactl"), "dead-letters", "replay", "--all"]
    tools = [subprocess.Popen(command, env=saga.env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
             for _ in range(3)]
    time.sleep(rng.uniform(0.02, 0.6))  # anywhere in its course
    tools[0].send_signal(signal.SIGKILL)
    codes = [tool.wait(TOOL_S) for tool in tools]
    for tool, code in zip(tools[1:], codes[1:]):
        said = tool.stderr.read().decode()
        assert code == 0 or code == 1 and "run it again" in said, (code, said)
    for tool in tools:
        tool.stderr.close()
    return codes


# --- discard ----------------------------------------------------------------------------------------


def test_a_discarded_letter_stays_where_it_is_and_is_not_replayed(narrow):
    order_id = narrow.place(large_order()).order_id
    letter, = wait_for_letters(narrow, 1)
    before = everything(narrow)
    assert "would be discarded" in narrow.sagactl("dead-letters", "discard", letter["id"], "--dry-run").stdout
    assert everything(narrow) == before
    narrow.sagactl("dead-letters", "discard", letter["id"], "--reason", "the customer\x1b[31m knows")
    narrow.writer.write_event(events.cancellation_submitted(order_id))
    mend(narrow)
    assert "already discarded" in narrow.sagactl("dead-letters", "replay", letter["id"]).stdout
    assert "already discarded" in narrow.sagactl("dead-letters", "discard", letter["id"]).stdout
    narrow.wait_final()
    mark, = replays(narrow)
    assert mark.value is None and mark.header("dead_letter_resolution") == "discarded"
    assert letters(narrow) == []
    shown = narrow.sagactl("dead-letters", "show", letter["id"]).stdout
    assert "discarded" in shown and r"the customer\x1b[31m knows" in shown
    narrow.assert_sound()


# --- receipts ---------------------------------------------------------------------------------------


def level_of(saga, product: str) -> dict:
    found = [event["data"] for event in saga.log().events("StockLevelChanged")
             if event["data"]["product_id"] == product]
    return found[-1]


def test_a_receipt_is_counted_in_once_when_it_is_replayed(saga):
    """Too much at first; then some of it is sold."""
    room = 3
    pieces = [RECEIPT_MAX] * (LEVEL_MAX // RECEIPT_MAX - 1) + [RECEIPT_MAX - room]
    saga.sagactl("stock", "receive", *(word for count in pieces for word in ("lamp", str(count))))
    saga.sagactl("stock", "receive", "lamp", "5")
    letter, = wait_for_letters(saga, 1)
    assert letter["service"] == "inventory" and "maximum" in letter["cause"]
    saga.sagactl("dead-letters", "replay", letter["id"])
    second, = wait_for_letters(saga, 1)  # there is still no room
    assert second["ancestor"] == letter["id"]
    assert second["origin"]["topic"] == f"{saga.prefix}stock-receipts"

    saga.place(Order("c-1", (Item("lamp", 4, 100),)))
    saga.wait_final()
    assert level_of(saga, "lamp")["on_hand"] == LEVEL_MAX - room - 4
    for _ in range(2):
        saga.sagactl("dead-letters", "replay", second["id"])
    wait_until(lambda: level_of(saga, "lamp")["on_hand"] == LEVEL_MAX - room + 1, LETTER_S,
               lambda: f"the receipt is counted in: {level_of(saga, 'lamp')}")
    marks = replays(saga, "inventory")
    assert [mark.value for mark in marks] == [None, None]
    assert ids_of(marks) == sorted([letter["id"], second["id"]])
    assert letters(saga) == []
    saga.place(Order("c-2", (Item("lamp", 1, 101),)))
    saga.wait_final()
    assert level_of(saga, "lamp")["on_hand"] == LEVEL_MAX - room
    saga.assert_sound()


# --- the tool, with letters written by hand -------------------------------------------------------------


@pytest.fixture
def board(system):
    """Topics only. board.letter(…) is the id of a dead letter that nobody has refused."""
    system.prepare()
    system.letter = lambda *args, **kwargs: write_letter(system, *args, **kwargs)
    return system


def write_letter(saga, service: str = "payment", topic: str = "orders", key: bytes | None = b"k",
                 value: bytes | None = b"{", cause: bytes = b"made up", headers=(), event_ms: int | None = None) -> str:
    full = topic if topic.startswith("/") else saga.prefix + topic
    own = [("dead_letter_cause", cause), ("dead_letter_topic", full.encode()), ("dead_letter_partition", b"1"),
           ("dead_letter_offset", b"7"), ("dead_letter_service", service.encode())]
    if event_ms is not None:
        event = {**events.order_placed(), "timestamp": events.timestamp(event_ms)}
        value, made = events.encode(event)
        key, headers = event["data"]["order_id"].encode(), made
    place = saga.writer.write(f"{service}.dead-letters", key, value, [*headers, *own])
    return f"{service}/{place[1]}/{place[2]}"


def refused(saga, *words: str) -> str:
    done = saga.sagactl("dead-letters", *words, check=False)
    assert done.returncode == 1, done
    return done.stdout + done.stderr


def test_what_cannot_be_replayed_is_told_and_holds_up_nothing_else(board):
    now_ms = int(time.time() * 1000)
    hopeless = {
        board.letter(key=None): "no key",
        board.letter(topic="payment.shards"): "no topic that its service decides upon",
        board.letter(topic="/orders"): "no topic that its service decides upon",
        board.letter(topic="order.replays"): "no topic that its service decides upon",
        board.letter(value=b"x" * 65537): "larger",
        board.letter(event_ms=now_ms - 7 * DAY_MS): "older",
    }
    good = [board.letter(), board.letter(topic="payment.replays"), board.letter(event_ms=now_ms - 6 * DAY_MS),
            board.letter(value=None), board.letter("shipping", "inventory")]
    said = refused(board, "replay", "--all")
    for letter, why in hopeless.items():
        assert any(letter in line and why in line for line in said.splitlines()), (letter, said)
    assert f"{len(good)} replayed" in said and f"{len(hopeless)} cannot be replayed" in said
    assert ids_of(replays(board) + replays(board, "shipping")) == sorted(good)
    assert {letter["id"] for letter in letters(board)} == set(hopeless)
    board.sagactl("dead-letters", "discard", *hopeless)
    assert letters(board) == []


def test_an_unknown_id_is_told_and_holds_up_nothing_else(board):
    letter = board.letter()
    assert "there is no dead letter payment/0/99" in refused(board, "replay", letter, "payment/0/99", letter)
    assert ids_of(replays(board)) == [letter]
    assert "there is no dead letter order/3/0" in refused(board, "show", "order/3/0")
    assert "there is no dead letter order/0/0" in refused(board, "discard", "order/0/0")


@pytest.mark.parametrize("words", [
    ("replay",), ("replay", "--all", "payment/0/1"), ("replay", "--all", "--cause", "x"), ("replay", "payment/0"),
    ("replay", "payment/0/1", "--service", "payment"), ("replay", "--all", "--service", "nobody"),
    ("show", "payment/0/-1"), ("show", "payment/0/1/2"), ("show", "payments/0/1"), ("show",),
    ("discard",), ("discard", "payment/0/1", "--reason", "x" * 201), ("list", "--service", "")], ids=" ".join)
def test_a_wrong_command_line_is_told(board, words):
    assert board.sagactl("dead-letters", *words, check=False).returncode == 2


def test_letters_are_chosen_by_service_and_cause(board):
    first, second = board.letter(cause=b"too large: 7"), board.letter("order", "payments", cause=b"too large: 8")
    third = board.letter(cause=b"too small")
    assert [each["id"] for each in letters(board, "--cause", "too large", "--service", "payment")] == [first]
    assert {each["id"] for each in letters(board, "--cause", "large")} == {first, second}
    board.sagactl("dead-letters", "replay", "--cause", "too large")
    assert [each["id"] for each in letters(board)] == [third]
    table = board.sagactl("dead-letters", "list", "--all").stdout.splitlines()
    assert table[0].split() == ["ID", "STATE", "REFUSED", "AT", "EVENT", "KEY", "ORIGIN", "CAUSE"]
    assert [line.split()[:2] for line in table[1:]] == [[second, "replayed"], [first, "replayed"], [third, "open"]]


def test_nothing_that_a_stranger_wrote_commands_the_terminal(board):
    evil = "\x1b]0;x\x07\x9b31m\u202e\\".encode("latin-1", "ignore") + b"\xff\xfe\x00"
    letter = board.letter(key=evil, value=evil, cause=evil, headers=[("ce_type", evil), ("h\x1b", evil), ("n", None)])
    for words in (("list",), ("show", letter), ("replay", letter, "--dry-run"), ("list", "--json"),
                  ("show", letter, "--json"), ("replay", letter)):
        said = board.sagactl("dead-letters", *words).stdout
        assert all(" " <= char <= "~" or char == "\n" for char in said), words
    shown = json.loads(board.sagactl("dead-letters", "show", letter, "--json").stdout)
    assert shown["value_hex"] == shown["key_hex"] == evil.hex() and "value" not in shown
    assert {"name": "n", "value": None} in shown["headers"]
    assert replays(board)[0].headers[:3] == [("ce_type", evil), ("h\x1b", evil), ("n", None)]


def test_show_tells_all_that_a_letter_holds(board):
    event = events.order_placed()
    value, headers = events.encode(event)
    letter = board.letter(key=event["data"]["order_id"].encode(), value=value, headers=headers, cause="für".encode())
    shown = json.loads(board.sagactl("dead-letters", "show", letter, "--json").stdout)
    assert json.loads(shown["value"]) == event and shown["obstacle"] is None
    assert shown["origin"] == {"topic": f"{board.prefix}orders", "partition": 1, "offset": 7}
    assert shown["event_type"] == "OrderPlaced" and shown["cause"] == "für" and shown["state"] == "open"
    assert {"name": "ce_id", "value": event["event_id"]} in shown["headers"]
    text = board.sagactl("dead-letters", "show", letter).stdout
    assert value.decode() in text and f"ce_id: {event['event_id']}" in text


def test_a_record_that_resolves_nothing_of_the_service_is_passed_over(board):
    letter = board.letter()
    for headers in ([], [("dead_letter_id", b"nonsense")], [("dead_letter_id", b"order/0/0")],
                    [("dead_letter_id", b"payment/0/0x")], [("dead_letter_id", None)]):
        board.writer.write("payment.replays", b"k", None, headers)
    assert [each["id"] for each in letters(board)] == [letter]


def test_a_missing_topic_is_told(system):
    said = refused(system, "list")
    assert "payment.dead-letters" in said or "order.replays" in said, said
    assert "sagactl topics apply" in said
