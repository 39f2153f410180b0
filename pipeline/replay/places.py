"""Where the simulated reports lie: uneven cells within divisions, hundred-blocks within cells."""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, stats

from pipeline.domain.city import City
from pipeline.domain.errors import InvalidRequest
from pipeline.replay.kinds import FIELDS
from pipeline.replay.parameters import Places

_FIRST_YEAR = 2009
_SMOOTHING_CELLS = 1.2
_DISTRICT_SMOOTHING_CELLS = 0.7
_DRIFT_RHO = 0.95  # by month
_EDGE, _BORDER = 0.02, 0.38  # nearest a block comes to its cell's side, as a share of the cell
_COORDINATE_DIGITS = 4


class CityPlaces:
    """The cells and blocks of a city, and how often each is the place of a report."""

    def __init__(self, city: City, parameters: Places, seed: int) -> None:
        """Lay out the city; the same seed gives the same places.

        Raises:
            InvalidRequest: the city lists no cells.
        """
        cells = city.listed_cells()
        if cells is None:
            raise InvalidRequest(f"{city.title} lists no cells, so it can't be simulated.")
        self.grid = city.grid
        self.cells = cells
        self._parameters = parameters
        self._seed = seed
        number = np.array([city.divisions.index(name) for name in cells.division])
        self._order = np.argsort(number, kind="stable")
        self._division = number[self._order]  # of the cells sorted by division

    @cached_property
    def _fields(self) -> dict[str, NDArray[np.float64]]:
        """Standard normal (cells,) fields, correlated with one another and in space."""
        rng = np.random.default_rng([self._seed, 1])
        common = self._noise(rng)
        return {
            name: self._ranked(
                _mixed(
                    self._parameters.district_share,
                    self._district_density,
                    _mixed(self._parameters.common_share, common, self._noise(rng)),
                )
            )
            for name in FIELDS
        }

    @cached_property
    def _district_density(self) -> NDArray[np.float64]:
        """Standard normal (cells,) scores of how many reporting districts lie around each cell."""
        grid = np.zeros(self.grid.shape)
        grid[self.cells.row, self.cells.col] = self._parameters.districts
        around = ndimage.gaussian_filter(grid, _DISTRICT_SMOOTHING_CELLS)
        return self._ranked(around[self.cells.row, self.cells.col])

    def _noise(self, rng: np.random.Generator) -> NDArray[np.float64]:
        """Return (cells,) noise, in part shared by neighbouring cells."""
        smooth = self._smooth(rng)
        return _mixed(self._parameters.smooth_share, smooth, rng.standard_normal(len(self.cells)))

    def _smooth(self, rng: np.random.Generator) -> NDArray[np.float64]:
        grid = ndimage.gaussian_filter(rng.standard_normal(self.grid.shape), _SMOOTHING_CELLS)
        values = grid[self.cells.row, self.cells.col]
        return (values - values.mean()) / values.std()

    def _ranked(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Replace values by the normal scores of their ranks, so that seeds differ little."""
        return stats.norm.ppf((stats.rankdata(values) - 0.5) / len(values))

    def cell_shares(self, field: str, year: int, month: int) -> NDArray[np.float64]:
        """Return (cells,), in the order of `cells`: share of its division's reports in a month."""
        above = self._fields[field] - self._parameters.low_below
        stretched = np.where(above < 0, above * self._parameters.low_stretch, above)
        log_weight = self._parameters.cell_sd[field] * stretched
        weight = np.exp(log_weight + self._drift[(year - _FIRST_YEAR) * 12 + month - 1])
        number = np.empty(len(self.cells), dtype=np.int64)
        number[self._order] = self._division
        return weight / np.bincount(number, weight)[number]

    @cached_property
    def _drift(self) -> NDArray[np.float64]:
        """(months since 2009, cells): slow change of the log weights, smooth in space."""
        rng = np.random.default_rng([self._seed, 2])
        drift, rows = self._smooth(rng), []
        for _ in range(12 * 30):
            rows.append(drift)
            drift = _DRIFT_RHO * drift + (1 - _DRIFT_RHO**2) ** 0.5 * self._smooth(rng)
        return self._parameters.drift_sd * np.array(rows)

    def draw_cells(
        self,
        field: str,
        year: int,
        month: int,
        division: NDArray[np.int64],
        rng: np.random.Generator,
    ) -> NDArray[np.int64]:
        """Return (n,) the cell of each report, given its division (n,), counted from 0."""
        share = self.cell_shares(field, year, month)[self._order]
        first = np.searchsorted(self._division, division, side="left")
        last = np.searchsorted(self._division, division, side="right") - 1
        cumulative = np.cumsum(share)
        start = cumulative[first] - share[first]
        at = np.searchsorted(cumulative, start + rng.random(len(division)), side="right")
        return self._order[np.clip(at, first, last)]

    @cached_property
    def _blocks(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Latitude and longitude (cells, blocks), and running share of the cell (cells, blocks)."""
        rng = np.random.default_rng([self._seed, 3])
        count = self._parameters.blocks_per_cell
        low_y, high_y, low_x, high_x = self._room()
        y = low_y[:, None] + (high_y - low_y)[:, None] * rng.random((len(self.cells), count))
        x = low_x[:, None] + (high_x - low_x)[:, None] * rng.random((len(self.cells), count))
        lat = self.grid.south + (self.cells.row[:, None] + y) * self.grid.cell_height_deg
        lon = self.grid.west + (self.cells.col[:, None] + x) * self.grid.cell_width_deg
        weight = np.exp(self._parameters.block_sd * rng.standard_normal((len(self.cells), count)))
        running = np.cumsum(weight, axis=1) / weight.sum(axis=1, keepdims=True)
        return lat.round(_COORDINATE_DIGITS), lon.round(_COORDINATE_DIGITS), running

    def _room(self) -> list[NDArray[np.float64]]:
        """Return how far (cells,) south, north, west, east blocks may lie in each cell, 0 to 1.

        A division's border runs somewhere through its outer cells, so blocks keep to the middle
        on the sides where another division, or no city, begins.
        """
        number = np.full(self.grid.shape, -1)
        number[self.cells.row[self._order], self.cells.col[self._order]] = self._division
        padded = np.pad(number, 1, constant_values=-1)
        rows, cols = self.grid.shape
        sides = {"south": [(0, 0), (0, 1), (0, 2)], "north": [(2, 0), (2, 1), (2, 2)],
                 "west": [(0, 0), (1, 0), (2, 0)], "east": [(0, 2), (1, 2), (2, 2)]}  # fmt: skip
        margin = {}
        for side, places in sides.items():
            alike = [padded[r : r + rows, c : c + cols] == number for r, c in places]
            is_inner = np.logical_and.reduce(alike)[self.cells.row, self.cells.col]
            margin[side] = np.where(is_inner, _EDGE, _BORDER)
        return [margin["south"], 1 - margin["north"], margin["west"], 1 - margin["east"]]

    def draw_blocks(
        self, cell: NDArray[np.int64], rng: np.random.Generator
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return (n,) latitude and longitude of a block in each cell (n,)."""
        lat, lon, running = self._blocks
        edges = (running + np.arange(len(running))[:, None]).ravel()
        at = np.searchsorted(edges, cell + rng.random(len(cell)), side="right")
        count = self._parameters.blocks_per_cell
        at = np.clip(at, cell * count, cell * count + count - 1)
        return lat.ravel()[at], lon.ravel()[at]


def _mixed(
    share: float, one: NDArray[np.float64], other: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return two standard fields mixed, `share` of the variance being the first one's."""
    return share**0.5 * one + (1 - share) ** 0.5 * other
