"""What all routes share: who may ask, and answers that are made once and sent when changed."""

import gzip
import hashlib
import logging
import re
from asyncio import shield, wrap_future
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from time import monotonic
from typing import Annotated, Any
from urllib.parse import urlencode

from airflow.api_fastapi.auth.managers.models.resource_details import AccessView
from airflow.api_fastapi.core_api.security import requires_access_view
from fastapi import Depends, HTTPException, Query, Request, Response
from fastapi.exception_handlers import http_exception_handler
from fastapi.responses import JSONResponse, RedirectResponse
from pydantic import BaseModel

from pipeline.domain.errors import (
    InvalidRequest,
    SourceUnavailable,
    StorageUnavailable,
    StoreOutdated,
    WeekNotReady,
)
from pipeline.results.store.reader import ResultsReader
from pipeline.settings import get_settings

STATUS: dict[type[Exception], int] = {
    WeekNotReady: 404,
    InvalidRequest: 404,
    SourceUnavailable: 503,
    StorageUnavailable: 503,
    StoreOutdated: 503,
}
NO_ANSWER = "The results store does not answer. Try again in a few minutes."
FOLDERS = re.compile(r"(?<![\w:/.])/(?:[^\s/]+/)+")  # of a path; a web address stays as it is
JSON = "application/json"
log = logging.getLogger(__name__)
# A week's forecast is 44 kB and most else 1 kB: five years of weeks, and cells of them, in 15 MB.
KEPT_ANSWERS, KEPT_CELLS, KEPT_FILES, KEPT_VERSIONS = 4096, 256, 32, 1024
COMPRESSION = 1  # of a forecast 44 kB in 0.8 ms; level 4 gives 42 kB in 1.4, level 6 40 kB in 3.4
FRESH_S = 1.0  # how long the store isn't asked again whether anything changed
# 401 without a user of Airflow, 403 for one that may not see plugins. It stands on the app, so
# that no route can be added without it.
may_read = Depends(requires_access_view(AccessView.PLUGINS))

LOGIN = "/api/v2/auth/login"  # below Airflow's own path; leads to its auth manager's, and back
LOGGED_OUT = {(401, "Not authenticated"), (401, "Token Expired"), (403, "Invalid JWT token")}

# Only a plain name: a path would let a caller read files.
CityName = Annotated[str, Query(pattern=r"^[a-z][a-z0-9_]*$", description="short name of the city")]


@lru_cache(maxsize=4)
def reader_of(url: str) -> ResultsReader:
    """Return the reader of a database."""
    return ResultsReader(url)


async def results() -> ResultsReader:
    """Return the results store of this installation, for reading."""
    return reader_of(get_settings().reader_database)


Results = Annotated[ResultsReader, Depends(results)]


class Kept:
    """The last things made, by key; the one unused for longest goes first.

    What is asked for while it is made is waited for, so that nothing is made twice at a time, and
    few are made at a time: threads that wait for one interpreter hold one another up.

    Attributes:
        waiting: how many wait for something to be made.
    """

    def __init__(self, most: int, at_once: int) -> None:
        self.waiting, self._most, self._makers = 0, most, ThreadPoolExecutor(at_once)
        self._values: OrderedDict[Hashable, tuple[Hashable, Future[Any]]] = OrderedDict()

    async def get(self, key: Hashable, state: Hashable, make: Callable[[], Any]) -> Any:  # noqa: ANN401
        """Return what was made in this state of the world, or make it and keep it in its place.

        What failed is not kept.
        """
        made_in, value = self._values.get(key, (state, None))
        if value is None or made_in != state or (value.done() and value.exception()):
            value = self._makers.submit(make)
            self._values[key] = (state, value)
            if len(self._values) > self._most:
                self._values.popitem(last=False)
        self._values.move_to_end(key)
        if value.done():
            return value.result()
        self.waiting += 1
        try:
            return await shield(wrap_future(value))  # who stops waiting doesn't stop it for others
        finally:
            self.waiting -= 1


