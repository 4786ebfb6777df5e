"""A broker with TLS, SCRAM-SHA-512 and permissions: what works with the least of them, and what does not."""

import json
import os
import re
import secrets
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from support import topics
from support.broker import ROOT, Broker
from support.cluster import Cluster, executable
from support.events import SERVICES
from support.orders import Kind
from support.process import free_port
from support.saga import Saga
from support.sagactl import Tool
from support.secure import REFUSED, outcome_of, with_password, write
from support.waiting import wait_until

PRINCIPALS = (*SERVICES, "operator")
PREFIX = "secure-"
REQUEST_S = 20
ASKED_S = 10


class Vault:
    """Certificates, passwords, and a properties file of each user."""

    def __init__(self, folder: Path):
        self.folder = folder
        folder.mkdir(mode=0o700)
        subprocess.run([ROOT / "deploy/secure/make-certs", folder, "127.0.0.1"], check=True)
        self.passwords = {name: secrets.token_urlsafe(24) for name in ("admin", *PRINCIPALS)}
        self._write("users", "".join(f"{name}:{word}\n" for name, word in self.passwords.items()))

    def _write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.touch(mode=0o600)
        path.write_text(text)
        return path

    def config(self, user: str, **changes: str) -> dict[str, str]:
        """As librdkafka wants it, in Python and in a file. `changes`: with _ for a dot."""
        config = with_password(self.folder / "ca.pem", user, self.passwords[user])
        return {**config, **{name.replace("_", "."): value for name, value in changes.items()}}

    def properties(self, user: str, **changes: str) -> str:
        text = "".join(f"{name}={value}\n" for name, value in self.config(user, **changes).items())
        return str(self._write(f"{user}{'-'.join(['', *changes])}.properties", text))


@pytest.fixture(scope="module")
def vault(workdir) -> Vault:
    return Vault(workdir / "vault")


@pytest.fixture(scope="module")
def secure_broker(workdir, vault) -> Iterator[Broker]:
    broker = Broker(workdir / "secure-broker", secure=vault.folder)
    try:
        broker.start()
        yield broker
    finally:
        broker.stop()


@pytest.fixture(autouse=True)
def tests_are_admin(monkeypatch, vault) -> None:
    """What looks at the topics on behalf of the tests may see all."""
    for name, value in vault.config("admin").items():
        monkeypatch.setitem(topics.COMMON, name, value)


def tool_of(broker: Broker, vault: Vault, user: str, prefix: str = PREFIX) -> Tool:
    tool = Tool(broker.bootstrap, prefix)
    tool.env["KAFKA_CLIENT_PROPERTIES"] = vault.properties(user)
    return tool


@pytest.fixture(scope="module")
def permitted(secure_broker, vault) -> Broker:
    """Topics and permissions are there; nothing runs."""
    admin = tool_of(secure_broker, vault, "admin")
    admin.output("topics", "apply")
    admin.output("acls", "apply")
    return secure_broker


class SecureSaga(Saga):
    """Each service as itself, and the tool as the operator."""

    def __init__(self, vault: Vault, *arguments):
        super().__init__(*arguments)
        self.env["KAFKA_CLIENT_PROPERTIES"] = vault.properties("operator")
        for service in self.services.values():
            service.env["KAFKA_CLIENT_PROPERTIES"] = vault.properties(service.service)
            service.env["LOG_LEVEL"] = "debug"

    def apply_topics(self) -> None:
        """The administrator has done it: whoever runs the system may only look."""
        self.sagactl("topics", "apply", "--dry-run", "--strict")


@pytest.fixture
def secure_saga(request, permitted, vault, workdir, rng) -> Iterator[SecureSaga]:
    saga = SecureSaga(vault, permitted.bootstrap, PREFIX, workdir / request.node.name, rng)
    yield saga
    saga.close(check=not getattr(request.node, "has_failed", False))


def assert_no_secret(vault: Vault, folder: Path) -> None:
    for log in folder.glob("*.log"):
        text = log.read_text(errors="replace")
        assert not [user for user, word in vault.passwords.items() if word in text], log


