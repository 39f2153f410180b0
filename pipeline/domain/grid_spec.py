"""The grid: where a coordinate falls, and where a cell lies."""

from fractions import Fraction
from functools import lru_cache
from math import inf, nextafter
from typing import Self, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

Index = TypeVar("Index", int, NDArray[np.int64])
POINTS_AT_ONCE = 1 << 15  # what is made of so many stays in the processor's cache
KM_PER_DEGREE_LAT = 111.195  # 6371 km sphere


class GridSpec(BaseModel):
    """A regular latitude-longitude grid.

    Row 0 is the southernmost, column 0 the westernmost; a cell holds its lower and left edge and
    not its upper and right one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    south: float = Field(ge=-90, le=90)
    north: float = Field(ge=-90, le=90)
    west: float = Field(ge=-180, le=180)
    east: float = Field(ge=-180, le=180)
    rows: int = Field(default=60, ge=1)
    cols: int = Field(default=75, ge=1)

    @model_validator(mode="after")
    def _is_a_box(self) -> Self:
        if self.south >= self.north or self.west >= self.east:
            raise ValueError("south must be below north, and west below east")
        return self

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, cols)."""
        return self.rows, self.cols

    @property
    def cell_height_deg(self) -> float:
        """Height of a cell in degrees of latitude."""
        return (self.north - self.south) / self.rows

    @property
    def cell_width_deg(self) -> float:
        """Width of a cell in degrees of longitude."""
        return (self.east - self.west) / self.cols

    @property
    def cell_size_m(self) -> tuple[float, float]:
        """(height, width) of a cell at the grid's middle latitude, in metres."""
        metres = 1000 * KM_PER_DEGREE_LAT
        return self.cell_height_deg * metres, self.cell_width_deg * metres * self._squeeze

    @property
    def _squeeze(self) -> float:
        """Length of a degree of longitude over one of latitude, at the middle latitude."""
        return float(np.cos(np.radians((self.south + self.north) / 2)))

    def locate(
        self, lat: NDArray[np.float64], lon: NDArray[np.float64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
        """Return (row, col, is_inside) of each point; row and col are -1 outside the box.

        It is exact for coordinates and bounds as they are written, in decimals: a point on an edge
        belongs to the cell above it, or to the right.

        Args:
            lat: (n,) degrees north; NaN counts as outside.
            lon: (n,) degrees east; NaN counts as outside.
        """
        row = _interval_of(lat, _edges(self.south, self.north, self.rows))
        col = _interval_of(lon, _edges(self.west, self.east, self.cols))
        inside = (row >= 0) & (col >= 0)
        return np.where(inside, row, -1), np.where(inside, col, -1), inside

    def cell_id(self, row: Index, col: Index) -> Index:
        """Return row * cols + col, the number by which a cell is known everywhere."""
        return row * self.cols + col

    def centres(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return (lat, lon) of all cell centres, each (rows, cols), in degrees."""
        lat = self.south + (np.arange(self.rows) + 0.5) * self.cell_height_deg
        lon = self.west + (np.arange(self.cols) + 0.5) * self.cell_width_deg
        lat_grid, lon_grid = np.meshgrid(lat, lon, indexing="ij")
        return lat_grid, lon_grid

    def bounds(self, row: int, col: int) -> tuple[float, float, float, float]:
        """Return (west, south, east, north) of one cell, in degrees."""
        west = self.west + col * self.cell_width_deg
        south = self.south + row * self.cell_height_deg
        return west, south, west + self.cell_width_deg, south + self.cell_height_deg


@lru_cache(maxsize=64)
def _edges(low: float, high: float, count: int) -> NDArray[np.float64]:
    """Return the (count + 1,) edges of equal intervals: of each, the first float on or above it.

    A float stands for the shortest decimal that is read as it. These decimals rise as their floats
    do, so that comparing a point with these floats compares its decimals with the exact edge.
    """
    first, last = Fraction(repr(low)), Fraction(repr(high))
    exact = [first + (last - first) * k / count for k in range(count + 1)]
    return np.array([_first_float_from(edge) for edge in exact])


def _first_float_from(edge: Fraction) -> float:
    found = float(edge)
    while Fraction(repr(found)) >= edge:
        found = nextafter(found, -inf)
    while Fraction(repr(found)) < edge:
        found = nextafter(found, inf)
    return found


def _interval_of(values: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the interval that holds each value, its lower edge included; -1 outside and of NaN."""
    values = np.asarray(values, dtype=np.float64)
    found = np.empty(values.shape, np.int64)
    for start in range(0, len(values), POINTS_AT_ONCE):
        part = slice(start, start + POINTS_AT_ONCE)
        found[part] = _interval_of_few(values[part], edges)
    return found


def _interval_of_few(values: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.int64]:
    count, inside = len(edges) - 1, (values >= edges[0]) & (values < edges[-1])
    place = np.where(inside, values - edges[0], 0) * (count / (edges[-1] - edges[0]))
    near = np.minimum(place.astype(np.int64), count - 1)
    # Rounding leads astray by one interval at most.
    exact = near + (values >= edges[near + 1]) - (values < edges[near])
    return np.where(inside, exact, -1)
