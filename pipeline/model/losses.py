"""Losses over in-city cells, in keras.ops. Each returns one number per sample.

A Poisson likelihood of every cell is, exactly, a Poisson likelihood of the city total times a
multinomial of the cells given the total: that is why shares and totals are fitted apart.
"""

from collections.abc import Callable
from typing import Any

from pipeline.model.backend import ops

Tensor = Any  # whatever the Keras backend calls an array
Loss = Callable[[Tensor, Tensor], Tensor]


def multinomial_loss(counts: Tensor, log_share: Tensor) -> Tensor:
    """Return (batch,) cross-entropy per report of cells given each week's total.

    Args:
        counts: (batch, rows, cols, horizons); all zero where the target isn't known.
        log_share: the same shape.
    """
    return -ops.sum(counts * log_share, axis=(1, 2, 3)) / _reports(counts)


def negative_binomial_loss(dispersion: float) -> Loss:
    """Return the loss of cells given each week's total, with variance m + dispersion * m**2.

    Up to terms without parameters, its limit for a small dispersion is the multinomial loss.
    """
    size = 1.0 / dispersion

    def loss(counts: Tensor, log_share: Tensor) -> Tensor:
        week_total = ops.sum(counts, axis=(1, 2), keepdims=True)
        mean = week_total * ops.exp(log_share)
        likelihood = counts * log_share - (counts + size) * ops.log(1.0 + mean / size)
        return -ops.sum(likelihood, axis=(1, 2, 3)) / _reports(counts)

    return loss


def log_total_loss(log_total: Tensor, predicted: Tensor) -> Tensor:
    """Return (batch,) mean squared errors of log totals (batch, horizons) that are not NaN."""
    is_known = ops.logical_not(ops.isnan(log_total))
    error = ops.where(is_known, ops.nan_to_num(log_total) - predicted, 0.0)
    known = ops.maximum(ops.sum(ops.cast(is_known, predicted.dtype), axis=1), 1.0)
    return ops.sum(ops.square(error), axis=1) / known


def _reports(counts: Tensor) -> Tensor:
    return ops.maximum(ops.sum(counts, axis=(1, 2, 3)), 1.0)
