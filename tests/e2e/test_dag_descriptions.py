"""What Airflow shows of every task: its own docs, its links, and the assets it reads and writes."""

import json
import re
import sys

import pytest

from pipeline.workflow.operations.written import FACTS
from tests.conftest import ROOT
from tests.e2e.conftest import run_command

TEXTS = ROOT / "dags" / "on_airflow" / "tasks.md"
# As Airflow keeps a DAG and its server reads it back.
READ = """
import json, warnings
warnings.simplefilter("ignore")
from airflow.dag_processing.dagbag import BundleDagBag
from airflow.serialization.serialized_objects import DagSerialization

bag = BundleDagBag("dags", bundle_path="dags", bundle_name="dags-folder")
def as_kept(dag):
    return DagSerialization.deserialize_dag(DagSerialization.serialize_dag(dag))

print("READ" + json.dumps({
    dag.dag_id: {
        name: {
            "doc": task.doc_md or "",
            "inlets": [asset.name for asset in task.inlets],
            "outlets": [asset.name for asset in task.outlets],
            "links": sorted(link.name for link in task.operator_extra_links or ()),
        }
        for name, task in dag.task_dict.items()
    }
    for dag in map(as_kept, bag.dags.values())
}))
"""


@pytest.fixture(scope="module")
def dags(airflow):
    """What is kept of every task, by DAG and task; two cities are scheduled."""
    cities = {**airflow, "HOTSPOTS_CITIES": "los_angeles,chicago"}
    said = run_command(cities, sys.executable, "-c", READ)
    return json.loads(next(line for line in said.splitlines() if line.startswith("READ"))[4:])


def test_each_task_has_its_own_docs(dags):
    texts = {}
    for tasks in dags.values():
        for name, task in tasks.items():
            assert "**Reads:**" in task["doc"], name
            assert "**Writes:**" in task["doc"], name
            assert "**If it fails:**" in task["doc"], name
            texts.setdefault(name, set()).add(task["doc"])
    assert all(len(of_task) == 1 for of_task in texts.values())
    assert len(set.union(*texts.values())) == len(texts)
    assert set(re.findall("^## (.*)$", TEXTS.read_text(), re.MULTILINE)) == set(texts)


def test_assets_lead_from_the_sources_to_the_forecast(dags):
    for dag, city in (("weekly_forecast", "los_angeles"), ("weekly_forecast_chicago", "chicago")):
        of_city = f"hotspots/{city}"
        writes = {name: task["outlets"] for name, task in dags[dag].items() if task["outlets"]}
        assert writes == {
            "pull_crime": [f"{of_city}/crime_snapshots"],
            "pull_weather": [f"{of_city}/weather_snapshots"],
            "build_grid": [f"{of_city}/cube"],
            "train": [f"{of_city}/model"],
            "publish": [f"{of_city}/forecast"],
        }
        reads = {name: task["inlets"] for name, task in dags[dag].items()}
        assert reads["build_grid"] == [*writes["pull_crime"], *writes["pull_weather"]]
        assert reads["train"] == writes["build_grid"]
        assert reads["publish"] == [*writes["build_grid"], *writes["train"]]


def test_every_step_that_tells_of_what_it_wrote_has_an_asset_for_it(dags):
    writers = {name for tasks in dags.values() for name, task in tasks.items() if task["outlets"]}
    assert writers == set(FACTS)


def test_the_tasks_that_finish_a_week_link_to_what_is_read_of_it(dags):
    tasks = dags["weekly_forecast"]
    links = {name: task["links"] for name, task in tasks.items() if task["links"]}
    all_three = ["Data Docs", "Hotspots page", "Report"]
    assert links == {"validate": ["Data Docs"], "publish": all_three, "report": all_three}