def test_the_whole_saga_runs_with_the_least_permissions(secure_saga, vault):
    secure_saga.begin()
    for kind in Kind:
        secure_saga.place(kind)
    secure_saga.service("payment").kill9()
    secure_saga.service("payment").start()
    secure_saga.place(Kind.SHIPPED)
    secure_saga.wait_final()
    secure_saga.assert_sound()
    assert json.loads(secure_saga.sagactl("order", "list", "--json").stdout)
    secure_saga.sagactl("stock", "show")
    secure_saga.sagactl("check")
    for service in secure_saga.services.values():  # may it ask who owns what?
        wait_until(lambda log=service.log: re.search("event=shards_asked .*known=1", log.read_text()), ASKED_S,
                   service.tail)
    assert "AUTHORIZATION" not in secure_saga.tails().upper()
    assert_no_secret(vault, secure_saga.folder)


def test_acls_applied_again_change_nothing(permitted, vault):
    admin = tool_of(permitted, vault, "admin")
    for line in admin.output("acls", "apply").splitlines()[1:]:
        assert line.split()[2:] == ["0", "0"], line


def test_passwords_come_from_files(permitted, vault, tmp_path):
    """users apply is idempotent, and a changed file changes the password."""
    admin = tool_of(permitted, vault, "admin")
    for user in PRINCIPALS:
        (tmp_path / f"{user}.password").write_text(vault.passwords[user] + "\n")
    assert admin.output("users", "apply", str(tmp_path)).split() == list(PRINCIPALS)

    (tmp_path / "operator.password").write_text("another-password\n")
    admin.output("users", "apply", str(tmp_path))
    stranger = tool_of(permitted, vault, "operator")
    assert "authentication" in stranger.refusal(1, "topics", "apply", "--dry-run").lower()
    (tmp_path / "operator.password").write_text(vault.passwords["operator"])
    admin.output("users", "apply", str(tmp_path))
    tool_of(permitted, vault, "operator").output("topics", "apply", "--dry-run", "--strict")

    (tmp_path / "operator.password").write_text("short\n")
    assert "short" not in admin.refusal(2, "users", "apply", str(tmp_path))


def test_what_a_principal_holds_beside_is_reported(permitted, vault):
    """As if the prefix had been another one before."""
    other = tool_of(permitted, vault, "admin", "other-")

    assert "secure-orders" in other.output("acls", "apply", "--dry-run")


# --- what is refused ------------------------------------------------------------------------------


def acls_of(broker: Broker, vault: Vault) -> dict[str, dict[tuple[str, str], set[str]]]:
    document = json.loads(tool_of(broker, vault, "admin").output("acls", "--format", "json"))
    return {principal["role"]: {(acl["resource"]["type"], acl["resource"]["name"]): set(acl["operations"])
                                for acl in principal["acls"]} for principal in document["principals"]}


def consumer_of(broker: Broker, vault: Vault, user: str, group: str) -> Consumer:
    return Consumer({**vault.config(user, bootstrap_servers=broker.bootstrap), "log_level": 0,
                     "group.id": group, "auto.offset.reset": "earliest", "enable.partition.eof": True})


def read(broker: Broker, vault: Vault, user: str, topic: str) -> None:
    consumer = consumer_of(broker, vault, user, PREFIX + ("sagactl" if user == "operator" else user))
    described = consumer.list_topics(topic, timeout=REQUEST_S).topics[topic].error
    if described is not None:
        consumer.close()
        raise KafkaException(described)
    consumer.assign([TopicPartition(topic, 0, 0)])
    message = consumer.poll(REQUEST_S)
    consumer.close()
    assert message is not None, f"{user} hears nothing of {topic}"
    if message.error() and message.error().name() in REFUSED:
        raise KafkaException(message.error())


def join(broker: Broker, vault: Vault, user: str, group: str) -> None:
    """As a member that would take the place of a service."""
    consumer = consumer_of(broker, vault, user, group)
    consumer.subscribe([PREFIX + "order-outcomes" if user in ("order", "operator") else f"{PREFIX}{user}.shards"])
    message = consumer.poll(REQUEST_S)
    consumer.close()
    assert message is not None and message.error(), f"{user} hears nothing of group {group}"
    raise KafkaException(message.error())


def fence(broker: Broker, vault: Vault, user: str, transactional_id: str) -> None:
    Producer({**vault.config(user, bootstrap_servers=broker.bootstrap), "log_level": 0,
              "transactional.id": transactional_id}).init_transactions(REQUEST_S)


