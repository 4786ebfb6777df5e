"""What a consumer of our own sees arrive on a topic, and when: read_committed, as anybody's would be.

    with Sightings(bootstrap, topic, keep_times=True) as seen:      from here on
        ...
        seen.wait_for(count, timeout_s, alive)
    seen.times[order_id]                                            time.monotonic()

For a backlog it keeps no times per record, but counts: it must not take the cores it measures.
"""

import threading
import time
from collections.abc import Callable

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, Consumer, KafkaError, TopicPartition

from support.topics import BATCH_RECORDS, REQUEST_S, new_consumer
from support.waiting import wait_until

POLL_S = 0.1
READY_S = 20
COALESCE_S = 0.005  # while counting: look this often
READ_S = 120


def _consumer(bootstrap: str, topic: str, offset: int) -> tuple[Consumer, set[int]]:
    """It reports the end of each partition, so that one knows when it is there."""
    consumer = new_consumer(bootstrap, **{"enable.partition.eof": True, "fetch.wait.max.ms": 500})
    partitions = set(consumer.list_topics(topic, timeout=REQUEST_S).topics[topic].partitions)
    consumer.assign([TopicPartition(topic, p, offset) for p in sorted(partitions)])
    return consumer, partitions


class Sightings:
    def __init__(self, bootstrap: str, topic: str, keep_times: bool):
        self._bootstrap, self._topic, self._keep_times = bootstrap, topic, keep_times
        self.count = 0
        self.first = self.last = 0.0  # when a record was seen
        self.first_count = 0  # how many were seen at once at that time
        self.times: dict[bytes, float] = {}
        self._ready, self._stop = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Sightings":
        self._thread.start()
        assert self._ready.wait(READY_S), f"a consumer is not at the end of {self._topic} after {READY_S} s"
        return self

    def __exit__(self, *_) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        consumer, not_ready = _consumer(self._bootstrap, self._topic, OFFSET_END)
        while not self._stop.is_set():
            first = consumer.poll(POLL_S)
            if first is None:
                continue
            now = time.monotonic()
            records = []
            for message in [first, *consumer.consume(BATCH_RECORDS, timeout=0)]:
                if message.error() is None:
                    records.append(message)
                elif message.error().code() == KafkaError._PARTITION_EOF:
                    not_ready.discard(message.partition())
            if records:
                self._note(records, now)
            if not not_ready:
                self._ready.set()
            if not self._keep_times:
                time.sleep(COALESCE_S)
        consumer.close()

    def _note(self, records: list, now: float) -> None:
        if self.count == 0:
            self.first, self.first_count = now, len(records)
        self.last = now
        if self._keep_times:
            for message in records:
                self.times.setdefault(message.key(), now)
        self.count += len(records)

    def wait_for(self, count: int, timeout_s: float, alive: Callable[[], bool]) -> None:
        """`alive`: False, or an exception, when there is no use in waiting."""
        wait_until(lambda: self.count >= count or not alive(), timeout_s,
                   lambda: f"{count} records arrive on {self._topic}: {self.count}", poll_s=0.05)
        assert self.count >= count, f"{self.count} of {count} records arrived on {self._topic}"


def read_keys(bootstrap: str, topic: str, marker: bytes) -> list[bytes]:
    """The keys of all records of a topic; `marker` must be in each value."""
    consumer, left = _consumer(bootstrap, topic, OFFSET_BEGINNING)
    keys, deadline = [], time.monotonic() + READ_S
    while left:
        assert time.monotonic() < deadline, f"{topic} was not read within {READ_S} s"
        for message in consumer.consume(BATCH_RECORDS, timeout=POLL_S):
            if message.error() is None:
                assert marker in message.value(), f"{topic}: {message.value()[:300]} is not {marker}"
                keys.append(message.key())
            elif message.error().code() == KafkaError._PARTITION_EOF:
                left.discard(message.partition())
    consumer.close()
    return keys
