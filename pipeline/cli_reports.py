"""Commands for those who look back or decide: compare, report and audit."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.console import Terminal
from pipeline.domain.city import load_city
from pipeline.domain.weeks import parse_date
from pipeline.results.history import HistoryReader
from pipeline.settings import get_settings

CityOption = Annotated[str, typer.Option("--city", help="Name of a city.")]


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
    from pipeline.results.comparison import compare_weeks

    weeks = parse_date(first), parse_date(second)
    Terminal().print(compare_weeks(_reader(), load_city(city), *weeks))


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
    from pipeline.results.files import write_file
    from pipeline.results.report import report_page

    store = _reader()
    target = parse_date(week) if week else store.latest(city).record.weeks.target_week
    path = write_file(out, report_page(store, load_city(city), target).encode())
    Terminal().print(str(path))


def audit(city: CityOption = "los_angeles") -> None:
    """Print who bears the errors, where the flags fall, and whether they would feed themselves.

    Over the newest year of weeks that are known. Nothing demographic is read.
    """
    from pipeline.results.audit import audit_city, audit_table

    Terminal().print(audit_table(load_city(city), audit_city(_reader(), city)))


def _reader() -> HistoryReader:
    return HistoryReader(get_settings().reader_database)
