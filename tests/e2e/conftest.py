"""An Airflow of the tests' own, in a folder of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

BIN = Path(sys.executable).parent


@pytest.fixture(scope="module")
def airflow(tmp_path_factory):
    """The environment of an Airflow of our own, its database made."""
    pytest.importorskip("airflow", reason="Airflow isn't installed", exc_type=ImportError)
    home = tmp_path_factory.mktemp("airflow")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("HOTSPOTS_", "AIRFLOW"))}
    environment = {
        **kept,
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'airflow.db'}",
        "HOTSPOTS_HOME": str(home / "hotspots"),
        "HOTSPOTS_WINDOW_WEEKS": "6",
        "HOTSPOTS_TRAIN_EPOCHS": "2",
        "HOTSPOTS_TRAIN_MEMBERS": "1",
        "PYTHONWARNINGS": "ignore",
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    run_command(environment, BIN / "airflow", "db", "migrate")
    return environment


def run_command(environment, *words, code=0):
    done = subprocess.run(
        [str(word) for word in words], env=environment, cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == code, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout + done.stderr
