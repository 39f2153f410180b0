"""An HTTP server, on loopback unless told otherwise, that answers as the real sources do."""

import json
import sys
import threading
import time
from collections.abc import Iterable
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

import pyarrow.compute as pc

from pipeline.domain.errors import InvalidRequest
from pipeline.replay.answers import Answer, Request, json_answer, problem, socrata_error
from pipeline.replay.climate_services import acis_error, answer_acis, answer_ncei
from pipeline.replay.faults import Fault, FaultName, Faults
from pipeline.replay.odd_answers import odd_answer
from pipeline.replay.portal import answer_socrata, moved
from pipeline.replay.source import OCCURRED, ReplaySource
from pipeline.replay.weather_gov import answer_weather_gov

DRIP_S, BLANKS = 0.05, 1 << 20
FAULTS_PATH = "/_replay/faults"
DAYS_PATH = "/_replay/days"
PROVENANCE_HEADER = "X-Hotspots-Provenance"


class ReplayServer:
    """Serves a source at `url` for as long as the context lasts.

    A request for https://HOST/PATH is made to `{url}/HOST/PATH`. `source` may be replaced while
    the server runs, to move on to a later day.
    """

    def __init__(self, source: ReplaySource, port: int = 0, host: str = "127.0.0.1") -> None:
        """Bind to an address of this machine; port 0 takes any free one."""
        self.source = source
        self.faults = Faults()
        self._turns = count()
        handler = type("Handler", (_Handler,), {"replay": self})
        self._host, self._http = host, _Http((host, port), handler)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        """Return the address, such as http://127.0.0.1:8100."""
        return f"http://{self._host}:{self._http.server_port}"

    def __enter__(self) -> Self:
        """Start answering, in a thread."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop answering and free the port."""
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def run(self) -> None:
        """Answer in this thread until it is interrupted."""
        with self._http:
            self._http.serve_forever()

    def set_fault(self, name: str, **fields: Any) -> Fault:  # noqa: ANN401 - those of Fault
        """Switch a fault of `faults.MEANINGS` on; arguments and errors as `Faults.add`."""
        return self.faults.add(name, **fields)

    def clear_faults(self) -> None:
        """Switch all faults off."""
        self.faults.clear()

    def answer(self, request: Request, faults: dict[FaultName, Fault]) -> Answer:
        """Return the answer to a request that these faults hit."""
        return odd_answer(self._answer(request, faults), faults)

    def _answer(self, request: Request, faults: dict[FaultName, Fault]) -> Answer:
        if FaultName.SLOW in faults:
            time.sleep(faults[FaultName.SLOW].seconds)
        failure = _failure(request.host, faults)
        if failure is not None:
            return failure
        if request.host == "www.ncei.noaa.gov":
            return answer_ncei(self.source, request)
        if request.host == "data.rcc-acis.org":
            is_hit = FaultName.ACIS_ERROR_IN_200 in faults
            return acis_error() if is_hit else answer_acis(self.source, request)
        if request.host == "api.weather.gov":
            return answer_weather_gov(self.source, request)
        return answer_socrata(self.source, request, faults, next(self._turns))

    def control(self, request: Request) -> Answer:
        """Answer a request about the faults themselves: GET lists, POST adds, DELETE clears."""
        if request.method == "DELETE":
            self.clear_faults()
        if request.method == "POST":
            try:
                self.set_fault(**json.loads(request.body))
            except (InvalidRequest, TypeError, ValueError) as error:
                return json_answer({"error": str(error)}, 400)
        return json_answer(self.faults.listing())


def _answer_days(source: ReplaySource, request: Request) -> Answer:
    """Return the day of the first report of the datasets that are asked about, and the present."""
    asked = request.query.get("datasets", "").split(",")
    tables = [(d.adapter, d.table) for d in map(source.datasets.get, asked) if d]
    days = [pc.min(table[OCCURRED[adapter]]).as_py() for adapter, table in tables if table.num_rows]
    if not days:
        return json_answer({})
    first = min(days).date().isoformat()
    return json_answer({"first": first, "last": source.shown_day.isoformat()})


def serve_forever(source: ReplaySource, port: int, host: str, faults: Iterable[Fault] = ()) -> None:
    """Serve a source at an address of this machine, with faults, until it is interrupted."""
    server = ReplayServer(source, port, host)
    for fault in faults:
        server.set_fault(**asdict(fault))
    server.run()


def _failure(host: str, faults: dict[FaultName, Fault]) -> Answer | None:
    """Return the error that a fault makes of the whole answer, or None."""
    if FaultName.THROTTLED in faults:
        seconds = str(round(faults[FaultName.THROTTLED].seconds))
        answer = _error(host, 429, "Too many requests")
        return Answer(429, answer.body, answer.content_type, {"Retry-After": seconds})
    if FaultName.ERROR_500 in faults:
        return _error(host, 500, "UnexpectedProblem")
    if FaultName.ERROR_503 in faults:
        return _error(host, 503, "ServiceUnavailable")
    return moved() if FaultName.MOVED_403 in faults else None


def _error(host: str, status: int, name: str) -> Answer:
    if host == "api.weather.gov":
        return problem(status, name, "An unexpected problem has occurred.")
    return socrata_error(status, name, "The service could not answer.")


class _Http(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Pass over clients that hung up; let anything else show."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class _Handler(BaseHTTPRequestHandler):
    """Reads a request, has it answered, writes the answer in one piece."""

    replay: ReplayServer
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        """Answer a GET."""
        self._serve()

    def do_POST(self) -> None:
        """Answer a POST."""
        self._serve()

    def do_DELETE(self) -> None:
        """Answer a DELETE."""
        self._serve()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as inherited
        """Write no log: clients keep their own."""

    def _serve(self) -> None:
        request = self._request()
        if self.path.startswith(FAULTS_PATH):
            self._send(self.replay.control(request), is_cut=False)
            return
        if self.path.startswith(DAYS_PATH):
            self._send(_answer_days(self.replay.source, request), is_cut=False)
            return
        faults = self.replay.faults.take(request)
        answer = self.replay.answer(request, faults)
        if FaultName.DRIPPING_BODY in faults or FaultName.ENDLESS_BODY in faults:
            self._send_slowly(answer, is_endless=FaultName.ENDLESS_BODY in faults)
            return
        self._send(answer, is_cut=FaultName.CUT_BODY in faults)

    def _send_slowly(self, answer: Answer, *, is_endless: bool) -> None:
        """Send a body a byte at a time, or blanks for ever, until the client hangs up."""
        self.close_connection = True
        self.send_response(answer.status)
        self.send_header(PROVENANCE_HEADER, self.replay.source.provenance)
        self.end_headers()
        for k in count():
            if not is_endless and k >= len(answer.body):
                return
            self.wfile.write(b" " * BLANKS if is_endless else answer.body[k : k + 1])
            self.wfile.flush()
            time.sleep(0 if is_endless else DRIP_S)

    def _request(self) -> Request:
        target = urlsplit(self.path)
        host, _, path = target.path.lstrip("/").partition("/")
        length = int(self.headers.get("Content-Length") or 0)
        return Request(
            self.command,
            host,
            f"/{path}",
            dict(parse_qsl(target.query, keep_blank_values=True)),
            {name.lower(): value for name, value in self.headers.items()},
            self.rfile.read(length),
        )

    def _send(self, answer: Answer, *, is_cut: bool) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        self.send_header(PROVENANCE_HEADER, self.replay.source.provenance)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body[: len(answer.body) // 2] if is_cut else answer.body)
        self.wfile.flush()
        self.close_connection = self.close_connection or is_cut
