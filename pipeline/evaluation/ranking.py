"""Which cells come first; a seed breaks ties, so that they favour no corner of the map."""

import numpy as np
from numpy.typing import NDArray


def rank_cells(mean: NDArray[np.number], seed: int) -> NDArray[np.int64]:
    """Return the rank of each cell along the last axis, 1 for the highest mean.

    Args:
        mean: (..., cells) expected reports, without NaN.
        seed: seed of the order among equal means.
    """
    lots = np.random.default_rng(seed).random(np.shape(mean))
    order = np.lexsort((lots, -np.asarray(mean)), axis=-1)
    rank = np.empty(order.shape, dtype=np.int64)
    np.put_along_axis(rank, order, np.arange(1, order.shape[-1] + 1), axis=-1)
    return rank


def top_cells(mean: NDArray[np.number], number: int, seed: int) -> NDArray[np.bool_]:
    """Return which cells `rank_cells` ranks up to `number`, without ranking those that follow."""
    least = np.partition(mean, -number, axis=-1)[..., -number, None]
    is_top = mean >= least
    if (is_top.sum(axis=-1) == number).all():
        return is_top
    return rank_cells(mean, seed) <= number  # a tie at the limit, which lots decide


def flagged_cells(cells: int, fraction: float) -> int:
    """Return how many of `cells` are the top `fraction`: the nearest whole number, at least 1."""
    return max(1, round(fraction * cells))
