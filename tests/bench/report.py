"""The figures as a table, and what they were measured with."""

import json
import os
import platform
import re
import statistics
import subprocess
import time
from pathlib import Path

import confluent_kafka

from measure import CORES
from support.cluster import MEMORY_MAX_MIB, build_dir, executable

ROOT = Path(__file__).resolve().parents[2]
COMMAND_S = 10
NO_RATIO = ("others_percent", "idle_percent", "late_p99_ms")  # of the machine and of the client, not of the systems
Runs = dict[str, list[dict[str, float]]]  # by "saga 20/s", "chain backlog", ...: one of each repeat


def _output(*argv: str) -> str:
    result = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=COMMAND_S)
    return (result.stdout or result.stderr).strip()


def build_options() -> dict:
    options = json.loads((build_dir() / "meson-info/intro-buildoptions.json").read_text())
    return {option["name"]: option["value"] for option in options}


def _found(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    return found[1].strip() if found else "?"


def facts(options: dict) -> dict[str, str]:
    """When, what, where."""
    commit = _output("git", "rev-parse", "--short", "HEAD")
    dirty = _output("git", "status", "--porcelain", "--untracked-files=no")
    memory = _found(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text())
    cpu = _found(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    java = _found(r'version "([^"]+)', _output("java", "-version"))
    return {
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "commit": commit + (" with changes" if dirty else ""),
        "build": f"{build_options()['buildtype']}, {build_dir()}",
        "cores": f"{CORES}, {cpu}",
        "memory": f"{int(memory) / 2**20:.0f} GiB" if memory.isdigit() else "?",
        "system": f"{platform.system()} {platform.release()}",
        "load before": " ".join(f"{load:.2f}" for load in os.getloadavg()),
        "broker": f"Kafka {os.environ.get('SAGA_KAFKA_VERSION', '?')}, Java {java}, on the same cores",
        "services, stages": _output(executable("tests/bench/stage"), "--version"),
        "client": f"Python {platform.python_version()}, librdkafka {confluent_kafka.libversion()[0]}",
        "run": ", ".join(f"{name} {value}" for name, value in options.items()),
    }


def medians(runs: Runs) -> dict[str, dict[str, float]]:
    return {part: {name: statistics.median(run[name] for run in repeats) for name in repeats[0]}
            for part, repeats in runs.items()}


def _sum(figures: dict[str, float], names: list[str]) -> float:
    return sum(figures.get(name, 0) for name in names)


def _entries(figures: dict[str, float]) -> float:
    return _sum(figures, [name for name in figures if name.startswith("entries/")])


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def _row(label: str, saga: float | None, chain: float | None, has_ratio: bool = True) -> str:
    ratio = f"{saga / chain:.2f}" if has_ratio and saga is not None and chain else ""
    return f"  {label:<44}{_number(saga):>10}{_number(chain):>10}{ratio:>13}"


class Table:
    """`processes`: by system, the names of its processes."""

    def __init__(self, figures: dict[str, dict[str, float]], io: dict[str, dict]):
        self._figures, self._io, self._lines = figures, io, []

    def text(self, rates: tuple[int, ...]) -> str:
        self._lines = [f"  {'':<44}{'saga':>10}{'chain':>10}   saga/chain"]
        self._backlog()
        for rate in rates:
            self._latency(rate)
        for system in ("saga", "chain"):
            if f"{system} backlog" in self._figures:
                self._rest(system, self._figures[f"{system} backlog"])
        return "\n".join(self._lines)

    def _pair(self, part: str) -> list[tuple[str, dict[str, float]]] | None:
        found = [(system, self._figures.get(f"{system} {part}", {})) for system in ("saga", "chain")]
        return found if any(figures for _, figures in found) else None

    def _rows(self, pair, rows: dict[str, str]) -> None:
        for name, label in rows.items():
            values = [figures.get(name) for _, figures in pair]
            self._lines.append(_row(label, *values, name not in NO_RATIO))

    def _cpu_rows(self, pair) -> None:
        processes = [_sum(figures, [f"cpu_us/{name}" for name in self._io[system]]) if figures else None
                     for system, figures in pair]
        self._lines.append(_row("CPU us/order, the four processes", *processes))
        self._rows(pair, {"cpu_us/broker": "CPU us/order, broker", "cpu_us/client": "CPU us/order, this client",
                          "others_percent": "% of the cores that others used",
                          "idle_percent": "% of the cores that nobody used"})

    def _backlog(self) -> None:
        pair = self._pair("backlog")
        if pair:
            self._lines.append("a backlog of orders, all started at once")
            self._rows(pair, {
                "orders_per_s": "orders/s, from the first to the last outcome",
                "orders_per_s_with_start": "orders/s, with the start of the processes",
                "start_s": "s from the start to the first outcome",
                "rest_s": "s from the last outcome until all is done"})
            self._cpu_rows(pair)

    def _latency(self, rate: int) -> None:
        pair = self._pair(f"{rate}/s")
        if pair:
            self._lines.append(f"{rate} orders/s, open loop")
            self._rows(pair, {
                "p50_ms": "ms from order to outcome seen, p50", "p99_ms": "... p99", "max_ms": "... max",
                "post_p50_ms": "ms from POST to 201, p50", "post_p99_ms": "... p99", "post_max_ms": "... max",
                "late_p99_ms": "ms that this client was late, p99 (included)"})
            self._lines.append(_row("log entries/order, transaction markers too", *(
                _entries(figures) if figures else None for _, figures in pair)))
            self._cpu_rows(pair)

    def _rest(self, system: str, figures: dict[str, float]) -> None:
        """Where the time of a backlog goes."""
        title = f"{system}, per order of the backlog"
        self._lines.append(f"{title:<42}{'reads':>10}{'writes':>10}{'CPU us':>10}{'in kernel':>10}"
                           f"{'us/entry':>10}{'peak MiB':>10}")
        totals = [0.0, 0.0, 0.0, 0.0]
        for name, (reads, writes) in self._io[system].items():
            row = [_sum(figures, [f"entries/{topic}" for topic in reads]),
                   _sum(figures, [f"entries/{topic}" for topic in writes]),
                   figures[f"cpu_us/{name}"], figures[f"kernel_us/{name}"]]
            totals = [total + value for total, value in zip(totals, row)]
            peak = f"{figures[f'peak_mib/{name}']:>10.1f}" + (f" of {MEMORY_MAX_MIB}" if system == "saga" else "")
            self._lines.append(self._rest_row(name, *row) + peak)
        self._lines.append(self._rest_row("all four", *totals))
        # It serves what the four read; of what is written, the backlog itself was there before.
        self._lines.append(self._rest_row("broker", totals[0], totals[1], figures["cpu_us/broker"],
                                          figures["kernel_us/broker"]))
        self._lines.append(f"    {figures['disk_bytes']:,.0f} bytes per order in the broker's logs")

    @staticmethod
    def _rest_row(label: str, reads: float, writes: float, cpu_us: float, kernel_us: float) -> str:
        return f"  {label:<40}{reads:>10.2f}{writes:>10.2f}{cpu_us:>10.1f}{kernel_us:>10.1f}" \
            f"{cpu_us / (reads + writes):>10.2f}"


def heading(known: dict[str, str]) -> str:
    return "\n".join(f"{name + ':':<18}{value}" for name, value in known.items())
