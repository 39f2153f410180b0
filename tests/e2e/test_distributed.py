"""A week in the distributed form: Celery workers, PostgreSQL, Redis, MLflow, and a lake by URL."""

from contextlib import ExitStack

import pytest
from sqlalchemy import create_engine, select
from sqlalchemy.pool import NullPool

from pipeline.results.store.tables import Base
from tests.e2e.conftest import LAST_DAY, celery_worker, on_celery
from tests.services import Airflow, free_port, is_open, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]

WORKERS = {"default": 2, "gpu": 1}  # queue -> tasks at a time
OF_THE_MOMENT = {"run_id", "created_at"}


@pytest.fixture
def airflow(tmp_path, databases, redis, small, s3_url):
    metadata = databases["airflow"]
    return Airflow(tmp_path, metadata, **on_celery(metadata, redis), **small)


def run_a_week(airflow, databases, lake_url):
    """Start every part as docker-compose.yml does, run a week, and ask after the parts' health.

    Returns:
        The task instances, and the log of each queue's worker.
    """
    owned = {"HOTSPOTS_RESULTS_URL": databases["results_owner"]}
    read = {"HOTSPOTS_RESULTS_URL": databases["results_reader"]}
    airflow.run("hotspots", "migrate", **owned)
    port = free_port()
    written = {
        "HOTSPOTS_RESULTS_URL": databases["results_writer"],
        "HOTSPOTS_MLFLOW_URL": f"http://127.0.0.1:{port}",
        "HOTSPOTS_LAKE_URL": lake_url,
    }
    with ExitStack() as stack:

        def start(name, program, *words, **more):
            return stack.enter_context(airflow.component(name, program, *words, **more))

        start(
            "mlflow", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port),
            "--workers", "1", "--allowed-hosts", f"127.0.0.1:{port}",
            MLFLOW_BACKEND_STORE_URI=databases["mlflow"].replace("+psycopg:", "+psycopg2:"),
        )  # fmt: skip
        start("scheduler", "airflow", "scheduler")
        start("dag-processor", "airflow", "dag-processor")
        start("api-server", "airflow", "api-server", **read)
        logs = {
            queue: start(f"worker_{queue}", *celery_worker(queue, size), **written)
            for queue, size in WORKERS.items()
        }
        wait_for(lambda: is_open(port), 300, "MLflow")
        airflow.start_dag("weekly_forecast")
        airflow.trigger("weekly_forecast", issue_date=LAST_DAY.isoformat())
        tasks = airflow.tasks_when_done(900)
        check_health(airflow)
        return tasks, {queue: log.read_text() for queue, log in logs.items()}


def check_health(airflow):
    """Ask as the health checks of docker-compose.yml ask; a bad answer is an error."""
    airflow.run("airflow", "jobs", "check", "--job-type", "DagProcessorJob", "--local")
    app = "airflow.providers.celery.executors.celery_executor.app"
    said = airflow.run("celery", "--app", app, "inspect", "ping", "--timeout", "10")
    assert said.count("pong") == 2


def stored(url):
    """Return every table of a results store, row by row, but for when and by what run.

    The hash of a row that says when or by what run is of that moment too.
    """
    found = {}
    with create_engine(url, poolclass=NullPool).connect() as connection:
        for table in Base.metadata.sorted_tables:
            kept = [c for c in table.columns if c.name not in OF_THE_MOMENT]
            rows = connection.execute(select(*kept).order_by(*table.primary_key))
            found[table.name] = [tuple(row) for row in rows]
    tables = Base.metadata.tables.items()
    of_a_moment = {name for name, table in tables if OF_THE_MOMENT & {*table.columns.keys()}}
    found["row_seals"] = [row for row in found["row_seals"] if row[0] not in of_a_moment]
    return found


def test_a_week_on_two_queues_stores_in_postgres_what_the_command_line_stores_in_sqlite(
    airflow, databases, s3_url, tmp_path
):
    tasks, logs = run_a_week(airflow, databases, s3_url)
    assert {task["state"] for task in tasks} == {"success"}, airflow.story()
    assert len(tasks) == 11
    [note] = airflow.rows("select content from dag_run_note")
    assert "target week" in note["content"]
    for task in tasks:
        queue = "gpu" if task["task_id"] == "train" else "default"
        (worker,) = (q for q, log in logs.items() if task["external_executor_id"] in log)
        assert (task["task_id"], task["queue"], worker) == (task["task_id"], queue, queue)

    assert not (tmp_path / "hotspots" / "lake").exists()
    alone = tmp_path / "alone"
    airflow.run("hotspots", "run", "--issue-date", f"{LAST_DAY}", HOTSPOTS_HOME=str(alone))
    distributed = stored(databases["results_reader"])
    assert distributed == stored(f"sqlite:///{alone}/results.db")
    assert len(distributed["cell_forecasts"]) == 1663
