"""Follows the topics of a system while a test runs: which orders are final, and since when.

    with Watch(bootstrap, prefix) as watch:
        watch.wait_final(order_ids, timeout_s=10)

It reads read_committed, as any consumer would, and survives a broker that is away for a while.
"""

import re
import threading
import time

from confluent_kafka import OFFSET_BEGINNING, TopicPartition

from support.topics import REQUEST_S, new_consumer, partitions_of
from support.waiting import wait_until

TYPES = re.compile(rb'"event_type":\s*"(\w+)"')
POLL_S = 0.1
POLL_RECORDS = 10_000
OUTCOMES = ("OrderCompleted", "OrderCancelled")


class Watch:
    """`seen[type][order]` is when this process first saw that event, in seconds since the epoch."""

    TOPICS = ("inventory", "order-outcomes")

    def __init__(self, bootstrap: str, prefix: str, topics: tuple[str, ...] = TOPICS):
        self.seen: dict[str, dict[str, float]] = {}
        self._partitions = [
            TopicPartition(prefix + name, p, OFFSET_BEGINNING)
            for name, count in partitions_of(bootstrap, prefix).items() if name in topics
            for p in range(count)]
        assert self._partitions, f"no topics of {topics} with the prefix '{prefix}'"
        self._bootstrap = bootstrap
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        consumer = new_consumer(self._bootstrap, **{"fetch.wait.max.ms": 100})
        consumer.list_topics(timeout=REQUEST_S)  # or it would find them within a second by itself
        consumer.assign(self._partitions)
        while not self._stop.is_set():
            first = consumer.poll(POLL_S)
            if first is not None:
                self._note([first, *consumer.consume(POLL_RECORDS, timeout=0)])
        consumer.close()

    def _note(self, messages: list) -> None:
        now = time.time()
        for message in messages:
            # Errors are a broker that is away: librdkafka goes on by itself. Poison is not for us.
            found = TYPES.search(message.value() or b"") if message.error() is None else None
            if found and message.key() is not None:
                order_id = message.key().decode(errors="replace")
                self.seen.setdefault(found[1].decode(), {}).setdefault(order_id, now)

    def has(self, event_type: str, order_id: str) -> bool:
        return order_id in self.seen.get(event_type, {})

    def outcome(self, order_id: str) -> str | None:
        return next((outcome for outcome in OUTCOMES if self.has(outcome, order_id)), None)

    def is_settled(self, order_id: str) -> bool:
        """Final, and the goods of a completed order are out of the books too."""
        return self.has("OrderCancelled", order_id) or (
            self.has("OrderCompleted", order_id) and self.has("InventoryDeducted", order_id))

    def unsettled(self, order_ids) -> set[str]:
        return {order_id for order_id in list(order_ids) if not self.is_settled(order_id)}

    def wait_final(self, order_ids, timeout_s: float) -> None:
        """`order_ids`: an iterable, or a function that gives one."""
        ids = order_ids if callable(order_ids) else lambda: order_ids
        wait_until(lambda: not self.unsettled(ids()), timeout_s, lambda: self._report(self.unsettled(ids())))

    @staticmethod
    def _report(left: set[str]) -> str:
        return f"{len(left)} orders are final, as {', '.join(sorted(left)[:5])}"
