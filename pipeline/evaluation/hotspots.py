"""Hotspots: the cells that a forecast ranks highest, and the groups they form."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pipeline.evaluation.ranking import flagged_cells, rank_cells, top_cells

BANDS = (1, 2, 5)  # percent of in-city cells
EIGHT_NEIGHBOURS = np.ones((3, 3), dtype=int)


@dataclass(frozen=True)
class Hotspots:
    """Where a forecast's hotspots lie; every grid is (rows, cols) and 0 outside the city.

    Attributes:
        rank: 1 for the cell with the highest mean.
        band: 1, 2 or 5 for a cell in the top 1, 2 or 5 % of in-city cells, else 0.
        cluster: number of the group of touching hotspots, 1 for the one with the most expected
            reports, 0 outside the hotspots.
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
    """Number the 8-connected groups by expected reports; equal ones by their best rank."""
    labels, found = ndimage.label(band > 0, structure=EIGHT_NEIGHBOURS)
    groups = np.arange(1, found + 1)
    expected = ndimage.sum_labels(np.nan_to_num(mean), labels, groups)
    best_rank = ndimage.minimum(rank, labels, groups)
    number = np.zeros(found + 1, dtype=np.int64)
    number[1 + np.lexsort((best_rank, -np.asarray(expected)))] = groups
    return number[labels]
