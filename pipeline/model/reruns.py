"""Re-runs of history: what the forecast's rates would be had chance dealt the reports anew."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

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
    targets, others = (redraws(reports, random) for reports in (history.target, history.other))
    rates = np.full((RERUNS, *view.cells.shape), np.nan)
    for rerun in rates:
        maps = crime_maps(next(targets), next(others), view.cells, model.config, history.newest)
        inputs = replace(ready.inputs, window=maps[0], memory=maps[1])
        all_rates = predict_rates(ready.network, inputs, is_mirrored=model.config.flips)
        rerun[view.cells.mask] = all_rates[weeks.horizon - 1][view.cells.mask]
    return rates


def redraws(reports: Reports, random: np.random.Generator) -> Iterator["Redrawn"]:
    """Yield re-runs of these reports without end."""
    weekly = reports.weekly()
    counted = np.nonzero(weekly)
    means = weekly[counted]
    while True:
        drawn = np.zeros_like(weekly)
        drawn[counted] = random.poisson(means)
        yield Redrawn(drawn, reports.completeness)


@dataclass(frozen=True)
class Redrawn:
    """Reports as one re-run has them, to be asked from the newest origin only.

    Attributes:
        weekly: (weeks, rows, cols) counts; how late each became known no longer matters.
        completeness: share of reports known by age, as it was measured.
    """

    weekly: Grid
    completeness: NDArray[np.float64]

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, cols)."""
        return self.weekly.shape[1:]

    def discounted(self, half_life: float, origins: range) -> NDArray[np.float64]:
        """Return (1, rows, cols) sums of 0.5 ** (age / half_life) over all reports."""
        age = np.arange(origins.start, -1, -1)
        weight = (0.5 ** (age / half_life)).astype(np.float32)
        # Not a matrix product: that one's last bits hang on the number of cores.
        return np.einsum("w,wrc->rc", weight, self.weekly)[None].astype(np.float64)

    def of_age(self, age: int, weeks: range) -> Grid:
        """Return (weeks, rows, cols) counts of these weeks, all of them at age 0."""
        chosen = self.weekly[weeks.start : weeks.stop]
        return chosen if age == 0 else np.zeros_like(chosen)
