"""Quantiles of the negative binomials that a forecast consists of."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipeline.domain.distributions import NEARLY_POISSON_SIZE

QUANTILES = {
    "q05": 0.05,
    "q10": 0.10,
    "q25": 0.25,
    "q50": 0.50,
    "q75": 0.75,
    "q90": 0.90,
    "q95": 0.95,
}


def quantiles(
    mean: ArrayLike, size: ArrayLike, levels: Mapping[str, float] = QUANTILES
) -> dict[str, NDArray[np.int64]]:
    """Return the smallest count that reaches each level, by its name.

    Args:
        mean: (n,) expected counts, 0 or more.
        size: (n,) sizes, above 0; the variance is mean + mean ** 2 / size.
        levels: name -> chance, above 0 and below 1.
    """
    from scipy.stats import nbinom  # slow to import, and most steps of a week have no need of it

    size = np.minimum(np.asarray(size, np.float64), NEARLY_POISSON_SIZE)
    chance = size / (size + np.asarray(mean, np.float64))
    return {
        name: nbinom.ppf(level, size, chance).astype(np.int64) for name, level in levels.items()
    }
