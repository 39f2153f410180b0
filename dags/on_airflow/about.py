"""What an operator sees of a task in Airflow: what it does, what it reads and writes, links."""

from functools import cache
from pathlib import Path

from airflow.sdk import DAG
from airflow.sdk.definitions.mappedoperator import MappedOperator

from on_airflow.assets import inlets, outlets
from on_airflow.links import LINKS

TEXTS = Path(__file__).with_name("tasks.md")


@cache
def texts() -> dict[str, str]:
    """Return what stands in tasks.md about each task, by its id."""
    parts = TEXTS.read_text(encoding="utf-8").split("\n## ")[1:]
    return {name: text.strip() for name, _, text in (part.partition("\n") for part in parts)}


def describe(dag: DAG) -> None:
    """Give every task of a DAG its own docs and links, and the assets of the DAG's city."""
    for name, task in dag.task_dict.items():
        if isinstance(task, MappedOperator):
            task.partial_kwargs["doc_md"] = texts()[name]
        else:
            task.doc_md = texts()[name]
            task.operator_extra_links = LINKS.get(name, ())
            task.inlets = inlets(dag.params["city"], name)
            task.outlets = outlets(dag.params["city"], name)
