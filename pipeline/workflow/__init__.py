"""The steps of a week, in order; what the DAGs and the command line call, and all they call.

A step takes the run's plan and what earlier steps returned, and returns a small JSON-able dict of
paths, hashes and figures, so that steps may run in one process or on many machines.
"""

import multiprocessing
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from importlib import import_module
from typing import Any

from pipeline.clock import utc_now
from pipeline.domain.errors import ProcessInterrupted
from pipeline.quality.engine import load_gx
from pipeline.results.views import data_docs_of
from pipeline.settings import Settings, get_settings
from pipeline.workflow import request
from pipeline.workflow.briefing import briefing
from pipeline.workflow.card import renew_cards
from pipeline.workflow.health import require_forecast
from pipeline.workflow.history import load_piece, plan_history, snapshot_history
from pipeline.workflow.ingest import build_grid, pull_crime, pull_weather, validate
from pipeline.workflow.modelling import decide_training, forecast, read_view, train
from pipeline.workflow.outcome import publish, report
from pipeline.workflow.plan import (
    Decision,
    Forecasted,
    Gridded,
    Occasion,
    Plan,
    Published,
    Reported,
    Scored,
    Trained,
    Validated,
    make_plan,
    plan_past_weeks,
)
from pipeline.workflow.promotion import compare, promote_challenger, train_challenger
from pipeline.workflow.scoring import score_past
from pipeline.workflow.training_job import Progress, fit_apart
from pipeline.workflow.written import written

__all__ = [
    "HISTORY_STEPS",
    "RETRAIN_STEPS",
    "STEPS",
    "Week",
    "check_forecast",
    "check_request",
    "cubes_ahead",
    "data_docs_address",
    "describe",
    "load_parts",
    "load_piece",
    "make_plan",
    "plan_history",
    "plan_past_weeks",
    "read_view",
    "renew_cards",
    "resolve",
    "run_step",
    "run_to_cube",
    "run_week",
    "snapshot_history",
    "written",
]

STEPS: dict[str, Callable[..., Mapping[str, object]]] = {
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
NEEDS_CLOCK = frozenset({"pull_crime", "pull_weather", "publish", *HISTORY_STEPS})
TRAINS = frozenset({"train", "train_challenger"})
AHEAD = 2  # cubes made before they are asked for, so that neither process waits for the other
Watch = Callable[[str], None]


@dataclass(frozen=True)
class Week:
    """What the steps of one week returned."""

    plan: Plan
    validated: Validated
    grid: Gridded
    decision: Decision
    trained: Trained
    forecast: Forecasted
    scored: Scored
    published: Published
    reported: Reported


def _say_nothing(_step: str) -> None:
    """Take the name of a step and leave it."""


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
) -> Plan:
    """Return the plan of a run under this process's settings and clock; see `make_plan`."""
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
    )


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


def describe(plan: Plan) -> str:
    """Return what a run's plan comes to, in lines of text; see `briefing`."""
    return briefing(get_settings(), plan, now=utc_now())


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


def run_step(name: str, *inputs: object) -> Any:  # noqa: ANN401 - small and JSON-able
    """Run one step under this process's settings and clock; it trains in a fresh process."""
    named: dict[str, object] = {"now": utc_now()} if name in NEEDS_CLOCK else {}
    if name in TRAINS:
        named["fit"] = fit_apart
    return {**STEPS, **RETRAIN_STEPS, **HISTORY_STEPS}[name](get_settings(), *inputs, **named)


def run_to_cube(
    settings: Settings, plan: Plan, *, now: datetime, watch: Watch = _say_nothing
) -> tuple[Validated, Gridded]:
    """Run the steps up to the cube in this process; `watch` is told each step before it starts."""
    watch("pull_crime")
    crime = pull_crime(settings, plan, now=now)
    watch("pull_weather")
    weather = pull_weather(settings, plan, now=now)
    watch("validate")
    validated = validate(settings, plan, crime, weather)
    watch("build_grid")
    return validated, build_grid(settings, plan, validated)


def cubes_ahead(
    settings: Settings, plans: Sequence[Plan], *, now: datetime
) -> Iterator[tuple[Plan, Callable[[], tuple[Validated, Gridded]]]]:
    """Yield each plan with what returns its cube, or raises why there is none.

    The cubes of the next weeks are made meanwhile, in another process: they depend on no forecast,
    and in a thread the two would wait for each other's Python.
    """
    # TensorFlow is not made to be forked.
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:

        def begin(plan: Plan) -> Future[tuple[Validated, Gridded]]:
            return process.submit(run_to_cube, settings, plan, now=now)

        coming = [begin(plan) for plan in plans[:AHEAD]]
        import_module("pipeline.model.forecast")  # TensorFlow takes as long as the first cube
        for number, plan in enumerate(plans, start=AHEAD):
            of_plan = coming.pop(0)
            coming += [begin(after) for after in plans[number : number + 1]]
            yield plan, partial(_made, of_plan)


def _made(cube: Future[tuple[Validated, Gridded]]) -> tuple[Validated, Gridded]:
    try:
        return cube.result()
    except BrokenProcessPool as error:
        raise ProcessInterrupted(
            "The process that makes the weeks' cubes was killed, mostly for want of memory. What "
            "is stored stays. Free memory, some 3 GB per million reports, and go on from this week."
        ) from error


def run_week(
    settings: Settings,
    plan: Plan,
    *,
    now: datetime,
    watch: Watch = _say_nothing,
    progress: Progress | None = None,
    to_cube: Callable[[], tuple[Validated, Gridded]] | None = None,
) -> Week:
    """Run every step of a week in this process.

    Args:
        settings: the installation.
        plan: what the week is for.
        now: the present instant.
        watch: told each step before it starts.
        progress: told (done, total) while a model trains.
        to_cube: what `cubes_ahead` gave for the plan; None runs the steps up to the cube here.
    """
    if to_cube is None:
        validated, grid = run_to_cube(settings, plan, now=now, watch=watch)
    else:
        watch("cube")
        validated, grid = to_cube()
    watch("decide_training")
    decision = decide_training(settings, plan, grid)
    watch("train")
    trained = train(settings, plan, grid, decision, progress)
    watch("forecast")
    made = forecast(settings, plan, grid, trained)
    watch("score_past")
    scored = score_past(settings, plan, grid)
    watch("publish")
    published = publish(settings, plan, validated, grid, trained, made, now=now)
    watch("report")
    reported = report(settings, plan, grid, scored, published)
    return Week(plan, validated, grid, decision, trained, made, scored, published, reported)
