"""Faults that sources were seen to have, to be switched on and off while the server runs."""

import threading
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
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
}
_SCOPES = {
    FaultName.DUPLICATES_WITHOUT_ORDER: {"rows"},
    FaultName.RENAMED_COLUMN: {"rows", "count", "metadata"},
    FaultName.EMPTY_PAGE: {"rows"},
    FaultName.ACIS_ERROR_IN_200: {"acis"},
    FaultName.LATE_REVISION: {"rows", "count", "metadata"},
}


@dataclass(frozen=True)
class Fault:
    """A fault that is switched on.

    Attributes:
        name: what goes wrong.
        times: requests it still hits; None means until cleared.
        match: it hits requests whose host and path hold this text.
        seconds: for those that wait, how long.
    """

    name: FaultName
    times: int | None = None
    match: str = ""
    seconds: float = 1.0


def _kind_of(request: Request) -> str:
    if request.host == "data.rcc-acis.org":
        return "acis"
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

    def add(
        self, name: str, times: int | None = None, match: str = "", seconds: float = 1.0
    ) -> Fault:
        """Switch a fault on.

        Raises:
            InvalidRequest: there is no fault of this name.
        """
        if name not in MEANINGS:
            known = ", ".join(f"{fault} ({meaning})" for fault, meaning in MEANINGS.items())
            raise InvalidRequest(f"There is no fault {name!r}. Known: {known}.")
        fault = Fault(FaultName(name), times, match, seconds)
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
    if fault.times is None or fault.name == FaultName.LATE_REVISION:
        return fault
    return replace(fault, times=fault.times - 1)
