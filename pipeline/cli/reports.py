"""Commands for those who look back or decide: compare, report and audit."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.support import CityOption
from pipeline.console import Terminal
from pipeline.domain.weeks import parse_date
from pipeline.results.store.reader import ResultsReader
from pipeline.settings import get_settings


def add_to(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    for command in (compare, report, audit):
        app.command()(command)


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


def report(
    out: Annotated[Path, typer.Option(help="HTML file to write.")],
    city: CityOption = "los_angeles",
    week: Annotated[
        str | None, typer.Option(help="Sunday of a target week; the newest if left out.")
    ] = None,
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


def audit(city: CityOption = "los_angeles") -> None:
    """Print who bears the errors, where the flags fall, and whether they would feed themselves.

    Over the newest year of weeks that are known. Nothing demographic is read.
    """
    from pipeline.results.products.city_audit import audit_city, audit_table

    _, the_city = get_settings().with_city(city)
    Terminal().print(audit_table(the_city, audit_city(_reader(), the_city.name)))


def _reader() -> ResultsReader:
    return ResultsReader(get_settings().reader_database)
