"""Scores of count forecasts: what adds up over weeks, and what is computed from the sums.

Every function takes (cells,) or (weeks, cells) arrays of in-city cells and works along the last
axis. Lower is better except for information, capture area, hit rate, PAI and PEI*.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaln, xlogy

from pipeline.domain.distributions import NEARLY_POISSON_SIZE, RATE_FLOOR, poisson_deviances
from pipeline.evaluation.ranking import flagged_cells, rank_cells

SIZE_RANGE = (1e-3, NEARLY_POISSON_SIZE)
POISSON = np.inf  # the size of a negative binomial that is a Poisson
TOP_PERCENTS = (1, 2, 5, 10, 20)
CURVE_PERCENTS = (*TOP_PERCENTS, 30, 40, 50, 60, 70, 80, 90)  # points of the capture curve
CRPS_QUANTILE = 1 - 1e-9
CRPS_CHUNK = 32


def poisson_deviance(mean: ArrayLike, observed: ArrayLike) -> NDArray[np.float64]:
    """Return the mean Poisson deviance, with rates below 0.001 raised to it."""
    return np.mean(poisson_deviances(mean, observed), axis=-1)


def nb_log_score(mean: ArrayLike, nb_size: ArrayLike, observed: ArrayLike) -> NDArray[np.float64]:
    """Return the mean of -log P(observed), with rates below 0.001 raised to it."""
    rate = np.maximum(mean, RATE_FLOOR)
    return -np.mean(_nb_log_pmf(np.asarray(observed, dtype=float), rate, _size(nb_size)), axis=-1)


def crps_nb(mean: ArrayLike, nb_size: ArrayLike, observed: ArrayLike) -> NDArray[np.float64]:
    """Return the mean continuous ranked probability score, sum over k of (F(k) - [y <= k])**2.

    The sum runs to where every cell's distribution holds all but 1e-9 of its mass.
    """
    rate, size = np.asarray(mean, dtype=float)[..., None], _size(nb_size)[..., None]
    count = np.asarray(observed, dtype=float)[..., None]
    total, known, log_chance, start = 0 * count[..., 0], 0.0, -size * np.log1p(rate / size), 0
    while True:
        k = np.arange(start, start + CRPS_CHUNK)
        with np.errstate(divide="ignore", invalid="ignore"):
            step = np.log((k + size) / (k + 1) * (rate / (size + rate)))  # from k to k + 1
        log_pmf = np.concatenate([log_chance, log_chance + step.cumsum(axis=-1)], axis=-1)
        cdf = known + np.exp(log_pmf[..., :-1]).cumsum(axis=-1)
        total = total + np.sum((cdf - (count <= k)) ** 2, axis=-1)
        known, log_chance, start = cdf[..., -1:], log_pmf[..., -1:], start + CRPS_CHUNK
        # Said with "not", a NaN ends the sum and comes out as NaN.
        if not (start <= count.max() or known.min() < CRPS_QUANTILE):
            return np.mean(total, axis=-1)


def probability_of_any(mean: ArrayLike, nb_size: ArrayLike) -> NDArray[np.float64]:
    """Return P(count > 0) of each cell's negative binomial."""
    return -np.expm1(_nb_log_pmf(np.zeros(()), np.asarray(mean, dtype=float), _size(nb_size)))


def brier_any(p_any: ArrayLike, observed: ArrayLike) -> NDArray[np.float64]:
    """Return the mean squared error of the probability of one report or more."""
    return np.mean((np.asarray(p_any) - (np.asarray(observed) > 0)) ** 2, axis=-1)


def rmse(mean: ArrayLike, observed: ArrayLike) -> NDArray[np.float64]:
    """Return the root mean squared error, in reports."""
    return np.sqrt(np.mean((np.asarray(mean) - np.asarray(observed)) ** 2, axis=-1))


def mae(mean: ArrayLike, observed: ArrayLike) -> NDArray[np.float64]:
    """Return the mean absolute error, in reports; where most rates are low, zero wins it."""
    return np.mean(np.abs(np.asarray(mean) - np.asarray(observed)), axis=-1)


def bias(mean: ArrayLike, observed: ArrayLike) -> NDArray[np.float64]:
    """Return the forecast total over the observed total, minus 1; NaN where nothing happened."""
    total = np.sum(observed, axis=-1, dtype=float)
    return _ratio(np.sum(mean, axis=-1) - total, total)


def poisson_information(mean: ArrayLike, observed: ArrayLike) -> NDArray[np.float64]:
    """Return the sum over cells of y ln f - f, with rates below 0.001 raised to it.

    Two forecasts' difference over the number of reports is the information gain per report.
    Source: Rhoades et al. 2011, equation 17.
    """
    rate = np.maximum(mean, RATE_FLOOR)
    return np.sum(xlogy(observed, rate) - rate, axis=-1)


def hit_rate(
    mean: ArrayLike, observed: ArrayLike, fraction: float, seed: int
) -> NDArray[np.float64]:
    """Return the share of reports in the top `fraction` of cells; NaN where nothing happened."""
    hits, _ = _hits(rank_cells(np.asarray(mean), seed), np.asarray(observed), fraction)
    return _ratio(hits, np.sum(observed, axis=-1, dtype=float))


def pai(mean: ArrayLike, observed: ArrayLike, fraction: float, seed: int) -> NDArray[np.float64]:
    """Return the prediction accuracy index: hit rate over the share of cells flagged.

    Source: Chainey, Tompson and Uhlig 2008. Never compare it across grids.
    """
    cells = np.shape(mean)[-1]
    return hit_rate(mean, observed, fraction, seed) / (flagged_cells(cells, fraction) / cells)


