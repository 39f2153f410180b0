"""A Poisson regression of cell counts on their log rates: the second opinion on shares."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

ROWS = 1024  # taken at once: they stay in the cache, and BLAS does not split them over threads
ITERATIONS = 8
RIDGE = 1e-3
CONVERGED = 1e-5
TOLERANCE = 1e-3  # of log likelihood: the ridge itself takes a little


def fit_poisson(
    features: NDArray[np.number], counts: NDArray[np.number], offset: NDArray[np.number]
) -> NDArray[np.float64]:
    """Fit log mean = offset + intercept + features @ slopes by reweighted least squares.

    Args:
        features: (n, k).
        counts: (n,) observed.
        offset: (n,) log of the expected count under no effect at all.

    Returns:
        (k + 1,): the intercept, then the slopes.
    """
    parts = [slice(first, first + ROWS) for first in range(0, len(counts), ROWS)]
    blocks = [
        (np.column_stack([np.ones(len(counts[k])), features[k]]), counts[k], offset[k])
        for k in parts
    ]
    beta = np.zeros(features.shape[1] + 1)
    beta[1] = 1.0
    beta[0] = np.log(counts.sum() / np.exp(offset + features[:, 0]).sum())
    reached, slope, curvature = _at(beta, blocks)
    for _ in range(ITERATIONS):
        step = np.linalg.solve(curvature + RIDGE * np.eye(len(beta)), slope)
        while (after := _at(beta + step, blocks))[0] < reached - TOLERANCE:
            step = step / 2  # on few counts a whole step can overshoot
        beta, (reached, slope, curvature) = beta + step, after
        if np.abs(step).max() < CONVERGED:
            break  # the next step would be of the order of this one's square
    return beta


def _at(
    beta: NDArray[np.number], blocks: Sequence[tuple[NDArray[np.number], ...]]
) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
    """Return the log likelihood, but for a constant, with its gradient and negative Hessian."""
    likelihood, slope, curvature = 0.0, np.zeros(len(beta)), np.zeros((len(beta), len(beta)))
    for design, counts, offset in blocks:
        log_mean = np.clip(offset + design @ beta, -30, 30)
        mean = np.exp(log_mean)
        likelihood += float(counts @ log_mean - mean.sum())
        slope += design.T @ (counts - mean)
        curvature += (design * mean[:, None]).T @ design
    return likelihood, slope, curvature
