"""A cluster of two brokers, in which transactions lose their markers when a test says so (KAFKA-20734).

    with TwoBrokers(folder) as pair:
        pair.hold_markers()                      # what is committed on the second stays hidden
        pair.lose_second()                       # and now for good
        pair.return_second()

The first coordinates all transactions and is the controller. It writes the markers through a tunnel of
ours. Of topics that are created later, the second leads every other partition, without replicas.
"""

import asyncio
import base64
import threading
import uuid
from pathlib import Path

from confluent_kafka import KafkaException, Producer

from support import topics
from support.broker import Broker, without_leader
from support.process import free_port
from support.waiting import wait_until

ASK_S = 5
INIT_S = 20
WHOLE_S = 30
SESSION_MS = 2000  # after which the second is known to be away
CHUNK = 1 << 16


class Tunnel:
    """Passes on what comes to `port`, or holds it back."""

    def __init__(self, target: int):
        self.port, self.target = free_port(), target
        self._loop = asyncio.new_event_loop()
        self._flows = asyncio.Event()
        self._flows.set()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def hold(self) -> None:
        self._loop.call_soon_threadsafe(self._flows.clear)

    def release(self) -> None:
        self._loop.call_soon_threadsafe(self._flows.set)

    def stop(self) -> None:
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(asyncio.start_server(self._accept, "127.0.0.1", self.port))
        self._loop.run_forever()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.close()
            return
        await asyncio.gather(self._pass_on(reader, far_writer), self._pass_on(far_reader, writer))

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(CHUNK):
                await self._flows.wait()
                writer.write(data)
                await writer.drain()
        except OSError:
            pass  # an end that was killed
        finally:
            writer.close()


class TwoBrokers:
    def __init__(self, folder: Path):
        self.first, self.second = Broker(folder / "first"), Broker(folder / "second")
        self._internal, self._controller = free_port(), free_port()
        self._tunnel = Tunnel(free_port())
        # Where scripts/kafka keeps it, who would choose one of its own.
        (self.first.folder / "controller-port").write_text(f"{self._controller}\n")
        self._set(self.first, f"INTERNAL://127.0.0.1:{self._internal}", f"INTERNAL://127.0.0.1:{self._internal}",
                  f",CONTROLLER://127.0.0.1:{self._controller}")
        self._set(self.second, f"INTERNAL://127.0.0.1:{self._tunnel.target}", f"INTERNAL://127.0.0.1:{self._tunnel.port}",
                  "", "process.roles=broker", "node.id=2", f"controller.quorum.voters=1@127.0.0.1:{self._controller}")

    @staticmethod
    def _set(broker: Broker, listens: str, is_found: str, more: str, *settings: str) -> None:
        own = f"PLAINTEXT://127.0.0.1:{broker.port}"
        for setting in (f"listeners={own},{listens}{more}", f"advertised.listeners={own},{is_found}",
                        "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT",
                        "inter.broker.listener.name=INTERNAL", f"broker.session.timeout.ms={SESSION_MS}", *settings):
            broker.process.argv += ["--override", setting]

    def __enter__(self) -> "TwoBrokers":
        try:
            self._tunnel.start()
            self.first.start()
            # The topic of the transactions is created for the first of them, when there is one broker.
            Producer({**topics.COMMON, "bootstrap.servers": self.bootstrap,
                      "transactional.id": "first"}).init_transactions(INIT_S)
            self._format_second()
            self.return_second()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_) -> None:
        self.second.stop()
        self.first.stop()
        self._tunnel.stop()

    @property
    def bootstrap(self) -> str:
        return self.first.bootstrap

    def _format_second(self) -> None:
        """As formatting would, with the cluster's id."""
        lines = (self.first.folder / "topics/meta.properties").read_text().splitlines()
        lines = [line for line in lines if not line.startswith(("#", "node.id", "directory.id"))]
        directory_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        (self.second.folder / "topics").mkdir()
        (self.second.folder / "topics/meta.properties").write_text(
            "\n".join([*lines, "node.id=2", f"directory.id={directory_id}"]) + "\n")

    def leads(self, topic: str, partition: int) -> int:
        """1 or 2; -1: nobody."""
        found = topics.admin(self.bootstrap).list_topics(topic, timeout=ASK_S).topics[topic]
        return found.partitions[partition].leader

    def coordinates(self, group: str) -> int:
        """1 or 2: who keeps the offsets of a group."""
        found: list[int] = []

        def is_known() -> bool:
            answer = topics.admin(self.bootstrap).describe_consumer_groups([group], request_timeout=ASK_S)[group]
            try:
                found.append(answer.result().coordinator.id)
            except KafkaException:  # the topic of the offsets is being created
                return False
            return True

        wait_until(is_known, WHOLE_S, f"group {group} has a coordinator")
        return found[-1]

    def hold_markers(self) -> None:
        """Transactions end, and no reader learns of it."""
        self._tunnel.hold()

    def lose_second(self) -> None:
        """Until the first knows that the second is away, and leaves out the markers that it has for it."""
        self.second.kill9()
        admin = topics.admin(self.bootstrap)
        wait_until(lambda: len(admin.list_topics(timeout=ASK_S).brokers) == 1, WHOLE_S, "the second is missed")

    def return_second(self) -> None:
        self._tunnel.release()
        if not self.second.process.is_running:
            self.second.start()
        admin = topics.admin(self.bootstrap)
        wait_until(lambda: len(admin.list_topics(timeout=ASK_S).brokers) == 2 and not without_leader(admin),
                   WHOLE_S, "both brokers are there")
