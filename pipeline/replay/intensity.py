"""How many reports are expected each day, by division and kind."""

from collections.abc import Sequence
from datetime import date
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.replay.holiday_days import holiday_dates
from pipeline.replay.parameters import Kind, Parameters

ORIGIN = date(2009, 1, 4)  # chains of factors start on this Sunday, whatever part is simulated
_YEARS = range(2009, 2039)
_KNOTS = ("02-15", "11-15")  # between these a year keeps its mean; levels change in the winter


class Intensity:
    """Expected reports by day, division and kind, for one seed.

    Every factor is drawn from its own seed and from one origin, so that a day's rate does not
    depend on which days are asked for.
    """

    def __init__(self, parameters: Parameters, weather: pd.DataFrame, seed: int) -> None:
        """Take the city's weather, by day: is_warm and is_wet, both boolean."""
        self._parameters = parameters
        self._weather = weather
        self._seed = seed

    def rates(self, days: Sequence[date], *, with_shocks: bool = True) -> NDArray[np.float64]:
        """Return (days, divisions, kinds) expected reports.

        Args:
            days: days from ORIGIN on.
            with_shocks: whether the city's surprises of each week and day are in it.
        """
        index = pd.DatetimeIndex(pd.to_datetime(list(days)))
        kinds = self._parameters.kinds
        log = np.column_stack(
            [self._calendar(k, index) + self._slow(n, index) for n, k in enumerate(kinds)]
        )
        if with_shocks:
            log += self._shocks(index)[:, None]
        return self._levels(index) / 7 * np.exp(log)[:, None, :]

    def _levels(self, index: pd.DatetimeIndex) -> NDArray[np.float64]:
        """Return (days, divisions, kinds) reports a week, the slow trend of the years."""
        means = {year: np.array(m) for year, m in self._parameters.weekly_mean.items()}
        first, last = min(means), max(means)
        for year in _YEARS:
            if year > last:
                means[year] = means[last]
            if year < first:
                factors = [k.year_factor.get(max(year, 2010), 1.0) for k in self._parameters.kinds]
                means[year] = means[first] * np.array(factors)
        knots = pd.to_datetime([f"{year}-{day}" for year in _YEARS for day in _KNOTS])
        at = (knots - pd.Timestamp(ORIGIN)).days.to_numpy()
        values = np.repeat([means[year] for year in _YEARS], len(_KNOTS), axis=0)
        day = (index - pd.Timestamp(ORIGIN)).days.to_numpy()
        after = np.clip(np.searchsorted(at, day, side="right"), 1, len(at) - 1)
        weight = np.clip((day - at[after - 1]) / (at[after] - at[after - 1]), 0, 1)
        weight = weight[:, None, None]
        return (1 - weight) * values[after - 1] + weight * values[after]

    def _calendar(self, kind: Kind, index: pd.DatetimeIndex) -> NDArray[np.float64]:
        """Return (days,) log effects of season, weekday, holidays and weather, mean rate 1."""
        years = [2020, 2021, 2022, 2023]
        usual = pd.date_range(f"{years[0]}-01-01", f"{years[-1]}-12-31")
        mean = np.exp(self._calendar_effects(kind, usual)).mean()
        return self._calendar_effects(kind, index) - np.log(mean)

    def _calendar_effects(self, kind: Kind, index: pd.DatetimeIndex) -> NDArray[np.float64]:
        turn = 2 * np.pi * index.day_of_year.to_numpy() / 365.25
        basis = (np.cos(turn), np.sin(turn), np.cos(2 * turn), np.sin(2 * turn))
        log = sum(c * b for c, b in zip(kind.season, basis, strict=True))
        log = log + np.array(kind.weekday)[index.day_of_week]
        log += kind.first_of_month * (index.day == 1)
        log += self._holidays.reindex(index, fill_value=0.0).to_numpy()
        weather = self._weather.reindex(index, fill_value=False)
        log += kind.warm_day * weather["is_warm"].to_numpy()
        return log + self._parameters.wet_day * weather["is_wet"].to_numpy()

    @cached_property
    def _holidays(self) -> pd.Series:
        """Log effect by day, only of days that have one."""
        dates = holiday_dates(_YEARS)
        effects = self._parameters.holidays
        pairs = [(day, effects[name]) for name, days in dates.items() for day in days]
        series = pd.Series([e for _, e in pairs], index=pd.to_datetime([d for d, _ in pairs]))
        return series.groupby(level=0).sum()

    def _slow(self, kind: int, index: pd.DatetimeIndex) -> NDArray[np.float64]:
        """Return (days,) the kind's own slow factor, constant within months."""
        sd, rho = self._parameters.kinds[kind].month_sd, self._parameters.dispersion.month_rho
        chain = self._chain(10 + kind, len(_YEARS) * 12, rho)
        month = (index.year.to_numpy() - _YEARS[0]) * 12 + index.month.to_numpy() - 1
        return sd * chain[month] - sd**2 / 2

    def _shocks(self, index: pd.DatetimeIndex) -> NDArray[np.float64]:
        """Return (days,) log factors of the city's weeks and days."""
        spread = self._parameters.dispersion
        day = (index - pd.Timestamp(ORIGIN)).days.to_numpy()
        length = len(_YEARS) * 366
        weeks = self._chain(1, length // 7 + 1, spread.week_rho)[day // 7]
        days = self._chain(2, length, 0.0)[day]
        variance = spread.week_sd**2 + spread.day_sd**2
        return spread.week_sd * weeks + spread.day_sd * days - variance / 2

    def _chain(self, stream: int, length: int, rho: float) -> NDArray[np.float64]:
        """Return (length,) a stationary first-order autoregression of unit variance."""
        noise = np.random.default_rng([self._seed, 4, stream]).standard_normal(length)
        chain = np.empty(length)
        chain[0] = noise[0]
        for k in range(1, length):
            chain[k] = rho * chain[k - 1] + (1 - rho**2) ** 0.5 * noise[k]
        return chain
