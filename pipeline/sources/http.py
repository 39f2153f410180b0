"""One way to ask a service for JSON: timeouts, retries within a deadline, clear refusals."""

import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import numpy as np
import requests
from requests.exceptions import ChunkedEncodingError, ContentDecodingError
from urllib3.exceptions import DecodeError, ProtocolError, ReadTimeoutError

from pipeline.domain.errors import (
    DatasetMoved,
    HotspotsError,
    InvalidRequest,
    SchemaDrift,
    SourceUnavailable,
)
from pipeline.masking import hidden
from pipeline.settings import Settings
from pipeline.sources.http_answers import one_line, parts, retry_after
from pipeline.sources.sessions import Deadline, make_session

TRIES = 6
RETRIED = frozenset({202, 429, 500, 502, 503, 504})
LONGEST_BACKOFF_S = 60.0
LONGEST_RETRY_AFTER_S = 120.0
MOST_BYTES = 256 << 20  # unpacked; a page of 50,000 rows takes some 20 MB
MESSAGE_BYTES = 4_000
STILL_COMING = "the answer was still coming at the deadline"
DATASET_PATHS = ("/resource/", "/api/views/", "/api/v3/views/")
MESSAGE_KEYS = ("message", "errorMessage", "detail", "title", "error")

log = logging.getLogger(__name__)

# Whatever a service sends; each client checks what it needs of it.
Json: TypeAlias = Any
Check = Callable[[Json], str | None]


@dataclass(frozen=True)
class _Call:
    """One request, before it is sent; its headers stay out of its repr, for they hold tokens."""

    method: str
    url: str
    params: Mapping[str, Any] | None
    body: Json
    headers: Mapping[str, str] = field(repr=False)
    problem_in: Check | None

    @property
    def host(self) -> str:
        return urlsplit(self.url).netloc

    @property
    def place(self) -> str:
        return self.host + urlsplit(self.url).path

    @property
    def is_dataset(self) -> bool:
        return urlsplit(self.url).path.startswith(DATASET_PATHS)


@dataclass(frozen=True)
class _Trouble:
    """Why a try failed, where another one may succeed, and how long the server asks to wait."""

    reason: str
    retry_after_s: float | None = None


