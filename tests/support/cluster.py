"""The real executables as processes: one system of four services under a topic prefix of its own.

    with Cluster(broker.bootstrap, prefix, folder) as saga:
        saga.start()
        saga.receive_stock({"widget": 10})
        saga.service("payment").kill9()

SAGA_BUILD_DIR says which build is tried (build). Everything is ended by its pid. Memory is sampled
all the time; `peak_mib` is the most that a service ever held.
"""

import http.client
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterable
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from support.client import HOST
from support.events import SERVICES
from support.orders import REFUSED_CUSTOMER
from support.process import Process, free_port
from support.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
READY_S = 20
STOP_S = 15
STOP_SLOW_S = 6  # from here on we want to know where it hangs
TOOL_S = 40
SAMPLE_EVERY_S = 0.1
SUPERVISE_EVERY_S = 0.005
MEMORY_MAX_MIB = 96
SANITIZER_EXIT = 99  # of a service in which a sanitizer found something
SANITIZER_OPTIONS = {
    "ASAN_OPTIONS": f"detect_leaks=1:exitcode={SANITIZER_EXIT}",
    "LSAN_OPTIONS": f"exitcode={SANITIZER_EXIT}",
    "UBSAN_OPTIONS": f"halt_on_error=1:print_stacktrace=1:exitcode={SANITIZER_EXIT}",
}


def build_dir() -> Path:
    return Path(os.environ.get("SAGA_BUILD_DIR") or ROOT / "build").resolve()


@lru_cache
def is_sanitized() -> bool:
    """Such a build needs more memory and time than the real one."""
    options = json.loads((build_dir() / "meson-info/intro-buildoptions.json").read_text())
    return any(option["name"] == "b_sanitize" and option["value"] != "none" for option in options)


def executable(path: str, build: Path | None = None) -> str:
    file = (build or build_dir()) / path
    assert file.exists(), f"{file} is not there: run scripts/build, or set SAGA_BUILD_DIR"
    return str(file)


class Service(Process):
    """One instance of a service. Keeps its port and its data over restarts."""

    def __init__(self, name: str, instance: str, folder: Path, env: dict[str, str]):
        self.service, self.instance, self.port = name, instance, free_port()
        self.data_dir = folder / f"{name}-{instance}"
        super().__init__(f"{name}-{instance}", [executable(f"services/{name}/{name}-service")],
                         {**env, "HTTP_PORT": str(self.port), "DATA_DIR": str(self.data_dir),
                          "SERVICE_INSTANCE": instance}, folder / f"{name}-{instance}.log")

    def start(self, ready_s: float = READY_S) -> None:
        self.spawn()
        self.wait_ready(ready_s)

    def use(self, build: Path) -> "Service":
        """From the next start on, the executable of this build."""
        self.argv = [executable(f"services/{self.service}/{self.service}-service", build)]
        return self

    def get(self, path: str, timeout_s: float = 2) -> tuple[int, bytes] | None:
        """None when it does not answer."""
        connection = http.client.HTTPConnection(HOST, self.port, timeout=timeout_s)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read()
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()

    def is_ready(self) -> bool:
        answer = self.get("/readyz")
        return answer is not None and answer[0] == 200

    @property
    def role(self) -> str | None:
        """"owner" or "standby"; None while it is not ready."""
        answer = self.get("/readyz")
        return json.loads(answer[1])["role"] if answer and answer[0] == 200 else None

    def _ready_or_dead(self) -> bool:
        assert self.is_running, f"{self} ended with {self.exit_code} before it was ready\n{self.tail()}"
        return self.is_ready()

    def wait_ready(self, timeout_s: float = READY_S) -> None:
        wait_until(self._ready_or_dead, timeout_s,
                   lambda: f"{self} is ready; /readyz: {self.get('/readyz')}\n{self.tail()}")

    def stop(self, timeout_s: float = STOP_S) -> None:
        """A clean stop, which must exit 0; harmless when it is down."""
        if self.is_running:
            code = self.terminate(timeout_s)
            assert code == 0, f"{self} was stopped and exited {code}\n{self.tail()}"


