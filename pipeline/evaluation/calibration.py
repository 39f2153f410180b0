"""Whether forecasts mean what they say: intervals, probability integral transforms, N-tests."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from pipeline.evaluation.bootstrap import INTERVAL, LEAST_WEEKS, draw_weeks
from pipeline.evaluation.consistency import (
    PASSED_FROM,
    conditional_likelihood_quantile,
    likelihood_quantile,
)
from pipeline.evaluation.scores import poisson_deviance

if TYPE_CHECKING:
    from scipy.stats._distn_infrastructure import rv_frozen

LEVELS = (50, 80, 90, 95)  # percent
PIT_BINS = 10
BAND = ("low", "high", "largest_departure", "limit", "is_inside")  # what tells of chance
N_TEST_TAIL = 0.025  # each side
FLOOR_DRAWS = 100


def central_interval(
    mean: ArrayLike, nb_size: ArrayLike, level: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the quantiles (1 - level) / 2 and (1 + level) / 2 of negative binomials.

    They are whole numbers, so the interval holds `level` of the mass or more: much more where
    counts are low.
    """
    counts = _distribution(mean, nb_size)
    low, high = (1 - level) / 2, (1 + level) / 2
    return counts.ppf(low), counts.ppf(high)


def covers(
    mean: ArrayLike, nb_size: ArrayLike, observed: ArrayLike, level: float
) -> NDArray[np.bool_]:
    """Return whether each central interval, ends included, holds the outcome."""
    low, high = central_interval(mean, nb_size, level)
    return (low <= np.asarray(observed)) & (np.asarray(observed) <= high)


def randomised_pit(
    mean: ArrayLike, nb_size: ArrayLike, observed: ArrayLike, seed: int
) -> NDArray[np.float64]:
    """Return F(y - 1) + u (F(y) - F(y - 1)) with u uniform: uniform if the forecasts are right.

    Source: Czado, Gneiting and Held 2009.
    """
    counts = _distribution(mean, nb_size)
    below = counts.cdf(np.asarray(observed) - 1)
    at = counts.cdf(observed)
    return below + np.random.default_rng(seed).random(np.shape(at)) * (at - below)


def pit_histogram(pit: NDArray[np.number]) -> NDArray[np.int64]:
    """Return (PIT_BINS,) how many values lie in each tenth."""
    return np.histogram(pit, bins=PIT_BINS, range=(0, 1))[0]


def pit_band(weekly: NDArray[np.number], seed: int) -> dict[str, Any]:
    """Return each bin's share over all weeks, and whether chance alone explains its departure.

    Weeks are drawn in blocks. `is_inside` says whether the largest departure of any bin from
    1 / PIT_BINS, in standard errors, is within what 95 % of draws show around their own mean:
    one test of all bins together. None where there are too few weeks for an interval.

    Args:
        weekly: (weeks, bins) histograms.
        seed: seed of the draws.
    """
    pooled = weekly.sum(axis=0) / weekly.sum()
    if len(weekly) < LEAST_WEEKS:
        return {"share": pooled.tolist(), **dict.fromkeys(BAND)}
    drawn = weekly[draw_weeks(len(weekly), seed)].sum(axis=1)
    shares = drawn / drawn.sum(axis=1, keepdims=True)
    error = np.maximum(shares.std(axis=0), 1e-12)
    largest = (np.abs(shares - pooled) / error).max(axis=1)
    departure = float((np.abs(pooled - 1 / PIT_BINS) / error).max())
    low, high = np.percentile(shares, INTERVAL, axis=0)
    return {
        "share": pooled.tolist(),
        "low": low.tolist(),
        "high": high.tolist(),
        "largest_departure": departure,
        "limit": float(np.percentile(largest, 95)),
        "is_inside": bool(departure <= np.percentile(largest, 95)),
    }