class HttpClient:
    """Asks services for JSON, for one run.

    Statuses 202, 429 and 5xx, broken connections, slow answers and cut bodies are tried again, up
    to TRIES times within `settings.deadline_s`, after the Retry-After that the server names or a
    jittered, growing pause. A host that failed every try is asked once only from then on.

    Attributes:
        notes: one readable line for each request that needed more than one try.
        provenance: "live", or with a replay what its latest answer said of its data.
        is_out_of_date: whether any answer since this was last set to False came from a copy of a
            dataset that lags behind it, as its portal says.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Raise InvalidRequest where the replay's address is not an http address."""
        replay = settings.replay_url
        if replay is not None and not replay.startswith(("http://", "https://")):
            raise InvalidRequest(f"HOTSPOTS_REPLAY_URL {hidden(replay)!r} must start with http://.")
        self.notes: list[str] = []
        # Until a replay says otherwise its data must not pass for real.
        self.provenance = "live" if replay is None else "simulated"
        self.is_out_of_date = False
        self._settings = settings
        self._deadline = Deadline(clock)
        self._session = make_session(settings, self._deadline)
        self._sleep = sleep
        self._clock = clock
        self._jitter = np.random.default_rng(settings.seed)
        self._given_up: set[str] = set()

    def get_json(
        self,
        url: str,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        problem_in: Check | None = None,
    ) -> Json:
        """Return the parsed answer to a GET.

        Args:
            url: the service's real address, with scheme.
            params: query parameters, not yet encoded.
            headers: sent beside the session's own.
            problem_in: says what is wrong with an answer that should be asked for again, or None.

        Raises:
            SourceUnavailable: no proper answer came in time, or the service refuses us.
            DatasetMoved: a dataset answers 403, 404 or a redirect.
            SchemaDrift: the service does not understand the question (400).
        """
        return self._ask(_Call("GET", url, params, None, headers or {}, problem_in))

    def post_json(
        self,
        url: str,
        body: Json,
        headers: Mapping[str, str] | None = None,
        *,
        problem_in: Check | None = None,
    ) -> Json:
        """Return the parsed answer to a POST of `body` as JSON; raises as `get_json` does."""
        return self._ask(_Call("POST", url, None, body, headers or {}, problem_in))

    def _ask(self, call: _Call) -> Json:
        end = self._clock() + self._settings.deadline_s
        tries = 1 if call.host in self._given_up else TRIES
        history: list[str] = []
        for attempt in range(1, tries + 1):
            outcome = self._try_once(call, end)
            if not isinstance(outcome, _Trouble):
                if history:
                    self._note(call, f"{'; '.join(history)}, ok at try {attempt}")
                return outcome
            wait = self._wait(attempt, outcome)
            if attempt == tries or self._clock() + wait > end:
                break
            history.append(f"{outcome.reason}, waited {wait:.0f} s")
            log.warning("%s: %s, waiting %.1f s", call.place, outcome.reason, wait)
            self._sleep(wait)
        self._given_up.add(call.host)
        self._note(call, "; ".join([*history, f"{outcome.reason}, gave up at try {attempt}"]))
        raise SourceUnavailable(
            f"{call.place} gave no proper answer in {attempt} tries within "
            f"{self._settings.deadline_s:.0f} s; the last: {outcome.reason}. "
            "Try again later, and look at the service's status page."
        )

    def _note(self, call: _Call, what: str) -> None:
        self.notes.append(f"{call.host}: {what}")

    def _wait(self, attempt: int, trouble: _Trouble) -> float:
        if trouble.retry_after_s is not None:
            return min(trouble.retry_after_s, LONGEST_RETRY_AFTER_S)
        pause = float(2 ** (attempt - 1) * self._jitter.uniform(0.5, 1.5))
        return min(pause, LONGEST_BACKOFF_S)

    def _address(self, url: str) -> str:
        replay = self._settings.replay_url
        return url if replay is None else f"{replay.rstrip('/')}/{url.partition('://')[2]}"

    def _try_once(self, call: _Call, end: float) -> Json:
        """Return the parsed answer, or the _Trouble that another try may get over."""
        longest = max(0.001, min(self._settings.read_timeout_s, end - self._clock()))
        self._deadline.end = end
        try:
            with self._session.request(
                call.method,
                self._address(call.url),
                params=call.params,
                json=call.body,
                headers=call.headers,
                timeout=(self._settings.connect_timeout_s, longest),
                stream=True,
                # A dataset that redirects has moved. Others may, on their own host.
                allow_redirects=not call.is_dataset,
            ) as response:
                self._read_provenance(response)
                said = response.headers.get("X-SODA2-Data-Out-Of-Date", "")
                self.is_out_of_date |= said.strip().lower() == "true"
                if response.status_code != 200:
                    return self._refusal(call, response, end)
                body = self._body(call, response, end)
        except (requests.Timeout, ReadTimeoutError, TimeoutError):
            is_late = self._deadline.left_s <= 0
            return _Trouble(STILL_COMING if is_late else f"no answer in {longest:.0f} s")
        except (ChunkedEncodingError, ContentDecodingError, ProtocolError, DecodeError):
            return _Trouble("body cut short")
        except requests.ConnectionError:
            return _Trouble("connection failed")
        except requests.RequestException as error:  # a redirect in a circle, a host that is none
            return _Trouble(one_line(hidden(f"{type(error).__name__}: {error}")))
        return body if isinstance(body, _Trouble) else _parse(body, call.problem_in)

    def _body(self, call: _Call, response: requests.Response, end: float) -> bytes | _Trouble:
        body = bytearray()
        for part in parts(response):
            body += part
            if self._clock() > end:
                return _Trouble(STILL_COMING)
            if len(body) > MOST_BYTES:
                raise SchemaDrift(
                    f"{call.place} sends more than {MOST_BYTES >> 20} MB in one answer. Nothing of "
                    "it is kept. If its rows have grown so large, lower HOTSPOTS_PAGE_ROWS."
                )
        return bytes(body)

    def _read_provenance(self, response: requests.Response) -> None:
        if self._settings.replay_url is not None:
            said = response.headers.get("X-Hotspots-Provenance")
            self.provenance = "recorded" if said == "recorded" else "simulated"

    def _refusal(self, call: _Call, response: requests.Response, end: float) -> _Trouble:
        if response.status_code in RETRIED:
            return _Trouble(str(response.status_code), retry_after(response))
        raise _final_error(call, response.status_code, self._message(response, end))

    def _message(self, response: requests.Response, end: float) -> str:
        """Return the server's own words, short, on one line, without our token."""
        said = bytearray()
        for part in parts(response):
            said += part
            if len(said) >= MESSAGE_BYTES or self._clock() > end:
                break
        # The body of a redirect that isn't followed has been read already.
        text = (bytes(said) or response.content)[:MESSAGE_BYTES].decode(errors="replace")
        token = self._settings.socrata_token
        if token is not None and token.get_secret_value().strip():
            text = text.replace(token.get_secret_value().strip(), "[token]")
        try:
            parsed = json.loads(text)
        except (ValueError, RecursionError):
            parsed = None
        if isinstance(parsed, dict):
            text = next((str(parsed[k]) for k in MESSAGE_KEYS if parsed.get(k)), text)
        return one_line(hidden(text)) or "nothing"


def _parse(body: bytes, problem_in: Check | None) -> Json:
    try:
        answer = json.loads(body)
    except ValueError:
        return _Trouble("body cut short or not JSON")
    except RecursionError:
        return _Trouble("JSON nested too deep to be read")
    problem = problem_in(answer) if problem_in else None
    return answer if problem is None else _Trouble(one_line(problem))


def _final_error(call: _Call, status: int, message: str) -> HotspotsError:
    said = f"{call.place} answers {status} and says: {message}."
    if status == 400:
        return SchemaDrift(
            f"{said} A column or parameter we ask for is not known there (any more)."
        )
    if call.is_dataset and (status in (403, 404) or 300 <= status < 400):
        return DatasetMoved(
            f"{said} The dataset was moved, merged or made private. Look for its successor in the "
            "portal's catalogue and change the id in the city's TOML."
        )
    if status == 403 and call.host == "api.weather.gov":
        return SourceUnavailable(
            f"{said} It refuses requests whose User-Agent is missing or blocked: set "
            "HOTSPOTS_CONTACT to an e-mail address or page of yours."
        )
    return SourceUnavailable(f"{said} It was expected to answer 200; look at its status page.")
