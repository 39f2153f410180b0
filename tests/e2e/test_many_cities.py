"""Several cities on schedule, through the real scheduler; training takes a model that is made.

Two cities by default; `make bench-cities` asks for a hundred (CITIES) and prints what they cost.
"""

import os
import time
from contextlib import ExitStack
from datetime import timedelta

import pytest

from pipeline.model.registry import Registry
from pipeline.results.store.writer import ResultsStore
from pipeline.settings import Settings
from tests.e2e.conftest import START_OF_LIVING, TODAY, dags_changed_by, quick_settings
from tests.e2e.many_cities import MODEL, make_cities
from tests.services import Airflow, wait_for

COUNT = int(os.environ.get("CITIES", "2"))
LONGEST_S = 300 + 120 * COUNT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(LONGEST_S + 600)]


@pytest.fixture
def names(tmp_path):
    return make_cities(tmp_path / "cities", COUNT)


@pytest.fixture
def airflow(tmp_path, databases, living_sources, names):
    quick = quick_settings(living_sources.url, START_OF_LIVING)
    changed = dags_changed_by(
        tmp_path / "dags", "weekly_forecast", "tests.e2e.many_cities:take_a_model"
    )
    airflow = Airflow(
        tmp_path,
        databases["airflow"],
        AIRFLOW__CORE__EXECUTOR="LocalExecutor",
        AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION="False",
        HOTSPOTS_CITIES=",".join(names),
        HOTSPOTS_CITIES_DIR=str(tmp_path / "cities"),
        **{MODEL: str(tmp_path / "model")},
        **quick,
        **changed,
    )
    for other in ("forecast_deadline", "retrain_model", "load_history"):
        (tmp_path / "dags" / f"{other}.py").unlink()
    return airflow


def test_every_city_is_forecast_on_schedule_by_a_dag_of_its_own(airflow, names, tmp_path):
    early = TODAY - timedelta(weeks=8)  # so that the model knows no week that it forecasts
    airflow.run("hotspots", "run", "--issue-date", f"{early}", HOTSPOTS_HOME=f"{tmp_path}/alone")
    champion = Registry(Settings(home=tmp_path / "alone"), "los_angeles").champion()
    champion.folder.rename(tmp_path / "model")

    began, cpu_before = time.monotonic(), os.times()
    with ExitStack() as stack:
        for part in ("api-server", "dag-processor", "scheduler"):
            stack.enter_context(airflow.component(part, "airflow", part))
        wait_for(lambda: len(airflow.rows("select id from dag_run")) == COUNT, 600, "every run")
        tasks = airflow.tasks_when_done(LONGEST_S)
        seconds = time.monotonic() - began
    cpu = os.times()
    assert {task["state"] for task in tasks} == {"success"}, airflow.story()
    assert len(tasks) == 11 * COUNT

    store = ResultsStore(f"sqlite:///{airflow.environment['HOTSPOTS_HOME']}/results.db")
    made = [store.latest(name) for name in names]
    dags = {run.record.run_id.partition("/")[0] for run in made}
    assert dags == {"weekly_forecast", *(f"weekly_forecast_{name}" for name in names[1:])}
    assert len({run.record.weeks.issue_date for run in made}) == 1
    week = made[0].record.weeks.target_week
    first, *others = (store.cells_frame(name, week) for name in names)
    assert all(cells.equals(first) for cells in others)  # of the same reports in every city

    waits = sorted((t["start_date"] - t["queued_dttm"]).total_seconds() for t in tasks)
    used = sum(cpu[2:4]) - sum(cpu_before[2:4])
    print(  # noqa: T201 - what the bench is for
        f"\n{COUNT} cities in {seconds:.0f} s; CPU {used / COUNT:.0f} s a city, all of Airflow "
        f"included; a queued task waits {waits[len(waits) // 2]:.1f} s (median), "
        f"{waits[-1]:.1f} s at most"
    )
