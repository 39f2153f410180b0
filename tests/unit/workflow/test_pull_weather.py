"""The pull of weather: whatever it was killed at, a past week has its forecast too."""

from datetime import UTC, date, datetime

import pyarrow as pa
import pytest

from pipeline.domain.errors import SourceUnavailable
from pipeline.lake.lake import Lake
from pipeline.sources import weather
from pipeline.sources.pulled import Pull
from pipeline.workflow.plan import Plan
from pipeline.workflow.pull import WEATHER_FORECAST_SOURCE, WEATHER_SOURCES, pull_weather

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
PAST = Plan(city="chicago", issue_date=date(2018, 1, 10), target_week=date(2018, 1, 14))
ALL = (*WEATHER_SOURCES, WEATHER_FORECAST_SOURCE)


class Killed(BaseException):
    """Stands for a process that ends here."""


def one(name):
    return Pull(name, pa.table({"x": [1]}), None, "live")


@pytest.fixture
def sources(monkeypatch):
    """Let every source of weather answer with a row; return the names that were asked for."""
    asked = []

    def pull_forecast(*_):
        asked.append(WEATHER_FORECAST_SOURCE)
        return one(WEATHER_FORECAST_SOURCE)

    def pull_all(*_):
        asked.extend(WEATHER_SOURCES)
        return map(one, WEATHER_SOURCES)

    monkeypatch.setattr(weather, "pull_weather", pull_all)
    monkeypatch.setattr(weather, "pull_weather_forecast", pull_forecast)
    return asked


def held(settings):
    lake = Lake(settings.lake_root)
    return {name for name in ALL if lake.snapshots("chicago", name)}


@pytest.mark.parametrize("stored", range(5))
def test_killed_after_any_snapshot_the_next_try_brings_the_rest(
    settings, sources, monkeypatch, stored
):
    left, real = [None] * stored, Lake.add_snapshot

    def add_or_die(*args, **facts):
        if not left:
            raise Killed
        left.pop()
        return real(*args, **facts)

    with monkeypatch.context() as patch:
        patch.setattr(Lake, "add_snapshot", add_or_die)
        if stored < len(ALL):
            with pytest.raises(Killed):
                pull_weather(settings, PAST, now=NOW)
        else:
            pull_weather(settings, PAST, now=NOW)
    pull_weather(settings, PAST, now=NOW)
    assert held(settings) == set(ALL)
    sources.clear()
    pull_weather(settings, PAST, now=NOW)  # all is held: nothing is asked for
    assert sources == []


def test_a_source_that_is_away_takes_no_other_with_it(settings, sources, monkeypatch):
    def fail(*_):
        raise SourceUnavailable("api.weather.gov does not answer")

    monkeypatch.setattr(weather, "pull_weather_forecast", fail)
    pulled = pull_weather(settings, PAST, now=NOW)
    assert pulled["notes"] == ["weather: api.weather.gov does not answer"]
    assert held(settings) == set(WEATHER_SOURCES)
