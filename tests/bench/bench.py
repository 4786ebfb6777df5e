"""Measures the saga, beside a chain of four stages without state on the same broker. A figure, not a test.

    . scripts/env.sh; $SAGA_PYTHON tests/bench/bench.py [--orders N] [--seconds N] [--only PART,...]

It starts a broker and everything else by itself and leaves nothing behind. What it measures, and
what is to be known about the figures: README.md. SAGA_BUILD_DIR says which build is measured.
"""

import argparse
import contextlib
import gc
import json
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import measure  # noqa: E402
import report  # noqa: E402
from sightings import read_keys  # noqa: E402
from support.broker import Broker  # noqa: E402
from support.cluster import MEMORY_MAX_MIB, is_sanitized  # noqa: E402
from systems import ChainSystem, SagaSystem, System  # noqa: E402

RATES = (20, 200)
SYSTEMS = {"saga": SagaSystem, "chain": ChainSystem}
PARTS = [f"{name}-{kind}" for name in SYSTEMS for kind in ("latency", "drain")]
# Before anything is measured: the broker's code is compiled while it runs, its first group is slow.
WARM_UP_RATE = 300
WARM_UP_SHARE = 0.1  # of the backlog
WARM_UP_ROUND_S = 10
WARM_UP_ROUNDS_MAX = 20
PRODUCTION_JVM = "-XX:+UseSerialGC"  # with both compilers, unlike brokers that live for minutes
COMPILED_CORES = 0.05  # what its compilers may use and still count as done
# Before each system's figures: its own topics, groups and connections are new.
SETTLE_ORDERS, SETTLE_RATE = 500, 100
PAUSE_S = 1
SWITCH_S = 0.0005  # how long a Python thread may keep another waiting
FILES_WANTED = 4096


def say(text: str) -> None:
    print(f"bench: {text}", file=sys.stderr, flush=True)


