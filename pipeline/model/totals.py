"""Weekly totals as they were known, and what the weather-and-calendar branch sees of each week."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.domain.weeks import WEEK
from pipeline.grid.cube import WEATHER_NAMES, CubeView
from pipeline.model.config import HORIZON_COUNT
from pipeline.model.windows import LATEST_DELAY, Reports

CONTEXT_NAMES = (*WEATHER_NAMES[:3], "missing", "holiday_days", "log_level")
CALENDAR_NAMES = ("sine", "cosine", "holiday_days", "daylight", "horizon")
LEAST_BLOCKS = 3  # of weeks, to confirm a correction


@dataclass(frozen=True)
class Totals:
    """Weekly totals of groups of cells, as known at every age.

    Attributes:
        known: (groups, weeks, LATEST_DELAY + 1) reports known 0, 1, ... weeks after their week.
        complete: (LATEST_DELAY + 1,) share of reports known by age.
        season: (weeks + horizons, 4) intercept, sine, cosine, holiday days.
        daylight: (weeks + horizons,) hours.
        nibrs_share: (weeks,) share of the week's prompt reports entered in the NIBRS system.
    """

    known: NDArray[np.float64]
    complete: NDArray[np.float64]
    season: NDArray[np.float64]
    daylight: NDArray[np.float64]
    nibrs_share: NDArray[np.float64]

    def as_of(self, origin: int) -> NDArray[np.float64]:
        """Return (groups, origin + 1) totals as known at the origin, made good for lateness."""
        weeks = np.arange(origin + 1)
        age = np.minimum(origin - weeks, LATEST_DELAY)
        return self.known[:, weeks, age] / self.complete[age]

    def city_as_of(self, origin: int) -> NDArray[np.float64]:
        """Return (origin + 1,) totals of all groups together."""
        return self.as_of(origin).sum(axis=0)

    def nibrs_share_as_of(self, origin: int) -> NDArray[np.float64]:
        """Return (origin + 1 + horizons,) shares; those ahead are taken as the newest known."""
        known = self.nibrs_share[: origin + 1]
        return np.concatenate([known, np.full(HORIZON_COUNT, known[-1])])

    @property
    def weeks(self) -> int:
        """Weeks up to the edge."""
        return self.known.shape[1]


def read_totals(view: CubeView, target: Reports) -> tuple[Totals, tuple[str, ...]]:
    """Return the totals by division, and the divisions' names in that order.

    Raises:
        InvalidRequest: the cube's calendar doesn't reach the last target week.
    """
    names = tuple(sorted(set(view.cells.division)))
    group = np.zeros(target.shape, np.int64)
    group[view.cells.row, view.cells.col] = [names.index(name) for name in view.cells.division]
    bins = LATEST_DELAY + 1
    delay = np.minimum(target.delay, LATEST_DELAY)
    index = (group.ravel()[target.cell] * target.weeks + target.week) * bins + delay
    size = len(names) * target.weeks * bins
    known = np.bincount(index, weights=target.number, minlength=size).astype(np.float64)
    known = known.reshape(len(names), target.weeks, bins).cumsum(axis=2)
    calendar = _calendar(view)
    daylight, era = (calendar[name].to_numpy() for name in ("daylight_hours", "nibrs_share"))
    season = _season(calendar)
    totals = Totals(known, target.completeness, season, daylight, era[: target.weeks])
    return totals, names


def _calendar(view: CubeView) -> pd.DataFrame:
    """Return the first whole week and those after it, to the last that can be forecast."""
    calendar = view.calendar(HORIZON_COUNT)
    return calendar[calendar["week_start"] >= view.first_whole_week]


def _season(calendar: pd.DataFrame) -> NDArray[np.float64]:
    sunday = calendar["week_start"].to_numpy().astype("datetime64[D]")
    wednesday = (sunday - sunday.astype("datetime64[Y]")).astype(np.float64) + 4
    angle = 2 * np.pi * wednesday / 365.25
    holidays = calendar["holiday_days"].to_numpy()
    return np.stack([np.ones(len(sunday)), np.sin(angle), np.cos(angle), holidays], axis=1)


def weekly_weather(view: CubeView, weeks: int) -> NDArray[np.float64]:
    """Return (weeks, 4) city means of tmean, prcp, warm days and missing for the last weeks.

    Scaled to the order of one; where nothing is known, zeros with missing at one.
    """
    weather = view.weather_rows
    first = view.edge_week - WEEK * (weeks - 1)
    is_asked = pc.greater_equal(weather["week_start"], pa.scalar(first))
    means = weather.filter(is_asked).group_by("week_start")
    frame = means.aggregate([(name, "mean") for name in WEATHER_NAMES]).to_pandas()
    values = np.full((weeks, len(WEATHER_NAMES)), np.nan)
    place = (pd.to_datetime(frame["week_start"]) - pd.Timestamp(first)).dt.days // WEEK.days
    values[place] = frame[[f"{name}_mean" for name in WEATHER_NAMES]].to_numpy(np.float64)
    missing = np.where(np.isnan(values).any(axis=1), 1.0, values[:, 3] / 7)
    tmean, prcp, warm = values[:, 0], values[:, 1], values[:, 2]
    scaled = np.stack([(tmean - 15) / 10, np.log1p(prcp) / 3, warm / 3.5, missing], axis=1)
    return np.nan_to_num(scaled)


def context_windows(
    totals: Totals,
    weather: NDArray[np.number],
    residuals: Mapping[int, NDArray[np.number]],
    window_weeks: int,
    origins: range,
) -> NDArray[np.float32]:
    """Return (origins, window_weeks, 6) weather, holidays and level, in CONTEXT_NAMES' order.

    Args:
        totals: the weekly totals.
        weather: (n, 4) of the n weeks that end at the edge.
        residuals: (origin + 1,) what the season leaves of log totals, by origin.
        window_weeks: length of the window.
        origins: which origins.
    """
    offset = totals.weeks - len(weather)
    stack = []
    for origin in origins:
        recent = slice(origin - window_weeks + 1, origin + 1)
        sky = weather[recent.start - offset : recent.stop - offset]
        level = residuals[origin][recent, None]
        stack.append(np.hstack([sky, totals.season[recent, 3:], level]))
    return np.array(stack, dtype=np.float32)


def target_calendar(totals: Totals, origins: range) -> NDArray[np.float32]:
    """Return (origins, horizons, 5) what is known of the target weeks, as CALENDAR_NAMES."""
    ahead = np.arange(1, HORIZON_COUNT + 1)
    week = np.array(origins)[:, None] + ahead
    sine, cosine, holidays = (totals.season[week, k] for k in (1, 2, 3))
    daylight = (totals.daylight[week] - 12) / 2
    horizon = np.broadcast_to(ahead / HORIZON_COUNT, week.shape)
    return np.stack([sine, cosine, holidays, daylight, horizon], axis=-1).astype(np.float32)


def target_log_totals(totals: Totals, origins: range) -> NDArray[np.float64]:
    """Return (origins, horizons) log totals as known at the edge; NaN past the edge."""
    known = np.log(totals.city_as_of(totals.weeks - 1) + 0.5)
    known = np.concatenate([known, np.full(HORIZON_COUNT, np.nan)])
    return known[np.array(origins)[:, None] + np.arange(1, HORIZON_COUNT + 1)]


def sure_share(error: NDArray[np.number], correction: NDArray[np.number]) -> float:
    """Return the share of a correction that errors confirm beyond chance, 0 to 1.

    It is the slope of one on the other, less two standard errors: of blocks of weeks, since
    neighbours err alike. Few blocks confirm nothing.

    Args:
        error: (origins, horizons), NaN where not yet known.
        correction: likewise.
    """
    blocks = len(error) // HORIZON_COUNT
    if blocks < LEAST_BLOCKS:
        return 0.0
    error, correction = np.where(np.isnan(error), 0.0, [error, correction])
    squares = max(float((correction**2).sum()), 1e-12)
    slope = float((error * correction).sum()) / squares
    left = ((error - slope * correction) * correction).sum(axis=1)
    by_block = np.array([block.sum() for block in np.array_split(left, blocks)])
    deviation = np.sqrt(blocks / (blocks - 1) * (by_block**2).sum()) / squares
    return float(np.clip(slope - 2 * deviation, 0.0, 1.0))
