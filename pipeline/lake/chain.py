"""The snapshots of a dataset as a chain: each names those before it that no other named yet.

That is one, the newest; more where two pulls were stored at the same time, or where the first link
of a chain names all that are older than the chain. Nothing is locked, on disk or in object storage.
"""

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from pipeline.domain.errors import CorruptArtifact
from pipeline.lake.manifests import OWN_HASH, content_hash, is_sealed, manifest_hash, parsed

Manifest = Mapping[str, Any]
BEFORE = "before"
PULLED_AT = "%Y%m%dT%H%M%SZ"
RESTORE = (
    "A pull can't be made again: restore the folder from a backup. If it is lost for good, remove "
    "it: later runs go on without it, and say that it is gone."
)


@dataclass(frozen=True)
class Break:
    """A snapshot that is not as the chain has it.

    Attributes:
        path: its folder, relative to the lake's root.
        kind: "unreadable" or "changed": what lies there can't be trusted; "removed": nothing lies
            there; "outside": it lies there and no snapshot names it, nor does it name one.
        says: what was found, what was expected, and what to do.
    """

    path: str
    kind: Literal["unreadable", "changed", "removed", "outside"]
    says: str


def snapshot_name(manifest: Manifest) -> str:
    """Return how a snapshot with this manifest is called."""
    pulled_at = datetime.fromisoformat(manifest["pull"]["pulled_at"])
    return f"{pulled_at.strftime(PULLED_AT)}-{content_hash(manifest)[:12]}"


def links(manifests: Mapping[str, Manifest]) -> list[dict[str, str]]:
    """Return what a new snapshot names of those held (path -> manifest), each with its hash."""
    held = {_name(path): manifest for path, manifest in manifests.items()}
    chained = {name: manifest for name, manifest in held.items() if BEFORE in manifest}
    named = {name for manifest in chained.values() for name, _ in _named(manifest)}
    return [
        {"name": name, "manifest_sha256": _hash(manifest)}
        for name, manifest in sorted((chained or held).items())
        if name not in named
    ]


def read_chain(parent: str, texts: Mapping[str, bytes]) -> tuple[dict[str, Manifest], list[Break]]:
    """Return the snapshots of a dataset, path -> manifest, and all that is wrong with them.

    Args:
        parent: the folder that they lie in, relative to the lake's root.
        texts: path -> manifest of each.
    """
    read = {path: _read(path, text) for path, text in texts.items()}
    whole = {path: found for path, found in read.items() if not isinstance(found, Break)}
    breaks = [found for found in read.values() if isinstance(found, Break)]
    spoiled = {_name(found.path) for found in breaks}
    breaks += _broken_links(parent, {_name(p): manifest for p, manifest in whole.items()}, spoiled)
    return whole, sorted(breaks, key=lambda found: found.path)


def _read(path: str, text: bytes) -> Manifest | Break:
    """Return a manifest, or what is wrong with it by itself."""
    try:
        manifest = parsed(path, text, RESTORE)
    except CorruptArtifact as error:
        return Break(path, "unreadable", str(error))
    try:
        name, does_match = snapshot_name(manifest), is_sealed(manifest)
    except (KeyError, TypeError, ValueError):
        name, does_match = "none", False
    if name == _name(path) and does_match:
        return manifest
    said = (
        f"{path}/manifest.json was changed since it was written: found what would be called "
        f"{name}, {'with' if does_match else 'without'} the right hash of all that it says; "
        f"expected {_name(path)}, with it. {RESTORE}"
    )
    return Break(path, "changed", said)


def _broken_links(
    parent: str, whole: Mapping[str, Manifest], spoiled: AbstractSet[str]
) -> Iterator[Break]:
    """Yield what is wrong between snapshots (name -> manifest), once for each that is wrong."""
    hashes = {name: _hash(manifest) for name, manifest in whole.items()}
    links_to: dict[str, tuple[str, str]] = {}
    for after, manifest in sorted(whole.items()):
        for name, sha256 in _named(manifest):
            if hashes.get(name) != sha256:
                links_to.setdefault(name, (after, sha256))
    for name, (after, sha256) in links_to.items():
        path = f"{parent}/{name}"
        if name in whole:
            said = (
                f"{path}/manifest.json was changed since {after} was stored, which names it: found "
                f"the hash {hashes[name][:12]}, expected {sha256[:12]}. {RESTORE}"
            )
            yield Break(path, "changed", said)
        elif name not in spoiled:
            said = f"{path} is gone; {after} was stored after it and names it. {RESTORE}"
            yield Break(path, "removed", said)
    yield from _outside(parent, whole)


def _outside(parent: str, whole: Mapping[str, Manifest]) -> Iterator[Break]:
    """Yield the snapshots without links, which only those older than the chain may be."""
    named = {name for manifest in whole.values() for name, _ in _named(manifest)}
    is_chained = any(BEFORE in manifest for manifest in whole.values())
    for name, manifest in whole.items():
        if is_chained and BEFORE not in manifest and name not in named:
            said = (
                f"{parent}/{name} stands outside the chain: it names no snapshot before it, and "
                f"none names it. No pull stored it so. {RESTORE}"
            )
            yield Break(f"{parent}/{name}", "outside", said)


def _named(manifest: Manifest) -> list[tuple[str, str]]:
    """Return the snapshots that one names, and the hashes of their manifests."""
    return [(link["name"], link["manifest_sha256"]) for link in manifest.get(BEFORE, ())]


def _hash(manifest: Manifest) -> str:
    """Return the hash of a whole manifest: the one that it names, where it names one."""
    return manifest.get(OWN_HASH) or manifest_hash(manifest)


def _name(path: str) -> str:
    return path.rpartition("/")[2]
