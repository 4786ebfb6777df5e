"""A program under test as a process of its own: started, stopped, killed, paused; by its pid only.

Its output goes to a log file that is kept; its peak memory is what the kernel says it was.
"""

import os
import random
import re
import shutil
import signal
import socket
import subprocess
import threading
from pathlib import Path

from support.waiting import wait_until

# Below the range that the kernel hands out to clients, above the well-known ones. Each worker of a run
# (pytest-xdist) has its share: a service that is down for a moment has not given its port away.
WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", 1))
WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
SHARE = 10000 // WORKERS
PORTS = range(10000 + WORKER * SHARE, 10000 + (WORKER + 1) * SHARE)
TAIL_LINES = 40
FRAMES = 12  # of a stack
STACKS_S = 30
SIGNAL_SHOWS_S = 5  # until the kernel says that a process is stopped, or gone

_taken: set[int] = set()
_taken_lock = threading.Lock()


def free_port(count: int = 1) -> int:
    """A port that nobody listens on now, and that this test run hands out once only; the first of
    `count` in a row."""
    with _taken_lock:
        while True:
            first = random.SystemRandom().choice(PORTS[:len(PORTS) - count])
            ports = set(range(first, first + count))
            if not ports & _taken and all(map(_can_listen, ports)):
                _taken.update(ports)
                return first


def _can_listen(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("0.0.0.0", port))
        except OSError:
            return False
    return True


class Process:
    """May be started again after it ended; the log goes on."""

    def __init__(self, name: str, argv: list[str], env: dict[str, str], log: Path):
        self.name, self.argv, self.env, self.log = name, argv, env, log
        self.peak_kib = 0
        self._popen: subprocess.Popen | None = None

    def __str__(self) -> str:
        return self.name

    @property
    def pid(self) -> int:
        assert self._popen is not None, f"{self} was never started"
        return self._popen.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative: the signal that ended it."""
        return self._popen.poll() if self._popen else None

    @property
    def is_running(self) -> bool:
        return self._popen is not None and self.exit_code is None

    def spawn(self) -> None:
        assert not self.is_running, f"{self} runs already"
        with self.log.open("ab") as out:
            # A session of its own: Ctrl-C is for the tests, which then stop it in order.
            self._popen = subprocess.Popen(
                self.argv, env=self.env, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                start_new_session=True)

    def signal(self, number: int) -> None:
        if self.is_running:
            self._popen.send_signal(number)

    def wait(self, timeout_s: float) -> int:
        return self._wait(self._popen, timeout_s)

    def _wait(self, popen: subprocess.Popen, timeout_s: float) -> int:
        try:
            return popen.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self} did not end within {timeout_s:g} s\n{self.tail()}") from None

    def terminate(self, timeout_s: float) -> int:
        """SIGTERM, and its exit code. One that does not obey is killed, and that is a failure."""
        try:
            self.sample_memory()
            self.signal(signal.SIGTERM)
            self.signal(signal.SIGCONT)
            return self.wait(timeout_s)
        finally:
            self.kill9()

    def kill9(self) -> None:
        self.sample_memory()
        popen = self._popen  # a supervisor may have started the next one before this one's end is seen here
        if popen is not None and popen.poll() is None:
            popen.kill()
            self._wait(popen, SIGNAL_SHOWS_S)

    def pause(self) -> None:
        self.signal(signal.SIGSTOP)
        wait_until(lambda: self._state() == "T", SIGNAL_SHOWS_S, f"{self} is stopped", poll_s=0.001)

    def resume(self) -> None:
        self.signal(signal.SIGCONT)

    def _state(self) -> str:
        return Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()[0]

    def sample_memory(self) -> None:
        """Takes note of the peak resident memory so far; harmless when it is gone."""
        try:
            found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{self.pid}/status").read_text())
        except (OSError, AssertionError):
            return
        self.peak_kib = max(self.peak_kib, int(found[1]) if found else 0)

    def cpu_seconds(self) -> float:
        """User and system time of the running process."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def note_stacks(self) -> None:
        """Where its threads are, into the log, for a process that does not end; if there is a gdb."""
        if self.is_running and shutil.which("gdb"):
            with self.log.open("ab") as out:
                subprocess.run(["gdb", "-p", str(self.pid), "-batch", "-ex", f"thread apply all bt {FRAMES}"],
                               stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.DEVNULL, timeout=STACKS_S)

    def tail(self, lines: int = TAIL_LINES) -> str:
        try:
            text = self.log.read_text(errors="replace").splitlines()
        except OSError:
            return f"({self.log} is not there)"
        state = "" if self.is_running else f", which ended with {self.exit_code}"
        return "\n".join([f"--- the end of {self.log}{state}:", *text[-lines:]])
