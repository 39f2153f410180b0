"""Two opinions beside the network on where reports will be: a ridge regression and boosted trees.

Both see all long-memory channels, and two more of each frequent class of other offences. They are
fitted to the sum of the five weeks ahead, and serve every horizon.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from pipeline.model.channels import CHANNELS, LONG_RUN, Channel
from pipeline.model.config import ModelConfig
from pipeline.model.glm import fit_poisson
from pipeline.model.trees import correction, fit_trees
from pipeline.model.windows import TARGET, Grid

if TYPE_CHECKING:
    from lightgbm import Booster as Trees

OPINION_ORIGINS = 260
RIDGE_PER_REPORT = 2e-4  # of channels scaled to a deviation of one
LEAST_DEVIATION = 1e-3
REGRESSION_START = CHANNELS.index(Channel(TARGET, LONG_RUN, is_pooled=True))
TREES_START = CHANNELS.index(Channel(TARGET, 52, is_pooled=True))


@dataclass(frozen=True)
class Opinions:
    """Both, fitted.

    Attributes:
        classes: of other offences that have channels of their own.
        slopes: (channels,) of the regression.
        trees: what they add to the pooled log rate of about a year.
    """

    classes: tuple[str, ...]
    slopes: NDArray[np.float64]
    trees: Trees

    def log_shares(self, rates: Grid, config: ModelConfig) -> NDArray[np.float64]:
        """Return (origins, cells) log shares of both together, by the weights of a configuration.

        Args:
            rates: (origins, cells, channels), the classes' channels last.
            config: the model's.
        """
        mixed = np.zeros(rates.shape[:2])
        if config.regression_weight:
            mixed += config.regression_weight * _log_shares(rates @ self.slopes)
        if config.trees_weight:
            added = correction(self.trees, rates.reshape(-1, rates.shape[-1]))
            by_trees = rates[..., TREES_START] + added.reshape(mixed.shape)
            mixed += config.trees_weight * _log_shares(by_trees)
        return _log_shares(mixed / max(config.opinions_weight, 1e-9))


def fit_opinions(
    rates: Grid, counts: Grid, classes: Sequence[str], config: ModelConfig
) -> Opinions:
    """Fit both to the newest origins.

    Each origin's total is given to them: they say only where, never how many.

    Args:
        rates: (origins, cells, channels), the classes' channels last.
        counts: (origins, cells) reports of the five weeks after each origin.
        classes: of other offences that have channels.
        config: gives the seed.
    """
    known = np.flatnonzero(counts.sum(axis=1))[-OPINION_ORIGINS:]
    rates, counts = rates[known], counts[known]
    log_totals = np.log(counts.sum(axis=1, dtype=np.float64))[:, None]
    features, outcome = rates.reshape(-1, rates.shape[-1]), counts.ravel()

    def expected(start: int) -> NDArray[np.float64]:
        return (log_totals + _log_shares(rates[..., start].astype(np.float64))).ravel()

    deviation = np.maximum(features.std(axis=0, dtype=np.float64), LEAST_DEVIATION)
    scaled = (features - features.mean(axis=0, dtype=np.float64)) / deviation
    ridge = RIDGE_PER_REPORT * float(outcome.sum())
    slopes = fit_poisson(scaled, outcome, expected(REGRESSION_START), ridge)[1:] / deviation
    slopes[REGRESSION_START] += 1.0
    trees = fit_trees(features, outcome, expected(TREES_START), config.seed)
    return Opinions(tuple(classes), slopes, trees)


def _log_shares(log_rates: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return (origins, cells) logs of shares that sum to one."""
    return np.asarray(log_rates - logsumexp(log_rates, axis=1, keepdims=True), dtype=np.float64)