kept, cells = Kept(KEPT_ANSWERS, 2), Kept(KEPT_CELLS, 1)
files, versions = Kept(KEPT_FILES, 1), Kept(KEPT_VERSIONS, 1)


async def version_of(store: ResultsReader, city: str) -> str:
    """Return a text that changes with what is stored of a city, as of this moment or the last."""
    moment = int(monotonic() / FRESH_S)
    key = (get_settings().reader_database, city)
    return await versions.get(key, moment, lambda: store.version(city))


async def keep(
    place: Kept, store: ResultsReader, city: str, what: Hashable, make: Callable[[], Any]
) -> Any:  # noqa: ANN401
    """Return what `make` makes, anew only if what is stored of the city changed."""
    key = (get_settings().reader_database, city, what)
    return await place.get(key, await version_of(store, city), make)


async def made(
    store: ResultsReader, city: str, view: Callable[..., BaseModel], *asked: Hashable
) -> tuple[str, bytes]:
    """Return the tag, and the JSON compressed, of what a view says when asked this of a city.

    Compressing takes longer than all else that an answer made before asks for, so it is kept so.
    """
    return await keep(kept, store, city, (view, *asked), lambda: packed(view(store, city, *asked)))


def packed(said: BaseModel) -> tuple[str, bytes]:
    """Return the tag of an answer, and its JSON compressed."""
    content = said.model_dump_json().encode()
    return _tag(content), gzip.compress(content, COMPRESSION, mtime=0)


async def answer(
    request: Request,
    store: ResultsReader,
    city: str,
    view: Callable[..., BaseModel],
    *asked: Hashable,
) -> Response:
    """Return what a view says as JSON, or 304 where the caller holds the same already."""
    return send(request, *await made(store, city, view, *asked))


def send(request: Request, tag: str, content: bytes) -> Response:
    """Return a packed answer as the caller can read it, or 304 where they hold it already."""
    headers = {"Vary": "Accept-Encoding"}
    if "gzip" not in request.headers.get("accept-encoding", ""):
        return _sent(request, tag, gzip.decompress(content), JSON, headers)
    return _sent(request, tag, content, JSON, {**headers, "Content-Encoding": "gzip"})


def tagged(
    request: Request, content: bytes, media_type: str, headers: Mapping[str, str]
) -> Response:
    """Return content under a tag of its hash, or 304 where the caller names that tag."""
    return _sent(request, _tag(content), content, media_type, headers)


def _tag(content: bytes) -> str:
    return f'"{hashlib.sha256(content).hexdigest()[:32]}"'


def _sent(
    request: Request, tag: str, content: bytes, media_type: str, headers: Mapping[str, str]
) -> Response:
    held = {"ETag": tag, "Cache-Control": "private, no-cache"}
    # A proxy that compresses makes the tag a weak one.
    asked = {
        t.strip().removeprefix("W/") for t in request.headers.get("if-none-match", "").split(",")
    }
    if tag in asked:
        return Response(status_code=304, headers=held)
    return Response(content, media_type=media_type, headers={**held, **headers})


def answer_error(_request: Request, error: Exception) -> JSONResponse:
    """Answer a named error with the status that fits it; where things lie is for the log alone."""
    log.warning("%s: %s", type(error).__name__, error)
    is_out = isinstance(error, SourceUnavailable | StorageUnavailable)
    said = NO_ANSWER if is_out else FOLDERS.sub("", str(error))
    return JSONResponse({"detail": said}, STATUS.get(type(error), 500))


async def answer_refusal(request: Request, refusal: HTTPException) -> Response:
    """Lead a browser that isn't logged in to Airflow's login, and back; refuse all others."""
    is_browser = "text/html" in request.headers.get("accept", "")
    if is_browser and (refusal.status_code, refusal.detail) in LOGGED_OUT:
        asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        root = request.scope.get("app_root_path", "")
        return RedirectResponse(f"{root}{LOGIN}?{urlencode({'next': asked})}", 307)
    return await http_exception_handler(request, refusal)
