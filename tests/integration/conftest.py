"""Fixtures of the integration tests: a broker of the run's own, and a running system per test.

    broker   for the whole run: .bootstrap, .stop(), .kill9(), .start(), .pause(), .resume()
    prefix   of this test's topics; they are deleted after it
    saga     four services that are ready, stock received; see support/saga.py
    system   the same, not started: system.begin() starts it
    shared   a running system for all tests of a module that leave its services alone; much cheaper
    tool     sagactl, for this test's topics, of which there are none; see support/sagactl.py
    applied  the same with all topics
    writer   writes records to them by hand
    rng      random numbers that --seed repeats
    note     note("a figure of interest"): shown at the end of the run

With pytest-xdist (-n) each worker has a broker, folder and ports of its own, and hands its notes to the
run. A run that should have had a broker and had none has failed; nothing here is ever skipped.
"""

import os
import random
import resource
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from support.broker import Broker
from support.cluster import build_dir, is_sanitized
from support.events import SERVICES
from support.saga import Saga
from support.sagactl import Tool
from support.topics import Writer, delete_topics
from support.waiting import wait_until

FILES_WANTED = 8192
MEMORY = Path("/dev/shm")
MEMORY_WANTED = 4 << 30  # bytes, of each worker; it takes a tenth of that
INTERRUPTED_S = 60
NEEDS_BROKER = {"session_broker"}

_notes: list[str] = []
_peaks: dict[str, float] = {}  # the most memory that an instance of each service ever held
_state = {"brokers": 0, "wanted": 0, "failed": 0}


def pytest_addoption(parser):
    parser.addoption("--seed", type=int, default=int(os.environ.get("SAGA_SEED") or random.randrange(10**9)),
                     help="repeats the random choices of a run (SAGA_SEED)")
    parser.addoption("--keep", action="store_true", help="keep logs and data of a run that passed, too")


