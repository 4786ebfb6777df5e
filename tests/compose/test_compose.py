"""docker-compose.yml as people use it: up, curl, kill, stop, scale, down. In this order."""

import os
import re
import subprocess
import time
from http.client import HTTPException

import pytest
import yaml
from conftest import PLACED_S, SECURE_FILES
from support import topics
from support.client import Http, NotSent
from support.compose import ROOT, Compose, Container, docker
from support.events import SERVICES
from support.waiting import wait_until

IMAGE_MAX_MB = 120
USER = "10001"
RATE = 25
STOP_S = 10
BACK_S = 120  # a broker that was killed looks through its logs first
KILLED_FOR_S = 1.0
LOAD_BEFORE_S = 1.0
ALONE_S = 5.0
ALL = (*SERVICES, "gateway", "kafka")
CURL_S = 20


def ours(system) -> list[Container]:
    return system.compose.containers(*SERVICES, "gateway")


# --- up -----------------------------------------------------------------------------------------------


def test_it_is_healthy_in_time(system, note):
    note(f"up and healthy after {system.up_s:.0f} s")
    assert {container.service for container in system.compose.containers()} == {*ALL, "init"}


def test_the_curl_of_the_readme_works(system):
    section = (ROOT / "README.md").read_text().partition("docker-compose up")[2]
    command = re.search(r"^    (curl -i .*?\}')$", section, re.DOTALL | re.MULTILINE)[1]
    command = command.replace("localhost:8080", f"localhost:{system.http_port}")
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=CURL_S)
    assert "201 Created" in done.stdout and "Location: /v1/orders/" in done.stdout.replace("location", "Location"), done
    order = re.search(r"/v1/orders/([0-9a-f-]{36})", done.stdout)[1]
    system.history.by_hand.add(order)
    wait_until(lambda: system.client.order(order).json()["status"] == "completed", PLACED_S, "the order is completed")


def test_a_second_up_changes_nothing(system):
    before = [container.id for container in system.compose.containers()]
    system.compose.up()
    system.compose.wait_healthy(BACK_S)
    assert [container.id for container in system.compose.containers()] == before
    received = topics.read_all(system.bootstrap, "", only=("stock-receipts",)).events("StockReceived")
    assert sorted(event["data"]["product_id"] for event in received) == ["cups", "tea", "teapot"]


# --- what the containers may do -----------------------------------------------------------------------


def test_the_images_are_small(system, note):
    sizes = {c.service: int(docker("image", "inspect", "-f", "{{.Size}}", c.inspect()["Image"])) / 1e6
             for c in [*ours(system), system.compose.container("init")]}
    note("images with the base, MB: " + ", ".join(f"{name} {size:.1f}" for name, size in sizes.items()))
    assert all(size <= IMAGE_MAX_MB for size in sizes.values()), sizes


def test_the_processes_are_not_root_and_cannot_become_it(system):
    for container in ours(system):
        status = container.status()
        assert status["Uid"].split() == [USER] * 4 and status["Gid"].split() == [USER] * 4, str(container)
        assert {status[name] for name in ("CapPrm", "CapEff", "CapBnd", "CapInh")} == {"0" * 16}, str(container)
        assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2"), str(container)
    kafka = system.compose.container("kafka").status()
    assert "0" not in kafka["Uid"].split() and (kafka["CapBnd"], kafka["NoNewPrivs"]) == ("0" * 16, "1")


def test_the_root_file_systems_are_read_only(system):
    for container in ours(system):
        mounts = [line.split() for line in container.proc("mountinfo").splitlines()]
        options = {fields[4]: fields[5].split(",") for fields in mounts}
        assert "ro" in options["/"], f"{container}: {options['/']}"
        writable = {place for place, flags in options.items() if "rw" in flags}
        assert {place for place in writable if not place.startswith(("/proc", "/dev", "/sys", "/etc/"))} <= {
            "/var/lib/order-saga"}, f"{container}: {writable}"


def test_ports_are_open_on_loopback_only_and_where_needed(system):
    for container in system.compose.containers():
        bindings = [b for ports in container.inspect()["NetworkSettings"]["Ports"].values() for b in ports or ()]
        expected = {"gateway": [str(system.http_port)], "kafka": [str(system.kafka_port)]}.get(container.service, [])
        assert [b["HostPort"] for b in bindings] == expected, str(container)
        assert all(b["HostIp"] == "127.0.0.1" for b in bindings), str(container)


def test_memory_and_processors_are_limited(system):
    for container in [*ours(system), system.compose.container("kafka")]:
        limits = container.inspect()["HostConfig"]
        assert limits["Memory"] > 0 and limits["NanoCpus"] > 0 and limits["PidsLimit"] > 0, str(container)


# --- faults -------------------------------------------------------------------------------------------


