"""Fill a demo with the weeks before its last, so that its record can be looked at.

Each is forecast as of its own issue date, by the models that an installation would have had then,
and scored once its week is known. Weeks that are stored already are left alone, so that a fill that
was stopped goes on. Called by ui.sh: python -m scripts.fill_demo WEEKS
"""

import sys
import time
from collections.abc import Callable, Iterator
from datetime import date
from functools import partial

from pipeline.cli.replays import DEMO_DAY
from pipeline.clock import utc_now
from pipeline.console import Terminal, progress_bar
from pipeline.domain.errors import HotspotsError
from pipeline.domain.weeks import WEEK, parse_date, target_week_of
from pipeline.results.store.writer import ResultsStore
from pipeline.settings import Settings, get_settings
from pipeline.workflow.backfill import cubes_ahead, plan_past_weeks
from pipeline.workflow.run import run_to_cube, run_week
from pipeline.workflow.tasks import run_step

CITY = "los_angeles"
NOT_KNOWN_YET = 4  # weeks forecast last, whose reports the demo's portal doesn't show yet


def main(scored_weeks: int) -> None:
    """Forecast the weeks that are missing, and say what the store then holds."""
    settings, terminal, began = get_settings(), Terminal(), time.monotonic()
    store = ResultsStore(settings.results_database)
    missing = missing_weeks(store, scored_weeks)
    if not missing:
        return
    terminal.print(
        f"Filling the demo, once, with {len(missing)} simulated past weeks, so that there is a "
        "record to judge. It takes some minutes."
    )
    with progress_bar(terminal) as bar:
        task = bar.add_task("starting", total=len(missing))

        def watch(week: date, step: str) -> None:
            bar.update(task, description=f"week of {week}: {step}")

        for _ in forecast_weeks(settings, missing, watch):
            bar.update(task, advance=1)
        bar.update(task, description="scoring all that is known by now")
        score_known(settings)
    status = store.status(CITY)
    terminal.print(
        f"Filled in {time.monotonic() - began:.0f} s: {status.weeks_stored} weeks are stored, "
        f"{status.weeks_scored} of them scored."
    )


def missing_weeks(store: ResultsStore, scored_weeks: int) -> list[date]:
    """Return the issue dates, oldest first, of the weeks wanted that the store doesn't hold."""
    store.migrate()
    stored = {run.record.weeks.target_week for run in store.weeks(CITY)}
    last = parse_date(DEMO_DAY) - WEEK
    wanted = (last - k * WEEK for k in reversed(range(scored_weeks + NOT_KNOWN_YET)))
    return [day for day in wanted if target_week_of(day) not in stored]


def forecast_weeks(
    settings: Settings, issue_dates: list[date], watch: Callable[[date, str], None]
) -> Iterator[date]:
    """Forecast the weeks and yield each that is done; `watch` is told week and step."""
    plans = plan_past_weeks(settings, issue_dates, city=CITY, training="auto", now=utc_now())
    for plan, to_cube in cubes_ahead(settings, plans, now=utc_now()):
        week = plan.target_week
        say = partial(watch, week)
        run_week(settings, plan, now=utc_now(), watch=say, to_cube=to_cube)
        yield week


def score_known(settings: Settings) -> None:
    """Score the weeks that are known on the demo's last day.

    Those that were forecast after a later week have been scored by no run.
    """
    now = utc_now()
    [plan] = plan_past_weeks(settings, [parse_date(DEMO_DAY)], city=CITY, training="auto", now=now)
    _, grid = run_to_cube(settings, plan, now=now)
    run_step("score_past", plan, grid)


if __name__ == "__main__":
    try:
        main(int(sys.argv[1]))
    except HotspotsError as error:
        Terminal(stderr=True).print(f"{type(error).__name__}: {error}")
        sys.exit(error.exit_code)
