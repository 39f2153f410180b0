"""A step of the workflow as an Airflow task, with the rules that every task keeps to."""

import os
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar, cast

from airflow.sdk import get_current_context, task
from airflow.sdk.exceptions import AirflowFailException
from airflow.sdk.log import mask_secret

from on_airflow.alerts import alert
from on_airflow.assets import say_written

Result = TypeVar("Result")
# What an earlier task gave: an XComArg while a DAG is wired, its value while a task runs.
Given = Any

# As in pipeline.workflow.operations.retries, which is not imported where DAGs are only read.
DEFAULTS = {
    "owner": "hotspots",
    "retries": 8,
    "retry_delay": timedelta(minutes=5),
    "retry_exponential_backoff": True,
    "max_retry_delay": timedelta(hours=1),
    "execution_timeout": timedelta(hours=2),
    "on_failure_callback": alert,
}
# The executor as in pipeline.settings; None is the first of [core] executor.
GPU = {
    "queue": "gpu",
    "pool": "gpu",
    "executor": os.environ.get("HOTSPOTS_TRAIN_EXECUTOR") or None,
    "execution_timeout": timedelta(hours=12),
}


def call(do: Callable[..., Result], *args: object, **named: object) -> Result:
    """Call a function of the workflow; an error that no retry can mend fails the task for good.

    XCom keeps why, for the run's note; a next try clears it. Neither it nor the task's log shows a
    secret of the environment.
    """
    from pipeline.clock import utc_now
    from pipeline.masking import hidden, secret_values
    from pipeline.workflow.operations.retries import may_retry

    for secret in secret_values():
        mask_secret(secret)
    try:
        return do(*args, **named)
    except Exception as error:
        context, words = get_current_context(), hidden(f"{type(error).__name__}: {error}")
        context["ti"].xcom_push("failure", words)
        now = utc_now()
        if may_retry(error, now - (context["dag_run"].start_date or now)):
            raise
        raise AirflowFailException(words) from error


@task
def step(name: str, *inputs: Given) -> dict[str, Any]:
    """Call one step of the workflow; what no retry can mend fails at once, by its name."""
    from pipeline.workflow import tasks

    # What mapped tasks gave comes as a sequence of Airflow's own, read when it is asked for.
    ready = [given if isinstance(given, dict) else list(given) for given in inputs]
    result = call(tasks.run_step, name, *ready)
    say_written(name, tasks.written(name, ready, result))
    return result


@task
def resolve(*names: str, publish: bool = True) -> dict[str, Any]:
    """Resolve the run's params of these names into its plan, and say what they come to.

    The text goes to the log and to XCom as `note`, of which `plugins/run_note.py` makes the run's
    note: a task can't write that.
    """
    from pipeline.workflow import tasks

    context = get_current_context()
    chosen = {name: context["params"][name] for name in names}
    run = context["dag_run"]
    is_by_hand = run.run_type == "manual"
    asked = {"run_type": run.run_type, "logical_date": run.logical_date}
    call(tasks.check_request, run.conf or {}, chosen, **asked)
    plan = call(
        tasks.resolve,
        **{"publish": publish, **chosen},
        # A run by hand is for the date it is given, else for the moment it was asked for.
        logical_date=run.logical_date if is_by_hand else None,
        data_interval_end=run.run_after if is_by_hand else context["data_interval_end"],
        run=f"{run.dag_id}/{run.run_id}",
        occasion=run.run_type,
    )
    note = tasks.describe(plan)
    print(note)  # noqa: T201 - Airflow's task log
    context["ti"].xcom_push("note", note)
    return plan


@task
def check_forecast() -> str:
    """Fail with an alert where the forecast that is due does not stand."""
    from pipeline.workflow import tasks

    return call(tasks.check_forecast, get_current_context()["params"]["city"])


@task.branch
def choose(verdict: Given) -> str:
    """Let a person decide on a challenger that did worse, and promote any other."""
    print(verdict["table"])  # noqa: T201 - Airflow's task log
    return "approve" if verdict["is_worse"] else "promote"


@task
def plan_history() -> list[dict[str, Any]]:
    """Return the pieces of the city's history."""
    from pipeline.workflow import tasks

    return call(tasks.run_step, "plan_history", get_current_context()["params"]["city"])


@task(map_index_template="{{ piece_name }}")
def load_piece(piece: dict[str, Any]) -> dict[str, Any]:
    """Pull one dataset's year, under whose name it shows in the grid."""
    from pipeline.workflow import tasks

    # Airflow's type lists its own names alone; a template finds any other beside them.
    cast("dict[str, Any]", get_current_context())["piece_name"] = (
        f"{piece['dataset']} {piece['year']}"
    )
    return call(tasks.run_step, "load_piece", piece)
