"""A run's first task: which day the run is for, and what it refuses that came by another way."""

import sys
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from tests.services import ROOT

FORM = {"city": "los_angeles", "issue_date": None, "training": "auto", "notes": None}
ASKED_AT = datetime(2026, 11, 20, 20, tzinfo=UTC)
START, END = (datetime(2026, 11, day, 14, tzinfo=UTC) for day in (11, 18))
GIVEN = datetime(2026, 11, 4, tzinfo=UTC)


@pytest.fixture
def resolve(airflow_home, monkeypatch, tmp_path):
    """Return a call of the task for a run."""
    monkeypatch.syspath_prepend(str(ROOT / "dags"))
    monkeypatch.setenv("HOTSPOTS_HOME", str(tmp_path))
    from on_airflow import steps

    def of_run(run_type="manual", logical_date=None, **given):
        run = SimpleNamespace(
            dag_id="weekly_forecast", run_id="r", run_type=run_type, conf=given or None,
            logical_date=logical_date, run_after=ASKED_AT, start_date=ASKED_AT,
        )  # fmt: skip
        ti = SimpleNamespace(xcom_push=lambda _key, _value: None)
        context = {"dag_run": run, "params": {**FORM, **given}, "data_interval_end": END, "ti": ti}
        monkeypatch.setattr(steps, "get_current_context", lambda: context)
        return steps.resolve.function(*FORM)

    yield of_run
    for name in [name for name in sys.modules if name.startswith("on_airflow")]:
        sys.modules.pop(name)


@pytest.mark.parametrize(
    ("how", "day"),
    [
        ({}, "2026-11-20"),
        ({"logical_date": GIVEN}, "2026-11-04"),
        ({"logical_date": GIVEN, "issue_date": "2026-10-28"}, "2026-10-28"),
        ({"run_type": "scheduled", "logical_date": START}, "2026-11-18"),
        ({"run_type": "backfill", "logical_date": START}, "2026-11-18"),
    ],
)
def test_a_run_is_for_the_day_that_was_meant(resolve, how, day):
    assert resolve(**how)["issue_date"] == day


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ({"isue_date": "2026-11-04"}, "InvalidRequest: There is no field 'isue_date'"),
        ({"issue_date": "9999-01-06"}, "WeekNotReady: Issue date 9999-01-06 lies after today"),
        ({"issue_date": "2001-01-03"}, "InvalidRequest: .* lies before the first report"),
        ({"run_type": "backfill", "issue_date": "2026-11-04"}, "InvalidRequest: A backfill runs"),
    ],
)
def test_what_came_past_the_form_fails_for_good_by_its_name(resolve, how, reason):
    from airflow.sdk.exceptions import AirflowFailException

    with pytest.raises(AirflowFailException, match=reason):
        resolve(**how)
