"""Which neighbourhood a cell lies in: a label for people, never an input of the model."""

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.domain.city import City
from pipeline.domain.errors import InvalidRequest
from pipeline.domain.grid_spec import GridSpec


def neighbourhoods(city: City) -> NDArray[np.object_]:
    """Return the name of the neighbourhood that holds each cell's centre, (rows, cols) of text.

    It is "" for a cell in none, and for all of a city without a layer. Where neighbourhoods
    overlap, the first of the file counts.

    Raises:
        InvalidRequest: the layer can't be read, a name is missing, or no cell lies in any.
    """
    layer = city.neighbourhoods
    if layer is None:
        return np.full(city.grid.shape, "", dtype=object)
    path = city.folder / layer.file
    changed = path.stat().st_mtime_ns if path.is_file() else None
    return _names(path, layer.name_property, city.grid, changed)


@lru_cache(maxsize=8)
def _names(path: Path, key: str, grid: GridSpec, _changed: int | None) -> NDArray[np.object_]:
    import shapely

    from pipeline.grid.polygons import read_polygons

    lat, lon = grid.centres()
    names = np.full(grid.shape, "", dtype=object)
    for name, polygon in reversed(read_polygons(path, key, _name, "neighbourhoods")):
        names[shapely.contains_xy(polygon, lon, lat)] = name
    if not names.any():
        raise InvalidRequest(
            f"{path} has no neighbourhood that holds the centre of a cell of the grid. Give "
            "polygons of this city, as longitude and latitude in degrees."
        )
    names.flags.writeable = False
    return names


def _name(value: Any) -> str:  # noqa: ANN401
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{value!r} is no name")
    return value.strip()
