"""A Poisson regression of cell counts on their log rates."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

ROWS = 1024  # taken at once: they stay in the cache, and BLAS does not split them over threads
ITERATIONS = 8
DAMPING = 1e-3
CONVERGED = 1e-5
TOLERANCE = 1e-3  # of the penalised log likelihood


def fit_poisson(
    features: NDArray[np.number],
    counts: NDArray[np.number],
    offset: NDArray[np.number],
    ridge: float = 0.0,
) -> NDArray[np.float64]:
    """Fit log mean = offset + intercept + features @ slopes by reweighted least squares.

    Args:
        features: (n, k).
        counts: (n,) observed.
        offset: (n,) log of the expected count under no effect at all.
        ridge: twice the penalty on a slope's square, in log likelihood.

    Returns:
        (k + 1,): the intercept, then the slopes.
    """
    parts = [slice(first, first + ROWS) for first in range(0, len(counts), ROWS)]
    blocks = [
        (np.column_stack([np.ones(len(counts[k])), features[k]]), counts[k], offset[k])
        for k in parts
    ]
    penalty = np.full(features.shape[1] + 1, ridge)
    penalty[0] = 0.0
    beta = np.zeros(len(penalty))
    beta[0] = np.log(counts.sum() / np.exp(offset).sum())
    reached, slope, curvature = _at(beta, blocks, penalty)
    for _ in range(ITERATIONS):
        step = np.linalg.solve(curvature + DAMPING * np.eye(len(beta)), slope)
        while (after := _at(beta + step, blocks, penalty))[0] < reached - TOLERANCE:
            step = step / 2  # on few counts a whole step can overshoot
        beta, (reached, slope, curvature) = beta + step, after
        if np.abs(step).max() < CONVERGED:
            break  # the next step would be of the order of this one's square
    return beta


def _at(
    beta: NDArray[np.float64],
    blocks: Sequence[tuple[NDArray[np.number], ...]],
    penalty: NDArray[np.float64],
) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
    """Return the penalised log likelihood, but for a constant, its gradient, negative Hessian."""
    likelihood = -0.5 * float(penalty @ beta**2)
    slope, curvature = -penalty * beta, np.diag(penalty)
    for design, counts, offset in blocks:
        log_mean = np.clip(offset + design @ beta, -30, 30)
        mean = np.exp(log_mean)
        likelihood += float(counts @ log_mean - mean.sum())
        slope += design.T @ (counts - mean)
        curvature += (design * mean[:, None]).T @ design
    return likelihood, slope, curvature
