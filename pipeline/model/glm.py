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

    def at(beta: NDArray) -> tuple[float, NDArray]:
        """Return the log likelihood, but for a constant, and the means."""
        log_mean = np.clip(offset + design @ beta, -30, 30)
        mean = np.exp(log_mean)
        return float(counts @ log_mean - mean.sum()), mean

    reached, mean = at(beta)
    for _ in range(ITERATIONS):
        slope = design.T @ (counts - mean)
        curvature = (design * mean[:, None]).T @ design
        step = np.linalg.solve(curvature + RIDGE * np.eye(len(beta)), slope)
        while (after := at(beta + step))[0] < reached - TOLERANCE:
            step = step / 2  # on few counts a whole step can overshoot
        beta, (reached, mean) = beta + step, after
        if np.abs(step).max() < CONVERGED:
            break  # the next step would be of the order of this one's square
    return beta
