"""Simulated daily weather, consistent between stations."""

from collections.abc import Sequence
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import signal

from pipeline.domain.city_parts import Station
from pipeline.replay.intensity import ORIGIN
from pipeline.replay.parameters import Climate

_STATION_RAIN_SD = 0.3  # log, between stations on one day
_TRACE_SHARE = 0.03  # of dry days, on which a few drops fall
_TRACE_MM = 0.1
_INCH_MM = 25.4
_MISSING_SHARE = 0.003  # of station-days


def simulate_weather(
    climate: Climate, stations: Sequence[Station], last_day: date, seed: int
) -> pd.DataFrame:
    """Return daily weather of the stations from ORIGIN to `last_day`.

    Returns:
        Columns station, observed_on, tmax_degc, tmin_degc (whole °F written in °C), prcp_mm
        (whole hundredths of an inch); a few station-days are missing.
    """
    days = pd.date_range(pd.Timestamp(ORIGIN), pd.Timestamp(last_day))
    places = [climate.stations[station.ghcn_id] for station in stations]
    rain_city = _city_rain(climate, days, seed)
    rain = rain_city[:, None] * _between_stations(len(days), len(places), seed)
    rain = rain * np.array([place.rain_factor for place in places])
    rain = np.where(rain_city[:, None] > 0, _in_hundredths(rain), rain + _traces(len(days), seed))
    high, low = _temperatures(climate, days, rain_city > 0, len(places), seed)
    inland = np.array([place.inland for place in places])
    tmax = _mixed(climate.tmax, days, inland) + high * np.exp(
        _mixed(climate.tmax_sd, days, np.clip(inland, 0, 1))
    )
    tmin = _mixed(climate.tmin, days, inland) + low * np.exp(
        _mixed(climate.tmin_sd, days, np.clip(inland, 0, 1))
    )
    tmin = np.minimum(tmin, tmax - 1.0)
    frame = pd.DataFrame(
        {
            "station": np.tile([station.ghcn_id for station in stations], len(days)),
            "observed_on": days.repeat(len(places)),
            "tmax_degc": _in_whole_fahrenheit(tmax).ravel(),
            "tmin_degc": _in_whole_fahrenheit(tmin).ravel(),
            "prcp_mm": rain.round(1).ravel(),
        }
    )
    is_there = np.random.default_rng([seed, 5, 9]).random(len(frame)) >= _MISSING_SHARE
    return frame[is_there].reset_index(drop=True)


def _city_rain(climate: Climate, days: pd.DatetimeIndex, seed: int) -> NDArray[np.float64]:
    """Return (days,) rain downtown, mm, 0 on dry days."""
    rng = np.random.default_rng([seed, 5, 1])
    draw = rng.random((len(days), 2))
    month = days.month.to_numpy() - 1
    chance = np.column_stack([climate.wet_after_dry, climate.wet_after_wet])[month]
    is_wet = np.zeros(len(days), dtype=bool)
    for k in range(1, len(days)):
        is_wet[k] = draw[k, 0] < chance[k, int(is_wet[k - 1])]
    scale = np.array(climate.rain_mm)[month] / climate.rain_shape
    amount = np.random.default_rng([seed, 5, 2]).standard_gamma(climate.rain_shape, len(days))
    return np.where(is_wet, np.maximum(amount * scale, 0.3), 0.0)


def _between_stations(days: int, stations: int, seed: int) -> NDArray[np.float64]:
    noise = np.random.default_rng([seed, 5, 3]).standard_normal((days, stations))
    return np.exp(_STATION_RAIN_SD * noise - _STATION_RAIN_SD**2 / 2)


def _traces(days: int, seed: int) -> NDArray[np.float64]:
    is_trace = np.random.default_rng([seed, 5, 4]).random(days) < _TRACE_SHARE
    return np.where(is_trace, _TRACE_MM, 0.0)[:, None]


def _temperatures(
    climate: Climate, days: pd.DatetimeIndex, is_wet: NDArray[np.bool_], stations: int, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return (days, stations) anomalies of maximum and minimum, about unit variance."""
    common = _correlated_noise(climate, [seed, 5, 5], (len(days), 2, 1))
    own = _correlated_noise(climate, [seed, 5, 6], (len(days), 2, stations))
    share = climate.station_correlation
    both = share**0.5 * common + (1 - share) ** 0.5 * own
    in_sd = climate.wet_tmax_degc / np.exp(climate.tmax_sd[1][0])
    rainy = np.where(is_wet, in_sd, 0.0) - in_sd * is_wet.mean()
    spread = (1 - rainy.var()) ** 0.5
    return spread * both[:, 0, :] + rainy[:, None], both[:, 1, :]


def _correlated_noise(
    climate: Climate, seed: list[int], shape: tuple[int, int, int]
) -> NDArray[np.float64]:
    """Return autoregressions (days, 2, stations); the two on axis 1 are max and min."""
    noise = np.random.default_rng(seed).standard_normal(shape)
    together = climate.max_min_correlation
    noise[:, 1] = together * noise[:, 0] + (1 - together**2) ** 0.5 * noise[:, 1]
    rho = climate.rho
    return signal.lfilter([(1 - rho**2) ** 0.5], [1, -rho], noise, axis=0)


def _mixed(
    pair: tuple[tuple[float, ...], tuple[float, ...]],
    days: pd.DatetimeIndex,
    inland: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return (days, stations) harmonics between those of the coast and of downtown."""
    turn = 2 * np.pi * days.day_of_year.to_numpy() / 365.25
    parts = [np.cos(turn), np.sin(turn), np.cos(2 * turn), np.sin(2 * turn)]
    basis = np.column_stack([np.ones(len(days)), *parts])
    coast, town = (basis @ np.array(part) for part in pair)
    return coast[:, None] + (town - coast)[:, None] * inland


def _in_whole_fahrenheit(degc: NDArray[np.float64]) -> NDArray[np.float64]:
    return ((np.round(degc * 9 / 5 + 32) - 32) * 5 / 9).round(1)


def _in_hundredths(mm: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.maximum(np.round(mm / _INCH_MM * 100), 1) / 100 * _INCH_MM
