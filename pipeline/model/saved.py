"""A trained model on disk: three files, one hash over all, and no code in any.

`weights.npz` holds plain arrays (never pickles), `trees.txt` LightGBM's own text and `model.json`
everything else, so that reading a model runs nothing from it, and equal models have equal bytes.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from pipeline.domain.errors import ModelRejected
from pipeline.model.config import ModelConfig
from pipeline.model.opinions import Opinions
from pipeline.model.spread import Spread
from pipeline.model.trees import read_trees

WEIGHTS = "weights.npz"
TREES = "trees.txt"
CARD = "model.json"
FILES = (CARD, WEIGHTS, TREES)
FORMAT = 3  # raised when models saved before can no longer be read
SINCE_RETRAINING = "weeks_since_retraining"  # in a fine-tuned model's metrics


@dataclass(frozen=True)
class TrainedModel:
    """A model in a folder.

    Attributes:
        folder: where its files lie.
        sha256: hash over its files.
        city: short name of the city it was trained on.
        trained_through: the edge week of its training data.
        config: how it was built and trained.
        spread: 1 / size of the negative binomials of city, divisions and cells.
        classes: of other offences that have channels of their own.
        metrics: figures of the training run.
    """

    folder: Path
    sha256: str
    city: str
    trained_through: date
    config: ModelConfig
    spread: Spread
    classes: tuple[str, ...]
    metrics: dict[str, float]


def weeks_since_retraining(model: TrainedModel) -> int:
    """Return the weeks from the edge week of the last training anew to the model's own."""
    return int(model.metrics.get(SINCE_RETRAINING, 0))


def hash_folder(folder: Path) -> str:
    """Return the sha256 over the names and bytes of a model's files.

    Raises:
        ModelRejected: a file is missing.
    """
    digest = hashlib.sha256()
    for name in FILES:
        path = folder / name
        if not path.is_file():
            raise ModelRejected(f"{folder} holds no {name}; a model needs {', '.join(FILES)}.")
        digest.update(f"{name}\0{path.stat().st_size}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def save(
    folder: Path,
    weights: Sequence[NDArray[np.number]],
    opinions: Opinions,
    *,
    city: str,
    trained_through: date,
    config: ModelConfig,
    spread: Spread,
    metrics: Mapping[str, float],
) -> TrainedModel:
    """Write a model into a folder, which is made, and return it as read back."""
    folder.mkdir(parents=True, exist_ok=True)
    arrays = {f"{number:04d}": array for number, array in enumerate(weights)}
    np.savez(folder / WEIGHTS, allow_pickle=False, **arrays)
    (folder / TREES).write_text(opinions.trees.model_to_string())
    card = {
        "format": FORMAT,
        "city": city,
        "trained_through": trained_through.isoformat(),
        "config": config.model_dump(),
        "spread": asdict(spread),
        "classes": list(opinions.classes),
        "slopes": opinions.slopes.tolist(),
        "metrics": {name: float(value) for name, value in sorted(metrics.items())},
    }
    (folder / CARD).write_text(json.dumps(card, indent=1, sort_keys=True))
    return load(folder, hash_folder(folder))


def load(folder: Path, sha256: str) -> TrainedModel:
    """Return the model in a folder, its bytes checked before any of them is understood.

    Raises:
        ModelRejected: a file is missing, the hash differs, or the card can't be read.
    """
    found = hash_folder(folder)
    if found != sha256:
        raise ModelRejected(
            f"The model in {folder} has sha256 {found}, expected {sha256}: its files were "
            "changed or damaged. Load it again from the registry, or train a new one."
        )
    try:
        card = json.loads((folder / CARD).read_text())
        return TrainedModel(
            folder,
            sha256,
            card["city"],
            date.fromisoformat(card["trained_through"]),
            ModelConfig(**card["config"]),
            _spread(card["spread"]),
            tuple(card["classes"]),
            card["metrics"],
        )
    except (KeyError, ValueError, TypeError, ValidationError) as error:
        raise ModelRejected(f"{folder / CARD} does not describe a model: {error}") from error


def _spread(card: Mapping[str, Any]) -> Spread:
    divisions = {name: tuple(values) for name, values in card["divisions"].items()}
    return Spread(tuple(card["city"]), divisions, tuple(card["cell"]))


def read_weights(folder: Path) -> list[NDArray[np.float64]]:
    """Return a model's arrays in the order of its network's weights."""
    with np.load(folder / WEIGHTS, allow_pickle=False) as arrays:
        return [arrays[name] for name in sorted(arrays.files)]


def read_opinions(folder: Path) -> Opinions:
    """Return a model's regression and trees.

    Raises:
        ModelRejected: they can't be read.
    """
    try:
        card = json.loads((folder / CARD).read_text())
        slopes, trees = np.array(card["slopes"], np.float64), read_trees(folder / TREES)
        return Opinions(tuple(card["classes"]), slopes, trees)
    except (KeyError, ValueError, TypeError) as error:
        raise ModelRejected(f"{folder} does not hold a regression and trees: {error}") from error
