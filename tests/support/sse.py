"""Readers of event streams, many at a time: one thread of its own runs them all.

    with Readers() as readers:
        reader = readers.add([port, other_port], "/v1/events")   # comes back to the next one when cut off
        wait_until(lambda: reader.events, 5, "an event")

A reader does what an EventSource does: it keeps the last id, and comes back with Last-Event-ID.
"""

import asyncio
import json
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from support.client import HOST

COME_BACK_S = 0.05  # an EventSource takes what `retry` says; tests are in a hurry
LINE_BYTES = 1 << 20


@dataclass
class Message:
    id: str
    type: str
    data: dict
    at: float  # monotonic
    connection: int  # of its reader: the first, the second, ...

    @property
    def order_id(self) -> str:
        return self.data["data"]["order_id"]


class Reader:
    """Lists grow while it reads. `refused`: the answers that were no streams, by status."""

    def __init__(self, ports: Sequence[int], path: str, last_id: str = "", headers: dict[str, str] | None = None):
        self.ports, self.path, self.last_id, self.headers = list(ports), path, last_id, headers or {}
        self.events: list[Message] = []
        self.comments: list[float] = []  # when each came
        self.ids_alone: list[str] = []  # of blocks without data
        self.refused: list[int] = []
        self.opened: list[dict[str, str]] = []  # headers of each stream
        self.ended = 0
        self.retry_ms: int | None = None
        self.faults: list[str] = []  # what no stream may do

    @property
    def types(self) -> list[str]:
        return [message.type for message in self.events]

    async def run(self) -> None:
        turn = 0
        while True:
            try:
                await self._connect(self.ports[turn % len(self.ports)])
            except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                pass
            self.ended += 1
            turn += 1
            await asyncio.sleep(COME_BACK_S)

    async def _connect(self, port: int) -> None:
        reader, writer = await asyncio.open_connection(HOST, port, limit=LINE_BYTES)
        try:
            last = {"Last-Event-ID": self.last_id} if self.last_id else {}
            lines = [f"{name}: {value}\r\n" for name, value in {"Host": HOST, **self.headers, **last}.items()]
            writer.write(f"GET {self.path} HTTP/1.1\r\n{''.join(lines)}\r\n".encode())
            status = int((await reader.readline()).split()[1])
            headers = {}
            while (line := (await reader.readline()).decode().strip()):
                name, _, value = line.partition(":")
                headers[name.lower()] = value.strip()
            if status != 200:
                self.refused.append(status)
                return
            self.opened.append(headers)
            await self._read(reader)
        finally:
            writer.close()

    async def _read(self, reader: asyncio.StreamReader) -> None:
        """The chunks; what is cut off in the middle of a block was not said."""
        rest = b""
        while (size := int(await reader.readuntil(b"\r\n"), 16)):
            rest += (await reader.readexactly(size + 2))[:size]
            *blocks, rest = rest.split(b"\n\n")
            for block in blocks:
                self._take(block.decode())

    def _take(self, block: str) -> None:
        fields: dict[str, str] = {}
        for line in block.split("\n"):
            name, _, value = line.partition(":")
            if not name:
                self.comments.append(time.monotonic())
            elif name in fields:
                self.faults.append(f"{name} twice in {block!r}")
            fields[name] = value.removeprefix(" ")
        self.last_id = fields.get("id", self.last_id)
        if "retry" in fields:
            self.retry_ms = int(fields["retry"])
        if "data" not in fields:
            self.ids_alone.append(fields.get("id", ""))
            return
        data = json.loads(fields["data"])
        if fields.get("event") != data["event_type"] or "id" not in fields:
            self.faults.append(f"an event without type or id: {block!r}")
        self.events.append(Message(self.last_id, data["event_type"], data, time.monotonic(), len(self.opened)))


class Readers:
    def __init__(self):
        self.all: list[Reader] = []
        self._loop = asyncio.new_event_loop()
        self._tasks: dict[Reader, asyncio.Task] = {}
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> "Readers":
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        async def cancel(tasks) -> None:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(cancel(list(self._tasks.values())), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def add(self, ports: int | Sequence[int], path: str, last_id: str = "",
            headers: dict[str, str] | None = None) -> Reader:
        reader = Reader([ports] if isinstance(ports, int) else ports, path, last_id, headers)

        async def begin() -> None:
            self._tasks[reader] = asyncio.create_task(reader.run())

        asyncio.run_coroutine_threadsafe(begin(), self._loop).result()
        self.all.append(reader)
        return reader

    def stop(self, reader: Reader) -> None:
        async def cancel() -> None:
            task = self._tasks.pop(reader)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(cancel(), self._loop).result()

    def assert_sound(self) -> None:
        """No task has died of what it read, and no stream did what none may."""
        faults = [fault for reader in self.all for fault in reader.faults]
        faults += [repr(task.exception()) for task in self._tasks.values() if task.done()]
        assert not faults, faults[:5]
