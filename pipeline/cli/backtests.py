"""`hotspots backtest` and `ablate`: past weeks forecast again, and what they come to.

Both take a file of events, a simulated city, or, told neither, what the city's own portals hold.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.cli.support import CityOption, Steps, to_cube, warning
from pipeline.console import Terminal
from pipeline.domain.errors import InvalidRequest
from pipeline.settings import Settings, get_settings

if TYPE_CHECKING:
    from pipeline.domain.city import City
    from pipeline.evaluation.rolling import TrueRate
    from pipeline.grid.cube import Cube

SIMULATED_CITY = "los_angeles"
SIMULATED_LAST_YEAR = 2025
MOST_SIMULATED_YEARS = 16

Events = Annotated[Path | None, typer.Option(help="Parquet file of events; see docs/cities.md.")]
SimulatedYears = Annotated[
    int | None,
    typer.Option(
        min=2,
        max=MOST_SIMULATED_YEARS,
        help="Years of a simulated Los Angeles, to the end of 2025.",
    ),
]
SimulationSeed = Annotated[int, typer.Option(help="Seed of the simulation.")]
LastWeeks = Annotated[int, typer.Option(help="Whole weeks to forecast, from the end.")]
Horizons = Annotated[str, typer.Option(help="Weeks ahead, separated by commas.")]


@dataclass(frozen=True)
class Past:
    """What there is to forecast again.

    Attributes:
        cube: counts, weather and calendar.
        source: what is said of the input.
        true_rate: the rates behind a simulated city, else None.
    """

    cube: Cube
    source: dict[str, Any]
    true_rate: TrueRate | None = None


def add_to(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    for command in (backtest, ablate):
        app.command()(command)


def backtest(
    city: Annotated[
        list[str],
        typer.Option(
            "--city",
            help="Name of a city, or path of its TOML file. Several, each with its --events, are "
            "also compared.",
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder for forecasts, scores and summary.")],
    events: Annotated[
        list[Path] | None, typer.Option(help="Parquet file of events; see docs/cities.md.")
    ] = None,
    simulated_years: SimulatedYears = None,
    simulation_seed: SimulationSeed = 1,
    last_weeks: LastWeeks = 26,
    horizons: Horizons = "1,2,3,4,5",
    refit_weeks: Annotated[
        int, typer.Option(min=1, help="Weeks that one model serves before it is trained on.")
    ] = 13,
) -> None:
    """Forecast the last weeks as of then, and score them beside baselines.

    Example: hotspots backtest --city chicago --events events.parquet --out backtest
    """
    from pipeline.evaluation.backtest import run_backtest
    from pipeline.evaluation.outputs import make_folder

    weeks_ahead = _weeks_ahead(horizons)
    files = _a_file_each(city, events)
    cities = [get_settings().with_city(one) for one in city]
    folders = _a_folder_each(out, [the_city.name for _, the_city in cities])
    summaries = []
    with Steps("Backtest") as steps:
        for (settings, the_city), file in zip(cities, files, strict=True):
            make_folder(folders[the_city.name])
            with _past(the_city, file, simulated_years, simulation_seed, settings, steps) as past:
                summary = run_backtest(
                    the_city,
                    past.cube,
                    last_weeks=last_weeks,
                    horizons=weeks_ahead,
                    out=folders[the_city.name],
                    settings=settings,
                    progress=steps.stage,
                    refit_weeks=refit_weeks,
                    source=past.source,
                    true_rate=past.true_rate,
                )
            summaries.append(summary)
        steps.finish()
    _print_backtests(summaries, folders, out)


def _a_file_each(cities: list[str], events: list[Path] | None) -> list[Path | None]:
    """Return the file of events of each city; None for one whose portals are asked.

    Raises:
        InvalidRequest: several cities, and not as many files.
    """
    given = events or []
    if len(cities) == 1 and not given:
        return [None]
    if len(given) != len(cities):
        raise InvalidRequest(
            f"{len(cities)} --city and {len(given)} --events were given. Give each city its file "
            "of events, in the same order."
        )
    return list(given)


def _a_folder_each(out: Path, names: list[str]) -> dict[str, Path]:
    """Return where each city's backtest is written: in `out`, or by name below it.

    Raises:
        InvalidRequest: two cities have the same name.
    """
    if len(names) == 1:
        return {names[0]: out}
    if len(set(names)) < len(names):
        raise InvalidRequest(f"Two cities have the same name: {', '.join(names)}. Rename one.")
    return {name: out / name for name in names}


def _print_backtests(summaries: list[dict[str, Any]], folders: dict[str, Path], out: Path) -> None:
    """Print each city's tables and, of several, how they compare; write the latter too."""
    from pipeline.cli.backtest_tables import across_table, backtest_tables
    from pipeline.evaluation.across import PAGE_FILE, compare_cities, write_comparison

    console = Terminal()
    for summary in summaries:
        for table in backtest_tables(summary):
            console.print(table)
        folder = folders[summary["city"]]
        console.print(f"Written to {folder}: forecasts.parquet, scores.parquet, summary.json")
    if len(folders) > 1:
        found = compare_cities(folders, get_settings().seed)
        write_comparison(out, found)
        console.print(across_table(found))
        console.print(f"Written to {out / PAGE_FILE}")


