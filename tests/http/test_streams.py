"""Streams: each wake reaches each reader, whoever goes away; they end when they or the server do."""

import json
import socket
import threading
import time

import pytest

MANY = 400
FOLLOW = "GET /stream HTTP/1.1\r\nHost: t\r\n\r\n"


def wait_until(condition, what):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, f"timed out: {what}"
        time.sleep(0.01)


def streams(connection):
    return json.loads(connection.ask("GET", "/streams").body)


def follow(server, request=FOLLOW):
    connection = server.connect()
    connection.send(request)
    response = connection.read_headers()
    assert response.status == 200
    assert response.header("transfer-encoding") == "chunked"
    return connection


def read_to_end(connection):
    parts = []
    while part := connection.read_chunk():
        parts.append(part)
    return b"".join(parts)


def numbers(count):
    return b"".join(b"%d\n" % number for number in range(count))


@pytest.fixture
def streaming(own_server):
    """A server, and a connection to it for orders."""
    server = own_server("5000")
    yield server, server.connect()
    if server.process.poll() is None:
        assert server.stop() == 0


def test_what_is_said_is_sent_at_once_and_headers_before_it(streaming):
    server, orders = streaming
    connection = server.connect()
    connection.send(FOLLOW)
    response = connection.read_headers()
    assert response.header("content-type") == "text/event-stream"
    assert response.header("cache-control") == "no-store"
    assert response.header("x-accel-buffering") == "no"
    assert response.header("content-length") is None
    for number in range(20):
        orders.ask("POST", "/publish?count=1")
        assert connection.read_chunk() == b"%d\n" % number
    orders.ask("POST", "/end")
    assert connection.read_chunk() == b""
    assert streams(connection)["closed"] == 1  # the same connection serves the next request


def test_what_is_there_comes_first_in_as_many_parts_as_it_needs(streaming):
    server, orders = streaming
    orders.ask("POST", "/publish?count=20000")
    orders.ask("POST", "/end")
    assert read_to_end(follow(server)) == numbers(20000)


def test_a_sleeping_stream_is_not_asked(streaming):
    server, orders = streaming
    follow(server)
    wait_until(lambda: streams(orders)["reads"] == 1, "the stream was asked")
    for _ in range(100):
        assert streams(orders)["reads"] == 1
    orders.ask("POST", "/end")


def test_a_wake_before_the_stream_is_asleep_is_not_lost(streaming):
    server, orders = streaming
    connection = follow(server, FOLLOW.replace("/stream", "/self-waking"))
    for number in range(1000):
        assert connection.read_chunk() == b"%d\n" % number
    orders.ask("POST", "/end")
    assert connection.read_chunk() == b""


def test_no_wake_of_another_thread_is_lost(streaming):
    server, orders = streaming
    readers = [follow(server) for _ in range(8)]
    published = 0
    for _ in range(50):
        orders.ask("POST", "/publish?elsewhere=200")
        published += 200
        for reader in readers:
            while not reader.pending.endswith(b"\n%d\n\r\n" % (published - 1)):
                reader._more()  # without the last wake it would never come
    orders.ask("POST", "/end")
    assert {read_to_end(reader) for reader in readers} == {numbers(published)}


def test_hundreds_follow_while_others_come_and_go(streaming):
    server, orders = streaming
    readers = [follow(server) for _ in range(MANY)]
    assert streams(orders)["open"] == MANY
    orders.ask("POST", "/publish?elsewhere=300")
    fickle = [follow(server) for _ in range(100)]
    for one in fickle[:50]:
        one.close()
    for one in fickle[50:]:  # with a reset
        one.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        one.close()
    assert orders.ask("GET", "/echo/meanwhile").status == 200
    # Their absence is found out by writing to them, once or twice.
    wait_until(lambda: orders.ask("POST", "/publish?count=1").status == 200 and
               streams(orders)["open"] == MANY, "those who left are noticed")
    orders.ask("POST", "/end")
    [text] = {read_to_end(reader) for reader in readers}
    assert text == numbers(text.count(b"\n"))
    wait_until(lambda: streams(orders)["open"] == 0, "all are closed")
    assert streams(orders)["closed"] == MANY + len(fickle)


