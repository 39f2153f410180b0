"""A tiny made-up city, its events, and a forecaster that needs no training."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipeline.domain.city import City, load_city
from pipeline.domain.distributions import CountDistribution, Forecast
from pipeline.domain.weeks import ForecastWeeks
from pipeline.evaluation.backtest import read_cube, run_backtest
from pipeline.evaluation.rolling import ForecastOf
from pipeline.grid.cube import CubeView
from pipeline.settings import Settings

CITY_TOML = """
name = "tinytown"
title = "Tinytown"
time_zone = "America/Chicago"
[grid]
south = 40.0
north = 40.6
west = -90.8
east = -90.0
rows = 6
cols = 8
[offences]
target = ["robbery", "assault"]
citywide_only = ["rape"]
[offences.codes]
assault = ["tinytown:13A"]
"""

FIRST_SUNDAY = pd.Timestamp("2020-01-05")
WEEKS = 24


@pytest.fixture(scope="session")
def city(tmp_path_factory: pytest.TempPathFactory) -> City:
    path = tmp_path_factory.mktemp("city") / "tinytown.toml"
    path.write_text(CITY_TOML)
    return load_city(str(path))


@pytest.fixture(scope="session")
def settings() -> Settings:
    return Settings(window_weeks=6, seed=7)


def make_events(weeks: int = WEEKS, per_week: int = 40, seed: int = 1) -> pd.DataFrame:
    """Events of whole weeks from a Sunday to a Saturday, in the western half of the box."""
    rng = np.random.default_rng(seed)
    n = weeks * per_week
    days = np.repeat(np.arange(weeks), per_week) * 7 + rng.integers(0, 7, n)
    days[0], days[-1] = 0, weeks * 7 - 1
    return pd.DataFrame(
        {
            "occurred_at": FIRST_SUNDAY + pd.to_timedelta(days, unit="D") + pd.Timedelta("9h"),
            "offence": rng.choice(["ROBBERY", "13A", "Theft"], n),
            "latitude": rng.uniform(40.0, 40.6, n),
            "longitude": rng.uniform(-90.8, -90.4, n),
        }
    )


@pytest.fixture(scope="session")
def events() -> pd.DataFrame:
    return make_events()


def backtest_events(city: City, path: Path, **request) -> dict[str, Any]:
    """Backtest a city on a file of events, as the command does."""
    cube, source = read_cube(city, path)
    return run_backtest(city, cube, source=source, **request)


def mean_forecaster(city: City) -> Callable[[CubeView], ForecastOf]:
    """A forecaster that says each cell's mean of all that its view knows, and nothing else."""

    def make(trained_on: CubeView) -> ForecastOf:
        def forecast(view: CubeView, weeks: ForecastWeeks) -> Forecast:
            assert trained_on.edge_week <= view.edge_week == weeks.edge_week
            mean = view.counts(city.offences.target).mean(axis=0, dtype=np.float64)
            mean = np.where(view.cells.mask, mean, np.nan)
            total = CountDistribution(float(np.nansum(mean)), 100.0)
            size = np.where(view.cells.mask, 5.0, np.nan)
            return Forecast(weeks, mean, size, total, {"city": total}, "view_mean", "0" * 64)

        return forecast

    return make
