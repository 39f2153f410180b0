"""What a manifest says, and the hashes over it.

The content hash covers the data and their info: equal data have equal hashes, whenever and by
whatever code they were made. The manifest's own hash covers all that it says.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from pipeline.domain.errors import CorruptArtifact
from pipeline.version import code_version

OWN_HASH = "manifest_sha256"
PRUNED = "pruned"
RERUN = "Remove the folder and run the step that wrote it again, or restore it from a backup."


def entries(
    tables: Mapping[str, pa.Table], files: Mapping[str, bytes]
) -> dict[str, dict[str, Any]]:
    """Return table -> its rows and the hash of its file."""
    return {
        name: {"rows": table.num_rows, "sha256": hashlib.sha256(files[name]).hexdigest()}
        for name, table in tables.items()
    }


def content_hash(manifest: Mapping[str, Any]) -> str:
    """Return the hash of what a manifest says of content, leaving out the facts of a pull."""
    return _hash({"tables": manifest["tables"], "info": manifest["info"]})


def manifest_hash(manifest: Mapping[str, Any]) -> str:
    """Return the hash of all that a manifest said when it was written."""
    return _hash({k: v for k, v in manifest.items() if k not in (OWN_HASH, PRUNED)})


def sealed(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return a manifest with the version of the code and its own hash."""
    # Beside what is hashed as content: other code that makes the same content makes the same Ref.
    told = {**manifest, "code_version": code_version()}
    return {**told, OWN_HASH: manifest_hash(told)}


def is_sealed(manifest: Mapping[str, Any]) -> bool:
    """Say whether a manifest matches its own hash; one from before there was any does."""
    return manifest.get(OWN_HASH) in (None, manifest_hash(manifest))


def as_bytes(manifest: Mapping[str, Any]) -> bytes:
    """Return a manifest as it is stored."""
    return json.dumps(manifest, indent=2, sort_keys=True).encode()


def parsed(path: str, text: bytes | None, remedy: str = RERUN) -> dict[str, Any]:
    """Return the manifest of a folder; `remedy` says what to do if there is none.

    Raises:
        CorruptArtifact: it is missing, cut, or no manifest.
    """
    try:
        manifest = json.loads(text or b"")
        content_hash(manifest)
    except (ValueError, TypeError, KeyError) as error:
        raise CorruptArtifact(
            f"{path} has no manifest that can be read ({error}). {remedy}"
        ) from error
    return manifest


def changed(what: str, found: str, expected: str) -> CorruptArtifact:
    """Return what is to be raised where a file is not as it was written."""
    return CorruptArtifact(
        f"{what} was changed since it was written: found {found}, expected {expected}. {RERUN}"
    )


def _hash(said: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
