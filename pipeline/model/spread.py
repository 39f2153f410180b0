"""How far outcomes lie from forecasts: negative binomials of the city, its divisions and cells."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.model.config import HORIZON_COUNT
from pipeline.model.levels import FIRST_RIDGE_WEEKS, Season
from pipeline.model.totals import Totals

SPREAD_ORIGINS = 104
LEAST_DISPERSION = 1e-4
POOLED_REPORTS = 1.0


@dataclass(frozen=True)
class Spread:
    """1 / size of counts, per horizon; it grows from the city over its divisions to a cell.

    Attributes:
        city, cell: one value per horizon.
        divisions: likewise, by name of the division.
    """

    city: tuple[float, ...]
    divisions: dict[str, tuple[float, ...]]
    cell: tuple[float, ...]


def dispersion(
    observed: NDArray[np.number], mean: NDArray[np.number], axis: int | tuple[int, ...] = 0
) -> NDArray[np.float64]:
    """Return 1 / size by moments, from pairs of outcomes and forecasts; NaN pairs are left out."""
    excess = np.nansum((observed - mean) ** 2 - mean, axis=axis)
    square = np.nansum(np.where(np.isnan(observed), np.nan, mean) ** 2, axis=axis)
    return np.maximum(excess / np.maximum(square, 1e-12), LEAST_DISPERSION)


def past_spread(
    totals: Totals, names: Sequence[str], seasons: Mapping[int, Season], cell: NDArray[np.number]
) -> Spread:
    """Measure the spread on the errors of the newest forecasts of totals, each as of its origin.

    Divisions are forecast by their long-run share; what they add to the city's spread is
    averaged half and half with the mean over all divisions, since each has few weeks. What the
    city does, its parts do too: none is less dispersed than the whole, nor more than a cell.

    Args:
        totals: the weekly totals.
        names: of the divisions, in the order of the totals' groups.
        seasons: the regression at every origin that may be measured on.
        cell: (horizons,) 1 / size of a cell.
    """
    last = totals.weeks - 1
    past = [origin for origin in seasons if origin < last]
    ready = [origin for origin in past if origin >= FIRST_RIDGE_WEEKS] or past
    origins = sorted(ready)[-SPREAD_ORIGINS:]
    now = totals.as_of(last)
    now = np.hstack([now, np.full((len(now), HORIZON_COUNT), np.nan)])
    week = np.array(origins)[:, None] + np.arange(1, HORIZON_COUNT + 1)
    mean = np.exp([seasons[origin].base() for origin in origins])
    share = np.array([_shares(totals.as_of(origin)) for origin in origins])
    observed = now[:, week].transpose(1, 2, 0)
    own = dispersion(observed, mean[..., None] * share[:, None, :])
    city = dispersion(observed.sum(axis=2), mean)
    cell = np.maximum(cell, city)
    divisions = 0.5 * own + 0.5 * own.mean(axis=1, keepdims=True)
    divisions = np.clip(divisions, city[:, None], cell[:, None])
    by_name = dict(zip(names, map(tuple, divisions.T.tolist()), strict=True))
    return Spread(tuple(city.tolist()), by_name, tuple(cell.tolist()))


def _shares(known: NDArray[np.number]) -> NDArray[np.float64]:
    total = known.sum(axis=1) + POOLED_REPORTS
    return total / total.sum()
