"""Daily weather at stations to weekly weather in every cell of the city."""

from collections.abc import Sequence
from datetime import date

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.domain.cells import Cells
from pipeline.domain.city import City
from pipeline.domain.columns import CUBE_WEATHER
from pipeline.domain.grid_spec import KM_PER_DEGREE_LAT, GridSpec
from pipeline.domain.timeline import days_into_week, days_of, sundays, week_numbers

DAYS = 7
DAYS_NEEDED = 5
# A station inside a cell stands for all of it; without a floor its weight would be infinite.
NEAREST_KM = 0.5
# Finer than any instrument, and coarse enough to be the same on every processor.
DECIMALS = 4
_READINGS = ("tmax_degc", "tmin_degc", "prcp_mm")
_HIGHEST = {"tmean_degc": np.inf, "prcp_mm": np.inf, "warm_days": DAYS, "missing_days": DAYS}


def grid_weather(
    city: City, cells: Cells, daily: pa.Table, week_starts: Sequence[date]
) -> pa.Table:
    """Return the weather (CUBE_WEATHER) of every in-city cell in the weeks with any observation.

    A station counts in a week, for each quantity apart, if it has it on five or more days; sums
    over five or six days are scaled to seven. Cells take the mean of the stations that count,
    weighted by one over the squared distance. Days that a station lacks altogether are its missing
    days. Stations that the city does not list, and days outside the weeks, are passed over.

    Args:
        city: gives the stations' places and the warm-day threshold.
        cells: (cells,) in the city.
        daily: table of contract WEATHER_DAILY, degC and mm.
        week_starts: Sundays in ascending order.
    """
    starts = np.array(week_starts, dtype="datetime64[D]")
    stations = _station_weeks(_daily_arrays(city, daily, starts), city.warm_day_degc)
    weights = _weights(city, cells)
    gridded = {name: _interpolate(values, weights) for name, values in stations.items()}
    observed = np.isfinite(gridded["missing_days"]).any(axis=1)
    columns = {
        "week_start": pa.array(np.repeat(starts[observed], len(cells))),
        "row": np.tile(cells.row, observed.sum()),
        "col": np.tile(cells.col, observed.sum()),
    }
    for name, values in gridded.items():
        tidy = np.minimum(values[observed].round(DECIMALS), _HIGHEST[name])
        columns[name] = pa.array(tidy.ravel(), from_pandas=True)
    # Keys are distinct by how they are made, and means of checked readings in range.
    return pa.table(columns).cast(CUBE_WEATHER.schema)


def _daily_arrays(
    city: City, daily: pa.Table, starts: NDArray[np.datetime64]
) -> dict[str, NDArray[np.float64]]:
    """Return each reading as (weeks, 7, stations), NaN where there is none."""
    ids = pa.array([s.ghcn_id for s in city.stations], pa.string())
    station = pa.compute.index_in(daily["station"], value_set=ids).fill_null(-1).to_numpy()
    days = days_of(daily["observed_on"])
    sunday = sundays(week_numbers(days))
    week = np.searchsorted(starts, sunday)
    known = (station >= 0) & np.isin(sunday, starts)
    place = (week[known], days_into_week(days)[known], station[known])
    readings = {}
    for name in _READINGS:
        readings[name] = np.full((len(starts), DAYS, len(city.stations)), np.nan)
        readings[name][place] = daily[name].to_numpy()[known]
    return readings


def _station_weeks(
    readings: dict[str, NDArray[np.float64]], warm_day_degc: float
) -> dict[str, NDArray[np.float64]]:
    """Return the features of each station in each week, (weeks, stations), NaN where left out."""
    tmax, tmin, prcp = (readings[name] for name in _READINGS)
    warm = np.where(np.isnan(tmax), np.nan, tmax >= warm_day_degc)
    features = {
        "tmean_degc": _weekly_mean((tmax + tmin) / 2),
        "prcp_mm": _weekly_mean(prcp) * DAYS,
        "warm_days": _weekly_mean(warm) * DAYS,
    }
    counts = np.any([np.isfinite(f) for f in features.values()], axis=0)
    seen = np.any([np.isfinite(r) for r in readings.values()], axis=0).sum(axis=1)
    return {**features, "missing_days": np.where(counts, DAYS - seen, np.nan)}


def _weekly_mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean over the days of (weeks, 7, stations) that have a value; NaN if too few."""
    present = np.isfinite(values).sum(axis=1)
    total = np.nansum(values, axis=1)
    return np.where(present >= DAYS_NEEDED, total / np.maximum(present, 1), np.nan)


def _weights(city: City, cells: Cells) -> NDArray[np.float64]:
    """Return (cells, stations) one over the squared distance, in km-2."""
    lat, lon = (grid[cells.row, cells.col][:, None] for grid in city.grid.centres())
    station_lat = np.array([s.lat for s in city.stations])
    station_lon = np.array([s.lon for s in city.stations])
    north_km = (lat - station_lat) * KM_PER_DEGREE_LAT
    east_km = (lon - station_lon) * KM_PER_DEGREE_LAT * _squeeze(city.grid)
    return 1 / np.maximum(north_km**2 + east_km**2, NEAREST_KM**2)


def _squeeze(grid: GridSpec) -> float:
    """Return the length of a degree of longitude over one of latitude, at the grid's middle."""
    return float(np.cos(np.radians((grid.south + grid.north) / 2)))


def _interpolate(values: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (weeks, cells) weighted means of (weeks, stations) over those that aren't NaN."""
    present = np.isfinite(values)
    # einsum adds in a fixed order; a BLAS product's last bits depend on its number of threads.
    total = np.einsum("ws,cs->wc", np.where(present, values, 0.0), weights)
    weight = np.einsum("ws,cs->wc", present.astype(np.float64), weights)
    return np.where(weight > 0, total / np.where(weight > 0, weight, 1), np.nan)
