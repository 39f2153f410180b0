"""The DAGs as Airflow reads and runs them."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.integration.conftest import ISSUE_DATE, made_up_folder, portal  # noqa: F401

DAGS = sorted((ROOT / "dags").glob("*.py"))
BIN = Path(sys.executable).parent
READ = """
import json, time, warnings
warnings.simplefilter("ignore")
from airflow.dag_processing.dagbag import DagBag
began = time.perf_counter()
bag = DagBag("dags")
seconds = time.perf_counter() - began
import sys
print("READ" + json.dumps({
    "errors": bag.import_errors,
    "heavy": [m for m in ("tensorflow", "keras", "great_expectations", "mlflow", "matplotlib")
              if m in sys.modules],
    "dags": {d.dag_id: {
        "catchup": d.catchup, "tags": sorted(d.tags), "doc": d.doc_md or "",
        "params": {k: d.params.get_param(k).schema for k in d.params},
        "tasks": {t.task_id: {
            "upstream": sorted(t.upstream_task_ids), "queue": t.queue, "pool": t.pool,
            "retries": t.retries, "owner": t.owner, "has_timeout": t.execution_timeout is not None,
        } for t in d.tasks},
    } for d in bag.dags.values()},
    "seconds": seconds,
}))
"""


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
    run(environment, BIN / "airflow", "db", "migrate")
    return environment


def run(environment, *words, code=0):
    done = subprocess.run(
        [str(word) for word in words], env=environment, cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == code, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def read(airflow):
    said = run(airflow, sys.executable, "-c", READ)
    return json.loads(next(line for line in said.splitlines() if line.startswith("READ"))[4:])


@pytest.fixture(scope="module")
def weekly(read):
    return read["dags"]["weekly_forecast"]


def test_every_dag_is_read_without_error_or_heavy_import(read):
    assert read["errors"] == {}
    assert read["heavy"] == []
    assert set(read["dags"]) == {path.stem for path in DAGS}


def test_the_graph_is_as_drawn(weekly):
    above = {
        name: set(task["upstream"]) - {"resolve_week"} for name, task in weekly["tasks"].items()
    }
    assert above["pull_crime"] == above["pull_weather"] == set()
    assert above["validate"] == {"pull_crime", "pull_weather"}
    assert above["build_grid"] == {"validate"}
    assert above["decide_training"] == {"build_grid"}
    assert {"decide_training"} <= above["train"]
    assert {"train"} <= above["forecast"]
    assert {"forecast"} <= above["score_past"]
    assert {"score_past"} <= above["publish"]
    assert {"publish"} <= above["report"]


def test_training_has_its_queue_and_pool(weekly):
    assert (weekly["tasks"]["train"]["queue"], weekly["tasks"]["train"]["pool"]) == ("gpu", "gpu")
    others = {t["queue"] for name, t in weekly["tasks"].items() if name != "train"}
    assert others == {"default"}


def test_only_what_a_retry_can_mend_is_retried(weekly):
    retried = {name for name, task in weekly["tasks"].items() if task["retries"]}
    assert retried == {"pull_crime", "pull_weather"}


def test_every_dag_has_its_papers(read):
    for dag in read["dags"].values():
        assert dag["catchup"] is False
        assert set(dag["tags"]) <= {"forecast", "weekly", "model", "history"}
        assert len(dag["doc"]) > 100
        assert all(task["owner"] == "hotspots" for task in dag["tasks"].values())
        assert all(task["has_timeout"] for task in dag["tasks"].values())


def test_the_form_is_typed(weekly):
    params = weekly["params"]
    assert params["training"]["enum"] == ["auto", "reuse", "fine_tune", "retrain"]
    assert params["issue_date"]["format"] == "date"
    assert params["publish"]["type"] == "boolean"
    assert all("type" in schema for schema in params.values())


@pytest.mark.parametrize("path", DAGS, ids=lambda path: path.stem)
def test_a_dag_file_is_short_and_reads_no_clock(path):
    text = path.read_text()
    assert len(text.splitlines()) <= 80
    calls = {node.attr for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Attribute)}
    assert not calls & {"now", "today", "utcnow"}


@pytest.fixture
def portal_of_chicago(airflow, portal):  # noqa: F811
    portal.clear_faults()
    return {**airflow, "HOTSPOTS_REPLAY_URL": portal.url}


def dag_test(environment, code=0, **conf):
    chosen = json.dumps({"city": "chicago", "issue_date": ISSUE_DATE, **conf})
    words = ["dags", "test", "weekly_forecast", "2017-12-13T14:00:00+00:00", "--conf", chosen]
    return run(environment, BIN / "airflow", *words, code=code)


def test_a_week_runs_through_airflow(portal_of_chicago):
    dag_test(portal_of_chicago)
    said = run(portal_of_chicago, BIN / "hotspots", "show", "--city", "chicago")
    assert "2017-12-17 to 2017-12-23" in said
    assert "RECORDED" in said


def test_a_bad_parameter_is_refused_before_anything_runs(portal_of_chicago):
    said = dag_test(portal_of_chicago, code=1, training="harder")
    assert "harder" in said


def test_an_error_that_no_retry_mends_fails_at_once_by_name(portal_of_chicago):
    said = dag_test(portal_of_chicago, code=1, issue_date="2015-01-07")
    assert "WeekNotReady" in said
