"""The rival that is fitted: a Poisson regression of each cell's count on eleven log features.

The features are the cell's pooled long-run rate, its discounted rates over several half-lives,
smoothed and not, and the city's level of the last four weeks; all as known at each origin.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.domain.cells import Cells
from pipeline.domain.city import City
from pipeline.domain.weeks import HORIZONS
from pipeline.evaluation.baselines import LEVEL_WEEKS
from pipeline.grid.cube import CubeView
from pipeline.model.config import HORIZON_COUNT
from pipeline.model.glm import fit_poisson
from pipeline.model.inputs import History, read_history
from pipeline.model.windows import CHANNELS, log_rates, target_counts

POISSON_GLM = "poisson_glm"
GLM_SHARE_OWN_TOTAL = "glm_share_own_total"
FIRST_ORIGIN = 19  # before it a rate over several half-lives says little
LEAST_ORIGINS = 2 * HORIZON_COUNT
MOST_ORIGINS = 260
FEATURES = [channel for channel in CHANNELS if channel.of == "target"]


class PoissonGlm:
    """One regression per horizon, fitted on all that a view knows."""

    def __init__(self, view: CubeView, city: City, horizons: Sequence[int] = HORIZONS) -> None:
        """Fit to the newest MOST_ORIGINS origins of a view; young outcomes count as incomplete.

        Args:
            view: what is known.
            city: whose target offences are forecast.
            horizons: weeks ahead to fit, each 1 to 5; the rates of the others are NaN.
        """
        self.city = city
        history = read_history(view, city)
        last = history.last
        first = min(FIRST_ORIGIN, last - LEAST_ORIGINS)
        origins = range(max(first, last - MOST_ORIGINS, 0), last)
        features = _features(history, view.cells, range(origins.start, last + 1))
        features, self._newest = features[:-1], features[-1]
        counts = target_counts(history.target, origins)[:, :, view.cells.row, view.cells.col]
        complete = history.target.completeness
        self.coefficients = np.full((HORIZON_COUNT, features.shape[-1] + 1), np.nan)
        for horizon in (weeks - 1 for weeks in horizons):
            age = last - np.array(origins) - 1 - horizon
            known = slice(0, int((age >= 0).sum()))
            offset = np.log(complete[np.minimum(age[known], len(complete) - 1)])
            self.coefficients[horizon] = fit_poisson(
                features[known].reshape(-1, features.shape[-1]),
                counts[known, horizon].ravel(),
                np.repeat(offset, len(view.cells)),
            )

    def rates(self, view: CubeView | None = None) -> NDArray[np.float64]:
        """Return (horizons, cells) expected reports of in-city cells from a view's edge.

        Args:
            view: what is known; None is the view that it was fitted to, and costs next to nothing.
        """
        features = self._newest
        if view is not None:
            history = read_history(view, self.city)
            features = _features(history, view.cells, history.newest)[0]
        return np.exp(self.coefficients[:, :1] + self.coefficients[:, 1:] @ features.T)


def _features(history: History, cells: Cells, origins: range) -> NDArray[np.float64]:
    """Return (origins, cells, 11) features; the first is the pooled long-run rate."""
    features = np.empty((len(origins), len(cells), len(FEATURES) + 1))
    features[..., :-1] = log_rates(history.target, history.other, cells.mask, origins, FEATURES)
    for of_origin, origin in zip(features, origins, strict=True):
        level = history.totals.city_as_of(origin)[-LEVEL_WEEKS:].mean()
        of_origin[:, -1] = np.log(level + 0.5)
    return features