FOREIGN_GROUP = {name: SERVICES[(SERVICES.index(name) + 1) % len(SERVICES)] for name in SERVICES}


@pytest.mark.parametrize("user", PRINCIPALS)
def test_a_principal_is_refused_what_is_not_its_own(permitted, vault, user):
    own = acls_of(permitted, vault)[user]
    names = [PREFIX + topic["name"] for topic in topics.schemas.TOPICS if "writer" in topic]
    not_written = [name for name in names if "Write" not in own.get(("topic", name), ())]
    not_read = [name for name in names if "Read" not in own.get(("topic", name), ())]
    other = FOREIGN_GROUP.get(user, "order")

    assert not_written and (not_read or user == "operator")
    config = vault.config(user, bootstrap_servers=permitted.bootstrap)
    for name in not_written:
        assert outcome_of(lambda name=name: write(config, name)) == REFUSED[0], name
    for name in not_read:
        assert outcome_of(lambda name=name: read(permitted, vault, user, name)) == REFUSED[0], name
    assert outcome_of(lambda: join(permitted, vault, user, PREFIX + other)) == REFUSED[1]
    assert outcome_of(lambda: fence(permitted, vault, user, f"{PREFIX}{other}-0")) == REFUSED[2]


@pytest.mark.parametrize("user", PRINCIPALS)
def test_nobody_may_create_or_permit_anything(permitted, vault, user):
    tool = tool_of(permitted, vault, user, "mine-")

    assert tool.run("topics", "apply").returncode == 1
    assert "authorization failed" in tool.refusal(1, "acls", "apply")


# --- strangers ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def other_vault(workdir) -> Vault:
    return Vault(workdir / "other-vault")


def strangers(vault: Vault, other: Vault, broker: Broker) -> dict[str, tuple[str, str, str]]:
    """Name to properties file, bootstrap servers, and what the line must say."""
    return {
        "wrong password": (vault.properties("payment", sasl_password="not-the-password"), broker.bootstrap,
                           "authentication"),
        "wrong authority": (vault.properties("payment", **{"ssl.ca.location": str(other.folder / "ca.pem")}),
                            broker.bootstrap, "certificate verify failed"),
        "another host name": (vault.properties("payment"),
                              broker.bootstrap.replace("127.0.0.1", "localhost"), "certificate verify failed"),
        "plaintext": ("", broker.bootstrap, ""),
    }


@pytest.mark.parametrize("case", ["wrong password", "wrong authority", "another host name", "plaintext"])
def test_a_service_that_cannot_connect_says_why_and_tries_again(permitted, vault, other_vault, workdir, case):
    file, bootstrap, reason = strangers(vault, other_vault, permitted)[case]
    folder = workdir / f"stranger-{case.replace(' ', '-')}"

    with Cluster(bootstrap, PREFIX, folder, {"KAFKA_CLIENT_PROPERTIES": file}) as cluster:
        service = cluster.service("payment")
        service.spawn()
        wait_until(lambda: service.log.read_text().count("level=warn") >= 2 and reason in service.log.read_text(),
                   REQUEST_S, lambda: f"it says {reason}\n{service.tail()}")
        assert service.is_running and not service.is_ready()
    assert "not-the-password" not in service.log.read_text()
    assert_no_secret(vault, folder)


@pytest.mark.parametrize("text, reason", [
    ("sasl.pasword=hunter2\n", "no property sasl.pasword"),
    ("hunter2\n", "no '='"),
    ("security.protocol=hunter2\n", "refuses the value"),
    (None, "cannot read"),
])
def test_a_file_that_cannot_be_used_is_one_line_and_exit_code_2(tmp_path, text, reason):
    path = tmp_path / "client.properties"
    if text is not None:
        path.write_text(text)
        path.chmod(0o600)
    env = {**os.environ, "KAFKA_CLIENT_PROPERTIES": str(path), "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
           "DATA_DIR": str(tmp_path / "data"), "HTTP_PORT": str(free_port())}

    for argv in (*([executable(f"services/{name}/{name}-service")] for name in SERVICES),
                 [executable("tools/sagactl/sagactl"), "stock", "show"]):
        done = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=REQUEST_S)
        output = done.stdout + done.stderr
        assert done.returncode == 2 and reason in output and "hunter2" not in output, (argv, output)
