"""What weeks of one backfill share: checks of the same weather, and the making of cubes ahead."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Event

import pytest

from pipeline.domain.city import load_city
from pipeline.domain.columns import WEATHER_DAILY
from pipeline.domain.errors import ProcessInterrupted, WeekNotReady
from pipeline.lake.lake import Lake
from pipeline.quality.gate import check_weather
from pipeline.workflow import backfill
from pipeline.workflow.backfill import Session, cubes_ahead
from pipeline.workflow.plan import Plan
from tests.unit.quality.quality_samples import AS_OF, as_table, good_weather

NOW = datetime(2026, 11, 25, tzinfo=UTC)
CITY = "los_angeles"


def plan_of(city):
    return Plan(city=city, issue_date=NOW.date(), target_week=NOW.date())


def be_killed(*_plan, **_now):
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.fixture
def snapshots_of(tmp_path):
    lake = Lake(tmp_path / "lake")

    def store(frame):
        table = as_table(WEATHER_DAILY, frame)
        snapshot = lake.add_snapshot(
            CITY, "weather_ncei", table, pulled_at=NOW, source_updated_at=None, provenance="live"
        )
        return lake, load_city(CITY), (("weather_ncei", snapshot.ref.to_json()),)

    return store


def test_a_week_of_weather_judged_with_others_comes_to_what_it_comes_to_alone(snapshots_of):
    verdicts = Session().weather_verdicts(*snapshots_of(good_weather()))
    assert verdicts
    issue_date = AS_OF - timedelta(days=30)
    frame = good_weather()
    table = as_table(WEATHER_DAILY, frame[frame["observed_on"] < issue_date])
    alone, judged = (
        check_weather(load_city(CITY), table, issue_date=issue_date, docs_dir=None, verdicts=given)
        for given in (None, verdicts)
    )
    assert 0 < judged.accepted.num_rows == table.num_rows
    assert (judged.accepted, judged.checks) == (alone.accepted, alone.checks)


def test_where_any_weather_is_bad_each_week_is_judged_alone(snapshots_of):
    frame = good_weather()
    frame.loc[10, "tmin_degc"] = 24.1  # above its tmax_degc
    assert Session().weather_verdicts(*snapshots_of(frame)) is None


def test_the_next_two_cubes_are_made_ahead_and_no_other(monkeypatch):
    begun = {name: Event() for name in ("1", "2", "3", "4")}

    def to_cube(_settings, plan, *, now, reads):
        assert now - NOW < timedelta(minutes=1)
        begun[plan.city].set()
        if plan.city == "2":
            raise WeekNotReady("too early")
        return {}, {"ref": plan.city}

    monkeypatch.setattr(backfill, "run_to_cube", to_cube)
    # What this test hands over can't leave its process.
    monkeypatch.setattr(backfill, "ProcessPoolExecutor", lambda n, _: ThreadPoolExecutor(n))
    weeks = cubes_ahead(None, [plan_of(name) for name in begun], now=NOW)
    plan, cube = next(weeks)
    assert (plan.city, cube()[1]) == ("1", {"ref": "1"})
    assert begun["3"].wait(10)
    assert not begun["4"].wait(0.1)
    plan, cube = next(weeks)
    with pytest.raises(WeekNotReady, match="too early"):
        cube()
    assert [cube()[1]["ref"] for _, cube in weeks] == ["3", "4"]


def test_where_the_process_that_makes_cubes_is_killed_an_error_says_so(monkeypatch):
    monkeypatch.setattr(backfill, "_to_cube", be_killed)
    weeks = cubes_ahead(None, [plan_of("1")], now=NOW)
    _, cube = next(weeks)
    with pytest.raises(ProcessInterrupted, match=r"was killed.*go on from this week"):
        cube()
