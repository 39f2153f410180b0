"""What a model's weights mean: the definitions of all that the network is shown.

Weights trained on other channels, half-lives or calendar names would load and be wrong without a
word. So every constant of the modules that make the inputs is hashed, whoever adds one.
"""

import hashlib
import json
from collections.abc import Mapping
from types import ModuleType

from pipeline.grid import cube
from pipeline.model import channels, config, glm, levels, opinions, spread, totals, trees, windows

# Tags of a version: the hash of the archive of its files, and that of all its other tags.
ARCHIVE_SHA256, TAGS_SHA256 = "archive_sha256", "tags_sha256"
DEFINED_IN: tuple[ModuleType, ...] = (
    *(cube, channels, config, glm, levels, opinions, spread, totals, trees, windows),
)


def features_sha256() -> str:
    """Return the hash of the definitions: equal hashes mean that weights can be used."""
    definitions = {
        f"{module.__name__}.{name}": repr(value)
        for module in DEFINED_IN
        for name, value in vars(module).items()
        if name.isupper() and isinstance(value, int | float | str | tuple)
    }
    return hashlib.sha256(json.dumps(definitions, sort_keys=True).encode()).hexdigest()


def hash_tags(tags: Mapping[str, str]) -> str:
    """Return the sha256 over a registered version's tags, but for the one that holds it."""
    said = {name: value for name, value in tags.items() if name != TAGS_SHA256}
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
