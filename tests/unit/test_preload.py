"""What Airflow's processes load before any task asks for it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

PLUGINS = Path(__file__).resolve().parents[2] / "plugins"
WATCHED = ("pipeline", "great_expectations", "mlflow", "matplotlib", "tensorflow", "airflow")
LOADER = """
import json, sys
sys.path.append(sys.argv.pop(1))
watched = json.loads(sys.argv.pop(1))
import airflow_local_settings
print(json.dumps([name for name in watched if name in sys.modules]))
"""


def loaded(*words: str) -> list[str]:
    command = [sys.executable, "-W", "ignore", "-c", LOADER, str(PLUGINS), json.dumps(WATCHED)]
    return json.loads(subprocess.check_output([*command, *words], text=True))


@pytest.mark.slow
@pytest.mark.parametrize("words", [("scheduler",), ("celery", "worker", "--queues", "default")])
def test_processes_that_start_tasks_load_what_tasks_need(words):
    assert loaded(*words) == ["pipeline", "great_expectations", "mlflow", "matplotlib"]


@pytest.mark.parametrize("words", [("api-server",), ("dag-processor",), ("dags", "list")])
def test_all_others_load_nothing(words):
    assert loaded(*words) == []
