"""What the crime branch sees: counts as they were known at each origin. No TensorFlow here.

An origin is an index into the view's weeks: the last week known. Its targets are the five weeks
after it. Features of many origins (training) and of one (forecasting) come from the same code.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Literal, NamedTuple, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from pipeline.domain.cells import Cells
from pipeline.domain.city import City
from pipeline.domain.errors import WeekNotReady
from pipeline.domain.weeks import EPOCH, weeks_between
from pipeline.grid.cube import CubeView
from pipeline.model.config import HORIZON_COUNT

Grid = NDArray[np.float32]
LATEST_DELAY = 52  # reports later than a year count as a year late
POOLED_WEEKS = 3.0  # weeks of its neighbourhood's rate that a cell's own history is pooled with
POOLED_FLOOR = 0.005
RATE_FLOOR = 0.02


class Known(Protocol):
    """What the crime branch asks of reports."""

    @property
    def completeness(self) -> NDArray[np.float64]:
        """(LATEST_DELAY + 1,) share of a week's reports known 0, 1, ... weeks after it."""

    def discounted(self, half_life: float, origins: range) -> NDArray[np.float64]:
        """Return (origins, rows, cols) sums of 0.5 ** (age / half_life) over known reports."""

    def window(self, weeks: int, origins: range) -> Grid:
        """Return (origins, rows, cols, weeks) log1p counts as known then, newest week first.

        Counts are divided by the completeness of their age, so that a week still being reported is
        told apart from a quiet one.
        """


@dataclass(frozen=True)
class Reports:
    """Located reports known at a view's edge, one entry per cell, week and delay.

    Attributes:
        week: (n,) week of occurrence, 0 the first whole week of the cube.
        delay: (n,) weeks from occurrence to report.
        cell: (n,) row * cols + col.
        number: (n,) reports.
        weeks: weeks from the first whole one to the edge.
        shape: (rows, cols).
    """

    week: NDArray[np.integer]
    delay: NDArray[np.integer]
    cell: NDArray[np.integer]
    number: NDArray[np.integer]
    weeks: int
    shape: tuple[int, int]

    def weekly(self) -> Grid:
        """Return (weeks, rows, cols) counts as known at the edge."""
        return self._sums(self.week, self.number, self.weeks).astype(np.float32)

    def _sums(
        self, slot: NDArray[np.number], number: NDArray[np.number], slots: int
    ) -> NDArray[np.float64]:
        """Return (slots, rows, cols) sums of numbers by slot and cell."""
        size = self.shape[0] * self.shape[1]
        index = slot.astype(np.int64) * size + self.cell
        return np.bincount(index, number, slots * size).reshape(slots, *self.shape).astype(float)

    def discounted(self, half_life: float, origins: range) -> NDArray[np.float64]:
        """Return (origins, rows, cols) sums of 0.5 ** (age / half_life) over known reports.

        A report enters in the week it became known, discounted from the week it occurred, so the
        running sum holds at each origin exactly what was known then.
        """
        decay = 0.5 ** (1 / half_life)
        entered = np.maximum(self.week + self.delay, origins.start)
        is_known = entered < origins.stop
        weight = self.number * (decay ** np.arange(self.weeks))[entered - self.week] * is_known
        slot = np.minimum(entered, origins.stop - 1) - origins.start
        sums = self._sums(slot, weight, len(origins))
        for number in range(1, len(origins)):
            sums[number] += decay * sums[number - 1]
        return sums

    def window(self, weeks: int, origins: range) -> Grid:
        """As `Known` says."""
        seen = range(origins.start - weeks + 1, origins.stop)
        known = np.zeros((len(seen), *self.shape), np.float32)
        stack = np.empty((len(origins), *self.shape, weeks), np.float32)
        for age in range(weeks):
            known += self._of_age(age, seen)
            first = weeks - 1 - age
            whole = known[first : first + len(origins)] / self.completeness[min(age, LATEST_DELAY)]
            stack[..., age] = np.log1p(whole)
        return stack

    def _of_age(self, age: int, weeks: range) -> Grid:
        """Return (weeks, rows, cols) counts of these weeks that became known at this age."""
        chosen = (self.delay == age) & (self.week >= weeks.start) & (self.week < weeks.stop)
        size = self.shape[0] * self.shape[1]
        index = (self.week[chosen] - weeks.start).astype(np.int64) * size + self.cell[chosen]
        flat = np.bincount(index, self.number[chosen], len(weeks) * size)
        return flat.reshape(-1, *self.shape).astype(np.float32)

    def by_delay(self) -> NDArray[np.float64]:
        """Return (weeks, LATEST_DELAY + 1) reports of the whole city by week and delay."""
        bins = LATEST_DELAY + 1
        index = self.week * bins + np.minimum(self.delay, LATEST_DELAY)
        flat = np.bincount(index, self.number, self.weeks * bins)
        return flat.reshape(-1, bins).astype(np.float64)

    @cached_property
    def completeness(self) -> NDArray[np.float64]:
        """(LATEST_DELAY + 1,) share of a week's reports known 0, 1, ... weeks after it.

        Chain ladder: each age's growth to the next is measured on the weeks old enough to show it.
        """
        known = self.by_delay().cumsum(axis=1)
        growth = np.ones(LATEST_DELAY + 1)
        for age in range(min(LATEST_DELAY, self.weeks - 1)):
            old_enough = known[: self.weeks - 1 - age]
            before, after = old_enough[:, age].sum(), old_enough[:, age + 1].sum()
            growth[age] = after / before if before > 0 else 1.0
        return 1 / growth[::-1].cumprod()[::-1]


