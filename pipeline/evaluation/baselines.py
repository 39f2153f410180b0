"""Forecasts that need no training, which every model is compared with."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from pipeline.model.channels import smooth

Baseline = Callable[[NDArray[np.number], NDArray[np.bool_], int], NDArray[np.float64]]
REFERENCE = "long_run_mean"
EWMA_HALF_LIFE = 200.0  # weeks
EWMA_SMOOTH_CELLS = 0.4
LEVEL_WEEKS = 4
KDE_WEEKS = 52
KDE_CELLS = 0.5  # bandwidth


def zero(counts: NDArray[np.number], mask: NDArray[np.bool_], _horizon: int) -> NDArray[np.float64]:
    """Return 0 for every in-city cell, whatever (weeks, rows, cols) `counts` hold."""
    return np.where(mask, np.zeros(counts.shape[1:]), np.nan)


def mean_of_last(weeks: int | None) -> Baseline:
    """Return the baseline that forecasts each cell's mean of the last `weeks`, None for all.

    It uses the weeks there are where history is shorter.
    """

    def baseline(
        counts: NDArray[np.number], mask: NDArray[np.bool_], _horizon: int
    ) -> NDArray[np.float64]:
        newest = counts if weeks is None else counts[-weeks:]
        return np.where(mask, newest.mean(axis=0, dtype=np.float64), np.nan)

    return baseline


def ewma_kernel(
    counts: NDArray[np.number], mask: NDArray[np.bool_], _horizon: int
) -> NDArray[np.float64]:
    """Return discounted mean counts, smoothed a little, scaled to the city's last four weeks."""
    weight = 0.5 ** (np.arange(len(counts) - 1, -1, -1) / EWMA_HALF_LIFE)
    mean = np.tensordot(weight, counts, axes=1) / weight.sum()
    mean = smooth(mean[None], EWMA_SMOOTH_CELLS, mask)[0]
    return _scaled(mean, counts[-LEVEL_WEEKS:], mask)


def kde(counts: NDArray[np.number], mask: NDArray[np.bool_], _horizon: int) -> NDArray[np.float64]:
    """Return a Gaussian kernel density of the last year's reports, as counts of a mean week."""
    recent = counts[-KDE_WEEKS:]
    mean = smooth(recent.mean(axis=0, dtype=np.float64)[None], KDE_CELLS, mask)[0]
    return _scaled(mean, recent, mask)


def _scaled(
    mean: NDArray[np.number], recent: NDArray[np.number], mask: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return a mean scaled to the weekly total of recent counts, NaN outside the city."""
    weekly = (recent.sum(axis=0) * mask).sum(dtype=np.float64) / len(recent)
    return np.where(mask, mean * (weekly / max(mean[mask].sum(), 1e-12)), np.nan)


# No self-exciting model stands here: no kept library of them installs.
# From (weeks, rows, cols) counts as known at the edge, (rows, cols) mask and horizon to the
# (rows, cols) mean, NaN outside the city.
BASELINES: dict[str, Baseline] = {
    "zero": zero,
    "last_week": mean_of_last(1),
    "mean_4": mean_of_last(4),
    "mean_20": mean_of_last(20),
    "mean_52": mean_of_last(52),
    REFERENCE: mean_of_last(None),
    "ewma_kernel": ewma_kernel,
    "kde": kde,
}
