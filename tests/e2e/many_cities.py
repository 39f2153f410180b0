"""Cities by the hundred, and a training that costs nothing: what a scheduler's limits need."""

import json
import os
import shutil

from pipeline.domain.city import CITIES_DIR
from pipeline.model.saved import CARD, hash_folder, load
from pipeline.workflow import tasks

MODEL = "MODEL_OF_THE_TEST"  # environment variable


def make_cities(folder, count):
    """Write copies of Los Angeles under other names, and return these."""
    shutil.copytree(CITIES_DIR, folder)
    text = (folder / "los_angeles.toml").read_text()
    names = [f"city_{number:03d}" for number in range(1, count + 1)]
    for name in names:
        of_its_own = text.replace('name = "los_angeles"', f'name = "{name}"')
        (folder / f"{name}.toml").write_text(of_its_own)
    return names


def take_a_model():
    """Let a task take a model that is made already for its training."""
    tasks.fit_apart = _take_the_model


def _take_the_model(_settings, job, folder, _progress=None):
    shutil.copytree(os.environ[MODEL], folder)
    card = json.loads((folder / CARD).read_text())
    (folder / CARD).write_text(json.dumps({**card, "city": job["city"]}))
    return load(folder, hash_folder(folder))
