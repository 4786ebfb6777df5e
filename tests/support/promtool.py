"""promtool of scripts/setup: lints metrics, configuration and alert rules."""

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROMETHEUS = ROOT / "deploy/prometheus"
GRAFANA = ROOT / "deploy/grafana"
PROMTOOL = Path(os.environ.get("SAGA_PROMTOOL", "SAGA_PROMTOOL"))
PROMTOOL_S = 30


def promtool(*arguments, stdin: str = "") -> subprocess.CompletedProcess:
    assert PROMTOOL.exists(), f"{PROMTOOL} is not there: run scripts/setup, and source scripts/env.sh"
    return subprocess.run([PROMTOOL, *map(str, arguments)], input=stdin, capture_output=True, text=True,
                          timeout=PROMTOOL_S)