class Cluster:
    """`settings`: environment of all services, as PAYMENT_DECLINE_OVER."""

    def __init__(self, bootstrap: str, prefix: str, folder: Path, settings: dict[str, str] | None = None):
        self.bootstrap, self.prefix, self.folder = bootstrap, prefix, folder
        folder.mkdir(parents=True, exist_ok=True)
        self.env = {
            **os.environ, **SANITIZER_OPTIONS, "KAFKA_BOOTSTRAP_SERVERS": bootstrap,
            "TOPIC_PREFIX": prefix, "LOG_LEVEL": "info", "SHIPPING_REFUSE_CUSTOMERS": REFUSED_CUSTOMER,
            **(settings or {})}
        self.services: dict[str, Service] = {}
        self.unexpected_exits: list[str] = []
        for name in SERVICES:
            self.add(name)
        self._sampling = threading.Event()
        self._sampler = threading.Thread(target=self._sample_memory, daemon=True)
        self._sampler.start()

    def __enter__(self) -> "Cluster":
        return self

    def __exit__(self, kind, _value, _trace) -> None:
        self.close(check=kind is None)

    # --- services ---------------------------------------------------------------------------------

    def add(self, name: str, instance: str = "0", settings: dict[str, str] | None = None) -> Service:
        """Another instance of a service, not started."""
        service = Service(name, instance, self.folder, {**self.env, **(settings or {})})
        self.services[str(service)] = service
        return service

    def service(self, name: str, instance: str = "0") -> Service:
        return self.services[f"{name}-{instance}"]

    def start(self, names: Iterable[str] = SERVICES) -> None:
        """Instance 0 of these services: all at once, then ready one by one."""
        services = [self.service(name) for name in names]
        for service in services:
            service.spawn()
        for service in services:
            service.wait_ready()

    def wait_ready(self, timeout_s: float = READY_S) -> None:
        for service in self.services.values():
            if service.is_running:
                service.wait_ready(timeout_s)

    def close(self, check: bool = True) -> None:
        """Stops all that runs; with `check`, anything but a clean exit is a failure."""
        self._sampling.set()
        self._sampler.join()
        codes = self.stop_all()
        failed = {str(service): code for service, code in codes.items() if code != 0}
        assert not (check and failed), self._exit_report(failed)

    def stop_all(self) -> dict[Service, int]:
        """SIGTERM to all at once. Exit codes of those that ran; -9 of one that had to be killed."""
        running = [service for service in self.services.values() if service.is_running]
        for service in running:
            service.sample_memory()
            service.signal(signal.SIGTERM)
            service.signal(signal.SIGCONT)
        if not self._have_ended(running, STOP_SLOW_S):
            for service in running:
                service.note_stacks()
            self._have_ended(running, STOP_S - STOP_SLOW_S)
        for service in running:
            service.kill9()
        return {service: service.exit_code for service in running}

    @staticmethod
    def _have_ended(services: list[Service], timeout_s: float) -> bool:
        deadline = time.monotonic() + timeout_s
        while any(service.is_running for service in services):
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.01)
        return True

    def _exit_report(self, failed: dict[str, int]) -> str:
        tails = "\n".join(self.services[name].tail() for name in failed)
        return f"not stopped cleanly (exit code 0): {failed}\n{tails}"

    def tails(self) -> str:
        return "\n".join(service.tail() for service in self.services.values() if service.log.exists())

    # --- memory -----------------------------------------------------------------------------------

    def _sample_memory(self) -> None:
        while not self._sampling.wait(SAMPLE_EVERY_S):
            for service in list(self.services.values()):
                if service.is_running:
                    service.sample_memory()

    def peak_mib(self) -> dict[str, float]:
        return {name: round(service.peak_kib / 1024, 1) for name, service in self.services.items()}

    # --- the operator's tool ----------------------------------------------------------------------

    def sagactl(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess:
        result = subprocess.run([executable("tools/sagactl/sagactl"), *arguments], env=self.env,
                                capture_output=True, text=True, timeout=TOOL_S)
        assert not check or result.returncode == 0, \
            f"sagactl {' '.join(arguments)}: exit {result.returncode}\n{result.stdout}{result.stderr}"
        return result

    def apply_topics(self) -> None:
        self.sagactl("topics", "apply")

    def send_stock(self, stock: dict[str, int]) -> None:
        """Reports goods; saga.receive_stock() also waits until they are counted in."""
        self.sagactl("stock", "receive", *(str(word) for pair in stock.items() for word in pair))

    # --- supervision ------------------------------------------------------------------------------

    @contextmanager
    def supervised(self, names: Iterable[str] = SERVICES):
        """Whatever ends is started again at once, as an orchestrator would.

        Ends by SIGKILL are the test's own; others are noted in `unexpected_exits`.
        """
        stop = threading.Event()
        services = [self.service(name) for name in names]
        thread = threading.Thread(target=self._supervise, args=(services, stop), daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def _supervise(self, services: list[Service], stop: threading.Event) -> None:
        while not stop.wait(SUPERVISE_EVERY_S):
            for service in services:
                if not service.is_running:
                    if service.exit_code != -9:
                        self.unexpected_exits.append(f"{service} exited {service.exit_code}")
                    service.spawn()
