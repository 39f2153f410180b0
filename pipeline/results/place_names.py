"""What a place is called and how large it is, in the same words everywhere."""

from collections.abc import Iterable, Sequence

import pandas as pd

from pipeline.domain.cells import WHOLE_CITY
from pipeline.domain.city import City
from pipeline.domain.grid_spec import GridSpec
from pipeline.grid.neighbourhoods import neighbourhoods

MORE_NAMES = 2  # of a cluster, beside its peak's


def place_name(neighbourhood: str, division: str) -> str:
    """Return "Neighbourhood (Division)", or the one of both that is known."""
    if not neighbourhood or division == WHOLE_CITY:
        return neighbourhood or division
    return f"{neighbourhood} ({division})"


def cluster_name(of_neighbourhoods: Sequence[str], of_divisions: Sequence[str]) -> str:
    """Return the place of a cluster's peak, and at most two more of its neighbourhoods.

    Both are of its cells, the peak first. Where no cell has a neighbourhood, divisions stand in.
    """
    names = of_neighbourhoods if any(of_neighbourhoods) else of_divisions
    others = [name for name in dict.fromkeys(names) if name and name != names[0]]
    also = f", also {', '.join(others[:MORE_NAMES])}" if others else ""
    return place_name(of_neighbourhoods[0], of_divisions[0]) + also


def with_places(city: City, cells: pd.DataFrame) -> pd.DataFrame:
    """Return the cells with three more columns: cell_id, neighbourhood ("" for none) and place.

    Args:
        city: for its grid and its neighbourhoods, if it has any.
        cells: one row per cell, with row, col and division.

    Raises:
        InvalidRequest: the city's layer of neighbourhoods can't be used.
    """
    row, col = cells["row"].to_numpy(), cells["col"].to_numpy()
    names = neighbourhoods(city)[row, col]
    places = place_names(names, cells["division"])
    return cells.assign(cell_id=city.grid.cell_id(row, col), neighbourhood=names, place=places)


def place_names(of_neighbourhoods: Iterable[str], of_divisions: Iterable[str]) -> list[str]:
    """Return what each cell's place is called, given the neighbourhood and division of each."""
    pairs = list(zip(of_neighbourhoods, of_divisions, strict=True))
    called = {pair: place_name(*pair) for pair in set(pairs)}
    return [called[pair] for pair in pairs]


def wheres(
    grid: GridSpec, of_neighbourhoods: Iterable[str], of_divisions: Iterable[str]
) -> list[str]:
    """Return where each cell is and how large: "0.63 x 1.17 km, Westlake, Rampart Division"."""
    size, pairs = cell_size(grid), list(zip(of_neighbourhoods, of_divisions, strict=True))
    said = {pair: ", ".join((size, *_where(*pair))) for pair in set(pairs)}
    return [said[pair] for pair in pairs]


def _where(neighbourhood: str, division: str) -> list[str]:
    of_division = "" if division == WHOLE_CITY else f"{division} Division"
    return [name for name in (neighbourhood, of_division) if name]


def cell_size(grid: GridSpec) -> str:
    """Return a cell's width and height, such as "0.63 x 1.17 km"."""
    height, width = grid.cell_size_m
    return f"{width / 1000:.2f} x {height / 1000:.2f} km"


def about_places(city: City) -> str:
    """Return what to say below names of cells: how large a cell is, and whose the names are."""
    layer = city.neighbourhoods
    source = f" Neighbourhoods: {layer.source}." if layer and layer.source else ""
    return f"A cell is {cell_size(city.grid)}.{source}"


def extent(grid: GridSpec, rows: Sequence[int], cols: Sequence[int]) -> str:
    """Return the width and height of the box around some cells, such as "1.9 x 3.5 km"."""
    height, width = grid.cell_size_m
    wide, high = max(cols) - min(cols) + 1, max(rows) - min(rows) + 1
    return f"{wide * width / 1000:.1f} x {high * height / 1000:.1f} km"