def read_reports(view: CubeView, city: City) -> tuple[Reports, Reports]:
    """Return the located reports known at the edge: of the target offences, and of all others."""
    counts, first = view.reports, view.first_whole_week
    days = counts["week_start"].cast(pa.int32()).to_numpy()
    week = (days - (first - EPOCH).days) // 7
    delay, row, col, number = (
        counts[name].to_numpy() for name in ("delay_weeks", "row", "col", "reports")
    )
    weeks = weeks_between(first, view.edge_week) + 1
    usable = (week >= 0) & (row >= 0) & view.cells.mask[row, col]
    is_target = pc.is_in(counts["offence_class"], pa.array(city.offences.target)).to_numpy()
    cell = row * view.cells.shape[1] + col
    target, other = (
        Reports(week[k], delay[k], cell[k], number[k], weeks, view.cells.shape)
        for k in (usable & is_target, usable & ~is_target)
    )
    return target, other


def exposure(complete: NDArray[np.number], half_life: float, origins: range) -> NDArray[np.float64]:
    """Return (origins, 1, 1) weeks of full reporting that `discounted` sums are made of."""
    age = np.arange(origins.stop)
    weeks = 0.5 ** (age / half_life) * complete[np.minimum(age, LATEST_DELAY)]
    return weeks.cumsum()[origins.start :, None, None]


class Channel(NamedTuple):
    """One long-memory channel: whose rate, over what half-life, smoothed over how many cells."""

    of: Literal["target", "other"]
    half_life: float
    smooth_cells: float = 0
    is_pooled: bool = False


LONG_RUN = float("inf")
# The learned offset starts at the first; those of one half-life stand together, to be summed once.
CHANNELS = (
    Channel("target", LONG_RUN, is_pooled=True),
    Channel("target", 200),
    Channel("target", 200, 1),
    Channel("target", 200, 3),
    Channel("target", 52, is_pooled=True),
    Channel("target", 20),
    Channel("target", 20, 1),
    Channel("target", 8),
    Channel("target", 8, 2),
    Channel("target", 4, 1),
    Channel("other", LONG_RUN, is_pooled=True),
    Channel("other", LONG_RUN, 1),
    Channel("other", LONG_RUN, 3),
    Channel("other", 8, 1.5),
)


