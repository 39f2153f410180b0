"""All that is wrong with a lake: each file against its hash, each snapshot against its chain."""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.domain.errors import CorruptArtifact, InvalidRequest
from pipeline.domain.fault import Fault
from pipeline.files import MANIFEST
from pipeline.lake.lake import SNAPSHOTS, Lake
from pipeline.lake.manifests import OWN_HASH, PRUNED, as_bytes, content_hash, is_sealed, parsed
from pipeline.lake.pointers import Ref

KNOWN = {"tables", "info", "code_version", OWN_HASH, PRUNED, "pull", "before"}
AGAIN = (
    "Remove the folder and run its week again (`hotspots backfill`), or restore it from a backup."
)
RESTORE = "Restore the folder from a backup: a pull can't be made again."
MEANS = {
    SNAPSHOTS: "What a source sent that day can't be trusted, nor what would be made of it anew.",
    "forecasts": "The forecast that is stored can't be compared with what the model made.",
}
MADE_ANEW = "What was made of it stands; what is made of it from now on is refused."


def lake_faults(lake: Lake) -> Iterator[Fault]:
    """Yield all that is wrong with what a lake holds; every file is read."""
    folders = lake.files()
    for city, dataset in sorted({_of_dataset(path) for path in folders if _is_snapshot(path)}):
        for broken in lake.check_chain(city, dataset):
            yield Fault("lake", broken.path, broken.says, MEANS[SNAPSHOTS], RESTORE)
    pointed: dict[str, str] = {}
    for folder, names in sorted(folders.items()):
        try:
            manifest = parsed(folder, lake.content(f"{folder}/{MANIFEST}"))
        except CorruptArtifact as error:
            # of a snapshot's the chain has told
            yield from [] if _is_snapshot(folder) else [_fault(f"{folder}/{MANIFEST}", str(error))]
            continue
        yield from _of_manifest(lake, folder, manifest)
        if content_hash(manifest).startswith(folder.replace("-", "/").rsplit("/", 1)[1]):
            yield from _of_tables(lake, folder, manifest, names - {MANIFEST})
            said = _pointers([manifest["info"], manifest.get("pull")])
            pointed |= dict.fromkeys(said, f"{folder} names it")
    gone = sorted(pointed.keys() - folders.keys())
    yield from (missing_fault(path, pointed[path]) for path in gone)


def missing_fault(path: str, known_by: str) -> Fault:
    """Return the fault of a folder that is gone."""
    return _fault(path, f"It is gone, and {known_by}.")


def _of_manifest(lake: Lake, folder: str, manifest: Mapping[str, Any]) -> Iterator[Fault]:
    where, name = f"{folder}/{MANIFEST}", folder.rsplit("/", 1)[1]
    said = as_bytes(manifest)
    if not _is_snapshot(folder) and name != content_hash(manifest)[:16]:
        yield _fault(where, f"What it says has the hash {content_hash(manifest)[:16]}, not {name}.")
    elif not is_sealed(manifest) and not _is_snapshot(folder):
        yield _fault(where, "What it says does not match the hash that it holds of itself.")
    elif not KNOWN.issuperset(manifest) or said != lake.content(where):
        yield _fault(where, "It is not written as the lake writes manifests.")


def _of_tables(
    lake: Lake, folder: str, manifest: Mapping[str, Any], names: set[str]
) -> Iterator[Fault]:
    expected = {f"{table}.parquet": entry for table, entry in manifest["tables"].items()}
    for name, entry in sorted(expected.items()):
        where, content = f"{folder}/{name}", lake.content(f"{folder}/{name}")
        if content is None and PRUNED not in manifest:
            yield _fault(where, "It is gone.")
        elif content is not None and hashlib.sha256(content).hexdigest() != entry["sha256"]:
            found = hashlib.sha256(content).hexdigest()[:12]
            yield _fault(where, f"It has the sha256 {found}; {entry['sha256'][:12]} was written.")
    for name in sorted(names - expected.keys()):
        yield _fault(f"{folder}/{name}", "No manifest names it.")


def _pointers(said: Any) -> Iterator[str]:  # noqa: ANN401 - as JSON has it
    """Yield the folders that what a manifest says points at."""
    if isinstance(said, str) and said.startswith("{"):
        try:
            yield Ref.from_json(said).path
        except InvalidRequest:
            return
    elif isinstance(said, Mapping):
        for value in said.values():
            yield from _pointers(value)
    elif isinstance(said, list):
        for value in said:
            yield from _pointers(value)


def _fault(where: str, found: str) -> Fault:
    kind = where.split("/", 1)[0]
    mend = RESTORE if kind == SNAPSHOTS else AGAIN
    return Fault("lake", where, found, MEANS.get(kind, MADE_ANEW), mend)


def _is_snapshot(path: str) -> bool:
    return path.startswith(f"{SNAPSHOTS}/")


def _of_dataset(path: str) -> tuple[str, str]:
    city, dataset = path.split("/")[1:3]
    return city, dataset
