"""What all routes share: who may ask, and answers that are made once and sent when changed."""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from functools import lru_cache
from threading import Lock
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
KEPT_ANSWERS, KEPT_VERSIONS = 256, 8
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


def results() -> HistoryReader:
    """Return the results store of this installation, for reading."""
    return reader_of(get_settings().reader_database)


Results = Annotated[HistoryReader, Depends(results)]


class Kept:
    """The last things made, by key; the one unused for longest goes first."""

    def __init__(self, most: int) -> None:
        self._most, self._lock = most, Lock()
        self._values: OrderedDict[Hashable, Any] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], Any]) -> Any:  # noqa: ANN401
        """Return what was kept under a key, or make it and keep it."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]
        value = make()
        with self._lock:
            self._values[key] = value
            if len(self._values) > self._most:
                self._values.popitem(last=False)
        return value


kept, versions = Kept(KEPT_ANSWERS), Kept(KEPT_VERSIONS)


def keep(store: HistoryReader, city: str, what: Hashable, make: Callable[[], Any]) -> Any:  # noqa: ANN401
    """Return what `make` makes, anew only if what is stored of the city changed."""
    url, moment = get_settings().reader_database, int(monotonic() / FRESH_S)
    version = versions.get((url, city, moment), lambda: store.version(city))
    return kept.get((url, version, what), make)


def answer(
    request: Request, store: HistoryReader, city: str, make: Callable[[], BaseModel]
) -> Response:
    """Return what `make` makes as JSON, or 304 where the caller holds the same already."""
    what = (request.url.path, request.url.query)
    content = keep(store, city, what, lambda: make().model_dump_json().encode())
    return tagged(request, content, JSON)


def tagged(
    request: Request, content: bytes, media_type: str, headers: Mapping[str, str] | None = None
) -> Response:
    """Return content under a tag of its hash, or 304 where the caller names that tag."""
    tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    held = {"ETag": tag, "Cache-Control": "private, no-cache", **(headers or {})}
    # A proxy that compresses makes the tag a weak one.
    asked = {
        t.strip().removeprefix("W/") for t in request.headers.get("if-none-match", "").split(",")
    }
    if tag in (one.strip() for one in asked):
        return Response(status_code=304, headers=held)
    return Response(content, media_type=media_type, headers=held)


def answer_error(_request: Request, error: Exception) -> JSONResponse:
    """Answer a named error with its message and the status that fits it."""
    return JSONResponse({"detail": str(error)}, STATUS.get(type(error), 500))
