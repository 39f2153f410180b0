"""A forecast: a distribution for every in-city cell, every division and the city."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipeline.domain.weeks import ForecastWeeks

NEARLY_POISSON_SIZE = 1e6  # from here on a negative binomial can't be told from a Poisson
RATE_FLOOR = 1e-3  # in reports; a rate of 0 would make one surprise infinitely bad


def poisson_deviances(mean: ArrayLike, observed: ArrayLike) -> NDArray[np.float64]:
    """Return the Poisson deviance of each count from its rate; NaN where there is no count.

    Args:
        mean: rates; those below 0.001 are raised to it.
        observed: counts, 0 or more, of the same shape.
    """
    rate, count = np.maximum(mean, RATE_FLOOR), np.asarray(observed, dtype=float)
    logs = np.where(count > 0, count * np.log(np.where(count > 0, count, 1) / rate), 0.0)
    return 2 * (logs - (count - rate))


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
