"""Commands of the lake: what is held, how two snapshots differ, what is accepted and pruned."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from pipeline.cli.support import CityOption
from pipeline.clock import utc_now
from pipeline.console import Terminal
from pipeline.domain.errors import InvalidRequest, WeekNotReady
from pipeline.settings import get_settings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    import pandas as pd

    from pipeline.domain.city import City
    from pipeline.lake.lake import Lake, Snapshot
    from pipeline.quality.history import Part
    from pipeline.results.store.records import StoredRun
    from pipeline.settings import Settings

WEEKS_SHOWN = 26
NAME_SHOWN = 21  # the second of the pull and the start of its hash

app = typer.Typer(no_args_is_help=True, help="The snapshots of what sources sent.")
Name = Annotated[str, typer.Argument(help="A name that `hotspots lake ls` prints, or its start.")]
DatasetOption = Annotated[
    str | None,
    typer.Option("--dataset", help="Its dataset, where a start names snapshots of several."),
]


@app.callback()
def _lake() -> None:
    """Look at the snapshots of what sources sent."""


@app.command()
def ls(city: CityOption = "los_angeles") -> None:
    """List a city's snapshots, and for which weeks forecasts were made from each.

    Example: hotspots lake ls --city chicago
    """
    from pipeline.workflow.retention import datasets_of, target_weeks

    settings, lake, the_city = _opened(city)
    runs, sizes = _stored_runs(settings, the_city), lake.sizes(the_city.name)
    terminal = Terminal()
    for dataset in datasets_of(lake, the_city):
        held = lake.snapshots(the_city.name, dataset)
        weeks = target_weeks(lake, the_city, dataset, runs)
        table = _table(dataset, ("pulled, UTC, and hash",), ("rows", "MB"))
        for name in ("origin", "forecasts for"):
            table.add_column(name)
        for snapshot in held:
            path = snapshot.ref.path
            used = ", ".join(filter(None, (_remark(lake, snapshot), _in_short(weeks.get(path)))))
            table.add_row(
                _name(snapshot)[:NAME_SHOWN],
                f"{snapshot.rows:,}",
                _megabytes(sizes[path]),
                snapshot.provenance,
                used,
            )
        if held:
            terminal.print(table)
    total = f"{len(sizes)} snapshots of {the_city.title}, {_megabytes(sum(sizes.values()))} MB"
    terminal.print(total if sizes else f"The lake holds no snapshot of {the_city.title} yet.")


@app.command()
def diff(a: Name, b: Name, city: CityOption = "los_angeles", dataset: DatasetOption = None) -> None:
    """Print how snapshot B differs from snapshot A: rows, weeks, years and classes.

    Example: hotspots lake diff 20261110 20261124 --dataset k7nn-b2ep
    """
    from pipeline.quality.history import parts
    from pipeline.workflow.vintages import row_changes, vintage

    _, lake, the_city = _opened(city)
    before, after = (_named(lake, the_city, name, dataset) for name in (a, b))
    if before.dataset != after.dataset:
        raise InvalidRequest(
            f"{a} is of {before.dataset} and {b} of {after.dataset}; give two of one dataset."
        )
    rows = row_changes(lake, the_city, before, after)
    terminal = Terminal()
    terminal.print(f"{before.dataset}: {before.rows:,} rows then, {after.rows:,} now")
    terminal.print(
        f"{rows.gone:,} are gone, {rows.new:,} are new, {rows.changed:,} changed, "
        f"{rows.alike:,} are as they were"
    )
    terminal.print(_weeks_table(rows.weeks))
    terminal.print(
        _parts_table(parts(vintage(lake, the_city, before), vintage(lake, the_city, after)))
    )


@app.command()
def accept(snapshot: Name, city: CityOption = "los_angeles", dataset: DatasetOption = None) -> None:
    """Accept what a snapshot holds, though a part of what was held before it is gone.

    Example: hotspots lake accept 20261124 --dataset k7nn-b2ep
    """
    from pipeline.workflow.refusals import note_accepted

    _, lake, the_city = _opened(city)
    named = _named(lake, the_city, snapshot, dataset)
    if named.pruned_at:
        raise InvalidRequest(f"{_name(named)} was pruned: there is nothing left to accept.")
    note_accepted(lake, named)
    Terminal().print(
        f"{_name(named)} of {named.dataset} is accepted: later runs don't hold it against the "
        "snapshot before it. Run the week again."
    )


@app.command()
def prune(
    older_than: Annotated[int, typer.Option(min=1, help="Days since the pull, at least.")],
    city: CityOption = "los_angeles",
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Delete; else only list.")] = False,
) -> None:
    """Free the room of old snapshots that nothing needs; without --yes, list them.

    What a stored forecast, a training or a run was made from stays, and what past weeks are rebuilt
    from. Of a pruned snapshot the manifest stays, so that the chain does.

    Example: hotspots lake prune --older-than 365
    """
    from pipeline.results.store.reader import ResultsReader
    from pipeline.workflow.retention import prunable

    settings, lake, the_city = _opened(city)
    now = utc_now()
    runs = ResultsReader(settings.results_database).runs(the_city.name)
    found = prunable(lake, the_city, runs, now - timedelta(days=older_than))
    sizes, terminal = lake.sizes(the_city.name), Terminal()
    for snapshot in found:
        size = _megabytes(sizes[snapshot.ref.path])
        terminal.print(f"{snapshot.dataset}  {_name(snapshot)}  {size} MB")
        if yes:
            lake.prune(snapshot, now)
    total = _megabytes(sum(sizes[snapshot.ref.path] for snapshot in found))
    of = f"{len(found)} of {len(sizes)} snapshots"
    if yes:
        terminal.print(f"{of} were pruned, {total} MB")
    else:
        terminal.print(f"{of} would be pruned, {total} MB. To prune them, add --yes.")


def _opened(city: str) -> tuple[Settings, Lake, City]:
    from pipeline.lake.lake import Lake

    settings, the_city = get_settings().with_city(city)
    return settings, Lake(settings.lake_root), the_city


def _stored_runs(settings: Settings, city: City) -> list[StoredRun]:
    from pipeline.results.store.reader import ResultsReader

    try:
        return ResultsReader(settings.results_database).runs(city.name)
    except WeekNotReady:
        return []  # no store yet


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f}"


def _in_short(weeks: list[date] | None) -> str:
    """Return target weeks as the last of them and how many more."""
    more = len(set(weeks or ())) - 1
    return f"{max(weeks)}" + (f" and {more} more" if more else "") if weeks else ""


def _remark(lake: Lake, snapshot: Snapshot) -> str:
    from pipeline.workflow.refusals import is_accepted, is_refused

    if snapshot.pruned_at:
        return f"pruned {snapshot.pruned_at:%Y-%m-%d}"
    if is_accepted(lake, snapshot):
        return "accepted"
    return "refused" if is_refused(lake, snapshot) else ""


def _held(lake: Lake, city: City) -> list[Snapshot]:
    held = [s for dataset in city.datasets for s in lake.snapshots(city.name, dataset.id)]
    return sorted(held, key=lambda s: (s.pulled_at, s.dataset))


def _name(snapshot: Snapshot) -> str:
    return snapshot.ref.path.rsplit("/", 1)[1]


def _named(lake: Lake, city: City, name: str, dataset: str | None) -> Snapshot:
    """Return the snapshot, of a dataset or of any, whose name begins so.

    Raises:
        InvalidRequest: none or several do.
    """
    held = [s for s in _held(lake, city) if dataset in (None, s.dataset)]
    found = [s for s in held if name and _name(s).startswith(name)]
    if len(found) != 1:
        raise InvalidRequest(
            f"{len(found)} snapshots of {city.title} begin with {name!r}; one was expected. "
            f"hotspots lake ls --city {city.name} prints their names; write more of one, or its "
            "--dataset."
        )
    return found[0]


def _parts_table(parts: Sequence[Part]) -> Table:
    table = _table("Years and classes", ("",), ("then", "now", "change"))
    for part in parts:
        if part.before or part.after:
            change = f"{part.after - part.before:+,}"
            table.add_row(part.name, f"{part.before:,}", f"{part.after:,}", change)
    return table


def _weeks_table(weeks: pd.DataFrame) -> Table:
    """Return rows gone, new and changed by week: the last ones, and all before them in a line."""
    from pandas import isna

    table = _table("Weeks, by their Sundays", ("",), ("gone", "new", "changed"))
    earlier, shown = weeks[:-WEEKS_SHOWN], weeks[-WEEKS_SHOWN:]
    if len(earlier):
        table.add_row(f"{len(earlier)} before", *(f"{total:,}" for total in earlier.sum()))
    for sunday, counts in zip(shown.index, shown.to_numpy(), strict=True):
        name = "no date" if isna(sunday) else f"{sunday:%Y-%m-%d}"
        table.add_row(name, *(f"{count:,}" for count in counts))
    return table


def _table(title: str, words: tuple[str, ...], numbers: tuple[str, ...]) -> Table:
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD)
    for name in words:
        table.add_column(name, no_wrap=True)
    for name in numbers:
        table.add_column(name, justify="right")
    return table
