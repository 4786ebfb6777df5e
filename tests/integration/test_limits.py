"""Limits per address, and a thousand clients that send a byte now and then."""

import re
import resource
import socket
import threading
import time
from pathlib import Path

import pytest
from support.client import HOST, Http
from support.saga import Saga
from support.waiting import wait_until

SLOW_CLIENTS = 1000
TRICKLE_S = 0.5  # between two bytes of one of them
REQUESTS = 400
GROWTH_MAX_MIB = 40  # 16 KiB of each connection, and what surrounds it
NOISE_MS = 5  # of a p99 that may be below a millisecond
ORDER = b'{"customer_id":"c","items":[{"product_id":"widget","quantity":1,"unit_price":1}]}'


def limited(system: Saga, **settings: str) -> Http:
    """The order service alone, with these settings."""
    system.service("order").env.update(settings)
    system.begin(("order",), stock={})
    return Http(system.service("order").port)


def p99_ms(http: Http, count: int) -> float:
    times = []
    for _ in range(count):
        begun = time.perf_counter()
        assert http.get("/v1/orders?limit=1").status == 200
        times.append((time.perf_counter() - begun) * 1000)
    return sorted(times)[int(count * 0.99)]


def rss_kib(pid: int) -> int:
    return int(re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())[1])


class SlowClients:
    """Each sends a header that never ends, one byte at a time."""

    def __init__(self, port: int, count: int):
        self.sockets = [socket.create_connection((HOST, port), timeout=5) for _ in range(count)]
        for connection in self.sockets:
            connection.sendall(b"POST /v1/orders HTTP/1.1\r\nHost: x\r\nX-Slow: ")
            connection.setblocking(False)
        self.stop = threading.Event()
        self.rounds = 0
        self.thread = threading.Thread(target=self._trickle, daemon=True)

    def _trickle(self) -> None:
        while not self.stop.wait(TRICKLE_S):
            for connection in self.sockets:
                try:
                    connection.send(b"x")
                except OSError:
                    pass  # the service has had enough of it
            self.rounds += 1

    def __enter__(self) -> "SlowClients":
        self.thread.start()
        return self

    def __exit__(self, *_) -> None:
        self.stop.set()
        self.thread.join()
        for connection in self.sockets:
            connection.close()


@pytest.mark.alone
def test_a_thousand_slow_clients_delay_nobody(system, note):
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] > SLOW_CLIENTS + 200
    http = limited(system)
    service = system.service("order")
    p99_ms(http, REQUESTS)  # warm
    before_ms, before_kib = p99_ms(http, REQUESTS), rss_kib(service.pid)
    with SlowClients(service.port, SLOW_CLIENTS) as slow:
        wait_until(lambda: slow.rounds >= 2, 10, "they trickle")
        during_ms, during_kib = p99_ms(http, REQUESTS), rss_kib(service.pid)
        assert slow.rounds >= 2
    note(f"p99 {before_ms:.1f} ms alone, {during_ms:.1f} ms beside {SLOW_CLIENTS} slow clients")
    assert during_ms <= 2 * before_ms + NOISE_MS
    assert during_kib - before_kib < GROWTH_MAX_MIB << 10


def test_requests_above_the_rate_are_told_when_to_come_back(system):
    http = limited(system, HTTP_RATE_PER_ADDRESS="20")
    answers = [http.get("/v1/orders") for _ in range(60)]
    refused = [answer for answer in answers if answer.status == 429]
    assert [answer.status for answer in answers[:20]] == [200] * 20 and refused
    assert {answer.headers["retry-after"] for answer in refused} == {"1"}
    assert {answer.headers["content-type"] for answer in refused} == {"application/problem+json"}
    assert all(http.get("/readyz").status == 200 for _ in range(60))
    wait_until(lambda: http.post("/v1/orders", ORDER).status != 429, 3, "a second later it is served")


def test_connections_above_the_limit_of_an_address_are_closed(system):
    http = limited(system, HTTP_CONNECTIONS_PER_ADDRESS_MAX="5")
    assert http.get("/livez").status == 200
    opened = [socket.create_connection((HOST, http.port), timeout=5) for _ in range(8)]
    closed = 0
    for connection in opened:
        connection.settimeout(1)
        try:
            closed += connection.recv(1) == b""
        except TimeoutError:
            pass
        except OSError:
            closed += 1
    assert closed == 4  # one is the client's that keeps its connection
    for connection in opened:
        connection.close()
    assert http.get("/livez").status == 200