def test_a_kill_of_each_container_in_turn_loses_nothing(stocked, watch, note):
    with stocked.load(RATE):
        for name in ALL:
            container = stocked.compose.container(name)
            time.sleep(LOAD_BEFORE_S)  # not a wait for something: orders are to be under way
            container.kill()
            time.sleep(KILLED_FOR_S)
            container.start()
            container.wait_healthy(BACK_S)
        stocked.compose.wait_healthy(BACK_S)
    note(f"each container killed: orders {stocked.history.counts()}")
    stocked.assert_sound(watch)


def stop_and_start(stocked, name: str) -> float:
    """Stops it cleanly while orders are under way, and starts it again. How long the stop took, in seconds."""
    container, begun = stocked.compose.container(name), len(stocked.history.attempts)
    wait_until(lambda: len(stocked.history.attempts) > begun + RATE, BACK_S, "orders are under way")
    took = container.stop()
    state = container.state
    assert state["ExitCode"] == 0 and not state["OOMKilled"], container.logs()
    container.start()
    container.wait_healthy(BACK_S)
    return took


def test_a_stop_of_each_service_is_clean_and_in_time_and_aborts_no_request(stocked, watch, note):
    begun = len(stocked.history.attempts)
    with stocked.load(RATE):
        took = {name: stop_and_start(stocked, name) for name in SERVICES}
    note("stopped in, seconds: " + ", ".join(f"{name} {seconds:.1f}" for name, seconds in took.items()))
    assert max(took.values()) < STOP_S
    attempts = stocked.history.attempts[begun:]
    aborted = [attempt for attempt in attempts if attempt.status not in (201, 503)]
    assert not aborted, f"{len(aborted)} of {len(attempts)} requests were not answered: {aborted[:3]}"
    stocked.assert_sound(watch)


# --- replicas -----------------------------------------------------------------------------------------


def test_replicas_are_told_apart_and_orders_still_add_up(stocked, watch, note):
    compose, names = stocked.compose, ("payment", "order")
    compose.up("--scale", "payment=2", "--scale", "order=2")
    compose.wait_healthy(BACK_S)
    for name in names:
        replicas = compose.containers(name)
        assert len(replicas) == 2
        for replica in replicas:
            assert f'instance="{replica.id[:12]}"' in replica.logs("--tail", "1000"), replica.logs()
    begun = len(stocked.history.attempts)
    with stocked.load(RATE):
        for name in names:
            time.sleep(LOAD_BEFORE_S)
            compose.containers(name)[0].kill()  # and the other goes on, alone
        alone = time.time()
        time.sleep(ALONE_S)
    attempts = stocked.history.attempts[begun:]
    answered = [attempt for attempt in attempts if attempt.outcome == "ok"]
    note(f"one of two replicas killed: {len(answered)} of {len(attempts)} orders accepted")
    assert [attempt for attempt in answered if attempt.invoked > alone], "the second replica takes no orders"
    stocked.assert_sound(watch)
    compose.up("--scale", "payment=1", "--scale", "order=1", "--force-recreate", "--no-deps", *names)
    compose.wait_healthy(BACK_S)


# --- the profile --------------------------------------------------------------------------------------


def test_prometheus_finds_all_services_and_no_reason_for_an_alert(system):
    """What it is told stands in deploy/prometheus. Grafana is in no registry that the tests know."""
    system.compose.use_profile("observability")
    system.compose.up("--no-deps", "prometheus")
    prometheus = Http(system.prometheus_port)

    def asked(what: str) -> dict:
        return prometheus.get(f"/api/v1/{what}").json()["data"]

    def state() -> dict[str, str]:
        """Of each service and rule."""
        try:
            states = {target["scrapePool"]: target["health"] for target in asked("targets")["activeTargets"]}
            rules = [rule for group in asked("rules")["groups"] for rule in group["rules"]]
            return states | {rule["name"]: f"{rule['health']}, {rule['state']}" for rule in rules}
        except (NotSent, OSError, HTTPException, ValueError) as fault:  # it is not there, or not ready
            return {"fault": str(fault)}

    told = yaml.safe_load((ROOT / "deploy/prometheus/alerts.yml").read_text())
    rules = [rule["alert"] for group in told["groups"] for rule in group["rules"]]
    wanted = dict.fromkeys(SERVICES, "up") | dict.fromkeys(rules, "ok, inactive")
    wait_until(lambda: state() == wanted, BACK_S, lambda: f"{wanted}, not {state()}")


# --- syntax -------------------------------------------------------------------------------------------


def commands() -> list[str]:
    """1.29 and 2 read the file differently; see tests/compose/run."""
    return list(dict.fromkeys(os.environ[name] for name in ("SAGA_COMPOSE", "SAGA_COMPOSE_2")))


@pytest.mark.parametrize("command", commands())
def test_the_file_is_understood(command, note):
    compose = Compose("order-saga-syntax", {}, command)
    note(f"understood by {compose.run('version', '--short').strip()}")
    services = compose.run("config", "--services").split()
    assert set(services) >= {*ALL, "init"}
    compose.run("--profile", "observability", "config", "--quiet")
    Compose("order-saga-syntax", {}, command, SECURE_FILES).run("config", "--quiet")
