"""What all routes share: answers that are made once and sent when changed."""

import gzip
import hashlib
from asyncio import shield, wrap_future
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from time import monotonic
from typing import Annotated, Any

from fastapi import Depends, Request, Response
from pydantic import BaseModel

from pipeline.results.store.reader import ResultsReader
from pipeline.settings import get_settings

JSON = "application/json"
# A week's forecast is 44 kB and most else 1 kB: five years of weeks, and cells of them, in 15 MB.
KEPT_ANSWERS, KEPT_CELLS, KEPT_FILES, KEPT_VERSIONS = 4096, 256, 32, 1024
COMPRESSION = 1  # of a forecast 44 kB in 0.8 ms; level 4 gives 42 kB in 1.4, level 6 40 kB in 3.4
FRESH_S = 1.0  # how long the store isn't asked again whether anything changed


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
