"""What a place is called, in the same words everywhere."""

from collections.abc import Iterable

import pandas as pd

from pipeline.domain.city import City
from pipeline.grid.neighbourhoods import neighbourhoods

NAMES = 3  # of a cluster's neighbourhoods; a large one lies in ten


def place_name(of_neighbourhoods: Iterable[str], of_divisions: Iterable[str]) -> str:
    """Return "Neighbourhood (Division)", or "Division" where no neighbourhood is known.

    Several of either come in the order given, each once; of many neighbourhoods the first three.
    """
    divisions = ", ".join(dict.fromkeys(of_divisions))
    names = [name for name in dict.fromkeys(of_neighbourhoods) if name]
    if not names:
        return divisions
    more = f" and {len(names) - NAMES} more" if len(names) > NAMES else ""
    return f"{', '.join(names[:NAMES])}{more} ({divisions})"


def with_places(city: City, cells: pd.DataFrame) -> pd.DataFrame:
    """Return the cells with two more columns: neighbourhood ("" for none) and place, its name.

    Args:
        city: for its grid and its layer of neighbourhoods, if it has one.
        cells: one row per cell, with row, col and division.

    Raises:
        InvalidRequest: the city's layer of neighbourhoods can't be used.
    """
    names = neighbourhoods(city)[cells["row"], cells["col"]]
    return cells.assign(neighbourhood=names, place=place_names(names, cells["division"]))


def place_names(of_neighbourhoods: Iterable[str], of_divisions: Iterable[str]) -> list[str]:
    """Return what each cell's place is called, given the neighbourhood and division of each."""
    pairs = list(zip(of_neighbourhoods, of_divisions, strict=True))
    called = {pair: place_name(*([name] for name in pair)) for pair in set(pairs)}
    return [called[pair] for pair in pairs]
