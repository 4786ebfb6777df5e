"""docker-compose.yml with deploy/compose.secure.yml: works as without it, for those who may. In this order.

What each principal may do is tried in tests/integration/test_security.py; here it is tried that the
overlay gives it to them, and nobody anything else.
"""

import json
import socket
import ssl
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from conftest import PLACED_S, SECURE_FILES, System
from confluent_kafka import Producer
from support.compose import ROOT, Container
from support.events import SERVICES
from support.orders import DECLINE_OVER_MINOR, REFUSED_CUSTOMER, UNKNOWN, Item, Kind, Order
from support.secure import REFUSED, outcome_of, with_password, write
from support.waiting import wait_until

SECURE = ROOT / "deploy/secure"
OPERATOR = "operator"
# A topic of somebody else's for each.
FOREIGN = {"order": "payments", "payment": "orders", "inventory": "shipments", "shipping": "stock", OPERATOR: "orders"}
CLIENT_PORTS, SETUP_PORT = {9092, 19092}, 19093
LISTEN = "0A"  # a state in /proc/net/tcp
ANSWER_S = 10
# Metadata (key 3, version 4) of no topics: no broker answers it to somebody whom it does not know.
CORRELATION_ID = 42
QUESTION = struct.pack(">ihhihi?", 15, 3, 4, CORRELATION_ID, -1, 0, False)


class Secrets:
    """What deploy/secure/make-secrets makes."""

    def __init__(self, folder: Path):
        self.folder = folder
        subprocess.run([SECURE / "make-secrets", folder], check=True)

    def password(self, user: str) -> str:
        return (self.folder / f"{user}.password").read_text().strip()

    def config(self, system: System, user: str, password: str | None = None) -> dict[str, str]:
        return {"bootstrap.servers": system.bootstrap,
                **with_password(self.folder / "ca.pem", user, password or self.password(user))}

    def tls(self, certificate: Path | None = None) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.folder / "ca.pem")
        context.check_hostname = False  # an address of a container is not in the certificate
        if certificate is not None:
            context.load_cert_chain(certificate)
        return context


@pytest.fixture(scope="module")
def secrets() -> Iterator[Secrets]:
    with TemporaryDirectory(prefix="order-saga-secrets.") as folder:
        yield Secrets(Path(folder))


@pytest.fixture(scope="module")
def system(secrets) -> Iterator[System]:
    with System("secure", SECURE_FILES, SECRETS_DIR=str(secrets.folder)).running() as system:
        yield system


# The goods are those of the demo, which init has received.
ORDERS = [
    Order("alice", (Item("tea", 2, 450),)),
    Order("bob", (Item("tea", 1, DECLINE_OVER_MINOR + 1),), kind=Kind.DECLINED),
    Order("carol", (Item("cups", 1, 300), Item("teapot", 2, 1999)), kind=Kind.OUT_OF_STOCK),
    Order("dave", (Item(UNKNOWN, 1, 100),), kind=Kind.UNKNOWN_PRODUCT),
    Order(REFUSED_CUSTOMER, (Item("cups", 1, 300),), kind=Kind.REFUSED),
]


def test_orders_from_outside_reach_their_outcomes(system, note):
    note(f"with TLS and permissions up and healthy after {system.up_s:.0f} s")
    for order in ORDERS:
        attempt = system.client.place(order)
        assert attempt.outcome == "ok", attempt
    wanted = ["completed" if order.kind is Kind.SHIPPED else "cancelled" for order in ORDERS]

    def statuses() -> list[str]:
        return [system.client.order(attempt.order_id).json()["status"] for attempt in system.history.attempts]

    wait_until(lambda: statuses() == wanted, PLACED_S, lambda: f"{wanted}, not {statuses()}")


def test_the_operator_sees_that_all_is_sound(system):
    said = system.compose.run("run", "--rm", OPERATOR, "check")
    assert f"{len(ORDERS)} orders, {len(ORDERS)} final, 0 open: no findings" in said


def test_a_principal_is_refused_what_is_not_its_own(system, secrets):
    for user, topic in FOREIGN.items():
        assert outcome_of(lambda user=user, topic=topic: write(secrets.config(system, user), topic)) == REFUSED[0], user


def test_another_ones_password_is_refused(system, secrets):
    faults = []
    stranger = Producer({**secrets.config(system, "payment", secrets.password("order")), "log_level": 0,
                         "error_cb": lambda fault: faults.append(fault.name())})
    wait_until(lambda: stranger.poll(0.1) == 0 and "_AUTHENTICATION" in faults, ANSWER_S, lambda: f"refused: {faults}")


def listening(container: Container) -> dict[str, set[int]]:
    """The ports that others can reach, and all those of loopback."""
    found = {"others": set(), "loopback": set()}
    for name in ("net/tcp", "net/tcp6"):
        for line in container.proc(name).splitlines()[1:]:
            _, local, _, state, *_ = line.split()
            address, port = local.split(":")
            if state == LISTEN:
                is_loopback = address.endswith("7F") or address == f"{'0' * 24}01000000"
                found["loopback" if is_loopback else "others"].add(int(port, 16))
    return found


def answers(address: tuple[str, int], tls: ssl.SSLContext | None) -> bool:
    try:
        with socket.create_connection(address, ANSWER_S) as stream:
            if tls is not None:
                stream = tls.wrap_socket(stream)
            with stream, stream.makefile("rb") as answer:
                stream.sendall(QUESTION)
                return answer.read(8)[4:] == struct.pack(">i", CORRELATION_ID)
    except OSError:
        return False


def test_nobody_is_answered_without_credentials(system, secrets, tmp_path):
    """On any port of the broker's, from this host or from a container."""
    subprocess.run([SECURE / "make-certs", tmp_path, "kafka"], check=True)
    admin = secrets.tls(secrets.folder / "admin.pem")
    strangers = {"plain text": None, "TLS": secrets.tls(), "another authority's": secrets.tls(tmp_path / "admin.pem"),
                 "admin": admin}
    broker = system.compose.container("kafka")
    network, = broker.inspect()["NetworkSettings"]["Networks"].values()
    ports = listening(broker)["others"]
    addresses = [(network["IPAddress"], port) for port in ports] + [("127.0.0.1", system.kafka_port)]

    assert ports == {*CLIENT_PORTS, SETUP_PORT}
    answered = [(who, port) for who, tls in strangers.items() for host, port in addresses if answers((host, port), tls)]
    assert answered == [("admin", SETUP_PORT)]


def test_no_password_is_logged_or_in_a_setting_and_none_is_called_wrong(system, secrets):
    for container in system.compose.containers():
        text = json.dumps(container.inspect()) + container.logs("--tail", "all")
        assert "SASL authentication error" not in text, str(container)
        assert not [user for user in (*SERVICES, OPERATOR) if secrets.password(user) in text], str(container)
