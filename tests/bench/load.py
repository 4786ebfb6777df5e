"""Open-loop HTTP load, lean enough that it is not what is measured.

    place_all(port, bodies, rate)       the postings, all answered

An order is due at its time, whatever became of those before it, and its latency counts from there:
one that waits in here for a free connection waits for the service. One thread, keep-alive
connections, and an answer is parsed no further than for its status, length and Location. Clocks are
time.monotonic().
"""

import asyncio
import re
import selectors
import time
from collections import deque
from dataclasses import dataclass

HOST = "127.0.0.1"
CONNECTIONS_MAX = 256
ANSWER_S = 30
BEGIN_S = 0.2  # until the first order is due
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
LOCATION = re.compile(rb"\r\nlocation: */v1/orders/([0-9a-f-]{36})", re.IGNORECASE)
CREATED = 201


@dataclass(slots=True)
class Posting:
    due: float
    request: bytes
    sent: float = 0
    answered: float = 0
    status: int = 0  # 0: not answered
    order_id: bytes = b""
    text: bytes = b""  # of an answer that was not expected


class _Connection(asyncio.Protocol):
    """Has one posting under way, or is free."""

    def __init__(self, pool: "_Pool"):
        self._pool, self._posting, self._received = pool, None, b""

    def connection_made(self, transport) -> None:
        self._transport = transport  # asyncio has set TCP_NODELAY

    def post(self, posting: Posting) -> None:
        self._posting = posting
        posting.sent = time.monotonic()
        self._transport.write(posting.request)

    def data_received(self, data: bytes) -> None:
        now = time.monotonic()
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        length = LENGTH.search(head) if end else None
        if length is None or len(body) < int(length[1]):
            return
        posting, self._posting, self._received = self._posting, None, b""
        posting.answered, posting.status = now, int(head[9:12])
        location = LOCATION.search(head)
        posting.order_id = location[1] if location else b""
        posting.text = b"" if posting.status == CREATED else body
        self._pool.note_answer()
        self._pool.give_back(self)

    def connection_lost(self, error) -> None:
        if self._posting:
            self._posting.text = f"connection lost: {error}".encode()
            self._pool.note_answer()
        self._pool.note_lost(self)

    def close(self) -> None:
        self._transport.close()


class _Pool:
    """Connections as they are needed, up to a bound; the one used last is used first."""

    def __init__(self, port: int, unanswered: int):
        self._port, self._unanswered = port, unanswered
        self._free: list[_Connection] = []
        self._waiting: deque[Posting] = deque()
        self._opening: set[asyncio.Task] = set()
        self._count = 0
        self.all_answered = asyncio.Event()

    async def open(self) -> None:
        self._count += 1
        try:
            _, connection = await asyncio.get_running_loop().create_connection(
                lambda: _Connection(self), HOST, self._port)
        except OSError:
            self._count -= 1
            raise
        self.give_back(connection)

    def submit(self, posting: Posting) -> None:
        if self._free:
            self._free.pop().post(posting)
            return
        self._waiting.append(posting)
        if self._count < CONNECTIONS_MAX:
            task = asyncio.ensure_future(self.open())
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)

    def give_back(self, connection: _Connection) -> None:
        if self._waiting:
            connection.post(self._waiting.popleft())
        else:
            self._free.append(connection)

    def note_answer(self) -> None:
        self._unanswered -= 1
        if self._unanswered == 0:
            self.all_answered.set()

    def note_lost(self, connection: _Connection) -> None:
        self._count -= 1
        if connection in self._free:
            self._free.remove(connection)

    def close(self) -> None:
        for task in self._opening:
            task.cancel()
        for connection in list(self._free):
            connection.close()


def _request(port: int, body: bytes) -> bytes:
    return (f"POST /v1/orders HTTP/1.1\r\nHost: {HOST}:{port}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n").encode() + body


async def _place_all(port: int, requests: list[bytes], rate: float) -> list[Posting]:
    pool = _Pool(port, len(requests))
    await pool.open()
    start = time.monotonic() + BEGIN_S
    postings = [Posting(start + number / rate, request) for number, request in enumerate(requests)]
    for posting in postings:
        ahead = posting.due - time.monotonic()
        if ahead > 0:
            await asyncio.sleep(ahead)
        pool.submit(posting)
    try:
        await asyncio.wait_for(pool.all_answered.wait(), ANSWER_S)
    except asyncio.TimeoutError:
        pass  # those without an answer are told from the others by their status
    finally:
        pool.close()
    return postings


def _new_loop() -> asyncio.AbstractEventLoop:
    # select() waits for microseconds; epoll would send each order up to a millisecond late.
    return asyncio.SelectorEventLoop(selectors.SelectSelector())


def place_all(port: int, bodies: list[bytes], rate: float) -> list[Posting]:
    """Every order must be accepted."""
    requests = [_request(port, body) for body in bodies]
    with asyncio.Runner(loop_factory=_new_loop) as runner:
        postings = runner.run(_place_all(port, requests, rate))
    refused = [posting for posting in postings if posting.status != CREATED]
    assert not refused, f"{len(refused)} of {len(postings)} orders were not accepted, the first: " \
        f"{refused[0].status} {refused[0].text.decode(errors='replace')[:300]}"
    return postings