def smooth(grid: NDArray[np.float64], cells: float, mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return a Gaussian average over the in-city cells around each cell; zero outside the city.

    Args:
        grid: (n, rows, cols).
        cells: standard deviation in cells; 0 leaves the grid as it is.
        mask: (rows, cols).
    """
    if not cells:
        return grid * mask
    blurred = gaussian_filter(grid * mask, (0, cells, cells), mode="constant")
    return np.where(mask, blurred / _weight_around(mask.tobytes(), mask.shape, cells), 0.0)


@lru_cache(maxsize=16)
def _weight_around(mask: bytes, shape: tuple[int, int], cells: float) -> NDArray[np.float64]:
    """Return the (rows, cols) weight of the in-city cells around each cell, a little at least."""
    in_city = np.frombuffer(mask, bool).reshape(shape).astype(np.float64)
    return np.maximum(gaussian_filter(in_city, cells, mode="constant"), 1e-9)


def long_memory(
    target: Known,
    other: Known,
    cells: Cells,
    origins: range,
    channels: Sequence[Channel] = CHANNELS,
) -> Grid:
    """Return (origins, rows, cols, channels) log rates; as `log_rates`, zero outside the city."""
    rates = log_rates(target, other, cells.mask, origins, channels)
    stack = np.zeros((len(rates), *cells.shape, len(channels)), np.float32)
    stack[:, cells.mask] = rates
    return stack


def log_rates(
    target: Known,
    other: Known,
    mask: NDArray[np.bool_],
    origins: range,
    channels: Sequence[Channel],
) -> Grid:
    """Return (origins, in-city cells, channels) log rates over all known at each origin.

    Cells are in the order of the mask, (rows, cols).
    """
    reports = {"target": target, "other": other}
    rates = []
    sums: dict[tuple[str, float], NDArray[np.float64]] = {}
    for channel in channels:
        key, of = (channel.of, channel.half_life), reports[channel.of]
        if key not in sums:
            sums = {key: of.discounted(channel.half_life, origins)}
        weeks = exposure(of.completeness, channel.half_life, origins)
        rates.append(_log_rate(channel, sums[key], weeks, mask).astype(np.float32))
    return np.stack(rates, axis=-1)


def _log_rate(
    channel: Channel, sums: NDArray[np.float64], weeks: NDArray[np.float64], mask: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return (origins, in-city cells) log rates, in the order of the mask."""
    rate = sums / weeks
    if channel.is_pooled:
        around = smooth(rate, 1, mask)[:, mask] + POOLED_FLOOR
        return np.log((sums[:, mask] + POOLED_WEEKS * around) / (weeks[:, 0] + POOLED_WEEKS))
    return np.log(smooth(rate, channel.smooth_cells, mask)[:, mask] + RATE_FLOOR)


def target_counts(target: Reports, origins: range) -> Grid:
    """Return (origins, horizons, rows, cols) counts as known at the edge; zero past the edge."""
    weekly = target.weekly()
    ahead = np.zeros((HORIZON_COUNT, *target.shape), np.float32)
    weekly = np.concatenate([weekly, ahead])
    steps = [weekly[origins.start + h : origins.stop + h] for h in range(1, HORIZON_COUNT + 1)]
    return np.stack(steps, axis=1)


def training_origins(weeks: int, window_weeks: int) -> range:
    """Return every origin with a full window and at least one known target.

    Raises:
        WeekNotReady: there are too few weeks to learn anything from.
    """
    needed = window_weeks + HORIZON_COUNT + 10
    if weeks < needed:
        raise WeekNotReady(
            f"Training needs {needed} whole weeks ({window_weeks} of window, {HORIZON_COUNT} of "
            f"horizon, 10 to learn from); the cube holds {weeks}. Pull a longer history, or "
            "shorten window_weeks."
        )
    return range(window_weeks - 1, weeks - 1)
