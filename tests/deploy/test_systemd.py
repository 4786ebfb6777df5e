"""deploy/systemd as systemd-analyze sees it: no systemd has to run."""

import json
import shutil
import subprocess

import pytest

from conftest import BUILD
from manifests import ROOT

UNITS = ROOT / "deploy/systemd"
TEMPLATE = "order-saga@.service"
TARGET = "order-saga.target"
SERVICES = list(json.loads((ROOT / "schemas/topics.json").read_text())["services"])
EXPOSURE_MAX = 20  # of 100


@pytest.fixture
def analyze():
    # Not skipped: scripts/setup installs it.
    assert shutil.which("systemd-analyze"), "no systemd-analyze: run scripts/setup"

    def run(*arguments) -> subprocess.CompletedProcess:
        return subprocess.run(["systemd-analyze", "--no-pager", *arguments], text=True, timeout=60,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    return run


@pytest.fixture
def units(tmp_path):
    """The units with the executables that were built; edited: [(old, new)]."""
    def lay(*edits) -> tuple:
        text = (UNITS / TEMPLATE).read_text()
        for old, new in [("/usr/bin/%i-service", f"{BUILD}/services/%i/%i-service"), *edits]:
            assert old in text
            text = text.replace(old, new)
        (tmp_path / TEMPLATE).write_text(text)
        shutil.copy(UNITS / TARGET, tmp_path)
        instances = [tmp_path / f"order-saga@{service}.service" for service in SERVICES]
        for path in instances:
            path.symlink_to(TEMPLATE)
        return tmp_path / TARGET, *instances

    return lay


def verify(analyze, paths) -> str:
    """"" if there is nothing to say: an unknown key is but a warning, with exit code 0."""
    result = analyze("verify", *paths)
    return result.stdout or ("" if result.returncode == 0 else f"exit code {result.returncode}")


def test_the_units_are_valid(analyze, units):
    assert verify(analyze, units()) == ""


@pytest.mark.parametrize("edit", [
    ("ProtectSystem=", "ProtectSytem="),
    ("TimeoutStopSec=10", "TimeoutStopSec=soon"),
    ("%i-service", "%i-servce"),
    ("Type=exec", "Type=exce"),
])
def test_a_broken_unit_is_refused(analyze, units, edit):
    assert verify(analyze, units(edit)) != ""


def exposed(analyze, path) -> bool:
    return analyze("security", "--offline=true", f"--threshold={EXPOSURE_MAX}", path).returncode != 0


def test_the_services_are_exposed_no_more_than_they_need(analyze, units):
    _, *instances = units()
    for path in instances:
        assert not exposed(analyze, path)


@pytest.mark.parametrize("edit", [
    ("CapabilityBoundingSet=\n", ""),
    ("SystemCallFilter=", "#"),
    ("Protect", "#"),
])
def test_a_service_that_is_exposed_is_refused(analyze, units, edit):
    assert exposed(analyze, units(edit)[1])


def test_the_target_wants_all_services():
    wanted = [name for line in (UNITS / TARGET).read_text().splitlines() if line.startswith("Wants=")
              for name in line.removeprefix("Wants=").split()]
    assert sorted(wanted) == sorted(f"order-saga@{service}.service" for service in SERVICES)


def values(path) -> dict:
    lines = [line for line in path.read_text().splitlines() if "=" in line and line[0] not in "#["]
    return dict(line.split("=", 1) for line in lines)


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("properties", ["client.properties", None])
def test_each_service_accepts_the_examples(service, properties, run_service, tmp_path):
    path = UNITS / properties if properties else tmp_path / "empty"
    path.touch()
    environment = {**values(UNITS / "order-saga.env"), "KAFKA_CLIENT_PROPERTIES": str(path),
                   "SERVICE_INSTANCE": "hostname", "DATA_DIR": str(tmp_path)}
    assert "valid" in run_service(service, "--check", environment)
    for name in environment:
        assert name in run_service(service, "--help", {})


def test_a_service_has_the_time_that_its_stop_may_take(stop_s):
    assert int(values(UNITS / TEMPLATE)["TimeoutStopSec"]) > stop_s
