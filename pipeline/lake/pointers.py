"""What points into the lake: at a folder, and at one pull of one dataset."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from pipeline.domain.errors import InvalidRequest
from pipeline.lake.manifests import PRUNED, content_hash


@dataclass(frozen=True)
class Ref:
    """A pointer to one immutable folder of the lake.

    Attributes:
        path: the folder, relative to the lake's root, such as "cubes/los_angeles/3f0c...".
        sha256: hash over its tables' names, row counts and hashes, and its info.
    """

    path: str
    sha256: str

    def to_json(self) -> str:
        """Return the pointer as JSON text."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "Ref":
        """Read what `to_json` wrote.

        Raises:
            InvalidRequest: the text is not such a pointer.
        """
        try:
            return cls(**json.loads(text))
        except (ValueError, TypeError) as error:
            raise InvalidRequest(
                f"{text!r} is no pointer into the lake; expected JSON with path and sha256."
            ) from error


@dataclass(frozen=True)
class Snapshot:
    """One pull of one dataset, as it came.

    Attributes:
        ref: where it lies; the hash covers the data alone, so equal data have equal hashes.
        city, dataset: what was pulled.
        pulled_at: when, aware, UTC.
        source_updated_at: when the source says it was last updated, if it does.
        rows: number of rows.
        provenance: "live", "recorded" or "simulated".
        notes: what the pull had to recover from.
        pruned_at: when its table was deleted, to free its room; None where it is there.
    """

    ref: Ref
    city: str
    dataset: str
    pulled_at: datetime
    source_updated_at: datetime | None
    rows: int
    provenance: str
    notes: tuple[str, ...]
    pruned_at: datetime | None = None


def snapshot_of(path: str, manifest: Mapping[str, Any]) -> Snapshot:
    """Return the snapshot that lies in a folder with this manifest."""
    _, city, dataset, _ = path.split("/")
    pull, pruned_at = manifest["pull"], manifest.get(PRUNED)
    updated_at = pull["source_updated_at"]
    return Snapshot(
        ref=Ref(path, content_hash(manifest)),
        city=city,
        dataset=dataset,
        pulled_at=datetime.fromisoformat(pull["pulled_at"]),
        source_updated_at=datetime.fromisoformat(updated_at) if updated_at else None,
        rows=manifest["tables"][dataset]["rows"],
        provenance=pull["provenance"],
        notes=tuple(pull["notes"]),
        pruned_at=datetime.fromisoformat(pruned_at) if pruned_at else None,
    )
