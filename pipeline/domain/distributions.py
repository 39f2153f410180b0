"""A forecast: a distribution for every in-city cell, every division and the city."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.domain.weeks import ForecastWeeks


@dataclass(frozen=True)
class CountDistribution:
    """A negative binomial with this mean and size; its variance is mean + mean**2 / size."""

    mean: float
    size: float


@dataclass(frozen=True)
class Forecast:
    """What a model says of one target week.

    Attributes:
        weeks: issue, edge and target dates.
        mean: (rows, cols) expected reports per in-city cell; NaN outside the city.
        nb_size: (rows, cols) size of each cell's negative binomial; NaN outside.
        city: distribution of the city total; its mean is the sum of the cells'.
        divisions: distribution of each division's total.
        model_name: who made it, such as "dual_branch_cnn".
        model_hash: sha256 of the model's files.
        p_top5: (rows, cols) share of re-runs of history in which the cell is in the top 5 % of
            in-city cells; NaN outside; None where none were made.
    """

    weeks: ForecastWeeks
    mean: NDArray[np.float64]
    nb_size: NDArray[np.float64]
    city: CountDistribution
    divisions: dict[str, CountDistribution]
    model_name: str
    model_hash: str
    p_top5: NDArray[np.float64] | None = None
