"""A failed input of the awaited week marks the forecast that keeps serving; nothing else does."""

from datetime import UTC, date, datetime, timedelta

import pytest

from pipeline.domain.errors import InvalidRequest, QualityGateFailed, SchemaDrift
from pipeline.results.store.writer import ResultsStore
from pipeline.sources.replayed import ReplayedDays
from pipeline.workflow.backfill import plan_past_weeks
from pipeline.workflow.operations.staleness import marks_stale
from pipeline.workflow.plan import make_plan
from tests.unit.results.samples import make_weeks, publish, small_cells

CITY = "los_angeles"
NOW = datetime(2026, 11, 25, 15, tzinfo=UTC)  # a Wednesday
LAST, COMING = date(2026, 11, 15), date(2026, 11, 29)
FAILED = QualityGateFailed("weekly_collapse: 12 reports, expected 400 or more")


@marks_stale
def failing(settings, plan, error):
    raise error


def fail(settings, error=FAILED, *, now=NOW, data_interval_end=NOW, **asked):
    asked = {"city": CITY, "issue_date": None, "data_interval_end": data_interval_end, **asked}
    with pytest.raises(type(error)):
        failing(settings, make_plan(settings, now=now, **asked), error)


@pytest.fixture
def store(store):
    publish_for(store, LAST)
    return store


def publish_for(store, target, city=CITY):
    publish(store, small_cells(), city=city, target=target, weeks=make_weeks(target))


@pytest.mark.parametrize("occasion", ["scheduled", "manual"])
def test_the_awaited_week_marks_the_last_forecast(settings, store, occasion):
    fail(settings, occasion=occasion)
    stale = store.status(CITY).stale
    assert (stale.week, stale.last_week) == (COMING, LAST)
    assert stale.detail == f"QualityGateFailed: {FAILED}"
    assert stale.since == date(2026, 11, 18)  # when the one after the last was due


def test_a_scheduled_run_that_comes_late_marks_its_week(settings, store):
    days_after = NOW + timedelta(days=6)
    fail(settings, occasion="scheduled", now=days_after)
    assert store.status(CITY).stale.week == COMING


@pytest.mark.parametrize("day", ["2026-11-18", "2026-11-11", "2020-01-01"])
def test_a_run_by_hand_for_another_date_marks_nothing(settings, store, day):
    fail(settings, issue_date=day)
    assert store.status(CITY).stale is None


@pytest.mark.parametrize("day", ["2026-12-02", "2030-01-01"])
def test_nor_does_a_replay_of_the_future(settings, store, monkeypatch, day):
    shown = ReplayedDays(date(2024, 1, 1), date(2030, 1, 1))
    monkeypatch.setattr("pipeline.workflow.request.replayed_days", lambda *_: shown)
    fail(settings.model_copy(update={"replay_url": "http://127.0.0.1:1"}), issue_date=day)
    assert store.status(CITY).stale is None


def test_nor_does_a_backfill_even_of_the_coming_week(settings, store):
    fail(settings, occasion="backfill")
    (plan,) = plan_past_weeks(settings, [NOW.date()], city=CITY, training="auto", now=NOW)
    with pytest.raises(SchemaDrift):
        failing(settings, plan, SchemaDrift("no lat"))
    assert store.status(CITY).stale is None


def test_nor_does_a_dry_run_or_a_wrong_request(settings, store):
    fail(settings, publish=False)
    fail(settings, InvalidRequest("no"))
    assert store.status(CITY).stale is None


def test_nor_does_a_run_for_another_city(settings, store):
    publish_for(store, LAST, city="chicago")
    fail(settings, city="chicago")
    assert store.status(CITY).stale is None
    assert store.status("chicago").stale.week == COMING


def test_a_newer_forecast_ends_it_whenever_it_comes(settings, store):
    fail(settings)
    publish_for(store, COMING)
    assert store.status(CITY).stale is None
    fail(settings, SchemaDrift("cleared, and failed again"), occasion="scheduled")
    assert store.status(CITY).stale is None


def test_without_a_store_the_error_passes_and_nothing_is_made(settings):
    fail(settings)
    assert not (settings.home / "results.db").exists()


def test_a_store_out_of_reach_does_not_hide_the_error(settings, caplog):
    away = {"results_url": "postgresql+psycopg://nobody@127.0.0.1:1/results"}
    fail(settings.model_copy(update=away))
    assert "could not be stored" in caplog.text


def test_a_city_without_a_forecast_is_not_stale(settings):
    empty = ResultsStore(settings.results_database)
    empty.migrate()
    fail(settings)
    assert empty.status(CITY).stale is None
