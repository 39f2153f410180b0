"""### A new model from scratch, tried before it is used.

Trains a challenger on all that is known, tries it and the champion on the same last 26 weeks, each
as of its own edge week, and promotes it if it is not worse. A worse one waits for a person: the
request shows the scores, and without an answer within a week it is turned down. Trigger it after a
change of the configuration, or when the scores have drifted. Undo it with `hotspots rollback`.
"""

from datetime import datetime, timedelta

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import Param, dag
from on_airflow.about import describe
from on_airflow.cities import CITIES, city_param
from on_airflow.steps import DEFAULTS, GPU, choose, resolve, step

PARAMS = {
    "city": city_param(*CITIES),
    "issue_date": Param(None, type=["null", "string"], format="date", title="As of",
                        description="Nothing that became known after this day is used. Empty: "
                        "the day of the logical date, or today without one."),
    "notes": Param(None, type=["null", "string"], title="Why", maxLength=500,
                   description="Why a new model is wanted; kept with the run."),
}  # fmt: skip


@dag(
    schedule=None,
    start_date=datetime(2002, 1, 2),  # noqa: DTZ001 - a run before it would be empty
    catchup=False,
    max_active_runs=1,
    params=PARAMS,
    tags=["model"],
    doc_md=__doc__,
    default_args=DEFAULTS,
)
def retrain_model() -> None:
    """Wire training, trial, approval and promotion."""
    plan = resolve.override(task_id="resolve_week")(*PARAMS, publish=False)
    crime = step.override(task_id="pull_crime")("pull_crime", plan)
    weather = step.override(task_id="pull_weather")("pull_weather", plan)
    checked = step.override(task_id="validate")("validate", plan, crime, weather)
    grid = step.override(task_id="build_grid")("build_grid", plan, checked)
    challenger = step.override(task_id="train_challenger", **GPU)("train_challenger", plan, grid)
    verdict = step.override(task_id="compare", **GPU)("compare", plan, grid, challenger)
    approve = ApprovalOperator(
        task_id="approve",
        subject="Promote a model that did worse than the champion?",
        body="{{ ti.xcom_pull(task_ids='compare')['table'] }}",
        defaults=ApprovalOperator.REJECT,
        response_timeout=timedelta(days=7),
        execution_timeout=None,
    )
    promote = step.override(task_id="promote", trigger_rule="none_failed_min_one_success")(
        "promote_challenger", plan, verdict
    )
    choose(verdict) >> [approve, promote]
    approve >> promote


describe(retrain_model())
