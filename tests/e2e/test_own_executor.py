"""A week whose training alone runs on an executor of its own."""

from contextlib import ExitStack

import pytest

from tests.e2e.conftest import LAST_DAY, celery_worker, on_celery
from tests.services import Airflow

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]


@pytest.fixture
def airflow(tmp_path, databases, redis, small):
    """Every step in the scheduler's own processes, but for training, which Celery carries."""
    metadata = databases["airflow"]
    settings = {
        **on_celery(metadata, redis),
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor,CeleryExecutor",
        "HOTSPOTS_TRAIN_EXECUTOR": "CeleryExecutor",
    }
    return Airflow(tmp_path, metadata, **settings, **small)


def test_training_alone_may_run_on_an_executor_of_its_own(airflow):
    with ExitStack() as stack:
        for name in ("scheduler", "dag-processor", "api-server"):
            stack.enter_context(airflow.component(name, "airflow", name))
        log = stack.enter_context(airflow.component("worker_gpu", *celery_worker("gpu", 1)))
        airflow.start_dag("weekly_forecast")
        airflow.trigger("weekly_forecast", issue_date=LAST_DAY.isoformat())
        tasks = airflow.tasks_when_done(900)
        said = log.read_text()
    assert {task["state"] for task in tasks} == {"success"}, airflow.story()
    assert [task["task_id"] for task in tasks if task["executor"]] == ["train"]
    (train,) = (task for task in tasks if task["task_id"] == "train")
    assert train["executor"] == "CeleryExecutor"
    assert train["external_executor_id"] in said
