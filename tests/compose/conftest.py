"""The system of docker-compose.yml, up for all tests of a file, which run in its order. Started by
tests/compose/run, which sees to an engine and the images."""

import os
import random
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import pytest
from support import topics
from support.checker import check, check_reads
from support.client import Client, History, Load
from support.compose import Compose, docker
from support.orders import REFUSED_CUSTOMER, STOCK, OrderMix
from support.process import free_port
from support.waiting import wait_until
from support.watch import Watch

SECURE_FILES = ("docker-compose.yml", "deploy/compose.secure.yml")
HEALTHY_S = 90  # what the README promises
FINAL_S = 60
SETTLE_S = 20
PLACED_S = 20
VIOLATIONS_SHOWN = 20

_notes: list[str] = []


def pytest_terminal_summary(terminalreporter):
    for line in _notes:
        terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def note() -> Callable[[str], None]:
    return _notes.append


class System:
    """What a test does to the running containers, and the judge of what came of it."""

    def __init__(self, name: str, files: Iterable[str] = (), **env: str):
        self.http_port, self.kafka_port, self.prometheus_port = free_port(), free_port(), free_port()
        self.compose = Compose(f"order-saga-{name}-{os.getpid()}", {
            **env, "HTTP_PORT": str(self.http_port), "KAFKA_PORT": str(self.kafka_port),
            "PROMETHEUS_PORT": str(self.prometheus_port),
            "SHIPPING_REFUSE_CUSTOMERS": REFUSED_CUSTOMER}, files=files)
        self.bootstrap = f"127.0.0.1:{self.kafka_port}"
        self.history = History()
        self.client = Client(self.http_port, self.history)
        seed = int(os.environ.get("SAGA_SEED") or random.randrange(10**9))
        _notes.append(f"seed: {seed} (SAGA_SEED)")
        self.orders = OrderMix(random.Random(seed))
        self.up_s = 0.0

    @contextmanager
    def running(self) -> Iterator["System"]:
        """Up and healthy; afterwards nothing of it is left."""
        docker("info")
        started = time.monotonic()
        try:
            self.compose.up()
            self.compose.wait_healthy(HEALTHY_S)
            self.up_s = time.monotonic() - started
            yield self
        finally:
            used = self.compose.volumes()
            self.compose.down()
        assert self.compose.left_over() == {}
        assert not used & set(docker("volume", "ls", "-q").split())

    def receive_stock(self) -> None:
        """The goods of the tests' orders, with the tool as the README says to use it, counted in."""
        words = [word for product, count in STOCK.items() for word in (product, str(count))]
        self.compose.run("run", "--rm", "init", "sagactl stock receive " + " ".join(words))

        def are_counted_in() -> bool:
            log = topics.read_all(self.bootstrap, "", only=("stock",))
            return set(STOCK) <= {event["data"]["product_id"] for event in log.events("StockLevelChanged")}

        wait_until(are_counted_in, SETTLE_S, "the goods are counted in")

    @contextmanager
    def load(self, rate: float) -> Iterator[None]:
        """Orders at this rate meanwhile; at the end all of them have their answers."""
        load = Load(self.client).start(iter(self.orders), rate)
        try:
            yield
        finally:
            load.stop()

    def assert_sound(self, watch: Watch) -> None:
        """All orders are final, and no invariant is violated, whatever was done."""
        watch.wait_final(self.history.order_ids, FINAL_S)
        topics.wait_settled(self.bootstrap, "", SETTLE_S)
        log = topics.read_all(self.bootstrap, "")
        known = sorted({record.key.decode() for record in log.of("orders")})
        found = check(log, self.history) + check_reads(log, known, self.client.order, self.client.timeline)
        shown = "\n".join(map(str, found[:VIOLATIONS_SHOWN]))
        assert not found, f"{len(found)} violations:\n{shown}"

    def logs(self) -> str:
        return "\n".join(f"--- {c}\n{c.logs()}" for c in self.compose.containers())


@pytest.fixture(scope="module")
def system() -> Iterator[System]:
    with System("test").running() as system:
        yield system


@pytest.fixture(scope="module")
def stocked(system) -> System:
    system.receive_stock()
    return system


@pytest.fixture
def watch(stocked) -> Iterable[Watch]:
    with Watch(stocked.bootstrap, "") as watch:
        yield watch


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    system = getattr(item, "funcargs", {}).get("system")
    if report.failed and system is not None:
        report.sections.append(("logs of the containers", system.logs()))
