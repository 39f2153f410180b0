"""Where the names of divisions stand on a small map: in their division, off what else is drawn."""

from functools import cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.domain.cells import Cells
from pipeline.domain.city import City

MM_PER_POINT = 25.4 / 72
GAP_MM = 0.15  # around a name
LINE_HEIGHT = 1.05  # in parts of the letters' size
ROUNDS = 3  # a name that came first may have to make way for a later one
NUMBER_MM = 3.2  # a cluster's number: its size, and how far above and right of its cell it stands


def places_of_names(
    city: City, cells: Cells, frame: pd.DataFrame, size_mm: tuple[float, float], points: float
) -> dict[str, tuple[float, float]]:
    """Return where each division's name is to be written, (longitude, latitude) of its middle.

    Of the division's cells it takes the one whose name covers least of other names, hotspots and
    clusters' numbers, and of several the nearest to the middle. A city of one division has none.

    Args:
        city: for its grid.
        cells: the in-city cells and their divisions.
        frame: the forecast, for its bands and clusters.
        size_mm: width and height of the grid on the map.
        points: size of the letters.
    """
    division = np.array(cells.division)
    # The smallest first: it has the least room.
    names = sorted(set(cells.division), key=lambda name: ((division == name).sum(), name))
    if len(names) == 1:
        return {}
    cell = np.array(size_mm) / (city.grid.cols, city.grid.rows)
    drawn = _drawn(frame, cell)
    chosen: dict[str, NDArray[np.float64]] = {}
    lat, lon = city.grid.centres()
    places = {}
    for name in names * ROUNDS:
        row, col = cells.row[division == name], cells.col[division == name]
        middle = np.column_stack([col, row])
        away = ((middle - middle.mean(axis=0)) ** 2).sum(axis=1)
        boxes = _boxes((middle + 0.5) * cell, name, points)
        taken = np.vstack([drawn, *(box for other, box in chosen.items() if other != name)])
        covered = (_overlap(boxes, taken) + _outside(boxes, size_mm)).round(3)
        best = np.lexsort([away, covered])[0]
        chosen[name] = boxes[best]
        places[name] = lon[row[best], col[best]], lat[row[best], col[best]]
    return places


def lines_of(name: str) -> str:
    """Return a name with each word on a line of its own."""
    return name.replace(" ", "\n")


def _drawn(frame: pd.DataFrame, cell: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the boxes of hotspots and of clusters' numbers: (boxes, left bottom right top), mm."""
    hot = frame[frame["band"] > 0].sort_values("rank")
    corner = hot[["col", "row"]].to_numpy() * cell
    peaks = hot.drop_duplicates("cluster")[["col", "row"]].to_numpy() * cell + cell / 2
    numbers = peaks + NUMBER_MM
    return np.vstack(
        [
            np.hstack([corner, corner + cell]),
            np.hstack([numbers - NUMBER_MM / 2, numbers + NUMBER_MM / 2]),
        ]
    )


def _boxes(centres: NDArray[np.float64], name: str, points: float) -> NDArray[np.float64]:
    """Return the box of a name at each centre, in mm."""
    half = np.array(_size(name, points)) * MM_PER_POINT / 2 + GAP_MM
    return np.hstack([centres - half, centres + half])


@cache  # a name is measured for each map and each round, and that takes 10 ms
def _size(name: str, points: float) -> tuple[float, float]:
    """Return width and height of a name, in points."""
    from matplotlib.textpath import TextPath

    lines = lines_of(name).split("\n")
    wide = max(TextPath((0, 0), line, size=points).get_extents().width for line in lines)
    return wide, LINE_HEIGHT * points * len(lines)


def _overlap(boxes: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how much of each box others cover, in mm2."""
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    return np.clip(high - low, 0, None).prod(axis=2).sum(axis=1)


def _outside(boxes: NDArray[np.float64], size_mm: tuple[float, float]) -> NDArray[np.float64]:
    """Return how much of each box lies outside the map, in mm2."""
    area = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    return area - _overlap(boxes, np.array([[0, 0, *size_mm]]))
