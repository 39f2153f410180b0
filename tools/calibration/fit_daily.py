"""Fits what the city's daily totals show: holidays, rain, and the spread of days and weeks."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.domain.city import load_city
from pipeline.replay.holiday_days import HOLIDAYS, holiday_dates

DOWNTOWN = "USW00093134"
_FIRST, _LAST = "2021-01-01", "2024-02-29"  # after the first pandemic year, before the roll-out
BURST = (pd.Timestamp(2022, 3, 1), pd.Timestamp(2023, 2, 28))  # see `fit_totals`
_WET_MM = 1.0


@dataclass(frozen=True)
class DailyFit:
    """What was fitted; effects and standard deviations are of the log rate."""

    holidays: dict[str, float]
    wet_day: float
    warm_day: float
    warm_day_error: float
    week_sd: float
    week_rho: float
    day_sd: float
    warm_share_by_month: NDArray[np.float64]


def fit_daily(place: Path) -> DailyFit:
    """Fit the files in `place`: daily_city_total and weather_daily."""
    totals = pd.read_csv(place / "daily_city_total_2020_2024.csv", parse_dates=["date"])
    weather = pd.read_parquet(place / "weather_daily_2009_2025.parquet")
    weather = weather[weather["station"] == DOWNTOWN]
    weather = weather.assign(date=pd.to_datetime(weather["date"])).set_index("date")
    counts = totals.set_index("date")["crimes"].loc["2020-07-01":_LAST]
    return fit_totals(counts, weather["tmax"], weather["prcp"])


def fit_totals(counts: pd.Series, tmax: pd.Series, rain: pd.Series) -> DailyFit:
    """Regress the log of daily totals, less its running median, on calendar and weather.

    The spread of weeks and days leaves out BURST, a year in which identity thefts were dated to
    the first days of months in such numbers that weekly totals swung more than twice as far.

    Args:
        counts: reports a day, by date.
        tmax: downtown's maximum by date, degC.
        rain: downtown's rain by date, mm.
    """
    log = np.log(counts)
    departure = (log - log.rolling(57, center=True, min_periods=29).median()).loc[_FIRST:_LAST]
    days = pd.DatetimeIndex(departure.index)
    warm_degc = load_city("los_angeles").warm_day_degc
    design = _design(days, tmax.reindex(days) >= warm_degc, rain.reindex(days) >= _WET_MM)
    matrix = design.to_numpy(float)
    fit, *_ = np.linalg.lstsq(matrix, departure.to_numpy(), rcond=None)
    residual = departure - matrix @ fit
    effect = dict(zip(design.columns, fit, strict=True))
    spread = np.sqrt(np.diag(np.linalg.inv(matrix.T @ matrix)) * residual.var())
    warm_at = list(design.columns).index("warm")
    is_ordinary = (days < BURST[0]) | (days > BURST[1])
    week_sd, week_rho, day_sd = spread_of_weeks(residual[is_ordinary], float(counts.mean()))
    return DailyFit(
        {name: round(float(effect[name]), 3) for name in HOLIDAYS},
        round(float(effect["wet"]), 3),
        float(effect["warm"]),
        float(spread[warm_at]),
        week_sd,
        week_rho,
        day_sd,
        (tmax >= warm_degc).groupby(pd.DatetimeIndex(tmax.index).month).mean().to_numpy(),
    )


def _design(days: pd.DatetimeIndex, is_warm: pd.Series, is_wet: pd.Series) -> pd.DataFrame:
    columns = {"one": np.ones(len(days))}
    columns |= {f"weekday {k}": days.day_of_week == k for k in range(1, 7)}
    columns |= {"first": days.day == 1, "warm": is_warm.to_numpy(), "wet": is_wet.to_numpy()}
    dates = holiday_dates(range(days[0].year, days[-1].year + 1))
    columns |= {name: days.isin(pd.DatetimeIndex(dates[name])) for name in HOLIDAYS}
    return pd.DataFrame(columns, index=days)


def spread_of_weeks(residual: pd.Series, daily_mean: float) -> tuple[float, float, float]:
    """Split the residual's variance into weeks, days and Poisson noise.

    Returns:
        Standard deviation and autocorrelation of the week factor, and the standard deviation of
        the day factor.
    """
    weeks = residual.groupby(residual.index.to_period("W-SAT"))
    whole = weeks.filter(lambda part: len(part) == 7)
    grouped = whole.groupby(whole.index.to_period("W-SAT"))
    within = float(grouped.var().mean())
    means = grouped.mean()
    week_variance = max(float(means.var()) - within / 7, 1e-6)
    covariance = float(means.autocorr(1) * means.var())
    rho = float(np.clip(covariance / week_variance, 0.0, 0.9))
    day_variance = max(within - 1 / daily_mean, 1e-6)
    return round(week_variance**0.5, 4), round(rho, 3), round(day_variance**0.5, 4)
