"""Answers: what each kind of request gets, byte for byte where it matters."""

import http.client
import json

import pytest

BODY_MAX = 65536


def problem(response, status):
    assert response.status == status
    assert response.header("content-type") == "application/problem+json"
    document = json.loads(response.body)
    assert document["type"] == "about:blank"
    assert document["status"] == status
    assert document["title"] and document["detail"]
    return document


def test_a_path_parameter_is_decoded(connection):
    response = connection.ask("GET", "/echo/a%20b%2Fc%c3%a9")
    assert response.status == 200
    assert json.loads(response.body) == {"name": "a b/cé"}


def test_every_answer_says_that_it_is_not_to_be_stored_or_guessed_at(connection):
    for path in ("/echo/a", "/nothing", "/faulty"):
        response = connection.ask("GET", path)
        assert response.header("cache-control") == "no-store"
        assert response.header("x-content-type-options") == "nosniff"
        assert response.header("date")


def test_a_handler_may_choose_type_and_caching(connection):
    response = connection.ask("GET", "/items")
    assert response.header("content-type") == "text/plain; version=0.0.4"
    assert response.header("cache-control") == "no-cache"
    assert response.body == b"a 1\n"


@pytest.mark.parametrize("path", [
    "/", "/echo", "/echo/", "/echo/a/", "/echo/a/b", "//echo/a", "/Echo/a", "/echo/%00", "/echo/a%00b",
    "/echo/%", "/echo/%4", "/echo/%zz", "/echo/" + 128 * "a", "/items/", "/item", "/itemss"])
def test_another_path_is_404(connection, path):
    problem(connection.ask("GET", path), 404)


def test_the_query_is_not_part_of_the_path(connection):
    assert json.loads(connection.ask("GET", "/echo/a?b=/c&d").body) == {"name": "a"}


def test_head_is_get_without_a_body(connection):
    got = connection.ask("GET", "/echo/abc")
    head = connection.ask("HEAD", "/echo/abc")
    assert (head.status, head.body) == (200, b"")
    assert head.header("content-length") == got.header("content-length")
    assert connection.ask("HEAD", "/nothing").status == 404
    assert connection.ask("GET", "/echo/next").status == 200  # nothing was left in between


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE", "BREW", "get"])
def test_another_method_is_405_and_told_what_is_allowed(connection, method):
    response = connection.ask(method, "/items")
    problem(response, 405)
    assert set(response.header("allow").split(", ")) == {"GET", "HEAD", "POST", "OPTIONS"}


def test_head_of_what_can_only_be_posted_is_405(connection):
    assert connection.ask("HEAD", "/race").status == 405


def test_options_says_what_is_allowed(connection):
    response = connection.ask("OPTIONS", "/race")
    assert response.status == 204
    assert set(response.header("allow").split(", ")) == {"POST", "OPTIONS"}
    problem(connection.ask("OPTIONS", "/nothing"), 404)


def test_faults_are_listed_with_pointers(connection):
    document = problem(connection.ask("GET", "/faulty"), 422)
    assert document["errors"] == [
        {"pointer": "/items/0/quantity", "detail": 'must be "positive"'},
        {"pointer": "", "detail": "must be better"}]


@pytest.mark.parametrize("content_type", [
    "application/json", "APPLICATION/JSON", "application/json;charset=utf-8",
    'application/json ; charset="UTF-8"', "application/json; profile=x; charset=utf-8"])
def test_json_is_json_in_any_spelling(connection, content_type):
    response = connection.ask("POST", "/items", b"{}", [f"Content-Type: {content_type}"])
    assert response.status == 201
    assert response.header("location") == "/items/1"


@pytest.mark.parametrize("headers", [
    [], ["Content-Type: text/plain"], ["Content-Type: application/jsonx"],
    ["Content-Type: application/json; charset=latin-1"], ["Content-Type: application/json x"],
    ["Content-Type: application/json; charset=utf-80"],
    ["Content-Type: application/json", "Content-Encoding: gzip"]])
def test_anything_else_is_not(connection, headers):
    problem(connection.ask("POST", "/items", b"{}", headers), 415)


JSON = ["Content-Type: application/json"]


