"""Commands that read what is stored: show, status, compare, audit, report, export and site."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.support import CityOption, Steps
from pipeline.console import Terminal
from pipeline.domain.weeks import parse_date, target_week_of
from pipeline.settings import get_settings

if TYPE_CHECKING:
    from pipeline.results.store.reader import ResultsReader

WeekOption = Annotated[
    str | None, typer.Option("--week", help="Sunday of a target week; the newest if left out.")
]


def add_to(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    for command in (show, status, compare, audit, report, export, site):
        app.command()(command)


def show(
    city: CityOption = "los_angeles",
    week: WeekOption = None,
    issued: Annotated[
        str | None, typer.Option(help="Issue date of the forecast to show, instead of --week.")
    ] = None,
) -> None:
    """Print a week's forecast: its total, top cells, clusters and divisions, and its files.

    Example: hotspots show --city los_angeles
    """
    from pipeline.cli.printed_week import print_forecast

    target = target_week_of(parse_date(issued)) if issued else parse_date(week) if week else None
    print_forecast(*get_settings().with_city(city), target, Terminal())


def status(city: CityOption = "los_angeles") -> None:
    """Print what a city's forecasts look like now: the latest, how many are scored, staleness."""
    from pipeline.results.products.terminal import status_table
    from pipeline.results.store.reader import ResultsReader

    settings, the_city = get_settings().with_city(city)
    Terminal().print(status_table(ResultsReader(settings.results_database).status(the_city.name)))


def compare(
    first: Annotated[str, typer.Argument(help="Sunday of the earlier target week.")],
    second: Annotated[str, typer.Argument(help="Sunday of the later target week.")],
    city: CityOption = "los_angeles",
) -> None:
    """Print how the forecast changed from one week to another: totals, hotspots, cells.

    Example: hotspots compare 2026-11-08 2026-11-15
    """
    from pipeline.results.products.comparison import compare_weeks

    weeks = parse_date(first), parse_date(second)
    _, the_city = get_settings().with_city(city)
    Terminal().print(compare_weeks(_reader(), the_city, *weeks))


def audit(city: CityOption = "los_angeles") -> None:
    """Print who bears the errors, where the flags fall, and whether they would feed themselves.

    Over the newest year of weeks that are known. Nothing demographic is read.
    """
    from pipeline.results.products.city_audit import audit_city, audit_table

    _, the_city = get_settings().with_city(city)
    Terminal().print(audit_table(the_city, audit_city(_reader(), the_city.name)))


def report(
    out: Annotated[Path, typer.Option(help="HTML file to write.")],
    city: CityOption = "los_angeles",
    week: WeekOption = None,
) -> None:
    """Write a week as one HTML page that needs nothing else and prints well.

    Example: hotspots report --out week.html
    """
    from pipeline.files import write_file
    from pipeline.results.products.week_report import report_page

    store, (_, the_city) = _reader(), get_settings().with_city(city)
    target = parse_date(week) if week else store.latest(the_city.name).record.weeks.target_week
    path = write_file(out, report_page(store, the_city, target).encode())
    Terminal().print(str(path))


def export(
    out: Annotated[Path, typer.Option(help="Folder to write to.")],
    city: CityOption = "los_angeles",
    week: WeekOption = None,
    *,
    all_weeks: Annotated[
        bool, typer.Option("--all", help="Every week, what was counted, and all scores.")
    ] = False,
) -> None:
    """Write a week's forecast as files for spreadsheets, GIS and programs; or all weeks.

    A week: CSV, GeoJSON, GeoParquet, GeoPackage, a QGIS style. All: Parquet, in folders by year.
    Both come with a dictionary of their columns and a manifest of the files' hashes.

    Example: hotspots export --week 2026-11-15 --out exports
    """
    from pipeline.domain.errors import InvalidRequest
    from pipeline.results.products.all_weeks import export_all
    from pipeline.results.products.exports import export_week

    if all_weeks and week:
        raise InvalidRequest(f"Found --all and --week {week}. Give one of them.")
    store, (_, the_city) = _reader(), get_settings().with_city(city)
    if all_weeks:
        paths = export_all(store, the_city, out)
    else:
        target = parse_date(week) if week else store.latest(the_city.name).record.weeks.target_week
        paths = export_week(store, the_city, target, out)
    for path in paths:
        Terminal().print(str(path))


def site(
    out: Annotated[Path, typer.Option(help="Folder to write; an earlier site there is replaced.")],
) -> None:
    """Write page, reports, answers, downloads and a feed as static files, for any web server.

    HOTSPOTS_PUBLIC says what is public: nothing (the default), divisions, or all.

    Example: HOTSPOTS_PUBLIC=divisions hotspots site --out public/hotspots
    """
    from pipeline.results.site.static_site import write_site

    with Steps("site") as steps:
        files = write_site(_reader(), get_settings(), out, steps.stage)
        steps.finish()
    Terminal().print(f"{out}: {files} files, public: {get_settings().public}")


def _reader() -> ResultsReader:
    from pipeline.results.store.reader import ResultsReader

    return ResultsReader(get_settings().reader_database)
