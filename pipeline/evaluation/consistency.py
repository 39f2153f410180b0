"""Likelihood tests of earthquake forecasting: could the outcome have come from this map?

Outcomes are simulated from a forecast's shares and their likelihood is set beside the observed
one's. Within cells they count as Poisson, as in the original tests, so over-dispersed cells fail
them more often than their level says. Source: Zechar, Gerstenberger and Rhoades 2010.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaln, xlogy

from pipeline.domain.distributions import RATE_FLOOR

SIMULATIONS = 200
PASSED_FROM = 0.05  # one-sided: only a likelihood that is too low speaks against a forecast


def conditional_likelihood_quantile(
    mean: ArrayLike, observed: ArrayLike, seed: int, simulations: int = SIMULATIONS
) -> float:
    """Return the share of outcomes of the same number that are no likelier than the observed one.

    This is the CL-test. The S-test scales the rates to the observed number first; that shifts
    every likelihood alike, so its quantile is the same. NaN where nothing happened.

    Args:
        mean: (cells,) expected reports; rates below 0.001 are raised to it.
        observed: (cells,) reports.
        seed: seed of the simulated outcomes.
        simulations: how many of them.
    """
    number = np.full(simulations, np.sum(observed, dtype=np.int64))
    return _quantile(mean, observed, number, np.random.default_rng(seed))


def likelihood_quantile(
    mean: ArrayLike,
    total_size: float,
    observed: ArrayLike,
    seed: int,
    simulations: int = SIMULATIONS,
) -> float:
    """Return the share of simulated outcomes, of any number, no likelier than the observed one.

    This is the L-test; numbers are drawn from a negative binomial, so it fails for number as well
    as for place.

    Args: as for the CL-test, with `total_size`, the size of the distribution of the total;
        infinite for a Poisson.
    """
    random = np.random.default_rng(seed)
    total = np.maximum(mean, RATE_FLOOR).sum()
    is_poisson = np.isinf(total_size)
    expected = total if is_poisson else random.gamma(total_size, total / total_size, simulations)
    return _quantile(mean, observed, random.poisson(expected, simulations), random)


def _quantile(
    mean: ArrayLike, observed: ArrayLike, number: NDArray[np.integer], random: np.random.Generator
) -> float:
    if not np.any(observed):
        return float("nan")
    rate = np.maximum(mean, RATE_FLOOR)
    simulated = random.multinomial(number, rate / rate.sum())
    likelihood = _log_likelihood(rate, simulated)
    return float(np.mean(likelihood <= _log_likelihood(rate, np.asarray(observed))))


def _log_likelihood(rate: NDArray[np.number], count: NDArray[np.number]) -> NDArray[np.float64]:
    return np.sum(xlogy(count, rate) - rate - gammaln(count + 1.0), axis=-1)
