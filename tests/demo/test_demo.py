"""scripts/demo as a person runs it, on ports of its own and with data of its own."""

import json
import os
import re
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path

from support.client import HOST, Answer, Http, NotSent
from support.cluster import ROOT
from support.process import Process, free_port
from support.waiting import wait_until

NAMES = ("kafka", "order", "payment", "inventory", "shipping")
DEMO_S = 600  # of which most is building, if nothing was built
RESTART_S = 30
STOP_S = 45
FINAL_S = 30
INTERRUPTED = 130
ORDER = {"customer_id": "c-1", "items": [{"product_id": "tea", "quantity": 1, "unit_price": 4.50}]}


class Demo(Process):
    def __init__(self, folder: Path, *options: str):
        first = free_port(5)
        self.ports = range(first, first + 5)  # of Kafka, the order service and the others
        self.data = folder / "data"
        # Who runs the tests in the background ignores Ctrl-C, and so would the demo.
        super().__init__("demo", ["env", "--default-signal=INT", str(ROOT / "scripts/demo"), *options], {
            **os.environ, "KAFKA_PORT": str(first), "DEMO_HTTP_PORT": str(first + 1), "DEMO_DATA": str(self.data)},
            folder / "demo.log")
        self.http = Http(first + 1)

    @property
    def text(self) -> str:
        return self.log.read_text() if self.log.exists() else ""

    def wait_says(self, what: str, timeout_s: float) -> re.Match:
        def found() -> re.Match | None:
            assert self.is_running, self.tail()
            return re.search(what, self.text, re.MULTILINE)

        return wait_until(found, timeout_s, lambda: f"it says {what}\n{self.tail()}")

    def wait_ready(self) -> None:
        def is_ready(port: int) -> bool:
            try:
                return Http(port, timeout_s=2).get("/readyz").status == 200
            except (NotSent, OSError, HTTPException):
                return False

        wait_until(lambda: all(map(is_ready, self.ports[1:])), RESTART_S, lambda: f"all are ready\n{self.tail()}")

    def place(self) -> str:
        """Its id; asked again while the broker is away."""
        def placed() -> Answer | None:
            answer = self.http.post("/v1/orders", json.dumps(ORDER).encode())
            assert answer.status in (201, 503), answer.body
            return answer if answer.status == 201 else None

        return wait_until(placed, RESTART_S, lambda: f"an order is accepted\n{self.tail()}").json()["order_id"]

    def wait_completed(self, order_id: str) -> None:
        def status() -> str:
            return self.http.get(f"/v1/orders/{order_id}").json()["status"]

        wait_until(lambda: status() == "completed", FINAL_S, lambda: f"{order_id} is completed, not {status()}")

    @contextmanager
    def running(self) -> Iterator["Demo"]:
        self.spawn()
        try:
            yield self
        finally:
            if self.is_running:
                self.terminate(STOP_S)

    def assert_nothing_is_left(self) -> None:
        for port in self.ports:
            with socket.socket() as probe:
                assert probe.connect_ex((HOST, port)) != 0, f"somebody listens on {port}\n{self.tail()}"


def test_once_ends_by_itself_when_all_ended_as_expected(tmp_path):
    demo = Demo(tmp_path, "--once")
    with demo.running():
        assert demo.wait(DEMO_S) == 0, demo.tail()
    assert "All 5 orders ended as expected." in demo.text and "no findings" in demo.text
    demo.assert_nothing_is_left()


def test_what_is_killed_is_started_again_and_ctrl_c_stops_everything(tmp_path):
    """A service with an order under way, and the broker."""
    demo = Demo(tmp_path)
    with demo.running():
        demo.wait_says("^Serving on", DEMO_S)
        for name in NAMES:
            pid = int(demo.wait_says(rf"^  kill -9 (\d+)   # {name}$", RESTART_S)[1])
            os.kill(pid, signal.SIGKILL)
            order_id = demo.place() if name not in ("kafka", "order") else None
            demo.wait_says(f"^demo: {name} has ended and was started again", RESTART_S)
            demo.wait_ready()
            demo.wait_completed(order_id or demo.place())
        os.killpg(demo.pid, signal.SIGINT)
        assert demo.wait(STOP_S) == INTERRUPTED, demo.tail()
    demo.assert_nothing_is_left()
