"""What a client says beside the path: queries, preferences, keys, and the copy that it has."""

import json

import pytest


def get(connection, path, *headers):
    return connection.ask("GET", path, headers=headers)


def query(connection, text):
    return json.loads(get(connection, f"/query?{text}").body)


def test_a_query_is_decoded(connection):
    assert query(connection, "") == {"limit": None, "name": None}
    assert query(connection, "limit=5&name=a+b%20c%2b%26%3d%c3%a9=%3f?/") == {
        "limit": "5", "name": "a b c+&=é=??/"}
    assert query(connection, "limit&n%61me=") == {"limit": "", "name": ""}
    assert query(connection, "name=%2e%2e/%2f") == {"limit": None, "name": "..//"}


@pytest.mark.parametrize("text, pointer", [
    ("limit=5&limit=5", "limit"), ("limit=5&lim%69t=6", "limit"), ("offset=1", "offset"),
    ("limit=1&Limit=2", "Limit"), ("name=%", "name"), ("name=a%00", "name"), ("name=%ff", "name"),
    ("name=1&%ff=2", ""), ("&limit=1", ""), ("limit=1&&name=1", ""), ("limit=1;name=2&=3", ""),
    ("c%c3%a9", "cé"), ("a%22%0a%01", 'a"\n\x01'), (300 * "n", ""), ("&".join(17 * ["name"]), "name")])
def test_a_wrong_query_is_refused_by_name(connection, text, pointer):
    response = get(connection, f"/query?{text}")
    assert response.status == 400
    [fault] = json.loads(response.body)["errors"]
    assert fault["pointer"] == pointer
    assert fault["detail"]


def test_bytes_that_are_not_escaped_are_taken_if_they_are_utf8(connection):
    connection.send("GET /query?name=é HTTP/1.1\r\nHost: t\r\n\r\n".encode())
    assert json.loads(connection.read().body)["name"] == "é"
    connection.send(b"GET /query?name=\xe9 HTTP/1.1\r\nHost: t\r\n\r\n")
    assert connection.read().status == 400


def test_preferences_of_all_lines_count(connection):
    assert json.loads(get(connection, "/preferences").body) == {"async": False, "wait": -1}
    response = get(connection, "/preferences", "Prefer: return=minimal, wait=20; x=y",
                   "PREFER: Respond-Async", "Prefer: wait=30")
    assert json.loads(response.body) == {"async": True, "wait": 20}


def test_both_spellings_are_the_same_key(connection):
    assert get(connection, "/key").status == 404
    for spelling in ('"abc-1"', "abc-1", "\t abc-1  "):
        assert json.loads(get(connection, "/key", f"Idempotency-Key: {spelling}").body) == {"key": "abc-1"}


@pytest.mark.parametrize("headers", [
    ["Idempotency-Key:"], ['Idempotency-Key: ""'], ["Idempotency-Key: a", "idempotency-key: a"],
    ["Idempotency-Key: a, b"], ['Idempotency-Key: "a";x=1'], ["Idempotency-Key: é"],
    [f"Idempotency-Key: {256 * 'k'}"], ["Idempotency-Key: a", "Idempotency-Key:"]])
def test_a_malformed_key_is_refused(connection, headers):
    response = get(connection, "/key", *headers)
    assert response.status == 400
    assert json.loads(response.body)["detail"].startswith("Idempotency-Key ")


@pytest.mark.parametrize("headers", [
    ['If-None-Match: "v1"'], ['If-None-Match: W/"v1"'], ["If-None-Match: *"],
    ['If-None-Match: "v0", "v1"'], ['If-None-Match: "v0"', 'if-none-match: "v1"']])
def test_who_has_it_is_not_sent_it_again(connection, headers):
    for method in ("GET", "HEAD"):
        response = connection.ask(method, "/tagged", headers=headers)
        assert (response.status, response.body) == (304, b"")
        assert response.header("etag") == '"v1"'
        assert response.header("cache-control") == "no-cache"
        assert response.header("content-type") is None
    assert get(connection, "/tagged").status == 200  # nothing was left in between


@pytest.mark.parametrize("headers", [
    [], ["If-None-Match:"], ['If-None-Match: "v2"'], ["If-None-Match: v1"], ['If-Match: "v1"']])
def test_who_has_another_is_sent_this_one(connection, headers):
    response = get(connection, "/tagged", *headers)
    assert response.status == 200
    assert response.header("etag") == '"v1"'
    head = connection.ask("HEAD", "/tagged", headers=headers)
    assert (head.status, head.header("etag")) == (200, '"v1"')
