"""Hotspots: the cells that a forecast ranks highest, and the groups they form."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import ndimage

from pipeline.evaluation.ranking import flagged_cells, rank_cells

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


def clusters_summary(mean: NDArray[np.float64], hotspots: Hotspots) -> pd.DataFrame:
    """Return one row per cluster, in its order.

    Columns: cluster, cells, expected (reports in the week), peak_row, peak_col and peak_mean (of
    its highest-ranked cell).
    """
    row, col = np.nonzero(hotspots.cluster)
    cells = pd.DataFrame(
        {
            "cluster": hotspots.cluster[row, col],
            "rank": hotspots.rank[row, col],
            "peak_row": row,
            "peak_col": col,
            "peak_mean": mean[row, col],
        }
    )
    groups = cells.sort_values("rank").groupby("cluster")
    summary = groups[["peak_row", "peak_col", "peak_mean"]].first()
    summary.insert(0, "cells", groups.size())
    summary.insert(1, "expected", groups["peak_mean"].sum())
    return summary.reset_index()


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
