"""How much each of the three opinions counts, learned on weeks that none of them was fitted to."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import logsumexp

from pipeline.model.config import USUAL_WEIGHTS, Weights

PRIOR_STRENGTH = 20.0  # log-likelihood that a squared distance of one from the usual weights costs


def learn_weights(log_shares: NDArray[np.number], counts: NDArray[np.number]) -> Weights:
    """Return the weights, none negative, sum one, that make counts likeliest.

    They are drawn to the usual ones: some weeks tell little between opinions that are nearly alike.

    Args:
        log_shares: (opinions, origins, horizons, cells).
        counts: (origins, horizons, cells) reports, zero where not yet known.
    """

    def cost(weights: NDArray[np.float64]) -> float:
        mixed = np.tensordot(weights, log_shares, 1)
        mixed -= logsumexp(mixed, axis=-1, keepdims=True)
        # Each week is forecast at every horizon, but happened once.
        log_likelihood = float((counts * mixed).sum()) / counts.shape[1]
        return PRIOR_STRENGTH * float(((weights - USUAL_WEIGHTS) ** 2).sum()) - log_likelihood

    usual = np.array(USUAL_WEIGHTS)
    found = minimize(
        cost,
        usual,
        method="SLSQP",
        bounds=[(0, 1)] * len(usual),
        constraints=[{"type": "eq", "fun": lambda weights: weights.sum() - 1}],
        options={"ftol": 1e-8},
    )
    kept = np.clip(found.x, 0, 1).round(3)
    network, regression, trees = (kept / kept.sum()).tolist()
    return network, regression, trees