def pytest_configure(config):
    os.environ.setdefault("SAGACTL", str(build_dir() / "tools/sagactl/sagactl"))
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    wanted = FILES_WANTED if hard == resource.RLIM_INFINITY else min(FILES_WANTED, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    # A supervisor's SIGTERM must end what the run has started, too.
    is_worker = hasattr(config, "workerinput")
    signal.signal(signal.SIGTERM, interrupt_once if is_worker else signal.default_int_handler)
    if is_worker:
        signal.signal(signal.SIGINT, interrupt_once)
    elif config.getoption("numprocesses", None):
        config.pluginmanager.register(WorkersEndInOrder())


def interrupt_once(_number, _frame):
    """The terminal, the run and xdist all send one; none may hit the clearing up after the first."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


class WorkersEndInOrder:
    """xdist would kill its workers after ten seconds, and leave what they have started."""

    def pytest_keyboard_interrupt(self):
        workers = psutil.Process().children()
        for worker in workers:
            worker.send_signal(signal.SIGINT)
        wait_until(lambda: not any(map(has_children, workers)), INTERRUPTED_S,
                   "the workers have ended what they have started")


def has_children(process: psutil.Process) -> bool:
    try:
        return any(child.status() != psutil.STATUS_ZOMBIE for child in process.children())
    except psutil.NoSuchProcess:
        return False


def pytest_report_header(config):
    sanitized = " (sanitized)" if (build_dir() / "meson-info").exists() and is_sanitized() else ""
    return [f"seed: {config.option.seed} (repeat with --seed {config.option.seed})",
            f"executables: {build_dir()}{sanitized}"]


@pytest.hookimpl(trylast=True)  # when what the command line does not want has gone
def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: item.get_closest_marker("long") is None)
    _state["wanted"] = sum(bool(NEEDS_BROKER & set(item.fixturenames)) for item in items)


# --- diagnostics ----------------------------------------------------------------------------------


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if not report.failed:
        return
    _state["failed"] += 1
    item.has_failed = True
    report.sections.append(("seed", str(item.config.option.seed)))
    for value in getattr(item, "funcargs", {}).values():
        if isinstance(value, Saga):
            report.sections.append((f"logs of the services, {value.folder}", value.tails()))
        elif isinstance(value, Broker):
            report.sections.append(("log of the broker", value.process.tail()))


def pytest_terminal_summary(terminalreporter):
    for line in _notes:
        terminalreporter.write_line(line)
    if _peaks:
        peaks = ", ".join(f"{name} {mib:g}" for name, mib in sorted(_peaks.items()))
        terminalreporter.write_line(f"peak resident memory, MiB: {peaks}")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session, exitstatus):
    """Neither a skipped test nor a run without its broker may pass for a success."""
    if hasattr(session.config, "workeroutput"):  # a worker: it is the run that judges
        session.config.workeroutput["order-saga"] = {"notes": _notes, "peaks": _peaks, "state": _state}
        return
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if exitstatus == 0 and (reporter.stats.get("skipped") or _state["wanted"] and not _state["brokers"]):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        print("\nFAILED: tests were skipped, or no broker was started")


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node, error):
    """What a worker has seen; nothing of one that has crashed, which is a failure anyway."""
    seen = getattr(node, "workeroutput", {}).get("order-saga")
    if seen:
        _notes.extend(seen["notes"])
        for name, mib in seen["peaks"].items():
            _peaks[name] = max(_peaks.get(name, 0), mib)
        for name, count in seen["state"].items():
            _state[name] += count


# --- fixtures -------------------------------------------------------------------------------------


def is_kept(config) -> bool:
    return bool(_state["failed"] or config.option.keep)


@pytest.fixture(scope="session")
def workdir(request) -> Iterator[Path]:
    """Logs and data of the run; kept when something failed."""
    folder = Path(tempfile.mkdtemp(prefix="order-saga-tests."))
    yield folder
    if is_kept(request.config):
        _notes.append(f"logs and data are kept in {folder}")
    else:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def broker_folder(request, workdir) -> Iterator[Path]:
    """In memory, where there is room: topics are many files, and each test has topics of its own."""
    folder = workdir / "broker"
    if not MEMORY.is_dir() or shutil.disk_usage(MEMORY).free < MEMORY_WANTED:
        yield folder
        return
    place = Path(tempfile.mkdtemp(prefix="order-saga-tests.", dir=MEMORY))
    folder.symlink_to(place)
    yield folder
    folder.unlink()
    if is_kept(request.config):
        # A broker's files are mostly holes: as plain bytes they would be a hundred times as many.
        subprocess.run(["cp", "-a", "--sparse=always", place, folder], check=True)
    shutil.rmtree(place, ignore_errors=True)


@pytest.fixture(scope="session")
def session_broker(broker_folder) -> Iterator[Broker]:
    broker = Broker(broker_folder)
    try:
        broker.start()
        _state["brokers"] += 1
        yield broker
    finally:
        broker.resume()
        broker.stop()


@pytest.fixture
def broker(session_broker) -> Iterator[Broker]:
    """The run's broker, in good health whatever the test before has done to it."""
    yield session_broker
    was_away = session_broker.was_away
    session_broker.resume()
    if not session_broker.process.is_running:
        session_broker.start()
    if was_away:
        session_broker.wait_healthy()
        session_broker.was_away = False


@pytest.fixture
def note(request) -> Callable[[str], None]:
    return lambda text: _notes.append(f"{request.node.name}: {text}")


@pytest.fixture
def rng(request) -> random.Random:
    return random.Random(f"{request.config.option.seed} {request.node.nodeid}")


def new_prefix() -> str:
    return f"t{random.SystemRandom().randrange(16**8):08x}-"


@pytest.fixture
def prefix(broker) -> Iterator[str]:
    name = new_prefix()
    yield name
    delete_topics(broker.bootstrap, name)


@pytest.fixture
def tool(broker, prefix) -> Tool:
    return Tool(broker.bootstrap, prefix)


@pytest.fixture
def applied(tool) -> Tool:
    tool.output("topics", "apply")
    return tool


@pytest.fixture
def writer(broker, prefix) -> Writer:
    return Writer(broker.bootstrap, prefix)


def end_saga(saga: Saga, check: bool) -> None:
    """With `check`: every service ends with exit code 0, and never held more memory than it may."""
    try:
        saga.close(check)
        if check:
            saga.assert_memory()
    finally:
        for name in SERVICES:
            mib = max(peak for key, peak in saga.peak_mib().items() if key.startswith(name))
            _peaks[name] = max(_peaks.get(name, 0), mib)


@pytest.fixture
def system(request, broker, prefix, workdir, rng) -> Iterator[Saga]:
    """A system that is not started. Its services must end with exit code 0, whatever the test did."""
    saga = Saga(broker.bootstrap, prefix, workdir / f"{request.node.name[:60].replace('/', '_')}-{prefix}", rng)
    yield saga
    broker.resume()
    end_saga(saga, check=not getattr(request.node, "has_failed", False))


@pytest.fixture
def saga(system) -> Saga:
    """A running system with stock."""
    return system.begin()


@pytest.fixture(scope="module")
def shared(request, session_broker, workdir) -> Iterator[Saga]:
    """One running system for a module: for tests that place orders and look, and break nothing."""
    prefix, seed = new_prefix(), request.config.option.seed
    folder = workdir / f"{request.module.__name__}-{prefix}"
    saga = Saga(session_broker.bootstrap, prefix, folder, random.Random(f"{seed} {request.module.__name__}"))
    failed_before = _state["failed"]
    try:
        yield saga.begin()
    finally:
        end_saga(saga, check=_state["failed"] == failed_before)
        delete_topics(session_broker.bootstrap, prefix)
