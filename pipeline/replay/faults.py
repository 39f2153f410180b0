"""Faults that sources were seen to have, to be switched on and off while the server runs."""

import threading
import tomllib
from collections.abc import Mapping, Set
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from pipeline.domain.errors import InvalidRequest
from pipeline.replay.answers import Request


class FaultName(StrEnum):
    """What can go wrong; MEANINGS says how each shows."""

    THROTTLED = "throttled"
    ERROR_500 = "error_500"
    ERROR_503 = "error_503"
    MOVED_403 = "moved_403"
    SLOW = "slow"
    CUT_BODY = "cut_body"
    DUPLICATES_WITHOUT_ORDER = "duplicates_without_order"
    RENAMED_COLUMN = "renamed_column"
    EMPTY_PAGE = "empty_page"
    ACIS_ERROR_IN_200 = "acis_error_in_200"
    LATE_REVISION = "late_revision"
    LOST_HISTORY = "lost_history"
    RENAMED_CODE = "renamed_code"
    STRAY_DATES = "stray_dates"
    NO_ROWS = "no_rows"
    UNREADABLE_DATES = "unreadable_dates"
    IMPOSSIBLE_DATES = "impossible_dates"
    NO_CASE_NUMBERS = "no_case_numbers"
    HOSTILE_TEXTS = "hostile_texts"
    HALF_SIGNS = "half_signs"
    COORDINATES_IN_FEET = "coordinates_in_feet"
    ODD_WEATHER = "odd_weather"
    OUT_OF_DATE = "out_of_date"
    NO_UPDATE_TIME = "no_update_time"
    ODD_UPDATE_TIME = "odd_update_time"
    NULL_COLUMNS = "null_columns"
    ODD_COUNT = "odd_count"
    ONE_ROW_PAGES = "one_row_pages"
    REDIRECT_AWAY = "redirect_away"
    DEEP_JSON = "deep_json"
    HTML_PAGE = "html_page"
    GZIP_BOMB = "gzip_bomb"
    DRIPPING_BODY = "dripping_body"
    ENDLESS_BODY = "endless_body"


MEANINGS = {
    FaultName.THROTTLED: "429 with Retry-After of `seconds`",
    FaultName.ERROR_500: "500, an unexpected error inside the service",
    FaultName.ERROR_503: "503, the service is unavailable",
    FaultName.MOVED_403: "403, the dataset was merged or made private",
    FaultName.SLOW: "the answer comes `seconds` late",
    FaultName.CUT_BODY: "Content-Length is announced, the body ends half-way",
    FaultName.DUPLICATES_WITHOUT_ORDER: "rows asked for without $order hold a tenth of repeats",
    FaultName.RENAMED_COLUMN: "the date of occurrence has another name",
    FaultName.EMPTY_PAGE: "a page of rows comes empty with status 200; counts stay right",
    FaultName.ACIS_ERROR_IN_200: "ACIS answers 200 with an error inside",
    FaultName.LATE_REVISION: "old-dated reports appear; lasts until cleared, whatever `times` says",
    FaultName.LOST_HISTORY: "`share` of the rows of days over 120 before the newest is gone",
    FaultName.RENAMED_CODE: "one target code has another name in `share` of the newest 21 days",
    FaultName.STRAY_DATES: "`share` of the rows is dated on the day after the newest",
    FaultName.NO_ROWS: "the dataset is empty",
    FaultName.UNREADABLE_DATES: "`share` of the rows has dates in another order, with slashes",
    FaultName.IMPOSSIBLE_DATES: "`share` of the rows is dated in 1800, 2062 or 0019",
    FaultName.NO_CASE_NUMBERS: "`share` of the rows has no case number",
    FaultName.HOSTILE_TEXTS: "the code of `share` of the rows is markup and terminal commands",
    FaultName.HALF_SIGNS: "the code of `share` of the rows is half of a pair of UTF-16",
    FaultName.COORDINATES_IN_FEET: "`share` of the rows has its point in feet of a state plane",
    FaultName.ODD_WEATHER: "`share` of the days of NCEI has a value that is none",
    FaultName.OUT_OF_DATE: "rows come from a copy that says it is out of date",
    FaultName.NO_UPDATE_TIME: "the metadata do not say when the rows last changed",
    FaultName.ODD_UPDATE_TIME: "the metadata say that the rows changed at 1e20",
    FaultName.NULL_COLUMNS: "the metadata name no columns",
    FaultName.ODD_COUNT: "the count of rows is the sign for squared",
    FaultName.ONE_ROW_PAGES: "a page of rows holds one",
    FaultName.REDIRECT_AWAY: "302, to another host",
    FaultName.DEEP_JSON: "the answer is JSON nested 100,000 deep",
    FaultName.HTML_PAGE: "200, with a page for people",
    FaultName.GZIP_BOMB: "the answer unpacks to 300 MB",
    FaultName.DRIPPING_BODY: "a byte of the answer comes every 50 ms",
    FaultName.ENDLESS_BODY: "the answer never ends",
}
# These change the dataset itself: all that is asked of it, until cleared.
LASTING = frozenset({
    FaultName.LATE_REVISION, FaultName.LOST_HISTORY, FaultName.RENAMED_CODE,
    FaultName.STRAY_DATES, FaultName.NO_ROWS,
})  # fmt: skip
_OF_ROWS = (
    FaultName.UNREADABLE_DATES, FaultName.IMPOSSIBLE_DATES, FaultName.NO_CASE_NUMBERS,
    FaultName.HOSTILE_TEXTS, FaultName.HALF_SIGNS, FaultName.COORDINATES_IN_FEET,
    FaultName.ONE_ROW_PAGES, FaultName.OUT_OF_DATE,
)  # fmt: skip
_SCOPES: Mapping[FaultName, Set[str]] = {
    FaultName.DUPLICATES_WITHOUT_ORDER: {"rows"},
    FaultName.RENAMED_COLUMN: {"rows", "count", "metadata"},
    FaultName.EMPTY_PAGE: {"rows"},
    FaultName.ACIS_ERROR_IN_200: {"acis"},
    **dict.fromkeys(LASTING, frozenset({"rows", "count", "metadata"})),
    **dict.fromkeys(_OF_ROWS, frozenset({"rows"})),
    FaultName.ODD_WEATHER: {"ncei"},
    FaultName.NO_UPDATE_TIME: {"metadata"},
    FaultName.ODD_UPDATE_TIME: {"metadata"},
    FaultName.NULL_COLUMNS: {"metadata"},
    FaultName.ODD_COUNT: {"count"},
}  # fmt: skip


