"""The city total: season, holidays and level by ridge; what the total branch sees; its spread."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.domain.errors import InvalidRequest
from pipeline.domain.weeks import WEEK
from pipeline.grid.cube import WEATHER_NAMES, CubeView
from pipeline.model.config import HORIZON_COUNT
from pipeline.model.windows import LATEST_DELAY, Reports, first_whole_week

RIDGE = (0.0, 0.5, 0.5, 5.0)  # intercept, sine, cosine, holiday days: few holidays, so held back
LEVEL_HALF_LIFE = 8.0
LEVEL_DECAY = 0.95
SEASON_HALF_LIFE = 104.0
FIRST_RIDGE_WEEKS = 20
SPREAD_ORIGINS = 52
LEAST_DISPERSION = 1e-4
CONTEXT_NAMES = (*WEATHER_NAMES[:3], "missing", "holiday_days", "log_level")
CALENDAR_NAMES = ("sine", "cosine", "holiday_days", "daylight", "horizon")


@dataclass(frozen=True)
class Totals:
    """Weekly totals of groups of cells, as known at every age.

    Attributes:
        known: (groups, weeks, LATEST_DELAY + 1) reports known 0, 1, ... weeks after their week.
        complete: (LATEST_DELAY + 1,) share of reports known by age.
        season: (weeks + horizons, 4) intercept, sine, cosine, holiday days.
        daylight: (weeks + horizons,) hours.
    """

    known: NDArray[np.float64]
    complete: NDArray[np.float64]
    season: NDArray[np.float64]
    daylight: NDArray[np.float64]

    def as_of(self, origin: int) -> NDArray[np.float64]:
        """Return (groups, origin + 1) totals as known at the origin, made good for lateness."""
        weeks = np.arange(origin + 1)
        age = np.minimum(origin - weeks, LATEST_DELAY)
        return self.known[:, weeks, age] / self.complete[age]

    def city_as_of(self, origin: int) -> NDArray[np.float64]:
        """Return (origin + 1,) totals of all groups together."""
        return self.as_of(origin).sum(axis=0)

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
    calendar = _calendar(view, target.weeks + HORIZON_COUNT)
    daylight = calendar["daylight_hours"].to_numpy()
    return Totals(known, target.completeness, _season(calendar), daylight), names


def _calendar(view: CubeView, weeks: int) -> pa.Table:
    """Return the cube's first whole week and those after it: only what is known in advance."""
    known = view.cube.weeks.select(["week_start", "holiday_days", "daylight_hours"])
    first = pa.scalar(first_whole_week(view))
    known = known.filter(pc.greater_equal(known["week_start"], first))
    if known.num_rows < weeks:
        raise InvalidRequest(
            f"The cube's calendar ends {pc.max(known['week_start'])}, before the last target week "
            f"of a forecast from {view.edge_week}. Build the cube with its calendar "
            f"{HORIZON_COUNT} weeks longer than its data."
        )
    return known.slice(0, weeks)


def _season(calendar: pa.Table) -> NDArray[np.float64]:
    sunday = calendar["week_start"].to_numpy().astype("datetime64[D]")
    wednesday = (sunday - sunday.astype("datetime64[Y]")).astype(np.float64) + 4
    angle = 2 * np.pi * wednesday / 365.25
    holidays = calendar["holiday_days"].to_numpy()
    return np.stack([np.ones(len(sunday)), np.sin(angle), np.cos(angle), holidays], axis=1)


def fit_season(totals: Totals, origin: int) -> tuple[NDArray, NDArray]:
    """Fit log totals as known at the origin; return (4,) coefficients and (origin + 1,) residuals.

    Ridge regression in which a week counts half as much for every SEASON_HALF_LIFE of age.
    """
    log_total = np.log(totals.city_as_of(origin) + 0.5)
    features = totals.season[: origin + 1]
    weight = 0.5 ** (np.arange(origin, -1, -1) / SEASON_HALF_LIFE)
    gram = (features * weight[:, None]).T @ features + np.diag(RIDGE)
    coefficients = np.linalg.solve(gram, (features * weight[:, None]).T @ log_total)
    return coefficients, log_total - features @ coefficients


def base_log_total(totals: Totals, origin: int) -> NDArray[np.float64]:
    """Return (horizons,) log city totals: season and holidays, plus the fading recent level."""
    coefficients, residuals = fit_season(totals, origin)
    weight = 0.5 ** (np.arange(origin, -1, -1) / LEVEL_HALF_LIFE)
    level = (weight @ residuals) / weight.sum()
    ahead = np.arange(1, HORIZON_COUNT + 1)
    return totals.season[origin + ahead] @ coefficients + LEVEL_DECAY**ahead * level


