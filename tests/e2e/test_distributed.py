"""A week in the distributed form: PostgreSQL, Redis, and a Celery worker for each queue."""

from contextlib import ExitStack

import pytest
from sqlalchemy import create_engine, select
from sqlalchemy.pool import NullPool

from pipeline.results.tables import Base
from tests.e2e.conftest import LAST_DAY
from tests.services import Airflow, create_database

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

SINGLE = ("scheduler", "dag-processor", "api-server")
WORKERS = {"default": "2", "gpu": "1"}  # queue -> tasks at a time
OF_THE_MOMENT = {"run_id", "created_at"}


@pytest.fixture
def airflow(tmp_path, postgres, redis, small):
    metadata = create_database(postgres, "airflow")
    return Airflow(
        tmp_path,
        metadata,
        AIRFLOW__CORE__EXECUTOR="CeleryExecutor",
        AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE="False",  # only the run that is asked for
        AIRFLOW__CELERY__BROKER_URL=redis,
        AIRFLOW__CELERY__RESULT_BACKEND="db+" + metadata.replace("+psycopg:", "+psycopg2:"),
        HOTSPOTS_RESULTS_URL=create_database(postgres, "results"),
        **small,
    )


def run_a_week(airflow):
    """Start every component, run a week, and return its task instances and the workers' logs."""
    with ExitStack() as stack:
        for name in SINGLE:
            stack.enter_context(airflow.component(name, name))
        logs = {
            queue: stack.enter_context(
                airflow.component(
                    f"worker_{queue}", "celery", "worker",
                    "-q", queue, "-c", size, "-H", f"{queue}@%h", "--skip-serve-logs",
                )
            )
            for queue, size in WORKERS.items()
        }  # fmt: skip
        airflow.start_dag("weekly_forecast")
        airflow.trigger("weekly_forecast", issue_date=LAST_DAY.isoformat())
        tasks = airflow.tasks_when_done(300)
        return tasks, {queue: log.read_text() for queue, log in logs.items()}


def stored(url):
    """Return every table of a results store, row by row, but for when and by what run."""
    found = {}
    with create_engine(url, poolclass=NullPool).connect() as connection:
        for table in Base.metadata.sorted_tables:
            kept = [c for c in table.columns if c.name not in OF_THE_MOMENT]
            rows = connection.execute(select(*kept).order_by(*table.primary_key))
            found[table.name] = [tuple(row) for row in rows]
    return found


def test_a_week_on_two_queues_stores_in_postgres_what_the_command_line_stores_in_sqlite(
    airflow, tmp_path
):
    tasks, logs = run_a_week(airflow)
    assert {task["state"] for task in tasks} == {"success"}
    assert len(tasks) == 11
    for task in tasks:
        queue = "gpu" if task["task_id"] == "train" else "default"
        (worker,) = (q for q, log in logs.items() if task["external_executor_id"] in log)
        assert (task["task_id"], task["queue"], worker) == (task["task_id"], queue, queue)

    postgres_url = airflow.environment.pop("HOTSPOTS_RESULTS_URL")
    airflow.environment["HOTSPOTS_HOME"] = str(tmp_path / "alone")
    airflow.run("hotspots", "run", "--issue-date", LAST_DAY.isoformat())
    distributed, alone = stored(postgres_url), stored(f"sqlite:///{tmp_path}/alone/results.db")
    assert distributed == alone
    assert len(distributed["cell_forecasts"]) == 1663
