"""What the HTTP tests share: the server of http_test_server.c, and a client that hides nothing."""

import os
import signal
import socket
import subprocess
from dataclasses import dataclass

import pytest

TIMEOUT_S = 20


@dataclass
class Response:
    status: int
    headers: list  # (name in lower case, value)
    body: bytes

    def header(self, name):
        values = [value for key, value in self.headers if key == name.lower()]
        assert len(values) <= 1, values
        return values[0] if values else None


class Connection:
    """Sends exactly the bytes that a test says; reads one response at a time."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), TIMEOUT_S)
        self.pending = b""

    def send(self, data):
        self.socket.sendall(data.encode() if isinstance(data, str) else data)

    def _more(self):
        data = self.socket.recv(65536)
        if not data:
            raise ConnectionError("closed by the server")
        self.pending += data

    def _until(self, end):
        while end not in self.pending:
            self._more()
        text, _, self.pending = self.pending.partition(end)
        return text

    def read_headers(self):
        lines = self._until(b"\r\n\r\n").decode().split("\r\n")
        headers = [tuple(part.strip() for part in line.split(":", 1)) for line in lines[1:]]
        return Response(int(lines[0].split()[1]), [(k.lower(), v) for k, v in headers], b"")

    def read_chunk(self):
        """The next part of a stream; b"" is its end."""
        length = int(self._until(b"\r\n"), 16)
        while len(self.pending) < length + 2:
            self._more()
        chunk, end, self.pending = self.pending[:length], self.pending[length:length + 2], self.pending[length + 2:]
        assert end == b"\r\n"
        return chunk

    def read(self, head=False):
        response = self.read_headers()
        has_body = not head and response.status not in (100, 204, 304)
        length = int(response.header("content-length")) if has_body else 0
        while len(self.pending) < length:
            self._more()
        response.body, self.pending = self.pending[:length], self.pending[length:]
        return response

    def ask(self, method, path, body=b"", headers=()):
        lines = [f"{method} {path} HTTP/1.1", "Host: test", *headers]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        self.send("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        return self.read(head=method == "HEAD")

    def rest(self):
        """All that still comes before the server closes."""
        try:
            while True:
                self._more()
        except ConnectionError:
            return self.pending

    def is_closed(self):
        """True if the server closes, or has closed, without another byte."""
        return self.rest() == b""

    def close(self):
        self.socket.close()


class Server:
    def __init__(self, *arguments):
        self.process = subprocess.Popen([os.environ["HTTP_TEST_SERVER"], *arguments],
                                        stdout=subprocess.PIPE)
        self.port = int(self.next_line())
        self.connections = []

    def next_line(self):
        """What it says on standard output."""
        return self.process.stdout.readline().decode().rstrip("\n")

    def connect(self):
        connection = Connection(self.port)
        self.connections.append(connection)
        return connection

    def open_files(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def wait(self):
        return self.process.wait(TIMEOUT_S)

    def stop(self):
        for connection in self.connections:
            connection.close()
        self.terminate()
        return self.wait()


@pytest.fixture(scope="module")
def server():
    server = Server()
    yield server
    assert server.stop() == 0  # the sanitizers would say otherwise


@pytest.fixture
def connection(server):
    connection = server.connect()
    yield connection
    connection.close()
    server.connections.remove(connection)


@pytest.fixture
def own_server():
    """For tests that stop it; called with its arguments."""
    servers = []

    def start(*arguments):
        servers.append(Server(*arguments))
        return servers[-1]

    yield start
    for server in servers:
        if server.process.poll() is None:
            server.process.kill()
            server.process.wait()
        for connection in server.connections:
            connection.close()
