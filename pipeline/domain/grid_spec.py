"""The grid: where a coordinate falls, and where a cell lies."""

from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

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

    @property
    def cell_area_km2(self) -> float:
        """Area of a cell at the grid's middle latitude, in km2."""
        return self.cell_height_deg * self.cell_width_deg * KM_PER_DEGREE_LAT**2 * self._squeeze

    def locate(
        self, lat: NDArray[np.float64], lon: NDArray[np.float64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
        """Return (row, col, is_inside) of each point; row and col are -1 outside the box.

        Args:
            lat: (n,) degrees north; NaN counts as outside.
            lon: (n,) degrees east; NaN counts as outside.
        """
        lat, lon = np.asarray(lat, dtype=np.float64), np.asarray(lon, dtype=np.float64)
        inside = (lat >= self.south) & (lat < self.north) & (lon >= self.west) & (lon < self.east)
        y = (np.where(inside, lat, self.south) - self.south) / (self.north - self.south)
        x = (np.where(inside, lon, self.west) - self.west) / (self.east - self.west)
        # A point a hair below the upper edge may round onto it.
        row = np.minimum((y * self.rows).astype(np.int64), self.rows - 1)
        col = np.minimum((x * self.cols).astype(np.int64), self.cols - 1)
        row, col = np.where(inside, row, -1), np.where(inside, col, -1)
        return row, col, inside

    def cell_id(self, row: NDArray[np.int64], col: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return row * cols + col."""
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
