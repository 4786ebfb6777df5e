"""Places orders over HTTP, and remembers what was asked and what was answered.

    client = Client(port, history)
    client.place(order)                       one POST; the attempt with its outcome
    Load(client).run(orders, rate=200)        open loop: an order is due at its time, whatever happens
    burst(port, bodies)                       all at once, each on a connection of its own

The history is what the client knows for sure: `ok` was accepted, `fail` was certainly not, of
`unknown` the log decides.
"""

import asyncio
import http.client
import json
import select
import socket
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from support.orders import Order

HOST = "127.0.0.1"
ANSWER_S = 30
RETRY_EVERY_S = 0.02
RETRY_REFUSED_S = 20  # how long an order is tried again while nobody listens
JSON_TYPE = {"Content-Type": "application/json"}


class NotSent(Exception):
    """The request has certainly not reached the service."""


@dataclass
class Answer:
    status: int
    headers: dict[str, str]  # names in lower case
    body: bytes

    def json(self):
        return json.loads(self.body)

    @property
    def pointers(self) -> list[str]:
        """Of a problem document: where the faults are."""
        return [error["pointer"] for error in self.json().get("errors", [])]


def _is_stale(connection: http.client.HTTPConnection) -> bool:
    """True if the other side has closed it: what is readable before a request is the end."""
    return bool(select.select([connection.sock], [], [], 0)[0])


class Http:
    """One keep-alive connection per thread to one service."""

    def __init__(self, port: int, timeout_s: float = ANSWER_S):
        self.port, self.timeout_s = port, timeout_s
        self._own = threading.local()

    def _connected(self) -> http.client.HTTPConnection:
        connection = getattr(self._own, "connection", None)
        if connection is not None and connection.sock is not None and not _is_stale(connection):
            return connection
        connection = http.client.HTTPConnection(HOST, self.port, timeout=self.timeout_s)
        try:
            connection.connect()
        except OSError as error:
            raise NotSent(str(error)) from error
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._own.connection = connection
        return connection

    def request(self, method: str, path: str, body: bytes | None = None,
                headers: dict[str, str] | None = None) -> Answer:
        """Raises NotSent, or OSError or HTTPException when what became of it is unknown."""
        connection = self._connected()
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException):
            connection.close()
            raise
        return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, content)

    def get(self, path: str, headers: dict[str, str] | None = None) -> Answer:
        return self.request("GET", path, headers=headers)

    def post(self, path: str, body: bytes, headers: dict[str, str] | None = None) -> Answer:
        return self.request("POST", path, body, {**JSON_TYPE, **(headers or {})})


@dataclass
class Attempt:
    """One POST of an order. Times are seconds since the epoch, to compare with the events' own."""

    order: Order
    invoked: float  # when it was due
    outcome: str = "invoke"  # invoke, ok, fail, unknown
    answered: float = 0
    order_id: str | None = None
    status: int | None = None
    text: str = ""  # why it failed


@dataclass
class History:
    attempts: list[Attempt] = field(default_factory=list)
    by_hand: set[str] = field(default_factory=set)  # orders that a test wrote to the topic itself

    def accepted(self) -> list[Attempt]:
        return [attempt for attempt in self.attempts if attempt.outcome == "ok"]

    def order_ids(self) -> set[str]:
        """Of all orders that are known to exist."""
        return {attempt.order_id for attempt in self.accepted()} | self.by_hand

    def counts(self) -> dict[str, int]:
        outcomes = [attempt.outcome for attempt in self.attempts]
        return {outcome: outcomes.count(outcome) for outcome in sorted(set(outcomes))}


