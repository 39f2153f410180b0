"""What the results store takes and gives back: runs with all that made them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from pipeline.domain.weeks import ForecastWeeks
from pipeline.results.store.stale import Staleness

LIVE = "live"
BANNERS = {
    "simulated": "SIMULATED DATA: made up, not reports of real crime",
    "recorded": "RECORDED DATA: real reports of the past, replayed",
}


@dataclass(frozen=True)
class RunRecord:
    """One run of one week, with everything needed to tell how its forecast came about.

    Attributes:
        run_id: name the orchestrator (DAG/RUN), or the command, gave the run.
        city: short name of the city.
        weeks: issue, edge and target dates.
        provenance: "live", "recorded" or "simulated".
        input_ref: pointer to the cube the forecast was made from, as JSON.
        input_sha256: hash of that cube.
        snapshot_age_days: days from the last complete day of reports to the issue date.
        model_name, model_version, model_sha256: which model made the forecast.
        training_mode: "reuse", "fine_tune" or "retrain".
        code_version: version of the code that ran.
        config_sha256: hash of the settings that shape the result.
        forecast_sha256: hash of the forecast; equal hashes mean the same forecast.
        tally: counts of rows by what became of them.
        notes: what the run had to recover from.
        created_at: aware instant, in UTC.
    """

    run_id: str
    city: str
    weeks: ForecastWeeks
    provenance: str
    input_ref: str
    input_sha256: str
    snapshot_age_days: int
    model_name: str
    model_version: str
    model_sha256: str
    training_mode: str
    code_version: str
    config_sha256: str
    forecast_sha256: str
    tally: Mapping[str, int]
    notes: tuple[str, ...]
    created_at: datetime


@dataclass(frozen=True)
class StoredRun:
    """A run as it lies in the store.

    Attributes:
        record: the run.
        revision: 1 for the first forecast of its week, one more for each changed one.
        is_backfill: stored only after its target week had begun.
    """

    record: RunRecord
    revision: int
    is_backfill: bool

    @property
    def is_live(self) -> bool:
        """Whether every input came from the real sources."""
        return self.record.provenance == LIVE

    @property
    def banner(self) -> str:
        """Words to put over anything made from this run; empty when its input was live."""
        return BANNERS.get(self.record.provenance, "")


@dataclass(frozen=True)
class CityStatus:
    """What a city's forecasts look like now.

    Attributes:
        city: short name of the city.
        latest: the current forecast of the last target week; None when there is none.
        weeks_stored, weeks_scored: target weeks with a forecast, and with its scores.
        stale: that and why a newer forecast is missing; None when none is.
    """

    city: str
    latest: StoredRun | None
    weeks_stored: int
    weeks_scored: int
    stale: Staleness | None


class CellPast(NamedTuple):
    """A cell in a week: reports, where known; the forecast's mean and 80 % interval, where made."""

    reports: int | None
    mean: float | None
    q10: int | None
    q90: int | None
