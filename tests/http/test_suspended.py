"""Answers that come later: the races, many at once, and stopping while they are awaited."""

import json
import threading
import time

MANY = 1000


def wait_until(condition, what):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, f"timed out: {what}"
        time.sleep(0.01)


def held_count(connection):
    return json.loads(connection.ask("GET", "/held").body)["held"]


def test_an_answer_may_come_before_the_handler_has_returned(connection):
    for _ in range(2000):
        assert connection.ask("POST", "/race").body == b'{"raced":true}'


def test_a_handler_may_suspend_and_answer_itself(connection):
    for _ in range(100):
        assert connection.ask("POST", "/self").body == b'{"self":true}'


def test_races_on_many_connections(server):
    def race():
        connection = server.connect()
        for _ in range(200):
            assert connection.ask("POST", "/race").status == 200
        done.append(1)

    done = []
    threads = [threading.Thread(target=race) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) == len(threads)


def test_a_thousand_are_held_at_a_time_and_all_are_answered(server, connection):
    waiting = [server.connect() for _ in range(MANY)]
    for number, one in enumerate(waiting):
        one.send(f"POST /hold HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\nX-Number: {number}\r\n\r\n{{}}")
    wait_until(lambda: held_count(connection) == MANY, "all requests are held")
    assert connection.ask("GET", "/echo/meanwhile").status == 200
    connection.ask("POST", "/release")
    answers = [json.loads(one.read().body)["held"] for one in waiting]
    assert sorted(answers) == list(range(MANY))
    assert all(one.ask("GET", "/echo/again").status == 200 for one in waiting)


def test_a_client_that_went_away_harms_nobody(server, connection):
    for _ in range(50):
        one = server.connect()
        one.send("POST /hold HTTP/1.1\r\nHost: t\r\n\r\n")
        wait_until(lambda: held_count(connection) == 1, "the request is held")
        one.close()
        assert connection.ask("POST", "/release").status == 200
    assert held_count(connection) == 0


def test_files_are_not_kept_after_their_clients(server, connection):
    before = server.open_files()
    for _ in range(500):
        one = server.connect()
        assert one.ask("GET", "/echo/a").status == 200
        one.close()
    wait_until(lambda: server.open_files() <= before + 5, "the files are closed")


def test_a_stop_lets_what_is_suspended_be_answered(own_server):
    server = own_server("10000")
    holding, other = server.connect(), server.connect()
    holding.send("POST /hold HTTP/1.1\r\nHost: t\r\n\r\n")
    wait_until(lambda: held_count(other) == 1, "the request is held")
    # This one has begun before the stop and is finished after it.
    other.send("POST /release HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\n\r\n{")
    assert server.connect().ask("GET", "/held").status == 200  # what came before was read, too
    server.terminate()
    newcomers = []
    wait_until(lambda: newcomers.append(server.connect().ask("GET", "/held")) or newcomers[-1].status != 200,
               "the stop has begun")
    newcomer = newcomers[-1]
    assert newcomer.status == 503
    assert newcomer.header("retry-after")
    assert newcomer.header("connection") == "close"
    other.send("}")
    for connection in (other, holding):
        response = connection.read()
        assert response.status == 200
        assert response.header("connection") == "close"
    assert server.wait() == 0


def test_a_stop_answers_itself_what_nobody_else_does(own_server):
    server = own_server("100")
    waiting = [server.connect() for _ in range(100)]
    for one in waiting:
        one.send("POST /hold HTTP/1.1\r\nHost: t\r\n\r\n")
    wait_until(lambda: held_count(server.connect()) == len(waiting), "the requests are held")
    server.terminate()
    assert {one.read().status for one in waiting} == {503}
    assert server.wait() == 0


def test_a_stop_answers_what_a_slow_handler_suspends_after_all(own_server):
    server = own_server()
    waiting = server.connect()
    waiting.send("POST /slow-hold HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\n\r\n{")
    assert server.connect().ask("GET", "/held").status == 200
    waiting.send("}")
    assert server.next_line() == "slow"
    server.terminate()
    assert waiting.read().status == 503
    assert server.wait() == 0


def test_a_stop_does_not_wait_for_idle_or_half_sent_requests_for_ever(own_server):
    server = own_server("200")
    idle, half = server.connect(), server.connect()
    assert idle.ask("GET", "/echo/a").status == 200
    half.send("POST /items HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nab")
    server.terminate()
    assert server.wait() == 0
    assert idle.is_closed()
    # Begun before the stop, and given up; or it came too late for that, and was told.
    assert half.rest() == b"" or half.pending.startswith(b"HTTP/1.1 503 ")


def test_stopping_under_load_is_clean(own_server):
    def hammer(server):
        try:
            connection = server.connect()
            while connection.ask("POST", "/race").status in (200, 503):
                pass
        except OSError:
            pass

    for _ in range(5):
        server = own_server("500")
        threads = [threading.Thread(target=hammer, args=[server]) for _ in range(8)]
        for thread in threads:
            thread.start()
        time.sleep(0.3)
        server.terminate()
        assert server.wait() == 0
        for thread in threads:
            thread.join()
