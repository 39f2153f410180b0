"""Answers made before anybody asks: when the server starts, and after each change of the store."""

from asyncio import sleep, to_thread
from collections.abc import Callable, Iterable
from contextlib import suppress
from itertools import islice
from typing import Any

from hotspots_ui.answering import KEPT_ANSWERS, kept, made, results, version_of

from pipeline.domain.errors import HotspotsError
from pipeline.results.store.reader import ResultsReader

# Between two looks whether anything changed: while a history is loaded, it does all the time, and
# all answers of five years take 15 s of processor time.
LOOK_S = 300.0
REST_S = 0.005  # after each answer
MOST = KEPT_ANSWERS // 2  # answers of all cities; the other half is for what else is asked
Asked = tuple[Any, ...]  # a view, and what it is asked besides store and city
# Says what will be asked of a city, soonest first.
Soon = Callable[[ResultsReader, str], Iterable[Asked]]


async def make_ahead(soon: Soon) -> None:
    """Go on making what will soon be asked for, one answer at a time."""
    made_of: dict[str, str] = {}
    while True:
        with suppress(HotspotsError):  # who asks is told what is wrong
            cities = await to_thread((await results()).cities)
            for city in cities:
                with suppress(HotspotsError):  # and goes without this city alone
                    await _make(soon, city, made_of, MOST // len(cities))
        await sleep(LOOK_S)


async def _make(soon: Soon, city: str, made_of: dict[str, str], most: int) -> None:
    """Make what is missing; `made_of` holds the version of each city that all was made of."""
    store = await results()
    version = await version_of(store, city)
    if made_of.get(city) == version:
        return
    for asked in islice(await to_thread(soon, store, city), most):
        await made(store, city, *asked)
        await sleep(REST_S)
        while kept.waiting:  # readers come first
            await sleep(REST_S)
    made_of[city] = version
