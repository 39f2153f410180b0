"""The rivals that are fitted: a Poisson regression and boosted trees of each cell's count.

Both see what is known at each origin, and are fitted anew for every horizon.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pipeline.domain.cells import Cells
from pipeline.domain.city import City
from pipeline.domain.weeks import HORIZONS
from pipeline.evaluation.baselines import LEVEL_WEEKS
from pipeline.grid.cube import CubeView
from pipeline.model.channels import CHANNELS, class_channels, log_rates
from pipeline.model.config import HORIZON_COUNT
from pipeline.model.glm import fit_poisson
from pipeline.model.inputs import History, read_history
from pipeline.model.opinions import TREES_START
from pipeline.model.trees import correction, fit_trees
from pipeline.model.windows import TARGET, target_counts

if TYPE_CHECKING:
    from lightgbm import Booster as Trees

POISSON_GLM = "poisson_glm"
BOOSTED_TREES = "boosted_trees"
OF_OWN_TOTAL = {POISSON_GLM: "glm_share_own_total", BOOSTED_TREES: "trees_share_own_total"}
FIRST_ORIGIN = 19  # before it a rate over several half-lives says little
LEAST_ORIGINS = 2 * HORIZON_COUNT
MOST_ORIGINS = 260
TARGET_CHANNELS = [channel for channel in CHANNELS if channel.of == TARGET]
Features = NDArray[np.float64]
FeaturesOf = Callable[[History, Cells, range], Features]


@dataclass(frozen=True)
class _Lessons:
    """What a rival is fitted to.

    Attributes:
        origins: indices into the view's weeks.
        features: (origins, cells, features), of one origin more: the newest.
        counts: (origins, horizons, cells) as known at the edge.
        complete: share of a week's reports known by age.
    """

    origins: range
    features: Features
    counts: NDArray[np.float32]
    complete: NDArray[np.float64]

    def of(self, horizon: int) -> tuple[Features, NDArray[np.float32], NDArray[np.float64]]:
        """Return (n, features), (n,) counts of the week so far ahead, (n,) log completeness."""
        age = self.origins.stop - np.array(self.origins) - horizon
        known = int((age >= 0).sum())
        features, counts = self.features[:known], self.counts[:known, horizon - 1]
        offset = np.log(self.complete[np.minimum(age[:known], len(self.complete) - 1)])
        rows = features.reshape(-1, features.shape[-1])
        return rows, counts.ravel(), np.repeat(offset, features.shape[1])


def _lessons(history: History, cells: Cells, features_of: FeaturesOf) -> _Lessons:
    last = history.last
    first = min(FIRST_ORIGIN, last - LEAST_ORIGINS)
    origins = range(max(first, last - MOST_ORIGINS, 0), last)
    features = features_of(history, cells, range(origins.start, last + 1))
    counts = target_counts(history.target, origins)[:, :, cells.row, cells.col]
    return _Lessons(origins, features, counts, history.target.completeness)


class PoissonGlm:
    """A regression on eleven log features, one per horizon, fitted on all that a view knows.

    They are the cell's pooled long-run rate, its discounted rates over several half-lives,
    smoothed and not, and the city's level of the last four weeks.
    """

    def __init__(self, view: CubeView, city: City, horizons: Sequence[int] = HORIZONS) -> None:
        """Fit to the newest MOST_ORIGINS origins of a view; young outcomes count as incomplete.

        Args:
            view: what is known.
            city: whose target offences are forecast.
            horizons: weeks ahead to fit, each 1 to 5; the rates of the others are NaN.
        """
        self.city = city
        lessons = _lessons(read_history(view, city, ()), view.cells, _glm_features)
        self._newest = lessons.features[-1]
        self.coefficients = np.full((HORIZON_COUNT, lessons.features.shape[-1] + 1), np.nan)
        for horizon in horizons:
            features, counts, offset = lessons.of(horizon)
            fitted = fit_poisson(features, counts, offset + features[:, 0])
            fitted[1] += 1.0
            self.coefficients[horizon - 1] = fitted

    def rates(self, view: CubeView | None = None) -> NDArray[np.float64]:
        """Return (horizons, cells) expected reports of in-city cells from a view's edge.

        Args:
            view: what is known; None is the view that it was fitted to, and costs next to nothing.
        """
        features = self._newest
        if view is not None:
            history = read_history(view, self.city, ())
            features = _glm_features(history, view.cells, history.newest)[0]
        return np.exp(self.coefficients[:, :1] + self.coefficients[:, 1:] @ features.T)


class BoostedTrees:
    """Trees on all channels that the model's own opinions see, on level and season.

    They are fitted per horizon to all that a view knows, and correct each cell's pooled rate of
    about a year.
    """

    def __init__(
        self, view: CubeView, city: City, seed: int, horizons: Sequence[int] = HORIZONS
    ) -> None:
        """Fit to the newest MOST_ORIGINS origins of a view; young outcomes count as incomplete.

        Args:
            view: what is known.
            city: whose target offences are forecast.
            seed: of what the trees try.
            horizons: weeks ahead to fit, each 1 to 5; the rates of the others are NaN.
        """
        self.city = city
        history = read_history(view, city)
        self._classes = tuple(history.kinds.classes)
        lessons = _lessons(history, view.cells, _tree_features)
        self._newest = lessons.features[-1]
        self._trees: dict[int, Trees] = {}
        for horizon in horizons:
            features, counts, offset = lessons.of(horizon)
            expected = offset + features[:, TREES_START]
            self._trees[horizon] = fit_trees(features, counts, expected, seed)

    def rates(self, view: CubeView | None = None) -> NDArray[np.float64]:
        """As `PoissonGlm.rates`."""
        features = self._newest
        if view is not None:
            history = read_history(view, self.city, self._classes)
            features = _tree_features(history, view.cells, history.newest)[0]
        rates = np.full((HORIZON_COUNT, len(features)), np.nan)
        for horizon, trees in self._trees.items():
            rates[horizon - 1] = np.exp(features[:, TREES_START] + correction(trees, features))
        return rates


def _glm_features(history: History, cells: Cells, origins: range) -> Features:
    """Return (origins, cells, 11) features; the first is the pooled long-run rate."""
    features = np.empty((len(origins), len(cells), len(TARGET_CHANNELS) + 1))
    reports = {TARGET: history.target}
    features[..., :-1] = log_rates(reports, cells.mask, origins, TARGET_CHANNELS)
    features[..., -1] = np.log(_level(history, origins) + 0.5)[:, None]
    return features


def _tree_features(history: History, cells: Cells, origins: range) -> Features:
    """Return (origins, cells, channels + 3): level against a year's, and the season, stand last."""
    channels = (*CHANNELS, *class_channels(sorted(history.kinds.classes)))
    reports = {TARGET: history.target, **history.kinds.others}
    features = np.empty((len(origins), len(cells), len(channels) + 3))
    features[..., :-3] = log_rates(reports, cells.mask, origins, channels)
    year = np.exp(features[..., TREES_START]).sum(axis=1)
    features[..., -3] = np.log((_level(history, origins) + 0.5) / (year + 0.5))[:, None]
    features[..., -2:] = history.totals.season[origins.start : origins.stop, None, 1:3]
    return features


def _level(history: History, origins: range) -> NDArray[np.float64]:
    """Return (origins,) mean totals of the last weeks as known then."""
    totals = history.totals
    return np.array([totals.city_as_of(origin)[-LEVEL_WEEKS:].mean() for origin in origins])
