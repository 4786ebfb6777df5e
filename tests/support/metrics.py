"""What a service says on /metrics.

    before = scrape(saga.service("order"))
    scrape(saga.service("order")).value("saga_orders_total", outcome="completed")    sums what matches
"""

import re
from collections import defaultdict

SAMPLE = re.compile(r'([a-z_]+)(?:\{(.*)\})? (\S+)')
LABEL = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"')
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
HISTOGRAM_SUFFIXES = ("_bucket", "_sum", "_count")


class Metrics:
    def __init__(self, text: str):
        self.text = text
        self.types: dict[str, str] = {}
        self.labels: dict[str, set[str]] = defaultdict(set)  # of each metric, without le
        self.samples: list[tuple[str, dict[str, str], float]] = []
        for line in text.splitlines():
            if line.startswith("# TYPE "):
                _, _, name, self.types[name] = line.split()
            elif not line.startswith("#"):
                self._add(line)

    def _add(self, line: str) -> None:
        name, labels, value = SAMPLE.fullmatch(line).groups()
        pairs = dict(LABEL.findall(labels or ""))
        self.samples.append((name, pairs, float(value)))
        self.labels[self.metric_of(name)] |= pairs.keys() - {"le"}

    def metric_of(self, name: str) -> str:
        """A histogram has samples of three names."""
        for suffix in HISTOGRAM_SUFFIXES:
            if self.types.get(name.removesuffix(suffix)) == "histogram":
                return name.removesuffix(suffix)
        return name

    @property
    def names(self) -> set[str]:
        return {name for name, _, _ in self.samples}

    def value(self, name: str, **labels: str) -> float:
        """The sum of all series with these labels; there must be one."""
        found = [value for other, pairs, value in self.samples if other == name and labels.items() <= pairs.items()]
        assert found, f"no {name} with {labels} in\n{self.text}"
        return sum(found)

    def get(self, name: str, **labels: str) -> float:
        """The same; 0 if there is none."""
        return sum(value for other, pairs, value in self.samples
                   if other == name and labels.items() <= pairs.items())


def scrape(service) -> Metrics:
    answer = service.get("/metrics")
    assert answer is not None and answer[0] == 200, f"{service} on /metrics: {answer}"
    return Metrics(answer[1].decode())
