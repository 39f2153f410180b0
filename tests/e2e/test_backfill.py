"""Past weeks by `airflow backfill create`, through the real scheduler with a LocalExecutor.

Two weeks by default; `make bench-backfill` asks for twelve (BACKFILL_WEEKS) and prints what they
cost.
"""

import os
import time
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta

import pytest

from pipeline.domain.weeks import WEEK
from pipeline.results.store.writer import ResultsStore
from pipeline.settings import Settings
from pipeline.workflow.plan import make_plan
from pipeline.workflow.run import run_week
from tests.services import Airflow

WEEKS = int(os.environ.get("BACKFILL_WEEKS", "2"))
LAST_ISSUE = date(2026, 10, 28)
ISSUES = [LAST_ISSUE - WEEK * k for k in reversed(range(WEEKS))]
BEFORE = ISSUES[0] - WEEK  # the week whose model the others are made with
CITY = "los_angeles"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600 + 200 * WEEKS)]


@pytest.fixture
def airflow(tmp_path, databases, small):
    # As deployed: PostgreSQL has more than one writer at a time.
    return Airflow(
        tmp_path,
        databases["airflow"],
        AIRFLOW__CORE__EXECUTOR="LocalExecutor",
        AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE="False",
        **small,
    )


@pytest.fixture
def lived(city, sources, small, tmp_path):
    """The same weeks, each run on its own day from what the portal showed on that day."""
    known = {name.removeprefix("HOTSPOTS_").lower(): value for name, value in small.items()}
    settings = Settings(home=tmp_path / "lived", **known)
    weeks = []
    for day in [BEFORE, *ISSUES]:
        sources.source = city.seen_on(day)
        now = datetime(day.year, day.month, day.day, 14, tzinfo=UTC)
        mode = "retrain" if day == BEFORE else "reuse"
        plan = make_plan(settings, city=CITY, issue_date=day, training=mode, now=now)
        weeks.append(run_week(settings, plan, now=now))
    sources.source = city
    return weeks[1:]


def backfill(airflow):
    """Backfill the weeks, all at once, and return their task instances."""
    first, last = (day - WEEK for day in (ISSUES[0], ISSUES[-1]))  # intervals begin a week before
    airflow.run(
        "airflow", "backfill", "create", "--dag-id", "weekly_forecast",
        "--from-date", f"{first}", "--to-date", f"{last + timedelta(days=1)}",
        "--max-active-runs", "4", "--reprocess-behavior", "completed",
        "--dag-run-conf", '{"training": "reuse"}',
    )  # fmt: skip
    return airflow.tasks_when_done(300 + 120 * WEEKS)


def stored(airflow):
    """Return the stored forecasts, the earliest first."""
    store = ResultsStore(f"sqlite:///{airflow.environment['HOTSPOTS_HOME']}/results.db")
    return store.weeks(CITY)[::-1]


def test_backfilled_weeks_are_what_they_would_have_been_and_come_out_the_same_again(
    airflow, sources, lived
):
    sources.set_fault("late_revision")  # reports of old days that no week here knew of
    airflow.run("hotspots", "run", "--issue-date", f"{BEFORE}", "--training", "retrain")
    sources.clear_faults()
    with ExitStack() as stack:
        for name in ("scheduler", "dag-processor", "api-server"):
            stack.enter_context(airflow.component(name, "airflow", name))
        airflow.start_dag("weekly_forecast")
        began = time.monotonic()
        tasks = backfill(airflow)
        seconds = time.monotonic() - began
        print(f"\n{WEEKS} weeks in {seconds:.0f} s")  # noqa: T201 - what the bench is for
        first = stored(airflow)
        again = backfill(airflow)
    assert {task["state"] for task in [*tasks, *again]} == {"success"}, airflow.story()
    assert len(tasks) == len(again) == 11 * WEEKS

    made = first[1:]
    assert [run.record.weeks.issue_date for run in made] == ISSUES
    assert [run.record.weeks.horizon for run in made] == [w.grid["horizon"] for w in lived]
    assert [run.record.forecast_sha256 for run in made] == [
        week.published["forecast_sha256"] for week in lived
    ]
    assert stored(airflow) == first
