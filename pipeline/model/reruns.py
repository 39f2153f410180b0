"""Re-runs of history: what the forecast's rates would be had chance dealt the reports anew."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from math import prod

import numpy as np
from numpy.typing import NDArray

from pipeline.model.inputs import crime_inputs
from pipeline.model.predict import Ready
from pipeline.model.windows import LATEST_DELAY, OTHER, Grid, Known, Reports

RERUNS = 100
BATCH = 20  # re-runs that the network sees at once
# Of other offences the model sees all time, and half-lives up to 13 weeks, of which these are four.
OTHER_WEEKS_APART = 52


def rerun_rates(ready: Ready, seed: int) -> NDArray[np.float64]:
    """Return (RERUNS, rows, cols) rates of the target week from re-runs; NaN outside the city.

    In a re-run every known report counts Poisson(1) times, so that a cell's count of a week is a
    Poisson draw around the one that was counted; the trained network sees it in place of what was
    known. Network, city total and reporting delays stay as they are: none of the last two moves a
    rank. A cell that never had a report has none in any re-run.

    Args:
        ready: what the forecast itself is made with.
        seed: seed of the draws.
    """
    history, cells, config = ready.history, ready.cells, ready.model.config
    kinds = history.kinds
    target, rest = as_counted(kinds.target), as_counted(kinds.rest, OTHER_WEEKS_APART)
    classes = {name: as_counted(of, OTHER_WEEKS_APART) for name, of in kinds.classes.items()}

    def batch(random: np.random.Generator) -> NDArray[np.float64]:
        dealt = {name: redraw(of, BATCH, random) for name, of in classes.items()}
        other = Together((*dealt.values(), redraw(rest, BATCH, random)), kinds.other.completeness)
        others: dict[str, Known] = {OTHER: other, **dealt}
        seen = crime_inputs(redraw(target, BATCH, random), others, cells, config, history.newest)
        window, memory, rates = seen
        inputs = replace(ready.inputs, window=window, memory=memory, rates=rates)
        dealt_rates = ready.fitted.rates(inputs, config, is_mirrored=config.flips)
        return dealt_rates[:, ready.weeks.horizon - 1]

    batches = np.random.default_rng(seed).spawn(RERUNS // BATCH)
    with ThreadPoolExecutor(min(len(batches), os.cpu_count() or 1)) as threads:
        rates = np.concatenate(list(threads.map(batch, batches)))
    return np.where(cells.mask, rates, np.nan)


def redraw(real: "Redrawn", reruns: int, random: np.random.Generator) -> "Redrawn":
    """Return so many re-runs of these reports.

    Of n reports a Poisson draw around n is drawn, each report as likely as any other. So the number
    drawn of each week and cell is a Poisson draw around its own.
    """
    is_old, (counted,) = real.week < 0, real.number
    recent = np.flatnonzero(~is_old)
    of_report = np.repeat(recent, counted[recent])
    number = np.zeros((reruns, len(counted)), np.int64)
    for drawn in number:
        several = random.integers(len(of_report), size=random.poisson(len(of_report)))
        drawn[:] = np.bincount(of_report[several], minlength=len(counted))
    number[:, is_old] = random.poisson(counted[is_old], (reruns, int(is_old.sum())))
    return replace(real, number=number)


def as_counted(reports: Reports, weeks_apart: int | None = None) -> "Redrawn":
    """Return these reports as the one re-run that deals them as they were.

    Args:
        reports: known at an edge.
        weeks_apart: how many of the newest weeks are dealt each for itself; the older ones are
            dealt as one, which is much less to draw. None: all weeks.
    """
    by_cell = reports.weekly().reshape(reports.weeks, -1).T
    cell, week = np.nonzero(by_cell)
    number = by_cell[cell, week].astype(np.int64)
    age = reports.weeks - 1 - week
    dealt = np.where(age < (weeks_apart or reports.weeks), week, -1)
    # Each entry is a week of a cell, and a cell's entries stand together.
    is_first = np.ones(len(cell), bool)
    is_first[1:] = (np.diff(cell) > 0) | (np.diff(dealt) > 0)
    entry, first = is_first.cumsum() - 1, np.flatnonzero(is_first)
    numbers = np.bincount(entry, number)

    @cache
    def weights(half_life: float) -> NDArray[np.float64]:
        return np.bincount(entry, number * 0.5 ** (age / half_life)) / numbers

    return Redrawn(
        week=dealt[first],
        cell=cell[first],
        number=numbers.astype(np.int64)[None],
        weights=weights,
        shape=reports.shape,
        completeness=reports.completeness,
    )


@dataclass(frozen=True)
class Together:
    """Reports of several kinds as re-runs have them, as one kind."""

    parts: tuple["Redrawn", ...]
    completeness: NDArray[np.float64]

    def discounted(self, half_life: float, origins: range) -> NDArray[np.float64]:
        """As `Redrawn`."""
        return np.sum([part.discounted(half_life, origins) for part in self.parts], axis=0)


@dataclass(frozen=True)
class Redrawn:
    """Reports as re-runs have them, to be asked from the newest origin only.

    What it returns has a first axis of re-runs where that of `Reports` counts origins.

    Attributes:
        week: (n,) week of occurrence, -1 for those of the old weeks that are dealt as one; how
            late each became known no longer matters.
        cell: (n,) row * cols + col, never falling.
        number: (re-runs, n) reports drawn.
        weights: half-life -> (n,) 0.5 ** (age / half_life), the mean where weeks are dealt as one.
        shape: (rows, cols).
        completeness: share of reports known by age, as it was measured.
    """

    week: NDArray[np.integer]
    cell: NDArray[np.integer]
    number: NDArray[np.integer]
    weights: Callable[[float], NDArray[np.float64]]
    shape: tuple[int, int]
    completeness: NDArray[np.float64]

    def discounted(self, half_life: float, origins: range) -> NDArray[np.float64]:  # noqa: ARG002
        """Return (re-runs, rows, cols) sums of 0.5 ** (age / half_life) over all reports."""
        sums = np.zeros((len(self.number), prod(self.shape)))
        busy, first = np.unique(self.cell, return_index=True)
        if len(busy):
            weighted = self.number * self.weights(half_life)
            sums[:, busy] = np.add.reduceat(weighted, first, axis=1)
        return sums.reshape(-1, *self.shape)

    def window(self, weeks: int, origins: range) -> Grid:
        """Return (re-runs, rows, cols, weeks) log1p counts, newest week first; as `Known` says."""
        counts = np.zeros((len(self.number), prod(self.shape), weeks), np.float32)
        age = origins.start - self.week
        recent = (self.week >= 0) & (age < weeks)
        counts[:, self.cell[recent], age[recent]] = self.number[:, recent]
        complete = self.completeness[np.minimum(np.arange(weeks), LATEST_DELAY)]
        return np.log1p(counts / complete.astype(np.float32)).reshape(-1, *self.shape, weeks)
