"""What every DAG keeps to, read as Airflow reads it; none of them is run here."""

import ast
import json
import re
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from pipeline.workflow.operations import retries
from pipeline.workflow.tasks import WEEK_STEPS
from tests.conftest import ROOT
from tests.e2e.conftest import run_command
from tests.test_architecture import HEAVY

DAGS = sorted((ROOT / "dags").glob("*.py"))
SHARED = sorted((ROOT / "dags" / "on_airflow").glob("*.py"))
TAGS = {"forecast", "weekly", "model", "history"}
GPU_TASKS = {"train", "train_challenger", "compare"}
WAITS_FOR_A_PERSON = {"approve"}
READ = """
import json, sys, time, warnings
warnings.simplefilter("ignore")
import airflow.sdk, airflow.timetables.interval, airflow.timetables.trigger
import airflow.providers.standard.operators.hitl
from airflow.dag_processing.dagbag import BundleDagBag

def listed(found):  # a mapped task keeps a callback bare
    return [found] if callable(found) else list(found or [])

before = set(sys.modules)
began = time.process_time()
bag = BundleDagBag("dags", bundle_path="dags", bundle_name="dags-folder")
seconds = time.process_time() - began
print("READ" + json.dumps({
    "errors": bag.import_errors,
    "loaded": sorted({m.split(".")[0] for m in set(sys.modules) - before}),
    "seconds": seconds,
    "dags": {d.dag_id: {
        "catchup": d.catchup, "tags": sorted(d.tags), "doc": d.doc_md or "",
        "is_paused": d.is_paused_upon_creation,
        "max_active_runs": d.max_active_runs, "timetable": type(d.timetable).__name__,
        "start_date": str(d.start_date),
        "params": {k: d.params.get_param(k).serialize() for k in d.params},
        "tasks": {t.task_id: {
            "upstream": sorted(t.upstream_task_ids), "queue": t.queue, "pool": t.pool,
            "executor": t.executor,
            "retries": t.retries, "owner": t.owner,
            "retry_delay_s": t.retry_delay.total_seconds(),
            "longest_wait_s": t.max_retry_delay.total_seconds() if t.max_retry_delay else None,
            "is_doubled": bool(t.retry_exponential_backoff),
            "timeout_s": t.execution_timeout.total_seconds() if t.execution_timeout else None,
            "callbacks": [c.__name__ for c in listed(t.on_failure_callback)],
        } for t in d.tasks},
    } for d in bag.dags.values()},
}))
"""
CHECK = """
import json, sys, warnings
warnings.simplefilter("ignore")
from airflow.dag_processing.dagbag import BundleDagBag
bag, refusals = BundleDagBag("dags", bundle_path="dags", bundle_name="dags-folder"), []
for dag_id, name, value in json.loads(sys.argv[1]):
    try:
        bag.dags[dag_id].params.get_param(name).resolve(value)
        refusals.append(None)
    except Exception as error:
        refusals.append(str(error))
print("READ" + json.dumps(refusals))
"""


def ask(airflow, program, *words):
    said = run_command(airflow, sys.executable, "-c", program, *words)
    return json.loads(next(line for line in said.splitlines() if line.startswith("READ"))[4:])


@pytest.fixture(scope="module")
def read(airflow):
    return ask(airflow, READ)


@pytest.fixture(scope="module")
def dags(read):
    return read["dags"]


@pytest.fixture(scope="module")
def weekly(dags):
    return dags["weekly_forecast"]


@pytest.fixture(scope="module")
def tasks(dags):
    """Every task of every DAG, by (dag, task)."""
    return {
        (dag, name): task for dag, found in dags.items() for name, task in found["tasks"].items()
    }


def test_every_dag_is_read_without_an_error(read):
    assert read["errors"] == {}


def test_a_file_holds_one_dag_of_its_name(dags):
    assert set(dags) == {path.stem for path in DAGS}


def test_reading_loads_nothing_heavy(read):
    """Not even the pipeline: what takes long is loaded in a task."""
    assert "on_airflow" in read["loaded"]
    assert not set(read["loaded"]) & {"pipeline", *HEAVY, "pandas", "pyarrow", "scipy"}


