"""A receiver of OTLP/HTTP JSON, as a collector is one: keeps all spans, or misbehaves as it is told.

    with Receiver() as receiver:
        system.env["OTEL_EXPORTER_OTLP_ENDPOINT"] = receiver.url
        receiver.of_trace(trace_id)
"""

import json
import re
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from support.client import HOST

KINDS = {2: "server", 4: "producer", 5: "consumer"}
HEX16, HEX32 = re.compile(r"[0-9a-f]{16}"), re.compile(r"[0-9a-f]{32}")
DIGITS = re.compile(r"-?\d+")


@dataclass(frozen=True)
class Span:
    trace_id: str
    span_id: str
    parent_id: str | None
    service: str
    name: str
    kind: str
    start_ns: int
    end_ns: int
    attributes: dict[str, str | int]
    failed: bool


def _value(value: dict) -> str | int:
    """Only the types that are in use; 64-bit numbers are texts."""
    (kind, content), = value.items()
    assert kind in ("stringValue", "intValue") and isinstance(content, str), value
    assert kind != "intValue" or DIGITS.fullmatch(content), value
    return int(content) if kind == "intValue" else content


def _attributes(items: list[dict]) -> dict[str, str | int]:
    found = {item["key"]: _value(item["value"]) for item in items}
    assert len(found) == len(items), f"an attribute is given twice: {items}"
    return found


def _span(resource: dict, span: dict) -> Span:
    assert HEX32.fullmatch(span["traceId"]) and HEX16.fullmatch(span["spanId"]), span
    parent = span.get("parentSpanId")
    assert parent is None or HEX16.fullmatch(parent), span
    assert span["startTimeUnixNano"].isdigit() and span["endTimeUnixNano"].isdigit(), span
    status = span.get("status", {})
    assert status in ({}, {"code": 2}), span
    return Span(span["traceId"], span["spanId"], parent, resource["service.name"], span["name"], KINDS[span["kind"]],
                int(span["startTimeUnixNano"]), int(span["endTimeUnixNano"]), _attributes(span["attributes"]),
                bool(status))


def parse(body: bytes) -> list[Span]:
    """Fails where the body is not as OTLP/HTTP JSON has it."""
    return [_span(_attributes(group["resource"]["attributes"]), span)
            for group in json.loads(body)["resourceSpans"]
            for scoped in group["scopeSpans"] if scoped["scope"]["name"]
            for span in scoped["spans"]]


class Receiver:
    """`statuses`: the next answers; then 200. `delay_s`: before each answer."""

    def __init__(self):
        self.spans: list[Span] = []
        self.faults: list[str] = []
        self.requests: list[float] = []  # when they came
        self.statuses: list[int] = []
        self.always: int | None = None
        self.delay_s = 0.0
        self.headers: dict[str, str] = {}
        self._lock, self._closing = threading.Lock(), threading.Event()
        self._server = ThreadingHTTPServer((HOST, 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://{HOST}:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> "Receiver":
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def of_trace(self, trace_id: str) -> list[Span]:
        with self._lock:
            return [span for span in self.spans if span.trace_id == trace_id]

    def _take(self, path: str, kind: str, body: bytes) -> int:
        with self._lock:
            self.requests.append(time.monotonic())
            try:
                assert path == "/v1/traces" and kind == "application/json", (path, kind)
                spans = parse(body)
            except Exception as error:  # whatever it is: the test wants to see it
                self.faults.append(repr(error))
                return 400
            status = self.statuses.pop(0) if self.statuses else self.always or 200
            self.spans += spans if status == 200 else []
            return status

    def _handler(receiver) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = receiver._take(self.path, self.headers["Content-Type"], body)
                receiver._closing.wait(receiver.delay_s)
                answer = b"{}"
                self.send_response(status)
                for name, value in {**receiver.headers, "Content-Length": str(len(answer))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_) -> None:
                pass

        return Handler
