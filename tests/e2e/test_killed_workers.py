"""Celery workers killed with all they started, in training and in publishing: the run recovers."""

import os
import signal
import subprocess
import time
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from pipeline.results.store import writer as results
from pipeline.results.store.writer import ResultsStore
from tests.conftest import ROOT
from tests.e2e.conftest import LAST_DAY, celery_worker, dags_changed_by, on_celery
from tests.services import BIN, Airflow, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]

STOP = "PUBLISHING_STOPS_AT"  # environment variable: a file that says where publishing stands
CITY = "los_angeles"


def stop_in_publishing():
    """Let the first publishing stand still once the run and its cells are written."""
    sign, add = Path(os.environ[STOP]), results._add

    def stands(session, table, run_pk, rows):
        add(session, table, run_pk, rows)
        if not sign.exists():
            sign.touch()
            time.sleep(600)

    results._add = stands


@pytest.fixture
def airflow(tmp_path, databases, redis, small):
    metadata = databases["airflow"]
    changed = dags_changed_by(
        tmp_path / "dags", "weekly_forecast", "tests.e2e.test_killed_workers:stop_in_publishing"
    )
    retry_at_once(tmp_path / "dags" / "on_airflow" / "steps.py")
    return Airflow(
        tmp_path,
        metadata,
        AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT="20",
        AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL="5",
        HOTSPOTS_RESULTS_URL=databases["results_writer"],
        **{STOP: str(tmp_path / "stands"), **changed, **on_celery(metadata, redis)},
        **small | {"HOTSPOTS_TRAIN_EPOCHS": "60"},
    )


def retry_at_once(steps):
    """Let tasks wait seconds instead of minutes before they try again."""
    text = steps.read_text()
    assert "timedelta(minutes=5)" in text
    steps.write_text(text.replace("timedelta(minutes=5)", "timedelta(seconds=5)"))


@contextmanager
def worker(airflow, queue, attempt):
    """Run a worker for as long as the context lasts, or until it is killed; gives its process."""
    program, *words = celery_worker(queue, 2 if queue == "default" else 1)
    log = airflow.logs / f"worker_{queue}_{attempt}.log"
    with log.open("w") as file:
        process = subprocess.Popen(
            [BIN / program, *words], env=airflow.environment, cwd=ROOT,
            stdout=file, stderr=file, start_new_session=True,
        )  # fmt: skip
    try:
        yield process
    finally:
        kill(process)


def kill(process):
    """Kill a process and all that it started, as when its machine is lost."""
    with suppress(psutil.NoSuchProcess):
        parent = psutil.Process(process.pid)
        for one in [*parent.children(recursive=True), parent]:
            with suppress(psutil.NoSuchProcess):
                one.send_signal(signal.SIGKILL)
    process.wait()


def test_a_week_comes_whole_out_of_workers_that_were_killed(airflow, databases, tmp_path):
    airflow.run("hotspots", "migrate", HOTSPOTS_RESULTS_URL=databases["results_owner"])
    store = ResultsStore(databases["results_reader"])
    trainings = tmp_path / "hotspots" / "trainings"
    with ExitStack() as stack:
        for part in ("scheduler", "dag-processor", "api-server"):
            stack.enter_context(airflow.component(part, "airflow", part))
        default, gpu = (stack.enter_context(worker(airflow, q, 1)) for q in ("default", "gpu"))
        airflow.start_dag("weekly_forecast")
        airflow.trigger("weekly_forecast", issue_date=LAST_DAY.isoformat())

        wait_for(lambda: list(trainings.glob("*/progress.json")), 600, "a training goes on")
        kill(gpu)
        assert not list(trainings.glob("*/model-*")), "the training was done before it was killed"
        stack.enter_context(worker(airflow, "gpu", 2))

        wait_for((tmp_path / "stands").exists, 600, "a publishing stands half-way")
        kill(default)
        assert store.weeks(CITY) == []
        stack.enter_context(worker(airflow, "default", 2))
        tasks = {task["task_id"]: task for task in airflow.tasks_when_done(600)}

    assert {task["state"] for task in tasks.values()} == {"success"}, airflow.story()
    tries = {name: task["try_number"] for name, task in tasks.items() if task["try_number"] > 1}
    assert tries == {"train": 2, "publish": 2}
    (week,) = store.weeks(CITY)
    assert (week.revision, len(store.cells_frame(CITY, week.record.weeks.target_week))) == (1, 1663)

    alone = tmp_path / "alone"
    sqlite = f"sqlite:///{alone}/results.db"
    airflow.run(
        "hotspots", "run", "--issue-date", f"{LAST_DAY}",
        HOTSPOTS_HOME=str(alone), HOTSPOTS_RESULTS_URL=sqlite,
    )  # fmt: skip
    (undisturbed,) = ResultsStore(sqlite).weeks(CITY)
    assert week.record.forecast_sha256 == undisturbed.record.forecast_sha256
