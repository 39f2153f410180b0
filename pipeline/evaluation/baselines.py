"""Forecasts that need no training, which every model is compared with."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Baseline = Callable[[NDArray, NDArray[np.bool_], int], NDArray[np.float64]]
REFERENCE = "long_run_mean"


def zero(counts: NDArray, mask: NDArray[np.bool_], _horizon: int) -> NDArray[np.float64]:
    """Return 0 for every in-city cell, whatever (weeks, rows, cols) `counts` hold."""
    return np.where(mask, np.zeros(counts.shape[1:]), np.nan)


def mean_of_last(weeks: int | None) -> Baseline:
    """Return the baseline that forecasts each cell's mean of the last `weeks`, None for all.

    It uses the weeks there are where history is shorter.
    """

    def baseline(counts: NDArray, mask: NDArray[np.bool_], _horizon: int) -> NDArray[np.float64]:
        newest = counts if weeks is None else counts[-weeks:]
        return np.where(mask, newest.mean(axis=0, dtype=np.float64), np.nan)

    return baseline


# From (weeks, rows, cols) counts as known at the edge, (rows, cols) mask and horizon to the
# (rows, cols) mean, NaN outside the city.
BASELINES: dict[str, Baseline] = {
    "zero": zero,
    "last_week": mean_of_last(1),
    "mean_4": mean_of_last(4),
    "mean_20": mean_of_last(20),
    "mean_52": mean_of_last(52),
    REFERENCE: mean_of_last(None),
}
