"""The two measurements, for either system. Each returns its figures as {name: number}.

    latency(system, broker, rate, seconds)
    backlog(system, broker, orders)

Figures per process are named "cpu_us/payment" (microseconds per order), those per topic
"entries/orders" (records and transaction markers per order).
"""

import math
import os
import time
from pathlib import Path

from sightings import Sightings
from support.broker import Broker
from support.process import Process
from support.waiting import wait_until
from systems import Sent, System

SEEN_S = 60  # until an order that was accepted must be final
ORDERS_PER_S_MIN = 500  # a backlog that drains slower than this is a failure
START_S = 60
QUIET_WINDOW_S = 0.5
QUIET_CORES = 0.1  # what all services together may use and still count as idle
QUIET_S = 120
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
CORES = len(os.sched_getaffinity(0))


def percentile(values: list[float], percent: float) -> float:
    """The nearest rank: a value that occurred."""
    return sorted(values)[max(0, math.ceil(len(values) * percent / 100) - 1)]


def _machine_s() -> tuple[float, float]:
    """All cores since boot: busy, with what the hypervisor took from us; and idle or waiting for disks."""
    user, nice, system, idle, iowait, irq, softirq, steal = map(
        int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9])
    return (user + nice + system + irq + softirq + steal) / TICKS_PER_S, (idle + iowait) / TICKS_PER_S


def _stat_s(stat: str) -> tuple[float, float]:
    """Of a process or a thread: all of it, and the kernel's part."""
    fields = stat.rsplit(")", 1)[1].split()
    user, system = int(fields[11]) / TICKS_PER_S, int(fields[12]) / TICKS_PER_S
    return user + system, system


def _process_s(process: Process) -> tuple[float, float]:
    return _stat_s(Path(f"/proc/{process.pid}/stat").read_text()) if process.is_running else (0.0, 0.0)


def compiler_s(broker: Process) -> float:
    """What Java's compilers have used."""
    stats = [file.read_text() for file in Path(f"/proc/{broker.pid}/task").glob("*/stat")]
    return sum(_stat_s(stat)[0] for stat in stats if "Compiler" in stat)


class Usage:
    """CPU time from now on. A process that is not up yet begins with none."""

    def __init__(self, processes: dict[str, Process]):
        self._processes = processes
        self._machine, self._before = _machine_s(), self._now()

    def _now(self) -> dict[str, tuple[float, float]]:
        used = {name: _process_s(process) for name, process in self._processes.items()}
        return {**used, "client": (time.process_time(), 0.0)}

    def _used(self) -> dict[str, tuple[float, float]]:
        return {name: (all_of_it - self._before[name][0], kernel - self._before[name][1])
                for name, (all_of_it, kernel) in self._now().items()}

    def per_order(self, orders: int) -> dict[str, float]:
        used = self._used()
        return {**{f"cpu_us/{name}": all_of_it / orders * 1e6 for name, (all_of_it, _) in used.items()},
                **{f"kernel_us/{name}": kernel / orders * 1e6 for name, (_, kernel) in used.items()}}

    def of_machine(self) -> dict[str, float]:
        """How much of the cores others had, and nobody."""
        busy, idle = (now - before for now, before in zip(_machine_s(), self._machine))
        ours = sum(all_of_it for all_of_it, _ in self._used().values())
        return {"others_percent": 100 * max(0.0, busy - ours) / (busy + idle),
                "idle_percent": 100 * idle / (busy + idle)}


def _memory(system: System) -> dict[str, float]:
    for process in system.processes.values():
        process.sample_memory()
    return {f"peak_mib/{name}": process.peak_kib / 1024 for name, process in system.processes.items()}


def _entries(before: dict[str, int], after: dict[str, int], orders: int) -> dict[str, float]:
    return {f"entries/{topic}": (end - before.get(topic, 0)) / orders for topic, end in after.items()}


def _disk_bytes(system: System, broker: Broker) -> int:
    return sum(file.stat().st_size for file in (broker.folder / "topics").glob(f"{system.prefix}*/*.log"))


def _wait_quiet(system: System) -> float:
    """Since when it is. The last outcome is not the last record: goods are deducted, the read side follows."""
    def used() -> float:
        return sum(process.cpu_seconds() for process in system.processes.values())

    def is_quiet() -> bool:
        before = used()
        time.sleep(QUIET_WINDOW_S)
        return used() - before < QUIET_CORES * QUIET_WINDOW_S

    wait_until(is_quiet, QUIET_S, f"the {system.name} comes to rest", poll_s=0)
    return time.monotonic() - QUIET_WINDOW_S


def _in_ms(values: list[float], name: str) -> dict[str, float]:
    return {f"{name}p50_ms": percentile(values, 50) * 1000, f"{name}p99_ms": percentile(values, 99) * 1000,
            f"{name}max_ms": max(values) * 1000}


def latency(system: System, broker: Broker, rate: float, seconds: float) -> tuple[list[Sent], dict[str, float]]:
    """From when an order is due until its outcome is seen. The system is up."""
    before = system.ends()
    with Sightings(system.bootstrap, system.output, keep_times=True) as seen:
        usage = Usage({**system.processes, "broker": broker.process})
        sent = system.send(round(rate * seconds), rate)
        seen.wait_for(len(sent), SEEN_S, system.check_alive)
        figures = usage.per_order(len(sent)) | usage.of_machine()
    figures |= _in_ms([seen.times[one.order_id] - one.due for one in sent], "")
    figures |= _in_ms([one.sent - one.due for one in sent], "late_")
    if sent[0].answered:
        figures |= _in_ms([one.answered - one.due for one in sent], "post_")
    return sent, {**figures, **_entries(before, system.ends(), len(sent)), **_memory(system)}


def backlog(system: System, broker: Broker, orders: int) -> tuple[list[bytes], dict[str, float]]:
    """So many orders are waiting when the system is started, all of it at once. It is down before."""
    before, disk_before = system.ends(), _disk_bytes(system, broker)
    ids = system.produce_backlog(orders)
    with Sightings(system.bootstrap, system.output, keep_times=False) as seen:
        usage = Usage({**system.processes, "broker": broker.process})
        begun = time.monotonic()
        system.spawn()
        seen.wait_for(orders, START_S + orders / ORDERS_PER_S_MIN, system.check_alive)
        figures = usage.of_machine()
        quiet = _wait_quiet(system)
        figures |= usage.per_order(orders)
    figures |= {
        # Those that were seen first took their time before the clock was started.
        "orders_per_s": (orders - seen.first_count) / max(seen.last - seen.first, 1e-3),
        "orders_per_s_with_start": orders / (seen.last - begun),
        "start_s": seen.first - begun,
        "rest_s": max(0.0, quiet - seen.last),
        "disk_bytes": (_disk_bytes(system, broker) - disk_before) / orders,
    }
    return ids, {**figures, **_entries(before, system.ends(), orders), **_memory(system)}
