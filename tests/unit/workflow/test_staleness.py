"""A failed input marks the forecast that keeps serving, and nothing else does."""

from datetime import timedelta

import pytest

from pipeline.domain.errors import InvalidRequest, QualityGateFailed
from pipeline.workflow.staleness import marks_stale
from tests.unit.results.samples import TARGET, publish, small_cells


@marks_stale
def failing(settings, plan, error):
    raise error


def plan_for(target_week, *, publishes=True):
    return {
        "city": "smallville",
        "issue_date": "2026-01-07",
        "target_week": target_week.isoformat(),
        "publish": publishes,
    }


def fail(settings, plan, error):
    with pytest.raises(type(error)):
        failing(settings, plan, error)


def test_a_failed_gate_marks_the_last_forecast(settings, store):
    publish(store, small_cells())
    later = plan_for(TARGET + timedelta(weeks=1))
    fail(settings, later, QualityGateFailed("volume_low: 12 reports, expected 400 or more"))
    status = store.status("smallville")
    assert status.stale_since.isoformat() == "2026-01-07"
    assert "QualityGateFailed: volume_low" in status.stale_reason


def test_a_backfill_that_fails_leaves_the_newest_forecast_fresh(settings, store):
    publish(store, small_cells())
    fail(settings, plan_for(TARGET), QualityGateFailed("no"))
    assert store.status("smallville").stale_since is None


def test_a_dry_run_or_a_wrong_request_marks_nothing(settings, store):
    publish(store, small_cells())
    later = TARGET + timedelta(weeks=1)
    fail(settings, plan_for(later, publishes=False), QualityGateFailed("no"))
    fail(settings, plan_for(later), InvalidRequest("no"))
    assert store.status("smallville").stale_since is None


def test_without_a_store_the_error_passes_and_nothing_is_made(settings):
    fail(settings, plan_for(TARGET), QualityGateFailed("no"))
    assert not (settings.home / "results.db").exists()
