"""Daily weather at stations to weekly weather in every cell of the city."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.domain.cells import Cells
from pipeline.domain.city import City
from pipeline.domain.columns import CUBE_STATION_WEEKS, CUBE_STATIONS, CUBE_WEATHER
from pipeline.domain.grid_spec import KM_PER_DEGREE_LAT, GridSpec
from pipeline.domain.timeline import days_into_week, days_of, sundays, week_numbers

DAYS = 7
DAYS_NEEDED = 5
# A station inside a cell stands for all of it; without a floor its weight would be infinite.
NEAREST_KM = 0.5
# Finer than any instrument, and coarse enough to be the same on every processor. What stations
# measured is kept finer, so that it is not rounded twice.
DECIMALS, MEASURED_DECIMALS = 4, 12
_READINGS = ("tmax_degc", "tmin_degc", "prcp_mm")
_HIGHEST = {"tmean_degc": np.inf, "prcp_mm": np.inf, "warm_days": DAYS, "missing_days": DAYS}
_FEATURES = tuple(_HIGHEST)


@dataclass(frozen=True)
class StationWeather:
    """The weekly weather at a city's stations, and how much each counts in each cell.

    Attributes:
        stations: contract CUBE_STATIONS; may be empty.
        weeks: contract CUBE_STATION_WEEKS, of those stations; may be empty.
        weights: (cells, stations) one over the squared distance, in km-2.
    """

    stations: pa.Table
    weeks: pa.Table
    weights: NDArray[np.float64]

    @classmethod
    def of(
        cls, grid: GridSpec, cells: Cells, stations: pa.Table, weeks: pa.Table
    ) -> "StationWeather":
        """Return the weather of stations for these cells of a grid."""
        return cls(stations, weeks, _weights(grid, cells, stations))

    def on_cells(self, cells: Cells) -> pa.Table:
        """Return the weather (CUBE_WEATHER) of every cell in the weeks with any observation.

        Cells take the mean of the stations that count, weighted. It is 300 times the stations'
        own table in size, so it is never stored.

        Args:
            cells: (cells,) those that the weights are of.
        """
        starts, week = np.unique(self.weeks["week_start"].to_numpy(), return_inverse=True)
        station = pc.index_in(self.weeks["station"], value_set=self.stations["station"])
        columns = {
            "week_start": pa.array(np.repeat(starts, len(cells))),
            "row": np.tile(cells.row, len(starts)),
            "col": np.tile(cells.col, len(starts)),
        }
        for name in _FEATURES:
            measured = np.full((len(starts), self.stations.num_rows), np.nan)
            measured[week, station] = self.weeks[name].to_numpy()
            columns[name] = pa.array(
                _interpolate(measured, self.weights).round(DECIMALS).ravel(), from_pandas=True
            )
        # Keys are distinct by how they are made, and means of checked readings in range.
        return pa.table(columns).cast(CUBE_WEATHER.schema)


def station_weather(
    city: City, cells: Cells, daily: pa.Table, week_starts: Sequence[date]
) -> StationWeather:
    """Return the weather at the city's stations in the weeks with any observation.

    A station counts in a week, for each quantity apart, if it has it on five or more days; sums
    over five or six days are scaled to seven. Days that a station lacks altogether are its missing
    days. Stations that the city does not list, and days outside the weeks, are passed over.

    Args:
        city: gives the stations' places and the warm-day threshold.
        cells: (cells,) in the city.
        daily: table of contract WEATHER_DAILY, degC and mm.
        week_starts: Sundays in ascending order.
    """
    starts = np.array(week_starts, dtype="datetime64[D]")
    features = _station_weeks(_daily_arrays(city, daily, starts), city.warm_day_degc)
    week, station = np.nonzero(np.isfinite(features["missing_days"]))
    ids = np.array([s.ghcn_id for s in city.stations], dtype=object)
    columns = {"week_start": pa.array(starts[week]), "station": pa.array(ids[station], pa.string())}
    for name, values in features.items():
        tidy = np.minimum(values[week, station].round(MEASURED_DECIMALS), _HIGHEST[name])
        columns[name] = pa.array(tidy, from_pandas=True)
    places = pd.DataFrame(
        [(s.ghcn_id, s.lat, s.lon) for s in city.stations], columns=["station", "lat", "lon"]
    )
    stations = CUBE_STATIONS.conform(places)
    # Keys are distinct by how they are made, and means of checked readings in range.
    weeks = pa.table(columns).cast(CUBE_STATION_WEEKS.schema)
    return StationWeather.of(city.grid, cells, stations, weeks)


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


def _weights(grid: GridSpec, cells: Cells, stations: pa.Table) -> NDArray[np.float64]:
    """Return (cells, stations) one over the squared distance, in km-2."""
    lat, lon = (centres[cells.row, cells.col][:, None] for centres in grid.centres())
    north_km = (lat - stations["lat"].to_numpy()) * KM_PER_DEGREE_LAT
    east_km = (lon - stations["lon"].to_numpy()) * KM_PER_DEGREE_LAT * _squeeze(grid)
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
