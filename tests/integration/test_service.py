"""A service as a process that an engine or a supervisor looks after: no broker is needed for that."""

import os
import socket
import subprocess

import pytest
from support.cluster import executable
from support.events import SERVICES
from support.process import Process, free_port
from support.waiting import wait_until

NOBODY = "127.0.0.1:1"
CHECK_S = 10


@pytest.fixture
def service(tmp_path):
    """A service that runs, and cannot be ready: there is no broker."""
    port = free_port()
    env = {**os.environ, "KAFKA_BOOTSTRAP_SERVERS": NOBODY, "HTTP_PORT": str(port), "DATA_DIR": str(tmp_path / "data"),
           "SERVICE_INSTANCE": "hostname"}
    process = Process("payment", [executable("services/payment/payment-service")], env, tmp_path / "log")
    yield process
    process.kill9()


def healthcheck(env: dict[str, str], name: str = "payment") -> subprocess.CompletedProcess:
    return subprocess.run([executable(f"services/{name}/{name}-service"), "--healthcheck"], env=env, text=True,
                          capture_output=True, timeout=CHECK_S)


@pytest.mark.parametrize("name", SERVICES)
def test_a_healthcheck_of_a_ready_service_succeeds(shared, name):
    done = healthcheck(shared.service(name).env, name)

    assert (done.returncode, done.stderr) == (0, ""), done
    assert '"ready":true' in done.stdout.replace(" ", "")


def test_a_healthcheck_fails_while_nobody_listens(service):
    done = healthcheck(service.env)

    assert done.returncode == 1 and "no answer" in done.stderr, done


def test_a_healthcheck_fails_while_the_service_is_not_ready(service):
    service.spawn()
    wait_until(lambda: "no answer" not in healthcheck(service.env).stderr, CHECK_S, "it listens")
    done = healthcheck(service.env)

    assert (done.returncode, done.stderr) == (1, "not ready\n"), done
    assert '"status":503' in done.stdout.replace(" ", "")


def test_the_instance_can_be_the_hosts_name(service):
    service.spawn()
    line = f'instance="{socket.gethostname()}"'

    wait_until(lambda: line in service.log.read_text(), CHECK_S, service.tail)
