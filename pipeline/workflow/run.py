"""A week, step after step, in one process."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from pipeline.clock import going_on
from pipeline.settings import Settings
from pipeline.workflow.forecast import forecast
from pipeline.workflow.grid import build_grid
from pipeline.workflow.plan import Plan
from pipeline.workflow.publish import publish
from pipeline.workflow.pull import pull_crime, pull_weather
from pipeline.workflow.reads import Reads
from pipeline.workflow.report import report
from pipeline.workflow.score import score_past
from pipeline.workflow.step_results import (
    Decision,
    Forecasted,
    Gridded,
    Published,
    Reported,
    Scored,
    Trained,
    Validated,
)
from pipeline.workflow.train import decide_training, train
from pipeline.workflow.training.job import Progress
from pipeline.workflow.validate import validate

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


def run_to_cube(
    settings: Settings,
    plan: Plan,
    *,
    now: datetime,
    watch: Watch = _say_nothing,
    reads: Reads | None = None,
) -> tuple[Validated, Gridded]:
    """Run the steps up to the cube; `watch` is told each step before it starts."""
    reads, present = reads or Reads(), going_on(now)
    watch("pull_crime")
    crime = pull_crime(settings, plan, now=now)
    watch("pull_weather")
    weather = pull_weather(settings, plan, now=present())
    watch("validate")
    validated = validate(settings, plan, crime, weather, reads=reads)
    watch("build_grid")
    return validated, build_grid(settings, plan, validated, reads=reads)


def run_week(
    settings: Settings,
    plan: Plan,
    *,
    now: datetime,
    watch: Watch = _say_nothing,
    progress: Progress | None = None,
    to_cube: Callable[[], tuple[Validated, Gridded]] | None = None,
) -> Week:
    """Run every step of a week.

    Args:
        settings: the installation.
        plan: what the week is for.
        now: the present instant, as the first step begins.
        watch: told each step before it starts.
        progress: told (done, total) while a model trains.
        to_cube: returns the week's cube where it is made elsewhere; None makes it here.
    """
    present = going_on(now)
    if to_cube is None:
        validated, grid = run_to_cube(settings, plan, now=now, watch=watch)
    else:
        watch("cube")
        validated, grid = to_cube()
    reads = Reads()
    watch("decide_training")
    decision = decide_training(settings, plan, grid)
    watch("train")
    trained = train(settings, plan, grid, decision, progress, reads=reads)
    watch("forecast")
    made = forecast(settings, plan, grid, trained, reads=reads)
    watch("score_past")
    scored = score_past(settings, plan, grid, reads=reads)
    watch("publish")
    published = publish(settings, plan, validated, grid, trained, made, now=present(), reads=reads)
    watch("report")
    reported = report(settings, plan, grid, scored, published, reads=reads)
    return Week(plan, validated, grid, decision, trained, made, scored, published, reported)