@dataclass(frozen=True)
class Fault:
    """A fault that is switched on.

    Attributes:
        name: what goes wrong.
        times: requests it still hits; None means until cleared.
        match: it hits requests whose host and path hold this text.
        seconds: for those that wait, how long.
        share: of those that hit rows, of how many; 1 is all.
    """

    name: FaultName
    times: int | None = None
    match: str = ""
    seconds: float = 1.0
    share: float = 1.0

    def __post_init__(self) -> None:
        """Raise TypeError where a number is none, or out of its range."""
        are_numbers = all(isinstance(n, int | float) for n in (self.seconds, self.share))
        if not are_numbers or not 0 < self.share <= 1 or self.seconds < 0:
            raise TypeError("share must be above 0 and at most 1, seconds 0 or more")
        if self.times is not None and not isinstance(self.times, int):
            raise TypeError("times must be a whole number")


def load_script(path: Path) -> list[Fault]:
    """Return the faults of a TOML file: tables [[fault]] with the fields of Fault.

    Raises:
        InvalidRequest: the file is not such a script.
    """
    try:
        tables = tomllib.loads(path.read_text()).get("fault", [])
        return [_checked(**table) for table in tables]
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, TypeError) as error:
        raise InvalidRequest(
            f"{path} is no script of faults ({error}). Write a table [[fault]] for each, with name "
            "and, as needed, times, match, seconds and share."
        ) from error


def _checked(name: str, **fields: Any) -> Fault:  # noqa: ANN401 - as it stands in a file
    """Return a fault.

    Raises:
        InvalidRequest: there is no fault of this name.
    """
    if name not in MEANINGS:
        known = ", ".join(f"{fault} ({meaning})" for fault, meaning in MEANINGS.items())
        raise InvalidRequest(f"There is no fault {name!r}. Known: {known}.")
    return Fault(FaultName(name), **fields)


def _kind_of(request: Request) -> str:
    if request.host == "data.rcc-acis.org":
        return "acis"
    if request.host == "www.ncei.noaa.gov":
        return "ncei"
    if request.path.startswith("/api/views/"):
        return "metadata"
    asked = request.query.get("$select", "") + request.body.decode(errors="replace")
    if request.path.startswith(("/resource/", "/api/v3/")):
        return "count" if "count(" in asked.lower() else "rows"
    return "other"


class Faults:
    """The faults that are on; safe to change while requests are served."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []

    def add(self, name: str, **fields: Any) -> Fault:  # noqa: ANN401 - those of Fault
        """Switch a fault on; `fields` are the others of Fault.

        Raises:
            InvalidRequest: there is no fault of this name.
            TypeError: a field is none, or a number out of its range.
        """
        fault = _checked(name, **fields)
        with self._lock:
            self._faults.append(fault)
        return fault

    def clear(self) -> None:
        """Switch all faults off."""
        with self._lock:
            self._faults.clear()

    def listing(self) -> list[dict[str, Any]]:
        """Return the faults that are on, with their meaning, as JSON-able dicts."""
        with self._lock:
            return [asdict(f) | {"meaning": MEANINGS[f.name]} for f in self._faults]

    def take(self, request: Request) -> dict[FaultName, Fault]:
        """Return the faults that hit this request, and count it against them."""
        kind, target = _kind_of(request), request.host + request.path
        hit: dict[FaultName, Fault] = {}
        with self._lock:
            for k, fault in enumerate(self._faults):
                if fault.match in target and kind in _SCOPES.get(fault.name, {kind}):
                    hit[fault.name] = fault
                    self._faults[k] = _used_once(fault)
            self._faults = [f for f in self._faults if f.times is None or f.times > 0]
        return hit


def _used_once(fault: Fault) -> Fault:
    if fault.times is None or fault.name in LASTING:
        return fault
    return replace(fault, times=fault.times - 1)
