"""The command line: the weekly steps, backfills, backtests and replays, without Airflow.

Exit codes: 0 done, 1 unforeseen, 2 bad usage, 3 source unavailable, 4 quality gate, 5 stale or not
ready.
"""

import io
import logging
import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text
from typer.exceptions import TyperException

from pipeline import (
    cli_backtest,
    cli_city,
    cli_models,
    cli_replay,
    cli_reports,
    cli_results,
    cli_upkeep,
)
from pipeline.cli_support import CityOption, Steps, accounting_table, session
from pipeline.clock import utc_now
from pipeline.console import LogToTerminal, Terminal
from pipeline.domain.city import load_city
from pipeline.domain.errors import (
    ForecastLocked,
    HotspotsError,
    InvalidRequest,
    QualityGateFailed,
    StaleData,
    WeekNotReady,
)
from pipeline.domain.weeks import WEEK, parse_date
from pipeline.settings import get_settings

# What stops a week of a backfill and says nothing against the next.
ONE_WEEK_ONLY = (ForecastLocked, QualityGateFailed, StaleData, WeekNotReady)

app = typer.Typer(
    name="hotspots",
    help="Weekly violent-crime hotspot forecasts. Every command explains itself with --help.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"max_content_width": 120},
    epilog="Exit codes: 0 done, 2 bad usage, 3 source unavailable, 4 quality gate, "
    "5 stale or not ready.",
)
app.add_typer(cli_replay.app, name="replay")
app.add_typer(cli_city.app, name="city")
cli_backtest.add_to(app)
cli_results.add_to(app)
cli_models.add_to(app)
cli_reports.add_to(app)
cli_upkeep.add_to(app)

SourceDir = Annotated[
    Path | None,
    typer.Option(help="Folder of recorded Parquet files to read instead of the city's portals."),
]
Training = Annotated[str, typer.Option(help="auto, reuse, fine_tune or retrain.")]


@app.command()
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
    from pipeline import workflow

    with session(city, source_dir) as (settings, the_city), Steps("Forecasting") as steps:
        now = utc_now()
        plan = workflow.make_plan(
            settings,
            city=the_city.name,
            issue_date=issue_date,
            data_interval_end=now,  # without a date: the city's today
            training=training,
            publish=not dry_run,
            now=now,
        )
        week = workflow.run_week(
            settings, plan, now=now, watch=steps.start, progress=steps.progress
        )
        steps.finish()
        cli_results.print_week(settings, week, Terminal())


@app.command()
def cube(
    city: CityOption = "los_angeles",
    issue_date: Annotated[str | None, typer.Option(help="As of which day, YYYY-MM-DD.")] = None,
    source_dir: SourceDir = None,
) -> None:
    """Run the steps up to the cube, and account for every row that came in.

    Example: hotspots cube --source-dir ../shared/data --issue-date 2023-04-12
    """
    from pipeline import workflow

    with session(city, source_dir) as (settings, the_city), Steps("Building the cube") as steps:
        now = utc_now()
        plan = workflow.make_plan(
            settings,
            city=the_city.name,
            issue_date=issue_date,
            data_interval_end=now,
            publish=False,
            now=now,
        )
        validated, grid = workflow.run_to_cube(settings, plan, now=now, watch=steps.start)
        steps.finish()
        Terminal().print(accounting_table(plan, validated, grid))


@app.command()
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

    Example: hotspots backfill --from 2026-08-05 --to 2026-10-28
    """
    from pipeline import workflow

    day, end = parse_date(first), parse_date(last)
    if end < day:
        raise InvalidRequest(f"--to {end} comes before --from {day}. Swap them.")
    weeks = [day + WEEK * k for k in range((end - day) // WEEK + 1)]
    failed, scored = [], []
    with session(city, source_dir) as (settings, the_city), Steps("Backfilling") as steps:
        now = utc_now()
        plans = workflow.plan_past_weeks(
            settings, weeks, city=the_city.name, training=training, publish=not dry_run, now=now
        )
        for plan, to_cube in workflow.cubes_ahead(settings, plans, now=now):
            steps.label = plan["issue_date"]
            try:
                week = workflow.run_week(
                    settings,
                    plan,
                    now=utc_now(),
                    watch=steps.start,
                    progress=steps.progress,
                    to_cube=to_cube,
                )
            except ONE_WEEK_ONLY as error:
                steps.fail()
                failed.append(plan["issue_date"])
                line = f"{plan['target_week']}  {type(error).__name__}: {error}"
            else:
                line = cli_results.week_line(week)
                scored += week.scored["weeks"]
            steps.finish()
            Terminal().print(line)
        workflow.renew_cards(settings, the_city, scored)
    if failed:
        raise WeekNotReady(
            f"{len(failed)} of {len(weeks)} weeks failed, those issued {', '.join(failed)}; the "
            "lines above say why. The others are done."
        )


@app.command()
def history(city: CityOption = "los_angeles", source_dir: SourceDir = None) -> None:
    """Pull all years of a city, one at a time; run again, it goes on where it stopped.

    Example: hotspots history --city los_angeles
    """
    from pipeline import workflow

    with session(city, source_dir) as (settings, the_city), Steps("Loading") as steps:
        now, loaded = utc_now(), []
        for piece in workflow.plan_history(settings, the_city.name, now=now):
            steps.start(f"{piece['dataset']} {piece['year']}")
            loaded.append(workflow.load_piece(settings, piece, now=now))
        steps.start("snapshots")
        made = workflow.snapshot_history(settings, loaded, now=now)
        steps.finish()
    held = sum(piece["was_held"] for piece in loaded)
    Terminal().print(f"{len(loaded)} years, {held} of them held before")
    for dataset, rows in made["rows"].items():
        Terminal().print(f"{dataset}  {rows:,} reports")


@app.command()
def cells(
    divisions: Annotated[Path, typer.Argument(help="GeoJSON of the police divisions.")],
    city: CityOption = "los_angeles",
    out: Annotated[
        Path | None, typer.Option(help="CSV to write; beside the city's TOML by default.")
    ] = None,
) -> None:
    """Make a city's table of in-city cells and their divisions from division polygons.

    Example: hotspots cells lapd_divisions.geojson
    """
    from pipeline.grid.mask import cells_from_divisions, write_cells

    # The table that is there may be of another grid: it is what this makes anew.
    the_city = load_city(city, get_settings().cities_dir, with_cells=False)
    found = cells_from_divisions(the_city.grid, divisions, the_city.divisions)
    path = out or the_city.folder / f"{the_city.name}_cells.csv"
    write_cells(found, path)
    Terminal().print(f"{len(found)} in-city cells written to {path}")


def main() -> None:
    """Run the command line; a named error becomes one line and its exit code."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    logging.lastResort = LogToTerminal(logging.WARNING)
    try:
        sys.exit(app(prog_name="hotspots", standalone_mode=False))
    except HotspotsError as error:
        name = (type(error).__name__, "bold red")
        Terminal(stderr=True).print(Text.assemble(name, f": {error}"))
        sys.exit(error.exit_code)
    except TyperException as error:
        said = io.StringIO()
        error.show(said)  # type: ignore[attr-defined] # all that it raises have it
        Terminal(stderr=True).print(said.getvalue(), end="")
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
