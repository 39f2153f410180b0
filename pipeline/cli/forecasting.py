"""Commands that forecast: a week, past weeks, and what comes before them."""

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.support import CityOption, Steps, session, to_cube
from pipeline.clock import utc_now
from pipeline.console import Terminal
from pipeline.domain.errors import (
    ForecastLocked,
    InvalidRequest,
    QualityGateFailed,
    StaleData,
    WeekNotReady,
)
from pipeline.domain.weeks import WEEK, parse_date
from pipeline.masking import hidden

# What stops a week of a backfill and says nothing against the next.
ONE_WEEK_ONLY = (ForecastLocked, QualityGateFailed, StaleData, WeekNotReady)

SourceDir = Annotated[
    Path | None,
    typer.Option(help="Folder of recorded Parquet files to read instead of the city's portals."),
]
Training = Annotated[str, typer.Option(help="auto, reuse, fine_tune or retrain.")]


def add_to(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    for command in (run, cube, backfill, history):
        app.command()(command)


def run(
    city: CityOption = "los_angeles",
    issue_date: Annotated[
        str | None, typer.Option(help="Day the forecast is made on, YYYY-MM-DD; today if left out.")
    ] = None,
    training: Training = "auto",
    source_dir: SourceDir = None,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Publish nothing.")] = False,
) -> None:
    """Forecast one week: pull, check, grid, train, forecast, score, publish, report.

    Example: hotspots run --city chicago --source-dir ../shared/data/chicago --issue-date 2017-10-02
    """
    from pipeline.cli.printed_week import print_week
    from pipeline.workflow.plan import make_plan
    from pipeline.workflow.run import run_week

    with session(city, source_dir) as (settings, the_city), Steps("Forecasting") as steps:
        now = utc_now()
        plan = make_plan(
            settings,
            city=the_city.name,
            issue_date=issue_date,
            data_interval_end=now,  # without a date: the city's today
            training=training,
            publish=not dry_run,
            now=now,
        )
        week = run_week(settings, plan, now=now, watch=steps.start, progress=steps.progress)
        steps.finish()
        print_week(settings, week, Terminal())


def cube(
    city: CityOption = "los_angeles",
    issue_date: Annotated[str | None, typer.Option(help="As of which day, YYYY-MM-DD.")] = None,
    source_dir: SourceDir = None,
) -> None:
    """Run the steps up to the cube, and account for every row that came in.

    Example: hotspots cube --source-dir ../shared/data --issue-date 2023-04-12
    """
    from pipeline.cli.printed_week import print_rows

    with session(city, source_dir) as (settings, the_city), Steps("Building the cube") as steps:
        plan, validated, grid = to_cube(settings, the_city, issue_date, steps)
        steps.finish()
        print_rows(plan, validated, grid, Terminal())


def backfill(
    first: Annotated[str, typer.Option("--from", help="First issue date, YYYY-MM-DD.")],
    last: Annotated[str, typer.Option("--to", help="Last issue date, YYYY-MM-DD.")],
    city: CityOption = "los_angeles",
    training: Training = "auto",
    source_dir: SourceDir = None,
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Store nothing; show what would change.")
    ] = False,
) -> None:
    """Forecast past weeks, one after another, each from what was known on its own issue date.

    Each line says how the forecast differs from the stored one. A week that has begun keeps what
    is stored: another forecast of it is refused. A week that fails is named, and the next goes on.
    Only the results store is written: `hotspots report` and `hotspots export` draw a week's files.

    Example: hotspots backfill --from 2026-10-07 --to 2026-10-28
    """
    from pipeline.cli.printed_week import week_line
    from pipeline.workflow.backfill import cubes_ahead, plan_past_weeks
    from pipeline.workflow.card import renew_cards
    from pipeline.workflow.run import run_week

    weeks = _issue_dates(parse_date(first), parse_date(last))
    failed, scored = [], []
    with session(city, source_dir) as (settings, the_city), Steps("Backfilling") as steps:
        now = utc_now()
        plans = plan_past_weeks(
            settings, weeks, city=the_city.name, training=training, publish=not dry_run, now=now
        )
        for plan, to_cube in cubes_ahead(settings, plans, now=now):
            steps.label = str(plan.issue_date)
            try:
                week = run_week(
                    settings,
                    plan,
                    now=utc_now(),
                    watch=steps.start,
                    progress=steps.progress,
                    to_cube=to_cube,
                )
            except ONE_WEEK_ONLY as error:
                steps.fail()
                failed.append(str(plan.issue_date))
                line = f"{plan.target_week}  {type(error).__name__}: {hidden(str(error))}"
            else:
                line = week_line(week)
                scored += week.scored["weeks"]
            steps.finish()
            Terminal().print(line)
        renew_cards(settings, the_city, scored)
    if failed:
        raise WeekNotReady(
            f"{len(failed)} of {len(weeks)} weeks failed, those issued {', '.join(failed)}; the "
            "lines above say why. The others are done."
        )


def _issue_dates(first: date, last: date) -> list[date]:
    """Return a day of each week from the first to the last."""
    if last < first:
        raise InvalidRequest(f"--to {last} comes before --from {first}. Swap them.")
    return [first + WEEK * k for k in range((last - first) // WEEK + 1)]


def history(city: CityOption = "los_angeles", source_dir: SourceDir = None) -> None:
    """Pull all years of a city, one at a time; run again, it goes on where it stopped.

    Example: hotspots history --city los_angeles
    """
    from pipeline.workflow.load_history import load_piece, plan_history, snapshot_history

    with session(city, source_dir) as (settings, the_city), Steps("Loading") as steps:
        now, loaded = utc_now(), []
        for piece in plan_history(settings, the_city.name, now=now):
            steps.start(f"{piece['dataset']} {piece['year']}")
            loaded.append(load_piece(settings, piece, now=now))
        steps.start("snapshots")
        made = snapshot_history(settings, loaded, now=utc_now())
        steps.finish()
    held = sum(piece["was_held"] for piece in loaded)
    Terminal().print(f"{len(loaded)} years, {held} of them held before")
    for dataset, rows in made["rows"].items():
        Terminal().print(f"{dataset}  {rows:,} reports")
