"""Which cells are in the city, and in which police division, from the division polygons."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import shapely
from numpy.typing import NDArray

from pipeline.domain.cells import HEADER, NAMED_HEADER, Cells
from pipeline.domain.errors import InvalidRequest
from pipeline.domain.grid_spec import GridSpec
from pipeline.grid.polygons import read_polygons


def cells_from_divisions(grid: GridSpec, geojson_path: Path, names: Sequence[str]) -> Cells:
    """Return the cells whose centre lies in a division, each with that division's name.

    Args:
        grid: the city's grid.
        geojson_path: division polygons in degrees, each with its number (1, 2, ...) as `PREC`.
        names: the divisions' names, in the order of their numbers.

    Raises:
        InvalidRequest: the file is missing or not such a GeoJSON, or its numbers are not exactly
            those of `names`.
    """
    polygons = dict(read_polygons(geojson_path, "PREC", int, "divisions"))
    if sorted(polygons) != list(range(1, len(names) + 1)):
        raise InvalidRequest(
            f"{geojson_path} has divisions {sorted(polygons)}, but the city lists {len(names)}, "
            f"numbered from 1. Give the polygons of exactly these divisions."
        )
    lat, lon = grid.centres()
    number = _division_of(polygons, lat.ravel(), lon.ravel())
    ids = np.flatnonzero(number)
    return Cells(
        grid.shape,
        ids // grid.cols,
        ids % grid.cols,
        tuple(names[k - 1] for k in number[ids]),
    )


def write_cells(cells: Cells, path: Path) -> None:
    """Write cells as the CSV that `read_cells` reads, with neighbourhoods if any cell has one."""
    columns = [cells.row, cells.col, cells.division, cells.neighbourhood]
    header = NAMED_HEADER if any(cells.neighbourhood) else HEADER
    with path.open("w", newline="", encoding="utf-8") as lines:
        writer = csv.writer(lines, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(zip(*columns[: len(header)], strict=True))


def _division_of(
    polygons: dict[int, shapely.Geometry], lat: NDArray[np.float64], lon: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Return the number of the division that holds each point, 0 for none; all (n,)."""
    number = np.zeros(lat.shape, dtype=np.int64)
    for division in sorted(polygons):
        inside = shapely.contains_xy(polygons[division], lon, lat)
        number[inside & (number == 0)] = division
    return number
