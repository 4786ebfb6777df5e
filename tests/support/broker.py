"""A real Kafka broker of the test run's own, through scripts/kafka.

    broker = Broker(folder); broker.start(); ...; broker.kill9(); broker.start(); ...; broker.stop()

It keeps its port and data over a restart. `bootstrap` is what KAFKA_BOOTSTRAP_SERVERS takes.
"""

import os
import socket
import ssl
import time
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from support.process import Process, free_port
from support.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
READY_S = 120
STOP_S = 30
HEALTHY_S = 30
METADATA_S = 2
# A broker that was away for longer than its session learns of it only after a moment, and then has no
# leaders until it is let in again; see scripts/kafka.
STEADY_S = 1.5
# ApiVersions, version 0, correlation id 42: no broker answers it before it is ready.
API_VERSIONS = b"\0\0\0\x0a\0\x12\0\0\0\0\0\x2a\xff\xff"


class Broker:
    def __init__(self, folder: Path, overrides: tuple[str, ...] = (), secure: Path | None = None):
        """`overrides`: broker settings as "name=value". `secure`: see scripts/kafka."""
        self.folder, self.port = folder, free_port()
        self.was_away = False  # since somebody last set it back
        self.bootstrap = f"127.0.0.1:{self.port}"
        folder.mkdir(parents=True, exist_ok=True)
        argv = [str(ROOT / "scripts/kafka"), "run", "--data", str(folder), "--port", str(self.port)]
        argv += [word for override in overrides for word in ("--override", override)]
        self.secure = secure
        argv += ["--secure", str(secure)] if secure else []
        # `run` becomes the broker itself, so its pid is the broker's.
        self.process = Process("broker", argv, {**os.environ, "CONSOLE_LEVEL": "WARN"},
                               folder / "console.log")

    def start(self) -> None:
        self.process.spawn()
        wait_until(self._answers_or_fails, READY_S, lambda: f"the broker answers\n{self.process.tail()}")

    def _answers_or_fails(self) -> bool:
        assert self.process.is_running, f"the broker ended while starting\n{self.process.tail()}"
        return self.answers()

    def answers(self) -> bool:
        try:
            with self._connect() as connection:
                connection.sendall(API_VERSIONS)
                return connection.recv(8)[4:8] == b"\0\0\0\x2a"
        except OSError:
            return False

    def _connect(self) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=2)
        if not self.secure:
            return connection
        context = ssl.create_default_context(cafile=str(self.secure / "ca.pem"))
        return context.wrap_socket(connection, server_hostname="127.0.0.1")

    def stop(self) -> None:
        if self.process.is_running:
            self.process.terminate(STOP_S)

    def kill9(self) -> None:
        self.was_away = True
        self.process.kill9()

    def pause(self) -> None:
        """It holds its connections, and answers nothing, until resume()."""
        self.was_away = True
        self.process.pause()

    def resume(self) -> None:
        self.process.resume()

    def wait_healthy(self) -> None:
        """Until all partitions have had their leaders for a while without a break."""
        steady_since = lacking = None
        admin = self._hasty_admin()

        def is_steady() -> bool:
            nonlocal steady_since, lacking, admin
            try:
                lacking = without_leader(admin)
            except KafkaException as error:
                lacking = [str(error)]
                admin = self._hasty_admin()  # one that has met a broker that hangs may speak its language no more
            if lacking:
                steady_since = None
            elif steady_since is None:
                steady_since = time.monotonic()
            return steady_since is not None and time.monotonic() - steady_since > STEADY_S

        wait_until(is_steady, HEALTHY_S, lambda: f"all partitions have leaders; at last: {lacking or 'they had'}")

    def _hasty_admin(self) -> AdminClient:
        """What hangs from before is tried anew, not waited for: by default for up to a minute."""
        return AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0,
                            "socket.timeout.ms": METADATA_S * 1000,
                            "socket.connection.setup.timeout.ms": METADATA_S * 1000})


def without_leader(admin: AdminClient) -> list[str]:
    """Partitions and topics, with the reason."""
    topics = admin.list_topics(timeout=METADATA_S).topics.values()
    return ([f"{topic.topic}: {topic.error}" for topic in topics if topic.error is not None]
            + [f"{topic.topic}[{p.id}]" for topic in topics for p in topic.partitions.values() if p.leader < 0])
