"""A city's file and its cells: what was understood, and the table of cells made anew."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray

from pipeline.cli.support import CityOption
from pipeline.console import Terminal
from pipeline.domain.city import City, load_city
from pipeline.domain.city_parts import Dataset, Offences, Publication
from pipeline.domain.errors import InvalidRequest
from pipeline.settings import Settings, get_settings

WIDEST_MAP = 100  # characters
BLOCKS = {(False, False): " ", (True, False): "▀", (False, True): "▄", (True, True): "█"}

app = typer.Typer(no_args_is_help=True, help="A city of your own; see docs/cities.md.")


@app.callback()
def _cities() -> None:
    """A city of your own; see docs/cities.md."""


@app.command()
def check(
    file: Annotated[str, typer.Argument(help="TOML file of a city, or the name of one.")],
) -> None:
    """Read a city's file, print what was understood, and draw its cells.

    Example: hotspots city check springfield.toml
    """
    (settings, city), terminal = get_settings().with_city(file), Terminal()
    for name, said in understood(settings, city):
        terminal.print(f"{name:16} {said}")
    terminal.print()
    for line in cells_drawn(city):
        terminal.print(line)


def add_to(main: typer.Typer) -> None:
    """Add this command to the command line."""
    main.command()(cells)


def cells(
    divisions: Annotated[Path, typer.Argument(help="GeoJSON of the police divisions.")],
    city: CityOption = "los_angeles",
    neighbourhoods: Annotated[
        Path | None, typer.Option(help="GeoJSON of neighbourhoods, which give cells their names.")
    ] = None,
    name_property: Annotated[
        str, typer.Option(help="Property of a neighbourhood that holds its name.")
    ] = "name",
    out: Annotated[
        Path | None, typer.Option(help="CSV to write; beside the city's TOML by default.")
    ] = None,
) -> None:
    """Make a city's table of in-city cells, their divisions and neighbourhoods, from polygons.

    Example: hotspots cells lapd_divisions.geojson --neighbourhoods la_times_neighborhoods.geojson
    """
    from pipeline.grid.mask import cells_from_divisions, write_cells
    from pipeline.grid.neighbourhoods import with_neighbourhoods

    # The table that is there may be of another grid: it is what this makes anew.
    the_city = load_city(city, get_settings().cities_dir, with_cells=False)
    found = cells_from_divisions(the_city.grid, divisions, the_city.divisions)
    if neighbourhoods:
        found = with_neighbourhoods(found, the_city.grid, neighbourhoods, name_property)
    path = out or the_city.folder / f"{the_city.name}_cells.csv"
    write_cells(found, path)
    Terminal().print(f"{len(found)} in-city cells written to {path}")


def understood(settings: Settings, city: City) -> list[tuple[str, str]]:
    """Return what a city's file says, each thing with its name."""
    return [
        ("name", f"{city.name} ({city.title})"),
        ("time zone", f"{city.time_zone}; holidays of {_holidays(city)}"),
        ("grid", _grid(city)),
        *_offences(city.offences),
        *(("source", _source(dataset)) for dataset in city.datasets or ()),
        *([] if city.datasets else [("source", "none")]),
        ("published", _publication(city.publication)),
        ("weather", _stations(city)),
        ("cells", _cells(city)),
        ("neighbourhoods", _neighbourhoods(city)),
        ("weekly forecast", _weekly(settings, city)),
    ]


def cells_drawn(city: City) -> list[str]:
    """Return a small map of the listed cells, north up, or why there is none."""
    cells = city.listed_cells()
    if cells is None:
        return ["No map: which cells are in the city is known when its reports are."]
    step = -(-city.grid.cols // WIDEST_MAP)
    size = f"{step} cell{'s' if step > 1 else ''} wide and {2 * step} high"
    return [*_drawn(cells.mask, step), f"North is up; a character is {size}."]


def _drawn(mask: NDArray[np.bool_], step: int) -> list[str]:
    """Return lines of characters, each `step` columns and twice as many rows of the mask."""
    rows, cols = (-(-size // step) for size in mask.shape)
    padded = np.zeros(((rows + rows % 2) * step, cols * step), dtype=bool)
    padded[: mask.shape[0], : mask.shape[1]] = mask
    coarse: NDArray[np.bool_] = np.any(padded.reshape(-1, step, cols, step), axis=(1, 3))
    coarse = coarse[::-1]
    pairs = zip(coarse[::2].tolist(), coarse[1::2].tolist(), strict=True)
    return ["".join(BLOCKS[pair] for pair in zip(*two, strict=True)).rstrip() for two in pairs]


def _holidays(city: City) -> str:
    return ", ".join(filter(None, (city.country, city.subdivision)))


def _grid(city: City) -> str:
    grid = city.grid
    height, width = grid.cell_size_m
    return (
        f"{grid.rows} rows x {grid.cols} columns; a cell is {height:,.0f} m high and "
        f"{width:,.0f} m wide; latitude {grid.south} to {grid.north}, longitude {grid.west} to "
        f"{grid.east}"
    )


def _offences(offences: Offences) -> list[tuple[str, str]]:
    named = (*offences.target, *offences.citywide_only)
    others = [name for name in offences.codes if name not in named]
    kinds = {
        "forecast": offences.target,
        "city-wide only": offences.citywide_only,
        "other classes": others,
    }
    return [(kind, _classes(offences, names)) for kind, names in kinds.items()]


def _classes(offences: Offences, names: Sequence[str]) -> str:
    return _listed(f"{name} ({_count(offences.codes.get(name, ()), 'code')})" for name in names)


def _count(things: Sequence[object], name: str) -> str:
    return f"{len(things):,} {name}{'' if len(things) == 1 else 's'}"


def _listed(parts: Iterable[str]) -> str:
    return ", ".join(parts) or "none"


def _source(dataset: Dataset) -> str:
    end = dataset.occurred_before
    days = f"days from {dataset.occurred_from}" + (f" to before {end}" if end else "")
    live = f", live, refreshed at least every {dataset.expected_every_days} days"
    where = f"{dataset.host}/d/{dataset.id}"
    return f"{where}, columns as {dataset.adapter}, {days}{live if dataset.is_live else ''}"


def _publication(rule: Publication) -> str:
    every = f"every {rule.refresh_every_days} days, as on {rule.refresh_anchor}"
    return (
        f"{rule.lag_days} days late, {'every day' if rule.refresh_every_days == 1 else every}; "
        f"too old to forecast from after {rule.stale_after_days} days"
    )


def _stations(city: City) -> str:
    if not city.stations:
        return "no station: forecasts know the calendar and no weather"
    return _listed(f"{station.name} ({station.ghcn_id})" for station in city.stations)


def _cells(city: City) -> str:
    cells = city.listed_cells()
    if cells is None:
        return "not listed: those with any located report will be in the city"
    divisions = sorted(set(cells.division))
    return f"{len(cells):,} listed in {city.cells_file}, in {_count(divisions, 'division')}"


def _neighbourhoods(city: City) -> str:
    from pipeline.grid.neighbourhoods import neighbourhoods

    names, layer = set(neighbourhoods(city).ravel()) - {""}, city.neighbourhoods
    if not names:
        return "none"
    file, source = (layer.file, layer.source) if layer else (None, None)
    where = f"of {file} hold a cell" if file else f"named in {city.cells_file}"
    return f"{len(names):,} {where}" + (f"; {source}" if source else "")


def _weekly(settings: Settings, city: City) -> str:
    from pipeline.workflow.ability import require_weekly

    try:
        require_weekly(settings, city)
    except InvalidRequest as error:
        return f"can't be made. {error}"
    return "can be made: hotspots run"