def test_reading_all_takes_less_than_a_second_of_processor_time_each(read):
    assert read["seconds"] < len(DAGS)


@pytest.mark.parametrize("path", DAGS, ids=lambda path: path.stem)
def test_a_dag_file_is_short_and_decides_nothing(path):
    text = path.read_text()
    assert len(text.splitlines()) <= 80
    branching = (ast.If, ast.For, ast.While, ast.Try, ast.IfExp)
    assert not [node for node in ast.walk(ast.parse(text)) if isinstance(node, branching)]


@pytest.mark.parametrize("path", [*DAGS, *SHARED], ids=lambda path: path.stem)
def test_no_dag_reads_the_clock(path):
    nodes = ast.walk(ast.parse(path.read_text()))
    calls = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    assert not calls & {"now", "today", "utcnow"}


def test_every_task_has_its_owner(tasks):
    assert {task["owner"] for task in tasks.values()} == {"hotspots"}


def test_tags_come_from_a_closed_list(dags):
    assert all(dag["tags"] and set(dag["tags"]) <= TAGS for dag in dags.values())


def test_every_dag_says_what_it_is_for(dags):
    for dag in dags.values():
        assert dag["doc"].startswith("### ")
        assert len(dag["doc"]) > 150


def test_no_dag_makes_up_for_missed_weeks_by_itself(dags):
    assert not any(dag["catchup"] for dag in dags.values())


def test_runs_side_by_side_are_bounded(dags):
    assert all(1 <= dag["max_active_runs"] <= 4 for dag in dags.values())


def test_every_task_ends_in_time(tasks):
    for (_, name), task in tasks.items():
        if name not in WAITS_FOR_A_PERSON:
            assert 0 < task["timeout_s"] <= timedelta(hours=12).total_seconds()


@pytest.mark.parametrize("name", ["docker-compose.yml", "scripts/environment.sh"])
def test_a_token_outlives_the_longest_task(tasks, name):
    """Airflow kills a task whose token has run out, however well it does."""
    text = (ROOT / name).read_text()
    (seconds,) = re.findall(r'JWT_EXPIRATION_TIME(?:: |=)"?(\d+)', text)
    longest = max(task["timeout_s"] or 0 for task in tasks.values())
    assert longest == timedelta(hours=12).total_seconds()
    assert int(seconds) > longest


def test_every_task_is_retried_by_the_rules_of_the_pipeline(tasks):
    for (_, name), task in tasks.items():
        if name not in WAITS_FOR_A_PERSON:
            assert task["retries"] == retries.RETRIES
            assert task["retry_delay_s"] == retries.FIRST_WAIT.total_seconds()
            assert task["longest_wait_s"] == retries.LONGEST_WAIT.total_seconds()
            assert task["is_doubled"]


def test_every_task_says_when_it_fails(tasks):
    assert all(task["callbacks"] == ["alert"] for task in tasks.values())


def test_training_and_nothing_else_has_the_gpu_queue_and_pool(tasks):
    for (_, name), task in tasks.items():
        place = "gpu" if name in GPU_TASKS else "default"
        assert task["queue"] == place
        assert task["pool"] == ("gpu" if place == "gpu" else "default_pool")
        assert task["executor"] is None  # the first there is, unless another is asked for


def test_training_and_nothing_else_goes_to_the_executor_that_is_asked_for(airflow):
    two = {"AIRFLOW__CORE__EXECUTOR": "LocalExecutor,CeleryExecutor"}
    found = ask({**airflow, **two, "HOTSPOTS_TRAIN_EXECUTOR": "CeleryExecutor"}, READ)
    assert found["errors"] == {}
    executors = {
        name: task["executor"]
        for dag in found["dags"].values()
        for name, task in dag["tasks"].items()
    }
    assert {name for name, executor in executors.items() if executor} == GPU_TASKS
    assert {executors[name] for name in GPU_TASKS} == {"CeleryExecutor"}


