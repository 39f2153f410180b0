"""The turns of requests that write, in an API server whose metadata are in SQLite."""

import asyncio
import json
import socket
import threading
from contextlib import contextmanager

import pytest

from tests.plugins import import_plugin
from tests.waiting import wait_for


@pytest.fixture(scope="module")
def plugin(airflow_home):
    return import_plugin("one_writer")


async def whole():
    return {"type": "http.request", "body": b"", "more_body": False}


async def nowhere(_message):
    pass


def answered_together(plugin, *methods, fails=()):
    """Ask all at once; return how many were being answered as each began."""
    open_now, seen = [], []

    async def application(scope, receive, send):
        open_now.append(scope)
        seen.append(len(open_now))
        await asyncio.sleep(0)
        open_now.remove(scope)
        if scope["method"] in fails:
            raise ValueError

    async def ask():
        server = plugin.OneWriter(application)
        scopes = [{"type": "http", "method": method} for method in methods]
        asked = (server(scope, whole, nowhere) for scope in scopes)
        await asyncio.gather(*asked, return_exceptions=True)

    asyncio.run(ask())
    return seen


def test_requests_that_write_are_answered_one_after_another(plugin):
    assert answered_together(plugin, "POST", "PATCH", "PUT", "DELETE") == [1, 1, 1, 1]


def test_readers_wait_for_nobody(plugin):
    assert answered_together(plugin, "POST", "GET", "HEAD", "GET") == [1, 2, 3, 4]


def test_a_request_that_fails_ends_its_turn(plugin):
    assert answered_together(plugin, "POST", "POST", "POST", fails={"POST"}) == [1, 1, 1]


def test_the_server_starts_and_ends_as_without_it(plugin):
    asked = []

    async def application(scope, receive, send):
        asked.append(scope["type"])

    asyncio.run(plugin.OneWriter(application)({"type": "lifespan"}, None, None))
    assert asked == ["lifespan"]


async def echo(scope, receive, send):
    """Answer with the body that was sent."""
    body = (await receive())["body"]
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": 200, "headers": [length]})
    await send({"type": "http.response.body", "body": body})


@contextmanager
def served(application):
    """Serve an ASGI application on loopback; give what sends it a request and reads the answer."""
    import uvicorn

    config = uvicorn.Config(application, port=0, log_level="error", lifespan="off", ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    wait_for(lambda: server.started, 60, "the server")
    address = server.servers[0].sockets[0].getsockname()
    lines = []

    def ask(method, body, length=None):
        """Open a connection, send a request, or the part of it that `body` is of `length`."""
        line = socket.create_connection(address, timeout=20)
        lines.append(line)
        length = len(body) if length is None else length
        head = (
            f"{method} / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {length}\r\n"
        )
        line.sendall(f"{head}\r\n".encode() + body)
        return line

    try:
        yield ask
    finally:
        for line in lines:
            line.close()
        server.should_exit = True
        thread.join()


def answer_on(line):
    """Return status, headers and body of what comes on a connection."""
    said = b"".join(iter(lambda: line.recv(65536), b""))
    head, _, body = said.partition(b"\r\n\r\n")
    return int(head.split()[1]), head.decode().lower(), body


def test_half_a_request_holds_nobody_up_and_ends_refused(plugin, monkeypatch):
    monkeypatch.setattr(plugin, "BODY_S", 1.0)
    with served(plugin.OneWriter(echo)) as ask:
        half = ask("POST", b"half", length=100)
        assert answer_on(ask("POST", b"whole"))[::2] == (200, b"whole")
        status, _, said = answer_on(half)
    assert status == 408
    assert json.loads(said)["detail"].endswith("Send it again, whole.")


def test_who_does_not_read_their_answer_holds_nobody_up(plugin):
    async def long_answer(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for more in (True, True, False):
            await send({"type": "http.response.body", "body": b"x" * (8 << 20), "more_body": more})

    with served(plugin.OneWriter(long_answer)) as ask:
        ask("POST", b"")  # nobody reads it
        assert answer_on(ask("POST", b""))[0] == 200


def test_who_waits_too_long_for_a_turn_is_told_when_to_ask_again(plugin, monkeypatch):
    monkeypatch.setattr(plugin, "TURN_S", 0.3)
    may_end = threading.Event()

    async def slow(scope, receive, send):
        await asyncio.to_thread(may_end.wait)
        await echo(scope, receive, send)

    with served(plugin.OneWriter(slow)) as ask:
        first = ask("POST", b"first")
        status, headers, said = answer_on(ask("POST", b"second"))
        may_end.set()
        assert answer_on(first)[::2] == (200, b"first")
        assert answer_on(ask("POST", b"third"))[::2] == (200, b"third")
    assert status == 503
    assert "retry-after: 10" in headers
    assert json.loads(said)["detail"].endswith("Ask again in 10 s.")


def test_a_request_too_large_is_refused_before_its_turn(plugin, monkeypatch):
    monkeypatch.setattr(plugin, "MOST_BYTES", 1000)
    with served(plugin.OneWriter(echo)) as ask:
        assert answer_on(ask("PUT", b"x" * 1001))[0] == 413
        assert answer_on(ask("PUT", b"x" * 1000))[::2] == (200, b"x" * 1000)


def test_a_caller_who_goes_away_takes_no_turn(plugin):
    asked = []

    async def application(scope, receive, send):
        asked.append(scope)

    async def gone():
        return {"type": "http.disconnect"}

    scope = {"type": "http", "method": "POST"}
    asyncio.run(plugin.OneWriter(application)(scope, gone, nowhere))
    assert asked == []


@pytest.mark.parametrize(
    ("database", "is_needed"),
    [("sqlite:////airflow.db", True), ("postgresql+psycopg2://airflow@db/airflow", False)],
)
def test_only_sqlite_needs_it(plugin, monkeypatch, database, is_needed):
    monkeypatch.setenv("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", database)
    assert plugin.is_in_sqlite() is is_needed
