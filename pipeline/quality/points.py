"""Located reports by the point they lie on: a city has far fewer points than reports."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.domain.city import City


@dataclass(frozen=True)
class Points:
    """The distinct points of a frame's located reports.

    Attributes:
        rows: (n,) places of the located reports in the frame, rising.
        point: (n,) which point each of them lies on.
        lat: (points,) degrees north.
        lon: (points,) degrees east.
    """

    rows: NDArray[np.int64]
    point: NDArray[np.int64]
    lat: NDArray[np.float64]
    lon: NDArray[np.float64]


def points_of(frame: pd.DataFrame) -> Points:
    """Return the points of incidents that passed the row checks: who is located has coordinates.

    Args:
        frame: has columns location_status, lat and lon.
    """
    rows = np.flatnonzero(frame["location_status"] == "located")
    (by_lat, lats), (by_lon, lons) = (
        pd.factorize(frame[name].to_numpy()[rows]) for name in ("lat", "lon")
    )
    point, found = pd.factorize(by_lat * len(lons) + by_lon)
    return Points(rows, point, lats[found // len(lons)], lons[found % len(lons)])


def near_divisions(city: City) -> NDArray[np.bool_] | None:
    """Return (rows, cols, divisions): whether a cell or one beside it is of the division.

    None where the city has no divisions or does not say which cells are theirs.
    """
    cells = city.listed_cells()
    if cells is None or not city.divisions:
        return None
    rows, cols = city.grid.shape
    padded = np.zeros((rows + 2, cols + 2, len(city.divisions)), dtype=bool)
    number = [city.divisions.index(name) for name in cells.division]
    padded[cells.row + 1, cells.col + 1, number] = True
    shifts = [(y, x) for y in range(3) for x in range(3)]
    return np.logical_or.reduce([padded[y : y + rows, x : x + cols] for y, x in shifts])