def test_another_thread_may_answer_with_a_stream(streaming):
    server, orders = streaming
    orders.ask("POST", "/publish?count=3")
    orders.ask("POST", "/end")
    for _ in range(200):
        assert read_to_end(follow(server, FOLLOW.replace("/stream", "/late-stream"))) == b"0\n1\n2\n"
    assert streams(orders) == {"open": 0, "closed": 200, "reads": 400}


def test_head_of_a_stream_is_its_headers(streaming):
    server, orders = streaming
    connection = server.connect()
    connection.send(FOLLOW.replace("GET", "HEAD"))
    response = connection.read_headers()
    assert response.status == 200
    assert response.header("content-type") == "text/event-stream"
    assert connection.is_closed()
    assert streams(orders) == {"open": 0, "closed": 1, "reads": 0}


def test_http_1_0_gets_the_stream_bare_and_its_end_as_the_end(streaming):
    server, orders = streaming
    connection = server.connect()
    connection.send("GET /stream HTTP/1.0\r\n\r\n")
    response = connection.read_headers()
    assert response.header("transfer-encoding") is None
    orders.ask("POST", "/publish?count=2000")
    while not connection.pending.endswith(b"1999\n"):
        connection._more()
    orders.ask("POST", "/publish?count=1")
    orders.ask("POST", "/end")
    assert connection.rest() == numbers(2001)


def test_a_client_that_does_not_read_is_disconnected_and_a_sleeping_one_is_not(own_server):
    server = own_server("1000", "1")
    orders, sleeper, lazy = server.connect(), follow(server), server.connect()
    lazy.send(FOLLOW.replace("/stream", "/endless"))
    wait_until(lambda: streams(server.connect())["closed"] == 1, "the one that does not read is closed")
    assert streams(server.connect())["open"] == 1
    server.connect().ask("POST", "/publish?count=1")
    assert sleeper.read_chunk() == b"0\n"
    assert orders.is_closed()  # idle as well, but waiting for nothing
    assert server.stop() == 0


def test_a_stop_waits_for_streams_that_end(own_server):
    server = own_server("10000")
    reader, other = follow(server), server.connect()
    # This one has begun before the stop and is finished after it.
    other.send("POST /end HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\n\r\n{")
    wait_until(lambda: streams(server.connect())["reads"] == 1, "the stream sleeps")
    server.terminate()
    wait_until(lambda: server.connect().ask("GET", "/streams").status == 503, "the server is stopping")
    assert server.process.poll() is None
    other.send("}")
    assert other.read().status == 200
    assert reader.read_chunk() == b""
    assert server.wait() == 0


def test_a_stop_ends_the_streams_that_do_not(own_server):
    server = own_server("100")
    readers = [follow(server) for _ in range(100)]
    lazy = server.connect()
    lazy.send(FOLLOW.replace("/stream", "/endless"))
    lazy.read_headers()
    server.terminate()
    assert {reader.read_chunk() for reader in readers} == {b""}
    assert server.wait() == 0


def test_what_is_received_after_the_last_moment_is_refused(own_server):
    server = own_server("100")
    late, lazy, reader = server.connect(), server.connect(), follow(server)
    lazy.send(FOLLOW.replace("/stream", "/endless"))
    lazy.read_headers()
    late.send("POST /hold HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\n\r\n{")
    wait_until(lambda: streams(server.connect())["open"] == 2, "all are under way")
    server.terminate()
    assert reader.read_chunk() == b""  # the time is over
    late.send("}")
    response = late.read()
    assert response.status == 503
    assert response.header("connection") == "close"
    assert server.wait() == 0


def test_stopping_while_streams_come_are_fed_and_go_is_clean(own_server):
    def come_and_go(server):
        try:
            while True:
                connection = server.connect()
                connection.send(FOLLOW)
                if connection.read_headers().status != 200:
                    return
                connection.close()
        except OSError:
            pass

    for _ in range(5):
        server = own_server("300")
        [follow(server) for _ in range(20)]
        threads = [threading.Thread(target=come_and_go, args=[server]) for _ in range(4)]
        for thread in threads:
            thread.start()
        for _ in range(20):
            server.connect().ask("POST", "/publish?elsewhere=500")
        server.terminate()
        assert server.wait() == 0
        for thread in threads:
            thread.join()
