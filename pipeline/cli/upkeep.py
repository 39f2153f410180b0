"""Commands that look after an installation: doctor, verify, migrate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from pipeline.clock import utc_now
from pipeline.console import Terminal
from pipeline.settings import get_settings

if TYPE_CHECKING:
    from pipeline.workflow.operations.health import Finding


def add_to(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    for command in (doctor, verify, migrate):
        app.command()(command)


def doctor(
    city: Annotated[
        str | None,
        typer.Option(
            "--city",
            help="Name of a city, or path of its TOML file; every scheduled one if left out.",
        ),
    ] = None,
) -> None:
    """Check from outside of Airflow: scheduler, results store, registry, forecast, feed.

    Ends with the exit code of the first check that fails: 3 out of reach, 4 damaged, 5 missing or
    stale. A forecast is due by Thursday noon, in the city's time, before its week.
    """
    from pipeline.workflow.operations.health import examine

    console = Terminal()
    settings = get_settings()
    names = [city] if city else settings.scheduled_cities
    failed = []
    for name in names:
        if len(names) > 1:
            console.print(f"{name}:")
        findings = examine(*settings.with_city(name), now=utc_now())
        _print_findings(findings, console)
        failed += [finding.error for finding in findings if finding.error is not None]
    if failed:
        raise typer.Exit(failed[0].exit_code)


def _print_findings(findings: list[Finding], console: Terminal) -> None:
    for finding in findings:
        mark = ("fails", "red") if finding.error else ("ok   ", "green")
        mark = mark if finding.is_known else ("?    ", "yellow")
        console.print(Text.assemble(mark, f" {finding.name:11}{finding.said}"))


def verify() -> None:
    """Compare all that is stored with the hashes kept of it: lake, store, models, reports.

    Every file and row is read, and nothing is written. Names each file or row that is damaged,
    changed or gone, what that means, and how to mend it; then ends with exit code 4.
    """
    from pipeline.domain.errors import CorruptArtifact
    from pipeline.workflow.operations.verification import find_faults

    console, count = Terminal(), 0
    for count, fault in enumerate(find_faults(get_settings()), 1):  # noqa: B007
        console.print(Text.assemble((fault.part, "red"), f": {fault.where}"))
        for said in (fault.found, fault.means, fault.mend):
            console.print(f"    {said}")
    if count:
        noun = "fault" if count == 1 else "faults"
        raise CorruptArtifact(f"{count} {noun} found; the lines above say how to mend each.")
    console.print("All is whole: lake, results store, model registry and reports.")


def migrate() -> None:
    """Bring the results store's tables to this version; doing it again changes nothing.

    Run it after an upgrade: until then every command and page says so. In the distributed form only
    the role that owns the tables may.
    """
    from pipeline.results.store.writer import ResultsStore

    ResultsStore(get_settings().results_database).migrate()
    Terminal().print("The results store is up to date.")