def test_a_body_of_the_largest_size_is_taken_whole(connection):
    body = bytes(range(256)) * (BODY_MAX // 256)
    response = connection.ask("POST", "/items", body, JSON)
    assert json.loads(response.body) == {"length": BODY_MAX, "sum": sum(body)}


def test_a_body_may_come_in_pieces_and_chunks(connection):
    connection.send("POST /items HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
                    "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
    connection.send("1")
    connection.send("0\r\n0123456789abcdef\r\n0\r\n\r\n")
    assert json.loads(connection.read().body)["length"] == 19


def test_a_chunked_body_of_the_largest_size_is_taken_whole(connection):
    chunk = b"8000\r\n" + 0x8000 * b"x" + b"\r\n"
    connection.send(b"POST /items HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
                    b"Transfer-Encoding: chunked\r\n\r\n" + 2 * chunk + b"0\r\n\r\n")
    assert json.loads(connection.read().body)["length"] == BODY_MAX


def test_too_long_a_length_is_413_at_once(connection):
    connection.send(f"POST /items HTTP/1.1\r\nHost: t\r\nContent-Length: {BODY_MAX + 1}\r\n\r\n")
    response = connection.read()
    problem(response, 413)
    assert response.header("connection") == "close"


def test_a_client_that_waits_for_100_gets_413_instead(connection):
    connection.send("POST /items HTTP/1.1\r\nHost: t\r\nContent-Length: 10000000000\r\n"
                    "Expect: 100-continue\r\n\r\n")
    problem(connection.read(), 413)
    assert connection.is_closed()


def test_a_client_that_waits_for_100_gets_it_for_what_is_allowed(connection):
    connection.send("POST /items HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\n"
                    "Content-Type: application/json\r\nExpect: 100-continue\r\n\r\n")
    assert connection.read().status == 100
    connection.send("{}")
    assert connection.read().status == 201


@pytest.mark.parametrize("size", [BODY_MAX + 1, 700_000, 5_000_000])
def test_a_client_that_sends_first_and_reads_later_sees_413(server, size):
    client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    client.request("POST", "/items", body=size * b"x")
    assert client.getresponse().status == 413
    client.close()


def test_nobody_reads_an_endless_body(connection):
    connection.send("POST /items HTTP/1.1\r\nHost: t\r\nContent-Length: 10000000000\r\n\r\n")
    problem(connection.read(), 413)
    with pytest.raises((BrokenPipeError, ConnectionResetError)):
        for _ in range(1000):
            connection.send(65536 * b"x")


def test_a_chunked_body_that_grows_too_long_is_413(connection):
    chunk = b"8000\r\n" + 0x8000 * b"x" + b"\r\n"
    connection.send(b"POST /items HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n" +
                    10 * chunk + b"0\r\n\r\n")
    problem(connection.read(), 413)
    assert connection.ask("GET", "/echo/a").status == 200  # it was read to its end


def test_an_endless_chunked_body_is_cut_off(connection):
    chunk = b"8000\r\n" + 0x8000 * b"x" + b"\r\n"
    connection.send(b"POST /items HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n")
    with pytest.raises((BrokenPipeError, ConnectionResetError)):
        for _ in range(2000):
            connection.send(chunk)


def test_an_unwanted_body_is_read_past(connection):
    problem(connection.ask("POST", "/nothing", 60000 * b"x"), 404)
    problem(connection.ask("PUT", "/items", 60000 * b"x"), 405)
    problem(connection.ask("POST", "/items", 60000 * b"x"), 415)
    assert connection.ask("GET", "/echo/a").status == 200


def test_a_connection_serves_many_requests_also_pipelined(connection):
    connection.send(50 * "GET /echo/a HTTP/1.1\r\nHost: t\r\n\r\n" +
                    "GET /nothing HTTP/1.1\r\nHost: t\r\n\r\n")
    assert [connection.read().status for _ in range(51)] == 50 * [200] + [404]


def test_http_1_0_is_served_and_closed(connection):
    connection.send("GET /echo/a HTTP/1.0\r\n\r\n")
    assert connection.read().status == 200
    assert connection.is_closed()


@pytest.mark.parametrize("version", ["HTTP/2.0", "HTTP/1.2", "HTTP/3"])
def test_other_versions_are_refused(connection, version):
    connection.send(f"GET /echo/a {version}\r\nHost: t\r\n\r\n")
    assert connection.read().status in (400, 505)


def test_headers_that_are_too_large_are_refused_by_the_library(connection):
    connection.send("GET /echo/a HTTP/1.1\r\nHost: t\r\nX: " + 20000 * "x" + "\r\n\r\n")
    assert connection.read().status == 431


def test_too_long_a_path_is_refused_by_the_library(connection):
    connection.send("GET /" + 20000 * "x" + " HTTP/1.1\r\nHost: t\r\n\r\n")
    assert connection.read().status == 414
