"""Which neighbourhood a cell lies in: a label for people, never an input of the model."""

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.domain.cells import Cells
from pipeline.domain.city import City
from pipeline.domain.errors import InvalidRequest
from pipeline.domain.grid_spec import GridSpec

LEAST_SHARE = 0.1  # of a cell whose centre is in none


def neighbourhoods(city: City) -> NDArray[np.object_]:
    """Return the name of the neighbourhood of each cell, (rows, cols) of text.

    It is the one in the city's layer that holds the cell's centre, or else covers most of the cell
    and at least a tenth; without a file of a layer, the one in its `cells_file`; "" for a cell in
    none, and for all of a city without names.

    Raises:
        InvalidRequest: the layer can't be read, a name is missing, no cell lies in any, or the
            names' source is given and no name is.
    """
    layer = city.neighbourhoods
    if layer and layer.file:
        return _names(city.folder / layer.file, layer.name_property, city.grid)
    names = np.full(city.grid.shape, "", dtype=object)
    cells = city.listed_cells()
    if cells is not None:
        names[cells.row, cells.col] = cells.neighbourhood
    if layer and not names.any():
        raise InvalidRequest(
            f"{city.title} has a section [neighbourhoods] without `file`, and no names in its "
            "cells_file. Give `file`, or make the table with `hotspots cells --neighbourhoods`."
        )
    return names


def has_neighbourhoods(city: City) -> bool:
    """Return whether any cell has a neighbourhood's name."""
    return bool(neighbourhoods(city).any())


def with_neighbourhoods(cells: Cells, grid: GridSpec, path: Path, key: str) -> Cells:
    """Return the cells with the neighbourhood of each, of those of a GeoJSON.

    Args:
        cells: of that grid.
        grid: the city's.
        path: polygons in degrees; where they overlap, the first counts.
        key: the property that holds a polygon's name.

    Raises:
        InvalidRequest: the file can't be read, a name is missing, or no cell lies in any.
    """
    names = _names(path, key, grid)[cells.row, cells.col]
    return Cells(cells.shape, cells.row, cells.col, cells.division, tuple(names))


def _names(path: Path, key: str, grid: GridSpec) -> NDArray[np.object_]:
    return _read(path, key, grid, path.stat().st_mtime_ns if path.is_file() else None)


@lru_cache(maxsize=8)
def _read(path: Path, key: str, grid: GridSpec, _changed: int | None) -> NDArray[np.object_]:
    import shapely

    from pipeline.grid.polygons import largest_of, read_polygons

    layer = read_polygons(path, key, _name, "neighbourhoods")
    lat, lon = grid.centres()
    names = np.full(grid.shape, "", dtype=object)
    for name, polygon in reversed(layer):
        names[shapely.contains_xy(polygon, lon, lat)] = name
    if not names.any():
        raise InvalidRequest(
            f"{path} has no neighbourhood that holds the centre of a cell of the grid. Give "
            "polygons of this city, as longitude and latitude in degrees."
        )
    up, right = grid.cell_height_deg / 2, grid.cell_width_deg / 2
    boxes, unnamed = shapely.box(lon - right, lat - up, lon + right, lat + up), names == ""
    names[unnamed] = largest_of(layer, boxes[unnamed], LEAST_SHARE)
    names.flags.writeable = False
    return names


def _name(value: Any) -> str:  # noqa: ANN401
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{value!r} is no name")
    return value.strip()