def parse(arguments: list[str]) -> argparse.Namespace:
    def at_least(least: int):
        def number(text: str) -> int:
            if not text.isdigit() or int(text) < least:
                raise argparse.ArgumentTypeError(f"must be a number of at least {least}, not {text!r}")
            return int(text)
        return number

    def parts(text: str) -> list[str]:
        words = text.split(",")
        if not all(any(word in part for part in PARTS) for word in words):
            raise argparse.ArgumentTypeError(f"choose from saga, chain, latency, drain, {', '.join(PARTS)}")
        return [part for part in PARTS if any(word in part for word in words)]

    parser = argparse.ArgumentParser(prog="bench.py", description=__doc__.splitlines()[0])
    parser.add_argument("--orders", metavar="N", type=at_least(100), default=200_000,
                        help="of the backlog (%(default)s)")
    parser.add_argument("--seconds", metavar="N", type=at_least(1), default=20, help="at each rate (%(default)s)")
    parser.add_argument("--repeat", metavar="N", type=at_least(1), default=1,
                        help="all of it; prints medians (%(default)s)")
    parser.add_argument("--warm-up", type=at_least(0), default=3000, metavar="ORDERS",
                        help="before anything is measured (%(default)s)")
    parser.add_argument("--only", type=parts, default=PARTS, metavar="PART,...",
                        help="parts of the names of what is to be measured: " + ", ".join(PARTS))
    parser.add_argument("--seed", metavar="N", type=int, default=1, help="of the orders (%(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="all figures of all repeats go there")
    parser.add_argument("--keep", action="store_true", help="keep logs and data")
    return parser.parse_args(arguments)


class Bench:
    def __init__(self, options: argparse.Namespace, folder: Path, broker: Broker):
        self.options, self.folder, self.broker = options, folder, broker
        self.rng = random.Random(options.seed)
        self.runs: report.Runs = {}
        self.io: dict[str, dict] = {name: {} for name in SYSTEMS}  # see System.topic_io()
        self._count = 0

    @contextlib.contextmanager
    def _system(self, name: str) -> Iterator[System]:
        self._count += 1
        prefix = f"b{self._count}-"
        system = SYSTEMS[name](self.broker.bootstrap, prefix, self.rng, self.folder / f"{prefix}{name}")
        try:
            system.prepare()
            self.io[name] = system.topic_io()
            yield system
        finally:
            system.close()

    def _note(self, part: str, figures: dict[str, float]) -> None:
        self.runs.setdefault(part, []).append(figures)

    def _latency(self, system: System, rate: int, seconds: float) -> tuple[list[bytes], dict[str, float]]:
        time.sleep(PAUSE_S)
        gc.collect()
        gc.disable()
        try:
            sent, figures = measure.latency(system, self.broker, rate, seconds)
        finally:
            gc.enable()
        return [one.order_id for one in sent], figures

    def warm_up(self, name: str) -> None:
        with self._system(name) as system:
            say(f"warming up: {self.options.warm_up} orders, then a backlog, through the {name}")
            system.start()
            ids, _ = self._latency(system, WARM_UP_RATE, self.options.warm_up / WARM_UP_RATE)
            ids += self._wait_compiled(system)
            system.stop()
            more, _ = measure.backlog(system, self.broker, max(1, round(self.options.orders * WARM_UP_SHARE)))
            self._verify(system, ids + more)

    def _wait_compiled(self, system: System) -> list[bytes]:
        """A broker in production has been up for days; of one that is minutes old, they take a third of a core."""
        ids: list[bytes] = []
        for _ in range(WARM_UP_ROUNDS_MAX):
            before, begun = measure.compiler_s(self.broker.process), time.monotonic()
            ids += self._latency(system, WARM_UP_RATE, WARM_UP_ROUND_S)[0]
            cores = (measure.compiler_s(self.broker.process) - before) / (time.monotonic() - begun)
            say(f"the broker's compilers used {cores:.2f} of a core")
            if cores < COMPILED_CORES:
                break
        return ids

    def measure(self, name: str) -> None:
        with self._system(name) as system:
            system.start()
            ids, _ = self._latency(system, SETTLE_RATE, SETTLE_ORDERS / SETTLE_RATE)
            if f"{name}-latency" in self.options.only:
                ids += self._measure_latencies(system)
            system.stop()
            if f"{name}-drain" in self.options.only:
                ids += self._measure_backlog(system)
            self._verify(system, ids)

    def _measure_latencies(self, system: System) -> list[bytes]:
        ids: list[bytes] = []
        for rate in RATES:
            sent, figures = self._latency(system, rate, self.options.seconds)
            ids += sent
            self._note(f"{system.name} {rate}/s", figures)
            say(f"{system.name}: {rate} orders/s: p50 {figures['p50_ms']:.1f} ms, p99 {figures['p99_ms']:.1f} ms")
        return ids

    def _measure_backlog(self, system: System) -> list[bytes]:
        say(f"{system.name}: producing a backlog of {self.options.orders} orders")
        ids, figures = measure.backlog(system, self.broker, self.options.orders)
        self._note(f"{system.name} backlog", figures)
        say(f"{system.name}: {figures['orders_per_s']:,.0f} orders/s, "
            f"{figures['orders_per_s_with_start']:,.0f} with the start")
        system.stop()
        return ids

    def _verify(self, system: System, ids: list[bytes]) -> None:
        """A figure of a system that loses or doubles orders is worth nothing."""
        system.stop()
        seen, wanted = Counter(read_keys(system.bootstrap, system.output, system.marker)), Counter(ids)
        assert seen == wanted, f"{system.name}: {sum((wanted - seen).values())} outcomes are missing, " \
            f"{sum((seen - wanted).values())} are too many"

    def run(self) -> None:
        names = [name for name in SYSTEMS if any(part.startswith(name) for part in self.options.only)]
        if self.options.warm_up:
            for name in names:
                self.warm_up(name)
        for repeat in range(self.options.repeat):
            # Whoever comes second meets a broker that has learnt more.
            for name in names if repeat % 2 == 0 else names[::-1]:
                self.measure(name)


def prepare_process() -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    wanted = FILES_WANTED if hard == resource.RLIM_INFINITY else min(FILES_WANTED, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends what was started, too
    sys.setswitchinterval(SWITCH_S)


@contextlib.contextmanager
def new_broker(folder: Path) -> Iterator[Broker]:
    os.environ["KAFKA_JVM_PERFORMANCE_OPTS"] = PRODUCTION_JVM
    broker = Broker(folder / "broker")
    try:
        broker.start()
        yield broker
    finally:
        broker.stop()


def show(bench: Bench, known: dict[str, str]) -> None:
    figures = report.medians(bench.runs)
    print(report.heading(known))
    print(report.Table(figures, bench.io).text(RATES))
    over = {f"{part}, {name[9:]}": round(value, 1) for part, runs in bench.runs.items() if part.startswith("saga")
            for run in runs for name, value in run.items()
            if name.startswith("peak_mib/") and value > MEMORY_MAX_MIB}
    if over:
        print(f"over {MEMORY_MAX_MIB} MiB: {over}")
    if bench.options.json:
        document = {"facts": known, "medians": figures, "runs": bench.runs}
        bench.options.json.write_text(json.dumps(document, indent=1) + "\n")


def main(arguments: list[str]) -> int:
    options = parse(arguments)
    if is_sanitized():
        say("this build has sanitizers in it: its figures would mean nothing")
        return 2
    prepare_process()
    known = report.facts({"orders": options.orders, "seconds": options.seconds, "repeats": options.repeat})
    folder = Path(tempfile.mkdtemp(prefix="order-saga-bench."))
    try:
        with new_broker(folder) as broker:
            bench = Bench(options, folder, broker)
            bench.run()
        show(bench, known)
    except KeyboardInterrupt:
        say("interrupted")
        return 130
    finally:
        if options.keep:
            say(f"logs and data are kept in {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
