"""A loopback server that answers what a test tells it to, and a clock that only tests move."""

import json
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from pipeline.domain.city import load_city
from pipeline.settings import Settings
from pipeline.sources.http import HttpClient

TOKEN = "s3cret-token-value"


@dataclass(frozen=True)
class Seen:
    """One request as it came in."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any


@dataclass(frozen=True)
class Reply:
    """What to send back: JSON, or raw bytes; cut announces more than it sends."""

    json: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    is_cut: bool = False
    delay_s: float = 0.0


Answer = Reply | Callable[[Seen], Reply]


class Loopback:
    """Answers each path with its scripted replies in turn; the last one stays."""

    def __init__(self):
        self.seen: list[Seen] = []
        self._scripts: dict[str, list[Answer]] = {}
        self._closing = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                outer._handle(self)

            def do_POST(self):
                outer._handle(self)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self._server.server_port}"

    def script(self, path: str, *answers: Answer) -> None:
        self._scripts[path] = list(answers)

    def paths(self):
        return [seen.path for seen in self.seen]

    def close(self):
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handle(self, handler):
        parts = urlsplit(handler.path)
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        seen = Seen(
            handler.command,
            parts.path,
            dict(parse_qsl(parts.query)),
            dict(handler.headers),
            json.loads(body) if body else None,
        )
        self.seen.append(seen)
        self._send(handler, self._reply(seen))

    def _reply(self, seen):
        answers = self._scripts.get(seen.path)
        if not answers:
            return Reply({"message": "nothing scripted here"}, status=404)
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        return answer if isinstance(answer, Reply) else answer(seen)

    def _send(self, handler, reply):
        self._closing.wait(reply.delay_s)
        body = json.dumps(reply.json).encode() if reply.raw is None else reply.raw
        with suppress(ConnectionError):
            handler.send_response(reply.status)
            for name, value in reply.headers.items():
                handler.send_header(name, value)
            handler.send_header("Content-Length", str(len(body) + 100 * reply.is_cut))
            handler.end_headers()
            handler.wfile.write(body)


class FakeTime:
    """A clock that only sleeping moves."""

    def __init__(self):
        self.now = 0.0
        self.slept: list[float] = []

    def clock(self):
        return self.now

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def loopback():
    server = Loopback()
    yield server
    server.close()


@pytest.fixture
def fake_time():
    return FakeTime()


@pytest.fixture
def settings(loopback):
    return Settings(
        _env_file=None,
        replay_url=loopback.url,
        contact="ops@example.org",
        socrata_token=TOKEN,
        page_rows=100,
    )


@pytest.fixture
def http(settings, fake_time):
    return HttpClient(settings, sleep=fake_time.sleep, clock=fake_time.clock)


@pytest.fixture(scope="session")
def los_angeles():
    return load_city("los_angeles")


@pytest.fixture(scope="session")
def chicago():
    return load_city("chicago")


class FakePortal:
    """A dataset on the loopback server, as SODA 2.1 and its metadata show it."""

    def __init__(self, loopback, host, dataset_id, columns, rows, updated_at=1_790_709_516):
        self.path = f"/{host}/resource/{dataset_id}.json"
        self.metadata_path = f"/{host}/api/views/{dataset_id}.json"
        self.rows = [{":id": f"row-{k:06d}", **row} for k, row in enumerate(rows)]
        self.metadata = {
            "id": dataset_id,
            "rowsUpdatedAt": updated_at,
            "columns": [{"fieldName": name} for name in columns],
        }
        self.largest_page = 50_000
        self.seen: list[Seen] = []
        loopback.script(self.metadata_path, lambda _: Reply(self.metadata))
        loopback.script(self.path, self.answer)

    def answer(self, seen):
        self.seen.append(seen)
        if seen.query["$select"].startswith("count"):
            return Reply([{"n": str(len(self.rows))}])
        return Reply(self.page(seen))

    def page(self, seen):
        names = seen.query["$select"].split(",")
        start = int(seen.query["$offset"])
        size = min(int(seen.query["$limit"]), self.largest_page)
        chosen = self.rows[start : start + size]
        return [{name: row[name] for name in names if name in row} for row in chosen]
