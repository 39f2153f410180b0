"""A training that outlasts the token a task has by default; opt-in, for it takes that long.

LONG_TASK_S=720 .venv/bin/python -m pytest --no-cov tests/e2e/test_long_task.py
"""

import os
import time

import pytest

from pipeline.workflow import tasks
from tests.e2e.conftest import LAST_DAY, dags_changed_by
from tests.services import Airflow

SECONDS = int(os.environ.get("LONG_TASK_S", "0"))
DEFAULT_TOKEN_S = 600

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(SECONDS + 900),
    pytest.mark.skipif(not SECONDS, reason="takes a quarter of an hour: set LONG_TASK_S=720"),
]


def train_slowly():
    """Let a training take so much longer, without a word to Airflow meanwhile."""
    train = tasks.fit_apart

    def slowly(*job):
        time.sleep(SECONDS)
        return train(*job)

    tasks.fit_apart = slowly


def test_a_training_longer_than_a_default_token_ends_well(tmp_path, databases, small):
    changed = dags_changed_by(
        tmp_path / "dags", "weekly_forecast", "tests.e2e.test_long_task:train_slowly"
    )
    by_hand_only = {"AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE": "False"}
    airflow = Airflow(tmp_path, databases["airflow"], **by_hand_only, **small, **changed)
    with (
        airflow.component("scheduler", "airflow", "scheduler"),
        airflow.component("dag-processor", "airflow", "dag-processor"),
        airflow.component("api-server", "airflow", "api-server"),
    ):
        airflow.start_dag("weekly_forecast")
        airflow.trigger("weekly_forecast", issue_date=LAST_DAY.isoformat())
        tasks = airflow.tasks_when_done(SECONDS + 600)
    assert {task["state"] for task in tasks} == {"success"}, airflow.story()
    (train,) = (task for task in tasks if task["task_id"] == "train")
    took_s = (train["end_date"] - train["start_date"]).total_seconds()
    assert took_s > SECONDS > DEFAULT_TOKEN_S
    assert train["try_number"] == 1
