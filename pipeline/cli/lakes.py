"""Commands of the lake: which snapshots are held, how two differ, and which is accepted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from pipeline.cli.support import CityOption
from pipeline.console import Terminal
from pipeline.domain.errors import InvalidRequest
from pipeline.settings import get_settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.domain.city import City
    from pipeline.lake.lake import Lake, Snapshot
    from pipeline.quality.history import Part

app = typer.Typer(no_args_is_help=True, help="The snapshots of what sources sent.")
Name = Annotated[str, typer.Argument(help="A name that `hotspots lake list` prints, or its start.")]
DatasetOption = Annotated[
    str | None,
    typer.Option("--dataset", help="Its dataset, where a start names snapshots of several."),
]


@app.callback()
def _lake() -> None:
    """Look at the snapshots of what sources sent."""


@app.command("list")
def list_(city: CityOption = "los_angeles") -> None:
    """List a city's snapshots of crime reports, oldest first.

    Example: hotspots lake list --city chicago
    """
    from pipeline.workflow.refusals import is_accepted, is_refused

    lake, the_city = _opened(city)
    table = _table("Snapshots of " + the_city.name, ("snapshot", "dataset"), ("rows",))
    for name in ("source updated, UTC", ""):
        table.add_column(name)
    held = _held(lake, the_city)
    for snapshot in held:
        said = "refused by the gate" if is_refused(lake, snapshot) else ""
        said = "accepted" if is_accepted(lake, snapshot) else said
        updated = snapshot.source_updated_at
        when = f"{updated:%Y-%m-%d %H:%M}" if updated else "it does not say"
        table.add_row(_name(snapshot), snapshot.dataset, f"{snapshot.rows:,}", when, said)
    Terminal().print(table if held else f"The lake holds no snapshot of {the_city.title} yet.")


@app.command()
def diff(a: Name, b: Name, city: CityOption = "los_angeles", dataset: DatasetOption = None) -> None:
    """Print how snapshot B differs from snapshot A: rows, years and classes.

    Example: hotspots lake diff 20261110 20261124 --dataset k7nn-b2ep
    """
    from pipeline.quality.history import parts
    from pipeline.workflow.vintages import row_changes, vintage

    lake, the_city = _opened(city)
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
    terminal.print(
        _parts_table(parts(vintage(lake, the_city, before), vintage(lake, the_city, after)))
    )


@app.command()
def accept(snapshot: Name, city: CityOption = "los_angeles", dataset: DatasetOption = None) -> None:
    """Accept what a snapshot holds, though a part of what was held before it is gone.

    Example: hotspots lake accept 20261124 --dataset k7nn-b2ep
    """
    from pipeline.workflow.refusals import note_accepted

    lake, the_city = _opened(city)
    named = _named(lake, the_city, snapshot, dataset)
    note_accepted(lake, named)
    Terminal().print(
        f"{_name(named)} of {named.dataset} is accepted: later runs don't hold it against the "
        "snapshot before it. Run the week again."
    )


def _opened(city: str) -> tuple[Lake, City]:
    from pipeline.lake.lake import Lake

    settings, the_city = get_settings().with_city(city)
    return Lake(settings.lake_root), the_city


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
            f"hotspots lake list --city {city.name} prints their names; write more of one, or its "
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


def _table(title: str, words: tuple[str, ...], numbers: tuple[str, ...]) -> Table:
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD)
    for name in words:
        table.add_column(name, no_wrap=True)
    for name in numbers:
        table.add_column(name, justify="right")
    return table
