"""Boosted trees of cell counts on log rates, by LightGBM: a rival, and an opinion of the model's.

Chosen on earlier weeks of Chicago, Denver and Los Angeles burglaries (docs/evaluation.md).
"""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pipeline.domain.errors import InvalidRequest

if TYPE_CHECKING:
    from lightgbm import Booster as Trees

ROUNDS = 300
PARAMETERS = (
    ("objective", "poisson"),
    ("learning_rate", 0.05),
    ("num_leaves", 15),
    ("max_depth", 5),
    ("min_data_in_leaf", 400),
    ("feature_fraction", 0.5),
    ("extra_trees", True),
    ("max_bin", 63),
    ("boost_from_average", False),
    # One thread gives the same trees on any machine, and survives a fork of the process.
    ("num_threads", 1),
    ("deterministic", True),
    ("force_row_wise", True),
    ("verbose", -1),
)


def _lightgbm() -> ModuleType:
    """Return LightGBM, which takes a second to load.

    Raises:
        InvalidRequest: the machine lacks the runtime that it needs.
    """
    try:
        import lightgbm
    except OSError as error:
        raise InvalidRequest(
            f"LightGBM can't be loaded: {error}. Install the OpenMP runtime: libgomp1 on Debian "
            "and Ubuntu, libomp by Homebrew."
        ) from error
    module: ModuleType = lightgbm
    return module


def fit_trees(
    features: NDArray[np.number],
    counts: NDArray[np.number],
    offset: NDArray[np.number],
    seed: int,
) -> Trees:
    """Fit log mean = offset + trees of the features.

    Args:
        features: (n, k).
        counts: (n,) observed.
        offset: (n,) log of the expected count without the trees.
        seed: of the features and thresholds tried.
    """
    lightgbm = _lightgbm()
    lessons = lightgbm.Dataset(features, label=counts, init_score=offset)
    trees: Trees = lightgbm.train({**dict(PARAMETERS), "seed": seed % 2**31}, lessons, ROUNDS)
    return trees


def correction(trees: Trees, features: NDArray[np.number]) -> NDArray[np.float64]:
    """Return (n,) what the trees add to the log mean of (n, k) features."""
    added = trees.predict(features, raw_score=True, num_threads=1)
    return np.asarray(added, dtype=np.float64)


def read_trees(path: Path) -> Trees:
    """Return the trees of LightGBM's own text.

    Raises:
        ValueError: it isn't such a text.
    """
    lightgbm = _lightgbm()
    try:
        trees: Trees = lightgbm.Booster(model_str=path.read_text())
    except lightgbm.basic.LightGBMError as error:
        raise ValueError(str(error)) from error
    return trees