def test_an_executor_that_is_not_configured_is_an_import_error_with_its_name(airflow):
    found = ask({**airflow, "HOTSPOTS_TRAIN_EXECUTOR": "KubernetesExecutor"}, READ)
    named = [file for file, error in found["errors"].items() if "KubernetesExecutor" in error]
    assert sorted(Path(file).name for file in named) == ["retrain_model.py", "weekly_forecast.py"]


def test_every_form_is_typed_and_explained(dags):
    for dag in dags.values():
        for param in dag["params"].values():
            assert "type" in param["schema"]
            assert len(param["description"] or "") > 20
            assert param["schema"].get("title")


def test_every_form_opens_ready_to_press(dags):
    """As Airflow's page has it: a field that is empty and may not be null blocks the button."""
    for dag in dags.values():
        for param in dag["params"].values():
            may_be_empty = "null" in param["schema"]["type"]
            assert may_be_empty or param["value"] not in (None, "")


def test_the_city_is_a_choice_of_the_scheduled_ones(airflow, dags):
    found = ask({**airflow, "HOTSPOTS_CITIES": "los_angeles,chicago"}, READ)["dags"]
    both, choice = (
        ["los_angeles", "chicago"],
        {name: dag["params"]["city"]["schema"]["enum"] for name, dag in found.items()},
    )
    assert choice["retrain_model"] == choice["load_history"] == both
    assert choice["weekly_forecast"] == choice["forecast_deadline"] == ["los_angeles"]
    assert choice["weekly_forecast_chicago"] == choice["forecast_deadline_chicago"] == ["chicago"]


SCHEDULED = {"weekly_forecast", "forecast_deadline"}


def test_live_what_is_scheduled_is_on_from_the_start_and_in_a_replay_it_is_not(airflow, dags):
    assert {name for name, dag in dags.items() if dag["is_paused"] is False} == SCHEDULED
    replayed = ask({**airflow, "HOTSPOTS_REPLAY_URL": "http://127.0.0.1:1"}, READ)["dags"]
    assert {dag["is_paused"] for dag in replayed.values()} == {None}  # Airflow's: paused


ANSWERS = {
    ("training", "harder"): "is not one of",
    ("issue_date", "11/25/2026"): "is not a 'date'",
    ("publish", "perhaps"): "is not of type 'boolean'",
    ("city", "../etc"): "is not one of",
    ("notes", "x" * 501): "is too long",
    ("issue_date", "2026-11-25"): None,
    ("issue_date", None): None,
    ("notes", None): None,
}


def test_a_bad_value_in_the_form_is_refused_with_the_reason(airflow):
    asked = [["weekly_forecast", name, value] for name, value in ANSWERS]
    for refusal, said in zip(ask(airflow, CHECK, json.dumps(asked)), ANSWERS.values(), strict=True):
        assert (refusal is None) if said is None else (said in refusal)


def test_the_week_runs_on_wednesdays_with_an_interval(weekly):
    assert weekly["timetable"] == "CronDataIntervalTimetable"


def test_the_week_has_every_step_of_the_workflow(weekly):
    assert set(weekly["tasks"]) == {"resolve_week", *WEEK_STEPS}


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


def test_each_scheduled_city_has_its_own_dags_which_differ_in_the_city_alone(airflow, dags):
    several = {**airflow, "HOTSPOTS_CITIES": "los_angeles,chicago"}
    found = ask(several, READ)
    assert found["errors"] == {}
    new = {"weekly_forecast_chicago", "forecast_deadline_chicago"}
    assert set(found["dags"]) == {*dags, *new}
    for name in new:
        of_chicago, first = found["dags"][name], dags[name.removesuffix("_chicago")]
        assert of_chicago["params"].pop("city")["value"] == "chicago"
        city = first["params"]["city"]["value"]
        rest = {k: v for k, v in first["params"].items() if k != "city"}
        assert city == "los_angeles"
        assert of_chicago == {**first, "params": rest}


def test_no_city_named_means_the_default(airflow, dags):
    assert set(ask({**airflow, "HOTSPOTS_CITIES": ""}, READ)["dags"]) == set(dags)
