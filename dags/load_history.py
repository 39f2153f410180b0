"""### The first pull of all years.

Pulls a city's reports a dataset and a year at a time, then makes one snapshot of each dataset, as a
weekly run would. Each year is a task of its own in the grid view. Clear what failed, or trigger it
again: a year that is held, of a source that has not changed since, is not pulled twice.
"""

from datetime import datetime

from airflow.sdk import dag
from on_airflow.about import describe
from on_airflow.cities import CITIES, city_param
from on_airflow.steps import DEFAULTS, load_piece, plan_history, step

PARAMS = {"city": city_param(*CITIES)}


@dag(
    schedule=None,
    start_date=datetime(2002, 1, 2),  # noqa: DTZ001 - a run before it would be empty
    catchup=False,
    max_active_runs=1,
    params=PARAMS,
    tags=["history"],
    doc_md=__doc__,
    default_args=DEFAULTS,
)
def load_history() -> None:
    """Wire the pieces; two at a time, so as not to press the portal."""
    loaded = load_piece.override(max_active_tis_per_dagrun=2).expand(piece=plan_history())
    step.override(task_id="snapshot_history")("snapshot_history", loaded)


describe(load_history())
