"""A Poisson regression of cell counts on their log rates: the second opinion on shares."""

import numpy as np
from numpy.typing import NDArray

ITERATIONS = 8
RIDGE = 1e-3
CONVERGED = 1e-5
TOLERANCE = 1e-3  # of log likelihood: the ridge itself takes a little


def fit_poisson(features: NDArray, counts: NDArray, offset: NDArray) -> NDArray[np.float64]:
    """Fit log mean = offset + intercept + features @ slopes by reweighted least squares.

    Args:
        features: (n, k).
        counts: (n,) observed.
        offset: (n,) log of the expected count under no effect at all.

    Returns:
        (k + 1,): the intercept, then the slopes.
    """
    design = np.column_stack([np.ones(len(features)), features]).astype(np.float64)
    beta = np.zeros(design.shape[1])
    beta[1] = 1.0
    beta[0] = np.log(counts.sum() / np.exp(offset + design[:, 1]).sum())
    reached = _likelihood(design, counts, offset, beta)
    for _ in range(ITERATIONS):
        mean = np.exp(np.clip(offset + design @ beta, -30, 30))
        slope = design.T @ (counts - mean)
        curvature = (design * mean[:, None]).T @ design
        step = np.linalg.solve(curvature + RIDGE * np.eye(len(beta)), slope)
        before = reached
        while (reached := _likelihood(design, counts, offset, beta + step)) < before - TOLERANCE:
            step = step / 2  # on few counts a whole step can overshoot
        beta = beta + step
        if np.abs(step).max() < CONVERGED:
            break  # the next step would be of the order of this one's square
    return beta


def _likelihood(design: NDArray, counts: NDArray, offset: NDArray, beta: NDArray) -> float:
    log_mean = np.clip(offset + design @ beta, -30, 30)
    return float(counts @ log_mean - np.exp(log_mean).sum())
