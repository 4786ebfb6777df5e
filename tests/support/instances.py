"""Several instances of the services: who owns what, how many shards there are, clients of replicas.

    set_shards(saga, payment=3)                before saga.prepare()
    others = add_instances(saga, 2)            of each service: "b" beside "0"
    saga.client = Replicas(ports, saga.history)
"""

import itertools
import json
import time
import uuid
from collections.abc import Callable

from confluent_kafka.admin import NewTopic

from support.client import ANSWER_S, RETRY_EVERY_S, Attempt, Client, History
from support.cluster import Cluster, Service
from support.events import SERVICES
from support.orders import Order
from support.topics import REQUEST_S, admin
from support.waiting import wait_until

RUNNING = 409  # the first request with the same key
NAMES = "bcdefgh"  # of the instances beside "0"


def shards(service: Service) -> list[int]:
    """That it owns; none while it is not ready."""
    answer = service.get("/readyz")
    return json.loads(answer[1])["shards"] if answer and answer[0] == 200 else []


def set_shards(cluster: Cluster, **counts: int) -> None:
    """Creates the topics of these elections; `topics apply` leaves them as they are."""
    topics = [NewTopic(f"{cluster.prefix}{name}.shards", count) for name, count in counts.items()]
    for created in admin(cluster.bootstrap).create_topics(topics).values():
        created.result(REQUEST_S)


def add_instances(cluster: Cluster, count: int) -> list[Service]:
    """So many instances of each service in all; those that come to "0" are returned, not started."""
    return [cluster.add(name, instance) for name in SERVICES for instance in NAMES[:count - 1]]


def instances(cluster: Cluster, name: str) -> list[Service]:
    return [service for service in cluster.services.values() if service.service == name]


def wait_owned(services: list[Service], shard_count: int, timeout_s: float) -> None:
    """Until these instances own all shards of their service, each once."""
    def owned() -> list[int]:
        return sorted(shard for service in services for shard in shards(service))

    wait_until(lambda: owned() == list(range(shard_count)), timeout_s,
               lambda: f"{', '.join(map(str, services))} own {shard_count} shards, not {owned()}\n"
                       + "\n".join(service.tail() for service in services))


class Replicas(Client):
    """Places orders at whichever replica answers, as a client with a list of addresses does.

    They take turns, and every other order has an Idempotency-Key. What is asked of an order afterwards
    is asked of `http.port`, the first one.
    """

    def __init__(self, ports: list[int], history: History, timeout_s: float = ANSWER_S):
        super().__init__(ports[0], history, timeout_s)
        self._replicas = [Client(port, history, timeout_s) for port in ports]
        self._turns, self._orders = itertools.count(), itertools.count()

    def _next(self) -> Client:
        return self._replicas[next(self._turns) % len(self._replicas)]

    def place(self, order: Order, due: float | None = None,
              may_retry: Callable[[], bool] = lambda: False) -> Attempt:
        """Until there is an answer that stays. Refused orders are not tried again."""
        place = self._place_keyed if next(self._orders) % 2 else self._place_anew
        return place(order, due or time.time(), may_retry)

    def _place_anew(self, order: Order, due: float, may_retry: Callable[[], bool]) -> Attempt:
        """Each try is an attempt of its own, due at the same time: of those without an answer the
        log decides."""
        while True:
            attempt = self._next().place(order, due)
            was_refused = attempt.outcome == "fail" and attempt.status
            if attempt.outcome == "ok" or was_refused or not may_retry():
                return attempt
            time.sleep(RETRY_EVERY_S)

    def _place_keyed(self, order: Order, due: float, may_retry: Callable[[], bool]) -> Attempt:
        """All tries are one attempt, and one order."""
        attempt, headers = Attempt(order, due), {"Idempotency-Key": f'"{uuid.uuid4()}"'}
        self.history.attempts.append(attempt)
        may_exist = False
        while True:
            attempt.status = None
            self._next().post(attempt, headers)
            was_refused = attempt.outcome == "fail" and attempt.status not in (None, RUNNING)
            may_exist = may_exist or attempt.outcome == "unknown" or attempt.status == RUNNING
            if attempt.outcome == "ok" or was_refused:
                return attempt
            attempt.outcome = "unknown" if may_exist else "fail"
            if not may_retry():
                return attempt
            time.sleep(RETRY_EVERY_S)
