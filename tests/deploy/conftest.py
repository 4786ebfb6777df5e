"""The executables that deploy/ starts, and what their source says about stopping."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from manifests import ROOT

BUILD = Path(os.environ.get("SAGA_BUILD_DIR", ROOT / "build"))


def service_path(service: str) -> Path:
    return BUILD / "services" / service / f"{service}-service"


@pytest.fixture(scope="session")
def sagactl() -> Path:
    return BUILD / "tools/sagactl/sagactl"


@pytest.fixture(scope="session")
def run_service():
    def run(service: str, option: str, environment: dict) -> str:
        return subprocess.run([service_path(service), option], env=environment, check=True,
                              stdout=subprocess.PIPE, text=True, timeout=60).stdout

    return run


@pytest.fixture(scope="session")
def stop_s() -> float:
    """The longest that a service takes to stop."""
    text = (ROOT / "common/service/service.c").read_text()
    return sum(int(re.search(rf"#define {name} (\d+)", text)[1]) for name in ("STOP_MS_MAX", "CLOSE_MS_MAX")) / 1000
