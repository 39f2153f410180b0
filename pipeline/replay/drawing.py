"""Draws single reports: when, where, what, and when they are filed."""

from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.replay.intensity import Intensity
from pipeline.replay.kinds import CODES
from pipeline.replay.lapd_tables import systems_of
from pipeline.replay.parameters import Kind, Parameters
from pipeline.replay.places import CityPlaces

FIRST_DAY = date(2010, 1, 1)
UNPLACED_SHARE = 0.003  # of reports, at (0, 0)
_HOUR_WEIGHTS = (5, 3, 3, 2, 2, 2, 2, 3, 4, 4, 4, 4, 6, 4, 4, 5, 5, 5, 6, 6, 6, 6, 6, 5)
_CASES_PER_MONTH = 2_400  # block of case numbers that a division has for each month
_CODE_INDEX = {code: k for k, code in enumerate(CODES)}


def draw_events(
    parameters: Parameters,
    intensity: Intensity,
    places: CityPlaces,
    days: tuple[date, date],
    seed: int,
) -> pd.DataFrame:
    """Return every report that occurs within these days, both included, sorted by day.

    Whole months are drawn, each from its own seed, and cut to the days afterwards.

    Returns:
        Columns occurred_on, reported_on (days); division, kind, code, cell (indices); lat, lon;
        minute (of the day); is_legacy, is_nibrs (records systems); quirk (uniform, decides on
        oddities of the published rows); year and number (of the case, within its division).
    """
    months = pd.period_range(days[0], days[1], freq="M")
    every = pd.date_range(months[0].start_time, months[-1].end_time.normalize()).as_unit("s")
    expected = intensity.rates([day.date() for day in every])
    starts = (months.start_time - every[0]).days.to_numpy()
    parts = [
        _month(parameters, places, month, expected[k : k + month.days_in_month], seed)
        for month, k in zip(months, starts, strict=True)
    ]
    frame = pd.concat(parts, ignore_index=True)
    month_of_year = frame["occurred_on"].dt.month
    frame["number"] = frame["order"] + (month_of_year - 1) * _CASES_PER_MONTH
    occurred = frame["occurred_on"]
    is_within = (occurred >= pd.Timestamp(days[0])) & (occurred <= pd.Timestamp(days[1]))
    return frame[is_within].drop(columns="order").reset_index(drop=True)


def _month(
    parameters: Parameters,
    places: CityPlaces,
    month: pd.Period,
    expected: NDArray[np.float64],
    seed: int,
) -> pd.DataFrame:
    """Draw a month's reports; `expected` is (days, divisions, kinds)."""
    days = pd.date_range(month.start_time, periods=month.days_in_month).as_unit("s")
    rng = np.random.default_rng([seed, 6, month.year, month.month])
    counts = rng.poisson(expected)
    day, division, kind = (np.repeat(a.ravel(), counts.ravel()) for a in np.indices(counts.shape))
    occurred = days.to_numpy()[day]
    code, delay, cell = (np.zeros(len(day), dtype=np.int64) for _ in range(3))
    for number, one in enumerate(parameters.kinds):
        mine = np.flatnonzero(kind == number)
        code[mine] = _codes(one, len(mine), rng)
        delay[mine] = draw_delays(one, parameters.delay_days, len(mine), rng)
        cell[mine] = places.draw_cells(one.field, month.year, month.month, division[mine], rng)
    lat, lon = places.draw_blocks(cell, rng)
    is_placed = rng.random(len(day)) >= UNPLACED_SHARE
    reported = occurred + delay.astype("timedelta64[D]")
    is_legacy, is_nibrs = systems_of(reported, division, parameters.legacy_share, rng)
    frame = pd.DataFrame(
        {
            "occurred_on": occurred,
            "reported_on": reported,
            "division": division.astype(np.int16),
            "kind": kind.astype(np.int8),
            "code": code.astype(np.int16),
            "cell": cell.astype(np.int16),
            "lat": np.where(is_placed, lat, 0.0),
            "lon": np.where(is_placed, lon, 0.0),
            "minute": _minutes(len(day), rng),
            "is_legacy": is_legacy,
            "is_nibrs": is_nibrs,
            "quirk": rng.random(len(day)),
            "year": np.int64(month.year),
        }
    )
    frame["order"] = frame.groupby("division").cumcount()
    return frame


def _codes(kind: Kind, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    shares = np.array(list(kind.codes.values()))
    index = np.array([_CODE_INDEX[code] for code in kind.codes])
    return index[rng.choice(len(index), count, p=shares / shares.sum())]


def draw_delays(
    kind: Kind, delay_days: tuple[int, ...], count: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Return (count,) days from occurrence to report, drawn from the kind's distribution.

    Between the days at which it is given, the share grows with the log of the days.
    """
    place = np.interp(rng.random(count), kind.delay_share, np.log1p(delay_days))
    return np.ceil(np.expm1(place) - 1e-9).astype(np.int64)


def _minutes(count: int, rng: np.random.Generator) -> NDArray[np.int16]:
    """Return (count,) minutes of the day, more of them in the evening."""
    weights = np.array(_HOUR_WEIGHTS) / sum(_HOUR_WEIGHTS)
    hour = rng.choice(24, count, p=weights)
    return (hour * 60 + rng.integers(0, 12, count) * 5).astype(np.int16)
