"""Commands that look after an installation: doctor, verify, migrate, clean."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from pipeline.clock import utc_now
from pipeline.console import Terminal
from pipeline.settings import get_settings

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.workflow.operations.health import Finding
    from pipeline.workflow.operations.leftovers import Leftover


def add_to(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    for command in (doctor, verify, migrate, clean):
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


def clean(
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Remove it; else it is only shown.")] = False,
    keep_weeks: Annotated[
        int, typer.Option(min=1, help="Keep Data Docs and alerts of this many weeks.")
    ] = 52,
) -> None:
    """Show or remove what killed processes left, and what only grows.

    Writes that were cut off, trainings that are over, stored files of models that were never
    registered, old Data Docs and alerts. Nothing changed within a day is touched, nor anything that
    a process holds. Snapshots, forecasts, reports and registered models stay.
    """
    from pipeline.workflow.operations.leftovers import find_leftovers, remove

    settings, console = get_settings(), Terminal()
    found = find_leftovers(settings, now=utc_now(), keep_weeks=keep_weeks)
    for leftover in found:
        console.print(f"{_size(leftover.size_bytes)}  {leftover.what:23} {leftover.path}")
        if yes:
            remove(leftover)
    console.print(_total(found, settings.home, yes=yes))


def _total(found: list[Leftover], home: Path, *, yes: bool) -> str:
    if not found:
        return f"{home} holds nothing to remove."
    size = _size(sum(leftover.size_bytes for leftover in found)).strip()
    if yes:
        return f"Removed {size}."
    return f"{size} may go. `hotspots clean --yes` removes it."


def _size(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:8,.2f} MB"
