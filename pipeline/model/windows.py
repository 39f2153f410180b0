"""Located reports as they were known at each origin. No TensorFlow here.

An origin is an index into the view's weeks: the last week known. Its targets are the five weeks
after it. Features of many origins (training) and of one (forecasting) come from the same code.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.domain.city import City
from pipeline.domain.errors import WeekNotReady
from pipeline.domain.weeks import EPOCH, weeks_between
from pipeline.grid.cube import CubeView
from pipeline.model.config import HORIZON_COUNT

Grid = NDArray[np.float32]
LATEST_DELAY = 52  # reports later than a year count as a year late
TARGET, OTHER = "target offences", "other offences"  # no class can be named so
MOST_CLASSES = 12
LEAST_CLASS_SHARE = 0.02  # of the located reports of other offences
RECENT_WEEKS = 26


class Known(Protocol):
    """What long-memory channels ask of reports of some kind."""

    @property
    def completeness(self) -> NDArray[np.float64]:
        """(LATEST_DELAY + 1,) share of a week's reports known 0, 1, ... weeks after it."""

    def discounted(self, half_life: float, origins: range) -> NDArray[np.float64]:
        """Return (origins, rows, cols) sums of 0.5 ** (age / half_life) over known reports."""


class KnownByWeek(Known, Protocol):
    """What the crime branch asks of reports of the target offences."""

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
        """As `KnownByWeek` says."""
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


@dataclass(frozen=True)
class Kinds:
    """Located reports known at an edge, by kind.

    Attributes:
        target: of the target offences.
        other: of all others.
        classes: of the frequent classes among the others, by name.
        rest: of the others without these.
    """

    target: Reports
    other: Reports
    classes: dict[str, Reports]
    rest: Reports

    @property
    def others(self) -> dict[str, Reports]:
        """All others together, as OTHER, and each frequent class of them."""
        return {OTHER: self.other, **self.classes}


def read_reports(view: CubeView, city: City, classes: Sequence[str] | None = None) -> Kinds:
    """Return the located reports known at the edge.

    Args:
        view: what is known.
        city: whose target offences are told from the others.
        classes: names of the others that are given apart; None: the frequent ones.
    """
    counts, first = view.reports, view.first_whole_week
    days = counts["week_start"].cast(pa.int32()).to_numpy()
    week = (days - (first - EPOCH).days) // 7
    delay, row, col, number = (
        counts[name].to_numpy() for name in ("delay_weeks", "row", "col", "reports")
    )
    weeks = weeks_between(first, view.edge_week) + 1
    usable = (week >= 0) & (row >= 0) & view.cells.mask[row, col]
    offence = counts["offence_class"].to_pandas().astype("category").cat
    code, names = offence.codes.to_numpy(), list(offence.categories)
    is_target = np.isin(code, _codes(names, city.offences.target))
    cell = row * view.cells.shape[1] + col

    def chosen(kept: NDArray[np.bool_]) -> Reports:
        return Reports(week[kept], delay[kept], cell[kept], number[kept], weeks, view.cells.shape)

    is_other = usable & ~is_target
    if classes is None:
        age = weeks - 1 - week[is_other]
        frequent = frequent_classes(code[is_other], age, number[is_other])
        classes = [names[code] for code in frequent]
    return Kinds(
        chosen(usable & is_target),
        chosen(is_other),
        {name: chosen(is_other & np.isin(code, _codes(names, [name]))) for name in classes},
        chosen(is_other & ~np.isin(code, _codes(names, classes))),
    )


def _codes(names: Sequence[str], chosen: Collection[str]) -> list[int]:
    return [code for code, name in enumerate(names) if name in chosen]


def frequent_classes(
    code: NDArray[np.integer], age: NDArray[np.integer], number: NDArray[np.integer]
) -> list[int]:
    """Return the classes that are at least LEAST_CLASS_SHARE of all reports, in order.

    They are so in the whole history and in its newest RECENT_WEEKS: a class that a city has
    dropped or renamed says nothing of the weeks to come. At most MOST_CLASSES, the most frequent.

    Args:
        code: (n,) classes.
        age: (n,) weeks from occurrence to the edge.
        number: (n,) reports.
    """
    ever = np.bincount(code, number)
    lately = np.bincount(code, number * (age < RECENT_WEEKS))
    is_frequent = np.ones(len(ever), bool)
    for sums in (ever, lately):
        is_frequent &= sums >= max(LEAST_CLASS_SHARE * sums.sum(), 1)
    most = sorted(np.flatnonzero(is_frequent), key=lambda k: -ever[k])[:MOST_CLASSES]
    return sorted(int(k) for k in most)


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