class Client:
    """Places orders. Threads may share it."""

    def __init__(self, port: int, history: History | None = None, timeout_s: float = ANSWER_S):
        self.http = Http(port, timeout_s)
        self.history = history if history is not None else History()

    def place(self, order: Order, due: float | None = None,
              may_retry: Callable[[], bool] = lambda: False) -> Attempt:
        """Posts an order; again while `may_retry`, as long as the service certainly did not get it."""
        attempt = Attempt(order, due or time.time())
        self.history.attempts.append(attempt)
        while True:
            self.post(attempt)
            if attempt.outcome != "fail" or attempt.status or not may_retry():
                return attempt
            time.sleep(RETRY_EVERY_S)

    def post(self, attempt: Attempt, headers: dict[str, str] | None = None) -> None:
        """One request; what came of it is noted in the attempt."""
        try:
            answer = self.http.post("/v1/orders", attempt.order.body(), headers)
        except NotSent as error:
            attempt.outcome, attempt.text = "fail", str(error)
        except (OSError, http.client.HTTPException) as error:
            attempt.outcome, attempt.text = "unknown", repr(error)
        else:
            note_answer(attempt, answer)
        attempt.answered = time.time()

    def order(self, order_id: str) -> Answer:
        return self.http.get(f"/v1/orders/{order_id}")

    def timeline(self, order_id: str) -> Answer:
        return self.http.get(f"/v1/orders/{order_id}/timeline")


def note_answer(attempt: Attempt, answer: Answer) -> None:
    attempt.status = answer.status
    if answer.status == 201:
        attempt.outcome, attempt.order_id = "ok", answer.json()["order_id"]
    elif answer.status < 500:
        attempt.outcome, attempt.text = "fail", answer.body.decode(errors="replace")
    else:
        # It may have been written all the same: the broker's answer is what is missing.
        attempt.outcome, attempt.text = "unknown", answer.body.decode(errors="replace")


class Load:
    """Open-loop load: latencies count from when an order was due, so a stall is not hidden."""

    def __init__(self, client: Client, workers: int = 64):
        self.client, self.workers = client, workers
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()

    def run(self, orders: Iterable[Order], rate: float, enough: Callable[[], bool] = lambda: False) -> None:
        """Until the orders are through, `enough` says so or stop() is called; waits for the answers."""
        started, wall = time.monotonic(), time.time()
        with ThreadPoolExecutor(self.workers) as pool:
            for number, order in enumerate(orders):
                if self._stop.wait(max(0, started + number / rate - time.monotonic())) or enough():
                    break
                pool.submit(self._place, order, wall + number / rate)
            # Those that no worker has begun were never placed.
            pool.shutdown(cancel_futures=self._stop.is_set())

    def _place(self, order: Order, due: float) -> None:
        give_up = time.monotonic() + RETRY_REFUSED_S
        self.client.place(order, due, lambda: time.monotonic() < give_up and not self._stop.is_set())

    def start(self, orders: Iterable[Order], rate: float, enough=lambda: False) -> "Load":
        self._thread = threading.Thread(target=self.run, args=(orders, rate, enough), daemon=True)
        self._thread.start()
        return self

    @property
    def is_running(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def join(self, timeout_s: float) -> None:
        self._thread.join(timeout_s)
        assert not self.is_running, f"the load did not end within {timeout_s:g} s"

    def stop(self, timeout_s: float = ANSWER_S + 5) -> None:
        """Places no more; waits for the answers. Harmless when it has ended."""
        self._stop.set()
        self.join(timeout_s)


def burst(port: int, orders: list[Order], history: History, timeout_s: float = ANSWER_S) -> list[Attempt]:
    """POSTs all of them at once: every connection is open before the first request is sent."""
    return asyncio.run(asyncio.wait_for(_burst(port, orders, history), timeout_s))


async def _burst(port: int, orders: list[Order], history: History) -> list[Attempt]:
    connections = await asyncio.gather(*(asyncio.open_connection(HOST, port) for _ in orders))
    return await asyncio.gather(*(
        _burst_one(order, connection, history) for order, connection in zip(orders, connections)))


async def _burst_one(order: Order, connection, history: History) -> Attempt:
    attempt = Attempt(order, time.time())
    history.attempts.append(attempt)
    reader, writer = connection
    try:
        writer.write(request_bytes(order.body()))
        note_answer(attempt, parse_answer(await reader.read()))
    except (OSError, ValueError) as error:
        attempt.outcome, attempt.text = "unknown", repr(error)
    finally:
        writer.close()
    attempt.answered = time.time()
    return attempt


def request_bytes(body: bytes, path: str = "/v1/orders") -> bytes:
    return (f"POST {path} HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n").encode() + body


def parse_answer(raw: bytes) -> Answer:
    """A whole answer that ended with the connection."""
    head, separator, body = raw.partition(b"\r\n\r\n")
    if not separator:
        raise ValueError(f"no whole answer: {raw[:200]!r}")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return Answer(int(first.split()[1]), headers, body)