def pei_star(
    mean: ArrayLike, observed: ArrayLike, fraction: float, seed: int
) -> NDArray[np.float64]:
    """Return the reports in the flagged cells over the most that as many cells could hold.

    Source: the National Institute of Justice's forecasting challenge, note 2 on its winners.
    """
    return _ratio(*_hits(rank_cells(np.asarray(mean), seed), np.asarray(observed), fraction))


def statistics(
    mean: ArrayLike, nb_size: ArrayLike, observed: ArrayLike, seed: int
) -> dict[str, float]:
    """Return the sums over one week's cells from which `metrics` computes every score.

    Sums of several weeks give the pooled scores.

    Args:
        mean: (cells,) expected reports.
        nb_size: (cells,) or one size for all; POISSON for a Poisson.
        observed: (cells,) reports.
        seed: seed of the order among cells of equal mean.
    """
    rate, count = np.asarray(mean, dtype=float), np.asarray(observed, dtype=float)
    size = np.broadcast_to(np.asarray(nb_size, dtype=float), rate.shape)
    cells, rank = len(rate), rank_cells(rate, seed)
    sums = {
        "cells": cells,
        "forecast": rate.sum(),
        "observed": count.sum(),
        "poisson_deviance": cells * poisson_deviance(rate, count),
        "nb_log_score": cells * nb_log_score(rate, size, count),
        "crps": cells * crps_nb(rate, size, count),
        "brier_any": cells * brier_any(probability_of_any(rate, size), count),
        "squared_error": cells * rmse(rate, count) ** 2,
        "absolute_error": cells * mae(rate, count),
        "information": poisson_information(rate, count),
        "capture_area": np.sum(count * (1 - (rank - 0.5) / cells)),
        "best_capture_area": np.sum(-np.sort(-count) * (1 - (np.arange(cells) + 0.5) / cells)),
    }
    for percent in CURVE_PERCENTS:
        hits, best = _hits(rank, count, percent / 100)
        sums |= {f"hits_{percent}": hits, f"best_hits_{percent}": best}
        sums[f"flagged_{percent}"] = flagged_cells(cells, percent / 100)
    return {name: float(value) for name, value in sums.items()}


def metrics(sums: Mapping[str, float | NDArray[np.number]]) -> dict[str, NDArray[np.float64]]:
    """Return the scores of summed statistics; `sums` may hold arrays, such as one per draw.

    Where `sums` has `box_cells`, the cells of the whole bounding box, bbox_mae and bbox_rmse are
    added: cells outside the city count as forecast 0 and observed 0.
    """
    cells, observed = sums["cells"], sums["observed"]
    means = ("poisson_deviance", "nb_log_score", "crps", "brier_any")
    scores = {name: _ratio(sums[name], cells) for name in means}
    scores["rmse"] = np.sqrt(_ratio(sums["squared_error"], cells))
    scores["mae"] = _ratio(sums["absolute_error"], cells)
    scores["bias"] = _ratio(np.subtract(sums["forecast"], observed), observed)
    scores["information"] = _ratio(sums["information"], observed)
    scores["capture_area"] = _ratio(sums["capture_area"], observed)
    scores["best_capture_area"] = _ratio(sums["best_capture_area"], observed)
    for percent in CURVE_PERCENTS:
        scores[f"hit_rate_{percent}"] = _ratio(sums[f"hits_{percent}"], observed)
    for percent in TOP_PERCENTS:
        hits = sums[f"hits_{percent}"]
        area = _ratio(sums[f"flagged_{percent}"], cells)
        scores[f"pai_{percent}"] = scores[f"hit_rate_{percent}"] / area
        scores[f"pei_star_{percent}"] = _ratio(hits, sums[f"best_hits_{percent}"])
    if "box_cells" in sums:
        scores["bbox_rmse"] = np.sqrt(_ratio(sums["squared_error"], sums["box_cells"]))
        scores["bbox_mae"] = _ratio(sums["absolute_error"], sums["box_cells"])
    return scores


def score_week(
    mean: ArrayLike, nb_size: ArrayLike, observed: ArrayLike, seed: int
) -> dict[str, float]:
    """Return every score of one week by name; NaN where a score has no meaning.

    Args: as `statistics`.
    """
    scores = metrics(statistics(mean, nb_size, observed, seed))
    return {name: float(value) for name, value in scores.items()}


def _hits(
    rank: NDArray[np.int64], observed: NDArray[np.number], fraction: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the reports in the top cells, and the most that as many cells could hold."""
    flagged = flagged_cells(rank.shape[-1], fraction)
    best = np.sort(observed, axis=-1)[..., -flagged:]
    hits = np.where(rank <= flagged, observed, 0)
    return hits.sum(axis=-1, dtype=float), best.sum(axis=-1, dtype=float)


def _size(nb_size: ArrayLike) -> NDArray[np.float64]:
    return np.clip(np.asarray(nb_size, dtype=float), *SIZE_RANGE)


def _nb_log_pmf(
    k: NDArray[np.number], mean: NDArray[np.number], size: NDArray[np.number]
) -> NDArray[np.float64]:
    ways = gammaln(k + size) - gammaln(size) - gammaln(k + 1)
    return ways - size * np.log1p(mean / size) + xlogy(k, mean / (size + mean))


def _ratio(part: ArrayLike, whole: ArrayLike) -> NDArray[np.float64]:
    """Return part / whole, NaN where whole is 0."""
    part, whole = np.asarray(part, dtype=float), np.asarray(whole, dtype=float)
    out = np.full(np.broadcast_shapes(part.shape, whole.shape), np.nan)
    return np.divide(part, whole, out=out, where=whole != 0)
