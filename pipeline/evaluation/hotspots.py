"""Hotspots: the cells that a forecast ranks highest, and the clusters around their peaks."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pipeline.evaluation.ranking import flagged_cells, rank_cells, top_cells
from pipeline.model.channels import smooth

BANDS = (1, 2, 5)  # percent of in-city cells
SMOOTHING_CELLS = 0.75  # so that chance in a single cell seldom makes a peak


@dataclass(frozen=True)
class Hotspots:
    """Where a forecast's hotspots lie; every grid is (rows, cols) and 0 outside the city.

    Attributes:
        rank: 1 for the cell with the highest mean.
        band: 1, 2 or 5 for a cell in the top 1, 2 or 5 % of in-city cells, else 0.
        cluster: number of the group of touching hotspots around one peak of the smoothed rate, 1
            for the one with the most expected reports, 0 outside the hotspots.
    """

    rank: NDArray[np.int64]
    band: NDArray[np.int64]
    cluster: NDArray[np.int64]


def find_hotspots(mean: NDArray[np.float64], seed: int) -> Hotspots:
    """Rank the cells of a (rows, cols) forecast, NaN outside the city, and group the hotspots."""
    mask = np.isfinite(mean)
    rank = np.zeros(mean.shape, dtype=np.int64)
    if mask.any():
        rank[mask] = rank_cells(mean[mask], seed)
    band = np.zeros(mean.shape, dtype=np.int64)
    for percent in reversed(BANDS):
        band[mask & (rank <= flagged_cells(int(mask.sum()), percent / 100))] = percent
    return Hotspots(rank, band, _clusters(mean, band, rank))


def share_in_top(rates: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    """Return the (rows, cols) share of re-runs in which a cell is in the widest band.

    It says how often a re-run of history would flag the same cell; not how likely the cell's next
    count is among the highest.

    Args:
        rates: (re-runs, rows, cols) expected reports, NaN outside the city.
        seed: seed of the order among equal rates.
    """
    mask = np.isfinite(rates[0])
    share = np.full(mask.shape, np.nan)
    flagged = flagged_cells(int(mask.sum()), BANDS[-1] / 100)
    share[mask] = top_cells(rates[:, mask], flagged, seed).mean(axis=0)
    return share


def _clusters(
    mean: NDArray[np.float64], band: NDArray[np.int64], rank: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Number the groups around each peak by expected reports; equal ones by their best rank."""
    labels, found = _groups(mean, band > 0, rank)
    groups = np.arange(1, found + 1)
    expected = ndimage.sum_labels(np.nan_to_num(mean), labels, groups)
    best_rank = ndimage.minimum(rank, labels, groups)
    number = np.zeros(found + 1, dtype=np.int64)
    number[1 + np.lexsort((best_rank, -np.asarray(expected)))] = groups
    return number[labels]


def _groups(
    mean: NDArray[np.float64], hot: NDArray[np.bool_], rank: NDArray[np.int64]
) -> tuple[NDArray[np.int64], int]:
    """Return a watershed of the hotspots, 0 outside them, and its number of groups.

    From a hotspot go to the highest of the hotspots at its sides and corners, and on until none is
    higher: those that lead to one peak are a group. Height is the smoothed rate, then the rank.
    """
    in_city = np.isfinite(mean)
    height = smooth(np.nan_to_num(mean)[None], SMOOTHING_CELLS, in_city)[0]
    order = np.zeros(mean.shape, dtype=np.int64)
    order[hot] = 1 + np.argsort(np.lexsort((-rank[hot], height[hot])))
    uphill = np.zeros(order.max(initial=0) + 1, dtype=np.int64)
    uphill[order[hot]] = ndimage.maximum_filter(order, size=3, mode="constant")[hot]
    while (uphill != uphill[uphill]).any():
        uphill = uphill[uphill]
    peaks, group = np.unique(uphill[order[hot]], return_inverse=True)
    labels = np.zeros(mean.shape, dtype=np.int64)
    labels[hot] = group + 1
    return labels, len(peaks)