def base_log_totals(totals: Totals, origins: range) -> NDArray[np.float64]:
    """Return (origins, horizons) of `base_log_total`, each origin fitted on its own past."""
    return np.array([base_log_total(totals, origin) for origin in origins])


def weekly_weather(view: CubeView, weeks: int) -> NDArray[np.float64]:
    """Return (weeks, 4) city means of tmean, prcp, warm days and missing for the last weeks.

    Scaled to the order of one; where nothing is known, zeros with missing at one.
    """
    weather = view.cube.weather
    first = view.edge_week - WEEK * (weeks - 1)
    known = pc.and_(
        pc.greater_equal(weather["week_start"], pa.scalar(first)),
        pc.less_equal(weather["week_start"], pa.scalar(view.edge_week)),
    )
    means = weather.filter(known).group_by("week_start")
    frame = means.aggregate([(name, "mean") for name in WEATHER_NAMES]).to_pandas()
    values = np.full((weeks, len(WEATHER_NAMES)), np.nan)
    place = (pd.to_datetime(frame["week_start"]) - pd.Timestamp(first)).dt.days // WEEK.days
    values[place] = frame[[f"{name}_mean" for name in WEATHER_NAMES]].to_numpy(np.float64)
    missing = np.where(np.isnan(values).any(axis=1), 1.0, values[:, 3] / 7)
    tmean, prcp, warm = values[:, 0], values[:, 1], values[:, 2]
    scaled = np.stack([(tmean - 15) / 10, np.log1p(prcp) / 3, warm / 3.5, missing], axis=1)
    return np.nan_to_num(scaled)


def context_windows(
    totals: Totals, weather: NDArray, window_weeks: int, origins: range
) -> NDArray[np.float32]:
    """Return (origins, window_weeks, 6) weather, holidays and level, in CONTEXT_NAMES' order.

    Args:
        totals: the weekly totals.
        weather: (n, 4) of the n weeks that end at the edge.
        window_weeks: length of the window.
        origins: which origins.
    """
    offset = totals.weeks - len(weather)
    stack = []
    for origin in origins:
        recent = slice(origin - window_weeks + 1, origin + 1)
        residuals = fit_season(totals, origin)[1][recent, None]
        sky = weather[recent.start - offset : recent.stop - offset]
        stack.append(np.hstack([sky, totals.season[recent, 3:], residuals]))
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


@dataclass(frozen=True)
class Spread:
    """1 / size of totals: (horizons,) for the city, (horizons, groups) for its divisions."""

    city: NDArray[np.float64]
    divisions: NDArray[np.float64]


def dispersion(observed: NDArray, mean: NDArray, axis: int = 0) -> NDArray[np.float64]:
    """Return 1 / size by moments, from pairs of outcomes and forecasts; NaN pairs are left out."""
    excess = np.nansum((observed - mean) ** 2 - mean, axis=axis)
    square = np.nansum(np.where(np.isnan(observed), np.nan, mean) ** 2, axis=axis)
    return np.maximum(excess / np.maximum(square, 1e-12), LEAST_DISPERSION)


def past_spread(totals: Totals) -> Spread:
    """Measure the spread on the errors of the last year's forecasts, each made as of its origin.

    Divisions are forecast by their long-run share; what they add to the city's spread is
    averaged half and half with the mean over all divisions, since each has few weeks.
    """
    last = totals.weeks - 1
    first = max(FIRST_RIDGE_WEEKS, last - SPREAD_ORIGINS)
    origins = range(min(first, last - 1), last)
    now = totals.as_of(last)
    now = np.hstack([now, np.full((len(now), HORIZON_COUNT), np.nan)])
    week = np.array(origins)[:, None] + np.arange(1, HORIZON_COUNT + 1)
    mean = np.exp(base_log_totals(totals, origins))
    share = np.array([_shares(totals.as_of(origin)) for origin in origins])
    observed = now[:, week].transpose(1, 2, 0)
    own = dispersion(observed, mean[..., None] * share[:, None, :])
    city = dispersion(observed.sum(axis=2), mean)
    return Spread(city, 0.5 * own + 0.5 * own.mean(axis=1, keepdims=True))


def _shares(known: NDArray) -> NDArray[np.float64]:
    total = known.sum(axis=1) + POOLED_REPORTS
    return total / total.sum()


POOLED_REPORTS = 1.0