def ablate(
    city: CityOption,
    out: Annotated[Path, typer.Option(help="Folder for ablation.json; kept to go on from.")],
    events: Events = None,
    simulated_years: SimulatedYears = None,
    simulation_seed: SimulationSeed = 1,
    last_weeks: LastWeeks = 26,
    horizons: Horizons = "1,5",
) -> None:
    """Forecast the last weeks without each part of the model, and say what the part is worth.

    Example: hotspots ablate --city chicago --events events.parquet --out ablation
    """
    from pipeline.cli.backtest_tables import ablation_table
    from pipeline.evaluation.ablation import run_ablation
    from pipeline.evaluation.outputs import make_folder

    weeks_ahead = _weeks_ahead(horizons)
    settings, the_city = get_settings().with_city(city)
    make_folder(out)
    with Steps("Ablation") as steps:
        with _past(the_city, events, simulated_years, simulation_seed, settings, steps) as past:
            found = run_ablation(
                the_city,
                past.cube,
                source=past.source,
                last_weeks=last_weeks,
                horizons=weeks_ahead,
                out=out,
                settings=settings,
                progress=steps.stage,
            )
        steps.finish()
    Terminal().print(ablation_table(found))


@contextmanager
def _past(
    city: City,
    events: Path | None,
    simulated_years: int | None,
    seed: int,
    settings: Settings,
    steps: Steps,
) -> Iterator[Past]:
    """Give the cube of a file of events, of a simulated city, or of the city's portals."""
    if events is not None and simulated_years is not None:
        raise InvalidRequest("--events and --simulated-years exclude each other. Give one.")
    if events is not None:
        from pipeline.evaluation.backtest import read_cube
        from pipeline.workflow.accounting import unplaced

        past = Past(*read_cube(city, events))
        loud = unplaced(past.source["tally"])
        if loud:
            steps.console.print(warning(loud))
        yield past
    elif simulated_years is None:
        yield _pulled(city, settings, None, steps)
    else:
        with tempfile.TemporaryDirectory(prefix="simulated-") as home:
            yield _simulated(city, simulated_years, seed, settings.moved_to(Path(home)), steps)


def _simulated(city: City, years: int, seed: int, settings: Settings, steps: Steps) -> Past:
    """Simulate a city, serve it on loopback, and pull, check and grid it as if it were real."""
    from pipeline.replay.server import ReplayServer
    from pipeline.replay.simulator import simulate

    if city.name != SIMULATED_CITY:
        raise InvalidRequest(
            f"{city.name} can't be simulated; only {SIMULATED_CITY} can. Give --city "
            f"{SIMULATED_CITY}, or --events instead of --simulated-years."
        )
    first, last = date(SIMULATED_LAST_YEAR + 1 - years, 1, 1), date(SIMULATED_LAST_YEAR, 12, 31)
    steps.start("simulating")
    source = simulate(seed, first, last)
    with ReplayServer(source) as server:
        update = {"replay_url": server.url, "history_start": first.isoformat()}
        past = _pulled(city, settings.model_copy(update=update), source.shown_day, steps)

    @cache
    def true_rate(week_start: date) -> Any:  # noqa: ANN401
        return source.true_weekly_rate(week_start, with_shocks=False)

    facts = {**past.source, "simulated_years": years, "simulation_seed": seed}
    return Past(past.cube, facts, true_rate)


def _pulled(city: City, settings: Settings, issue_date: date | None, steps: Steps) -> Past:
    """Run the weekly steps up to the cube; without an issue date, as of today."""
    from pipeline.lake.lake import Lake
    from pipeline.workflow.reads import Reads

    _plan, validated, grid = to_cube(settings, city, issue_date, steps)
    facts = {
        "provenance": validated["provenance"],
        "known_through": validated["known_through"],
        "rows_in": validated["rows_in"],
        "cube": grid["ref"],
    }
    return Past(Reads().cube(Lake(settings.lake_root), city, grid), facts)


def _weeks_ahead(horizons: str) -> list[int]:
    try:
        return [int(part) for part in horizons.split(",")]
    except ValueError as error:
        raise InvalidRequest(
            f"--horizons {horizons!r}: write 1,2,3,4,5 or a part of it."
        ) from error
