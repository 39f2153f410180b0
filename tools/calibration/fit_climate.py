"""Fits the simulated weather to the daily record of the two stations at hand."""

import math
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.replay.parameters import Climate, StationClimate

COAST, DOWNTOWN = "USW00023174", "USW00093134"
_WET_MM = 0.25
# Where the other stations lie between coast and downtown, read off their climate normals.
STATIONS = {
    COAST: StationClimate(inland=0.0, rain_factor=0.85),
    DOWNTOWN: StationClimate(inland=1.0, rain_factor=1.0),
    "USW00023130": StationClimate(inland=1.7, rain_factor=1.1),
    "USW00023152": StationClimate(inland=1.4, rain_factor=1.1),
    "USW00093197": StationClimate(inland=-0.1, rain_factor=0.9),
    "USW00023129": StationClimate(inland=0.8, rain_factor=0.85),
    "USW00003167": StationClimate(inland=0.2, rain_factor=0.85),
}


def fit_climate(place: Path) -> Climate:
    """Fit `place`/weather_daily_2009_2025.parquet."""
    frame = pd.read_parquet(place / "weather_daily_2009_2025.parquet")
    frame["date"] = pd.to_datetime(frame["date"])
    tmax, tmin, rain = (
        frame.pivot_table(name, "date", "station")[[COAST, DOWNTOWN]]
        for name in ("tmax", "tmin", "prcp")
    )
    (max_coast, max_town), max_z = _annual(tmax)
    (min_coast, min_town), min_z = _annual(tmin)
    max_sd, min_sd = _log_sd(tmax), _log_sd(tmin)
    wet = rain[DOWNTOWN] >= _WET_MM
    after_dry, after_wet = _wet_chances(wet)
    amounts = rain[DOWNTOWN][wet]
    by_month = amounts.groupby(pd.DatetimeIndex(amounts.index).month).mean()
    return Climate(
        tmax=(max_coast, max_town),
        tmin=(min_coast, min_town),
        tmax_sd=max_sd,
        tmin_sd=min_sd,
        rho=round(float(max_z[DOWNTOWN].autocorr(1)), 3),
        station_correlation=round(float(max_z[COAST].corr(max_z[DOWNTOWN])), 3),
        max_min_correlation=round(float(max_z[DOWNTOWN].corr(min_z[DOWNTOWN])), 3),
        wet_after_dry=after_dry,
        wet_after_wet=after_wet,
        rain_mm=tuple(round(float(x), 2) for x in by_month.reindex(range(1, 13), fill_value=2.0)),
        rain_shape=round(float(amounts.mean() ** 2 / amounts.var()), 3),
        wet_tmax_degc=round(float(max_z[DOWNTOWN][wet].mean()) * math.exp(max_sd[1][0]), 2),
        stations=STATIONS,
    )


def _basis(days: pd.DatetimeIndex) -> np.ndarray:
    turn = 2 * np.pi * days.day_of_year.to_numpy() / 365.25
    parts = [np.cos(turn), np.sin(turn), np.cos(2 * turn), np.sin(2 * turn)]
    return np.column_stack([np.ones(len(days)), *parts])


def _annual(frame: pd.DataFrame) -> tuple[list[tuple[float, ...]], pd.DataFrame]:
    """Return each station's harmonics, and its anomalies over their standard deviation."""
    coefficients, anomalies = [], {}
    for station in (COAST, DOWNTOWN):
        values = frame[station].dropna()
        basis = _basis(pd.DatetimeIndex(values.index))
        fit, *_ = np.linalg.lstsq(basis, values.to_numpy(), rcond=None)
        anomaly = values - basis @ fit
        coefficients.append(tuple(round(float(x), 3) for x in fit))
        anomalies[station] = anomaly / anomaly.std()
    return coefficients, pd.DataFrame(anomalies)


def _log_sd(frame: pd.DataFrame) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the harmonics of the log of the monthly standard deviation of anomalies."""
    fits = []
    for station in (COAST, DOWNTOWN):
        values = frame[station].dropna()
        month = pd.DatetimeIndex(values.index).month
        spread = np.log(values.groupby(month).std().to_numpy())
        middle = pd.DatetimeIndex([f"2021-{m:02d}-15" for m in range(1, 13)])
        fit, *_ = np.linalg.lstsq(_basis(middle), spread, rcond=None)
        fits.append(tuple(round(float(x), 3) for x in fit))
    return fits[0], fits[1]


def _wet_chances(wet: pd.Series) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the chance of rain by month, after a dry and after a wet day."""
    month = pd.DatetimeIndex(wet.index).month
    before = wet.shift(1, fill_value=False)
    dry = wet[~before].groupby(month[~before]).mean()
    after = wet[before].groupby(month[before]).mean().reindex(range(1, 13), fill_value=0.2)
    return (
        tuple(round(float(x), 4) for x in dry.reindex(range(1, 13), fill_value=0.0)),
        tuple(round(float(x), 4) for x in after),
    )
