"""What Airflow calls: each step and each question, under this process's settings and clock.

A step takes the run's plan and what earlier steps returned, and returns a small JSON-able dict of
paths, hashes and figures, so that steps may run on many machines.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from importlib import import_module
from typing import Any

from pipeline.clock import utc_now
from pipeline.domain.storage import naming_storage_errors
from pipeline.quality.engine import load_gx
from pipeline.results.page.week_health import data_docs_of
from pipeline.settings import get_settings
from pipeline.version import code_version
from pipeline.workflow import request
from pipeline.workflow.forecast import forecast
from pipeline.workflow.grid import build_grid
from pipeline.workflow.load_history import load_piece, plan_history, snapshot_history
from pipeline.workflow.operations.briefing import briefing
from pipeline.workflow.operations.health import require_forecast
from pipeline.workflow.operations.written import Facts, facts_written
from pipeline.workflow.plan import Occasion, Plan, make_plan
from pipeline.workflow.publish import publish
from pipeline.workflow.pull import pull_crime, pull_weather
from pipeline.workflow.report import report
from pipeline.workflow.score import score_past
from pipeline.workflow.train import decide_training, train
from pipeline.workflow.training.job import fit_apart
from pipeline.workflow.training.promotion import compare, promote_challenger, train_challenger
from pipeline.workflow.validate import validate

WEEK_STEPS: dict[str, Callable[..., Mapping[str, object]]] = {
    "pull_crime": pull_crime,
    "pull_weather": pull_weather,
    "validate": validate,
    "build_grid": build_grid,
    "decide_training": decide_training,
    "train": train,
    "forecast": forecast,
    "score_past": score_past,
    "publish": publish,
    "report": report,
}
RETRAIN_STEPS: dict[str, Callable[..., Mapping[str, object]]] = {
    "train_challenger": train_challenger,
    "compare": compare,
    "promote_challenger": promote_challenger,
}
HISTORY_STEPS: dict[str, Callable[..., Any]] = {
    "plan_history": plan_history,
    "load_piece": load_piece,
    "snapshot_history": snapshot_history,
}
STEPS: dict[str, Callable[..., Any]] = {**WEEK_STEPS, **RETRAIN_STEPS, **HISTORY_STEPS}
NEEDS_CLOCK = frozenset({"pull_crime", "pull_weather", "publish", *HISTORY_STEPS})
TRAINS = frozenset({"train", "train_challenger"})


def resolve(
    *,
    city: str,
    issue_date: str | date | None,
    training: str = "auto",
    publish: bool = True,
    notes: str | None = None,
    logical_date: datetime | None = None,
    data_interval_end: datetime | None = None,
    run: str | None = None,
    occasion: Occasion = "manual",
) -> dict[str, Any]:
    """Return the plan of a run, JSON-able; see `make_plan`."""
    return make_plan(
        get_settings(),
        city=city,
        issue_date=issue_date,
        logical_date=logical_date,
        data_interval_end=data_interval_end,
        training=training,
        publish=publish,
        notes=notes,
        run=run,
        occasion=occasion,
        now=utc_now(),
    ).to_json()


def run_step(name: str, *inputs: object) -> Any:  # noqa: ANN401 - small and JSON-able
    """Run one step; it trains in a fresh process.

    Raises:
        StorageUnavailable: a library of ours met a disk that is full, read-only or out of order.
    """
    named: dict[str, object] = {"now": utc_now()} if name in NEEDS_CLOCK else {}
    if name in TRAINS:
        named["fit"] = fit_apart
    with naming_storage_errors():
        return STEPS[name](get_settings(), *_typed(name, inputs), **named)


def written(name: str, inputs: Sequence[object], result: object) -> Facts | None:
    """Return the facts of what a step wrote; see `facts_written`."""
    return facts_written(name, _typed(name, inputs), result)


def _typed(name: str, inputs: Sequence[object]) -> list[object]:
    """Return a step's inputs with the plan, which comes as JSON, as a Plan."""
    if name in HISTORY_STEPS:
        return [*inputs]
    return [Plan.model_validate(inputs[0]), *inputs[1:]]


def check_request(
    given: Mapping[str, Any],
    form: Mapping[str, Any],
    *,
    run_type: str,
    logical_date: datetime | None,
) -> None:
    """Refuse what is asked for wrongly; see `request.check_request`."""
    request.check_request(
        get_settings(), given, form, run_type=run_type, logical_date=logical_date, now=utc_now()
    )


def describe(plan: Mapping[str, Any]) -> str:
    """Return what a run's plan comes to, in lines of text; see `briefing`."""
    return briefing(get_settings(), Plan.model_validate(plan), now=utc_now())


def check_forecast(city: str) -> str:
    """Return the forecast that stands, in words; see `require_forecast`."""
    return require_forecast(get_settings(), city, now=utc_now())


def data_docs_address(city: str, issue_date: str) -> str | None:
    """Return the address of a week's Data Docs; None where they aren't served or none were made."""
    return data_docs_of(get_settings(), city, date.fromisoformat(issue_date))


def load_parts() -> None:
    """Import what the steps import only when they need it, for a process that starts many.

    Not TensorFlow, which is not made to be forked.
    """
    for name in ("geopandas", "matplotlib.figure", "mlflow.tracking", "scipy.stats"):
        import_module(name)
    load_gx()
    code_version()  # asks git, once for all tasks
