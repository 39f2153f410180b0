"""Re-runs of history: what the forecast's rates would be had chance dealt the reports anew."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from itertools import islice
from math import prod

import numpy as np
from numpy.typing import NDArray

from pipeline.domain.city import City
from pipeline.domain.weeks import ForecastWeeks
from pipeline.grid.cube import CubeView
from pipeline.model.forecast import predict_rates, prepare
from pipeline.model.inputs import crime_maps
from pipeline.model.saved import TrainedModel
from pipeline.model.windows import Grid, Reports

RERUNS = 100
BATCH = 20  # re-runs that the network sees at once
# Of other offences the network sees all time, and a half-life of 8 weeks, of which these are six.
OTHER_WEEKS_APART = 48


def rerun_rates(
    model: TrainedModel, view: CubeView, city: City, weeks: ForecastWeeks, seed: int
) -> NDArray[np.float64]:
    """Return (RERUNS, rows, cols) rates of the target week from re-runs; NaN outside the city.

    In a re-run every known report counts Poisson(1) times, so that a cell's count of a week is a
    Poisson draw around the one that was counted; the trained network sees it in place of what was
    known. Network, city total and reporting delays stay as they are: none of the last two moves a
    rank. A cell that never had a report has none in any re-run.

    Args:
        model: as for `forecast`, like the next three.
        view: the cube as of the edge week.
        city: whose target offences are forecast.
        weeks: issue, edge and target dates.
        seed: seed of the draws.

    Raises:
        ModelRejected, InvalidRequest: as `forecast`.
    """
    ready = prepare(model, view, city, weeks)
    history, cells = ready.history, view.cells
    target, other = as_counted(history.target), as_counted(history.other, OTHER_WEEKS_APART)

    def batch(random: np.random.Generator) -> NDArray[np.float64]:
        dealt = zip(redraws(target, random), redraws(other, random), strict=True)
        maps = [
            crime_maps(*both, cells, model.config, history.newest) for both in islice(dealt, BATCH)
        ]
        window, memory = map(np.concatenate, zip(*maps, strict=True))
        inputs = replace(ready.inputs, window=window, memory=memory)
        rates = predict_rates(ready.network, inputs, is_mirrored=model.config.flips)
        return rates[:, weeks.horizon - 1]

    batches = np.random.default_rng(seed).spawn(RERUNS // BATCH)
    with ThreadPoolExecutor(min(len(batches), os.cpu_count() or 1)) as threads:
        rates = np.concatenate(list(threads.map(batch, batches)))
    return np.where(cells.mask, rates, np.nan)


def redraws(real: "Redrawn", random: np.random.Generator) -> Iterator["Redrawn"]:
    """Yield re-runs of these reports without end.

    Of n reports a Poisson draw around n is drawn, each report as likely as any other. So the number
    drawn of each week and cell is a Poisson draw around its own.
    """
    old, recent = real.number[real.week < 0], real.number[real.week >= 0]
    of_report = np.repeat(np.arange(len(recent)), recent)
    while True:
        drawn = random.integers(len(of_report), size=random.poisson(len(of_report)))
        number = np.bincount(of_report[drawn], minlength=len(recent))
        yield replace(real, number=np.concatenate([random.poisson(old), number]))


def as_counted(reports: Reports, weeks_apart: int | None = None) -> "Redrawn":
    """Return these reports as the re-run that deals them as they were.

    Args:
        reports: known at an edge.
        weeks_apart: how many of the newest weeks are dealt each for itself; the older ones are
            dealt as one, which is much less to draw. None: all weeks.
    """
    week, row, col = np.nonzero(weekly := reports.weekly())
    number = weekly[week, row, col].astype(np.int64)
    cell = row * reports.shape[1] + col
    is_old = week < reports.weeks - (weeks_apart or reports.weeks)
    old_cells, place = np.unique(cell[is_old], return_inverse=True)
    # Old weeks come first in order, and so do the entries of their cells.
    entry = np.concatenate([place, len(old_cells) + np.arange((~is_old).sum())])
    numbers = np.bincount(entry, number)

    @cache
    def weights(half_life: float) -> NDArray[np.float64]:
        return (
            np.bincount(entry, number * 0.5 ** ((reports.weeks - 1 - week) / half_life)) / numbers
        )

    return Redrawn(
        week=np.concatenate([np.full(len(old_cells), -1), week[~is_old]]),
        cell=np.concatenate([old_cells, cell[~is_old]]),
        number=numbers.astype(np.int64),
        weights=weights,
        shape=reports.shape,
        completeness=reports.completeness,
    )


@dataclass(frozen=True)
class Redrawn:
    """Reports as one re-run has them, to be asked from the newest origin only.

    Attributes:
        week: (n,) week of occurrence, -1 for those of the old weeks that are dealt as one; how
            late each became known no longer matters.
        cell: (n,) row * cols + col.
        number: (n,) reports drawn.
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
        """Return (1, rows, cols) sums of 0.5 ** (age / half_life) over all reports."""
        sums = np.bincount(self.cell, self.weights(half_life) * self.number, prod(self.shape))
        return sums.astype(np.float64).reshape(1, *self.shape)

    def of_age(self, age: int, weeks: range) -> Grid:
        """Return (weeks, rows, cols) counts of these weeks, all of them at age 0."""
        counts = np.zeros((len(weeks), prod(self.shape)), np.float32)
        if age == 0:
            chosen = (self.week >= weeks.start) & (self.week < weeks.stop)
            counts[self.week[chosen] - weeks.start, self.cell[chosen]] = self.number[chosen]
        return counts.reshape(-1, *self.shape)