def n_test(
    mean: ArrayLike, nb_size: ArrayLike, observed: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the chances of as many reports or more, and of as many or fewer.

    Source: the number test of earthquake forecasting (Zechar 2010), with a negative binomial.
    """
    counts = _distribution(mean, nb_size)
    count = np.asarray(observed)
    return counts.sf(count - 1), counts.cdf(count)


def totals_calibration(totals: pd.DataFrame) -> dict[str, Any]:
    """Return what one model's forecasts of totals come to at one horizon.

    Args:
        totals: one row per week: mean, nb_size, observed.
    """
    mean, size, observed = (
        totals[name].to_numpy(float) for name in ("mean", "nb_size", "observed")
    )
    more, fewer = n_test(mean, size, observed)
    return {
        "forecasts": len(totals),
        "mape_percent": float(100 * np.mean(np.abs(mean / np.maximum(observed, 1) - 1))),
        "bias_percent": float(100 * (mean.sum() / max(observed.sum(), 1) - 1)),
        "coverage_percent": {
            str(level): float(100 * covers(mean, size, observed, level / 100).mean())
            for level in LEVELS
        },
        "n_test_passed_percent": float(
            100 * np.mean((more >= N_TEST_TAIL) & (fewer >= N_TEST_TAIL))
        ),
    }


def check_cells(
    mean: ArrayLike, nb_size: ArrayLike, total_size: float, observed: ArrayLike, seed: int
) -> dict[str, float]:
    """Return one week's coverage of the cells' intervals by level, and its likelihood quantiles.

    Args:
        mean: (cells,) expected reports.
        nb_size: (cells,) size of each cell's negative binomial.
        total_size: size of the city total's.
        observed: (cells,) reports.
        seed: seed of the simulated outcomes.
    """
    covered = {
        f"covered_{level}": float(covers(mean, nb_size, observed, level / 100).mean())
        for level in LEVELS
    }
    return {
        **covered,
        "l_quantile": likelihood_quantile(mean, total_size, observed, seed),
        "cl_quantile": conditional_likelihood_quantile(mean, observed, seed),
    }


def cells_calibration(checks: pd.DataFrame) -> dict[str, Any]:
    """Return the mean coverage of the cells' intervals, and in how many weeks the maps pass.

    Args:
        checks: one row per week, as `check_cells`. The S-test is the CL-test here.
    """
    tests = {name: checks[f"{name}_quantile"].dropna() for name in ("l", "cl")}
    return {
        "coverage_percent": {
            str(level): float(100 * checks[f"covered_{level}"].mean()) for level in LEVELS
        },
        **{
            f"{name}_test_passed_percent": float(100 * (quantile >= PASSED_FROM).mean())
            for name, quantile in tests.items()
        },
    }


def calibration(
    totals: pd.DataFrame, pits: Mapping[int, NDArray[np.number]], checks: pd.DataFrame, seed: int
) -> dict[str, dict[str, Any]]:
    """Return, by horizon, the calibration of city and division totals and of cells.

    Args:
        totals: week_start, horizon, place ("city" or a division), mean, nb_size, observed.
        pits: (weeks, bins) histograms of cells, by horizon.
        checks: horizon and what `check_cells` found, one row per week.
        seed: seed of the draws.
    """
    found: dict[str, dict[str, Any]] = {}
    for horizon, rows in totals.groupby("horizon"):
        is_city = rows["place"] == "city"
        found[str(horizon)] = {
            "city": totals_calibration(rows[is_city]),
            "divisions": totals_calibration(rows[~is_city]) if (~is_city).any() else None,
            "cells": cells_calibration(checks[checks["horizon"] == horizon]),
            "cells_pit": pit_band(pits[int(str(horizon))], seed),
        }
    return found


def noise_floor(forecasts: pd.DataFrame, seed: int) -> dict[str, dict[str, float]]:
    """Return, by horizon, the Poisson deviance that the forecasts would score as the truth.

    Outcomes are drawn from the forecasts themselves, as negative binomials and, below that, as
    Poissons. The standard deviation says how much luck moves the score of so many weeks. How far
    the forecasts are from the real truth this does not say.

    Args:
        forecasts: horizon, mean and nb_size of each cell and week.
        seed: seed of the draws.
    """
    random = np.random.default_rng(seed)
    floors = {}
    for horizon, cells in forecasts.groupby("horizon"):
        mean, size = cells["mean"].to_numpy(), cells["nb_size"].to_numpy()
        chance = size / (size + mean)
        scored = np.array(
            [
                [
                    poisson_deviance(mean, random.negative_binomial(size, chance)),
                    poisson_deviance(mean, random.poisson(mean)),
                ]
                for _ in range(FLOOR_DRAWS)
            ]
        )
        floors[str(horizon)] = {
            "negative_binomial": float(scored[:, 0].mean()),
            "poisson": float(scored[:, 1].mean()),
            "negative_binomial_sd": float(scored[:, 0].std()),
        }
    return floors


def _distribution(mean: ArrayLike, nb_size: ArrayLike) -> "rv_frozen":
    from scipy.stats import nbinom  # slow to import, and most steps of a week have no need of it

    size = np.asarray(nb_size, dtype=float)
    return nbinom(size, size / (size + np.asarray(mean, dtype=float)))
