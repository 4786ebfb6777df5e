"""Requests that may be sent again: orders with an Idempotency-Key, from many clients to many replicas.

    crowd = Crowd([port, other_port], clients=64)
    asked = crowd.ask("key-1", [order, another])     each client until it has an answer that stays
    asked.answers                                    all of them, in no particular order

A client takes 409 and 503, and no answer at all, for what they are: a reason to ask again.
"""

import http.client
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from support.client import Answer, Http, NotSent
from support.orders import Order

AGAIN_S = 0.02
GIVE_UP_S = 40  # a takeover and what it delays


@dataclass
class Reply:
    """What one request came to; `answer` is None when it got none."""

    order: Order
    port: int
    answer: Answer | None

    @property
    def status(self) -> int | None:
        return self.answer.status if self.answer else None

    @property
    def is_last(self) -> bool:
        """Nothing else is to be expected for this key, ever."""
        return self.status is not None and self.status not in (409, 503)


@dataclass
class Asked:
    """A key, and all that was answered for it."""

    key: str
    replies: list[Reply] = field(default_factory=list)

    def of(self, *statuses: int) -> list[Reply]:
        return [reply for reply in self.replies if reply.status in statuses]

    def statuses(self) -> set[int | None]:
        return {reply.status for reply in self.replies}

    def bodies(self) -> set[bytes]:
        """Of the orders that were accepted."""
        return {reply.answer.body for reply in self.of(201)}


def post_keyed(client: Http, order: Order, key: str, **headers: str) -> Reply:
    try:
        answer = client.post("/v1/orders", order.body(), {"Idempotency-Key": f'"{key}"', **headers})
    except (NotSent, OSError, http.client.HTTPException):
        answer = None
    return Reply(order, client.port, answer)


class Crowd:
    """Clients that all begin at the same moment."""

    def __init__(self, ports: list[int], clients: int):
        self.https, self.clients = [Http(port) for port in ports], clients
        self._pool = ThreadPoolExecutor(clients)

    def __enter__(self) -> "Crowd":
        return self

    def __exit__(self, *_) -> None:
        self._pool.shutdown()

    def ask(self, key: str, orders: list[Order], rng: random.Random, once: bool = False) -> Asked:
        """Client n wants orders[n], if there are as many. `once`: nobody asks again."""
        asked, start = Asked(key), threading.Barrier(self.clients)
        seeds = [rng.random() for _ in range(self.clients)]
        jobs = [self._pool.submit(self._client, asked, orders[n % len(orders)], random.Random(seeds[n]), start, once)
                for n in range(self.clients)]
        for job in jobs:
            job.result()
        return asked

    def _client(self, asked: Asked, order: Order, rng: random.Random, start: threading.Barrier, once: bool) -> None:
        start.wait()
        give_up = time.monotonic() + GIVE_UP_S
        while True:
            reply = post_keyed(rng.choice(self.https), order, asked.key)
            asked.replies.append(reply)
            if reply.is_last or once:
                return
            assert time.monotonic() < give_up, f"{asked.key}: no answer for good, at last {reply}"
            time.sleep(AGAIN_S * rng.random())
