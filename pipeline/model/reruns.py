"""Re-runs of history: what the forecast's rates would be had chance dealt the reports anew."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
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
    history, random = ready.history, np.random.default_rng(seed)
    dealt = zip(redraws(history.target, random), redraws(history.other, random), strict=True)
    cells, rates = view.cells, np.full((RERUNS, *view.cells.shape), np.nan)
    for batch in np.split(rates, RERUNS // BATCH):
        maps = [
            crime_maps(target, other, cells, model.config, history.newest)
            for target, other in islice(dealt, BATCH)
        ]
        window, memory = map(np.concatenate, zip(*maps, strict=True))
        inputs = replace(ready.inputs, window=window, memory=memory)
        all_rates = predict_rates(ready.network, inputs, is_mirrored=model.config.flips)
        batch[:, cells.mask] = all_rates[:, weeks.horizon - 1, cells.mask]
    return rates


def redraws(reports: Reports, random: np.random.Generator) -> Iterator["Redrawn"]:
    """Yield re-runs of these reports without end.

    Of n reports a Poisson draw around n is drawn, each report as likely as any other. So the number
    drawn of each week and cell is a Poisson draw around its own.
    """
    real = as_counted(reports)
    of_report = np.repeat(np.arange(len(real.number)), real.number)
    while True:
        drawn = random.integers(len(of_report), size=random.poisson(len(of_report)))
        number = np.bincount(of_report[drawn], minlength=len(real.number))
        yield replace(real, number=number)


def as_counted(reports: Reports) -> "Redrawn":
    """Return these reports as the re-run that deals them as they were."""
    week, row, col = np.nonzero(weekly := reports.weekly())
    number = weekly[week, row, col].astype(np.int64)
    cell = row * reports.shape[1] + col
    return Redrawn(week, cell, number, reports.shape, reports.completeness)


@dataclass(frozen=True)
class Redrawn:
    """Reports as one re-run has them, to be asked from the newest origin only.

    Attributes:
        week: (n,) week of occurrence; how late each became known no longer matters.
        cell: (n,) row * cols + col.
        number: (n,) reports drawn.
        shape: (rows, cols).
        completeness: share of reports known by age, as it was measured.
    """

    week: NDArray[np.integer]
    cell: NDArray[np.integer]
    number: NDArray[np.integer]
    shape: tuple[int, int]
    completeness: NDArray[np.float64]

    def discounted(self, half_life: float, origins: range) -> NDArray[np.float64]:
        """Return (1, rows, cols) sums of 0.5 ** (age / half_life) over all reports."""
        weight = 0.5 ** (np.arange(origins.start, -1, -1) / half_life)
        sums = np.bincount(self.cell, weight[self.week] * self.number, prod(self.shape))
        return sums.astype(np.float64).reshape(1, *self.shape)

    def of_age(self, age: int, weeks: range) -> Grid:
        """Return (weeks, rows, cols) counts of these weeks, all of them at age 0."""
        counts = np.zeros((len(weeks), prod(self.shape)), np.float32)
        if age == 0:
            chosen = (self.week >= weeks.start) & (self.week < weeks.stop)
            counts[self.week[chosen] - weeks.start, self.cell[chosen]] = self.number[chosen]
        return counts.reshape(-1, *self.shape)
