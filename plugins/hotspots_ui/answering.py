"""What all routes share: who may ask, and answers that are made once and sent when changed."""

import gzip
import hashlib
from asyncio import shield, wrap_future
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from time import monotonic
from typing import Annotated, Any

from airflow.api_fastapi.auth.managers.models.resource_details import AccessView
from airflow.api_fastapi.core_api.security import requires_access_view
from fastapi import Depends, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from pipeline.domain.errors import InvalidRequest, SourceUnavailable, WeekNotReady
from pipeline.results.history import HistoryReader
from pipeline.settings import get_settings

STATUS = {WeekNotReady: 404, InvalidRequest: 404, SourceUnavailable: 503}
JSON = "application/json"
# A week's forecast is 44 kB and most else 1 kB: five years of weeks, and cells of them, in 15 MB.
KEPT_ANSWERS, KEPT_FILES, KEPT_VERSIONS = 4096, 32, 8
COMPRESSION = 1  # of a forecast 44 kB in 0.8 ms; level 4 gives 42 kB in 1.4, level 6 40 kB in 3.4
FRESH_S = 1.0  # how long the store isn't asked again whether anything changed
# 401 without a user of Airflow, 403 for one that may not see plugins. It stands on the app, so
# that no route can be added without it.
may_read = Depends(requires_access_view(AccessView.PLUGINS))

# Only a plain name: a path would let a caller read files.
CityName = Annotated[str, Query(pattern=r"^[a-z][a-z0-9_]*$", description="short name of the city")]


@lru_cache(maxsize=4)
def reader_of(url: str) -> HistoryReader:
    """Return the reader of a database."""
    return HistoryReader(url)


async def results() -> HistoryReader:
    """Return the results store of this installation, for reading."""
    return reader_of(get_settings().reader_database)


Results = Annotated[HistoryReader, Depends(results)]


class Kept:
    """The last things made, by key; the one unused for longest goes first.

    What is asked for while it is made is waited for, so that nothing is made twice at a time, and
    few are made at a time: threads that wait for one interpreter hold one another up.
    """

    def __init__(self, most: int, at_once: int) -> None:
        self._most, self._makers = most, ThreadPoolExecutor(at_once)
        self._values: OrderedDict[Hashable, Future[Any]] = OrderedDict()

    async def get(self, key: Hashable, make: Callable[[], Any]) -> Any:  # noqa: ANN401
        """Return what was kept under a key, or make it and keep it, unless that fails."""
        value = self._values.get(key)
        if value is None or (value.done() and value.exception()):
            value = self._values[key] = self._makers.submit(make)
            if len(self._values) > self._most:
                self._values.popitem(last=False)
        self._values.move_to_end(key)
        # Who stops waiting doesn't stop it for others.
        return value.result() if value.done() else await shield(wrap_future(value))


kept, files, versions = Kept(KEPT_ANSWERS, 2), Kept(KEPT_FILES, 1), Kept(KEPT_VERSIONS, 1)


async def keep(
    place: Kept, store: HistoryReader, city: str, what: Hashable, make: Callable[[], Any]
) -> Any:  # noqa: ANN401
    """Return what `make` makes, anew only if what is stored of the city changed."""
    url, moment = get_settings().reader_database, int(monotonic() / FRESH_S)
    version = await versions.get((url, city, moment), lambda: store.version(city))
    return await place.get((url, version, what), make)


async def answer(
    request: Request, store: HistoryReader, city: str, make: Callable[[], BaseModel]
) -> Response:
    """Return what `make` makes as JSON, or 304 where the caller holds the same already.

    It is kept compressed, which takes longer than all else that an answer made before asks for.
    """
    what = (request.url.path, request.url.query)
    tag, packed = await keep(kept, store, city, what, lambda: _packed(make()))
    headers = {"Vary": "Accept-Encoding"}
    if "gzip" not in request.headers.get("accept-encoding", ""):
        return _sent(request, tag, gzip.decompress(packed), JSON, headers)
    return _sent(request, tag, packed, JSON, {**headers, "Content-Encoding": "gzip"})


def _packed(made: BaseModel) -> tuple[str, bytes]:
    content = made.model_dump_json().encode()
    return _tag(content), gzip.compress(content, COMPRESSION, mtime=0)


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
    """Answer a named error with its message and the status that fits it."""
    return JSONResponse({"detail": str(error)}, STATUS.get(type(error), 500))
