"""Immutable folders of Parquet files, named by what they hold, written whole or not at all.

They lie on a file system or, by URL, in object storage: the same paths, bytes and hashes.
"""

import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.domain.errors import CorruptArtifact, InvalidRequest, WeekNotReady
from pipeline.files import MANIFEST, DiskFolders, Folders, parquet_bytes
from pipeline.lake.chain import BEFORE, PULLED_AT, Break, Manifest, links, read_chain, snapshot_name
from pipeline.lake.manifests import (
    OWN_HASH,
    PRUNED,
    as_bytes,
    changed,
    content_hash,
    entries,
    is_sealed,
    manifest_hash,
    parsed,
    sealed,
)
from pipeline.lake.pointers import Ref, Snapshot, snapshot_of

__all__ = ["Lake", "Ref", "Snapshot"]
SNAPSHOTS = "snapshots"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


class Lake:
    """A folder tree of immutable folders: `<root>/<kind>/<group>/<name>/`."""

    def __init__(self, root: Path | str) -> None:
        """Name a lake; nothing is read or written yet.

        Args:
            root: a folder, made on the first write, or s3://BUCKET/PREFIX.
        """
        self.root = root
        self._folders = _folders_at(root)

    def write(
        self, kind: str, group: str, tables: Mapping[str, pa.Table], info: Mapping[str, Any]
    ) -> Ref:
        """Store tables and JSON-able info in `<kind>/<group>/<sha256[:16]>`, whole or not at all.

        The same tables and info give the same bytes and the same Ref; where they lie there
        already, nothing is written.

        Raises:
            InvalidRequest: a kind, group or table name is not a plain name.
        """
        _check_names(kind, *group.split("/"), *tables)
        files = {name: parquet_bytes(table) for name, table in tables.items()}
        manifest = {"tables": entries(tables, files), "info": dict(info)}
        digest = content_hash(manifest)
        ref = Ref(f"{kind}/{group}/{digest[:16]}", digest)
        self._store(ref.path, files, manifest)
        return ref

    def read(self, ref: Ref) -> dict[str, pa.Table]:
        """Return the tables of a folder, by name.

        Raises:
            CorruptArtifact: a file is missing or doesn't match its hash.
            WeekNotReady: it is a snapshot that was pruned.
        """
        tables = self._tables(ref)
        return {name: self._read_table(ref, name, entry) for name, entry in tables.items()}

    def info(self, ref: Ref) -> dict[str, Any]:
        """Return the info that was stored with a folder.

        Raises:
            CorruptArtifact: the manifest is missing or doesn't match the Ref.
        """
        return self._checked_manifest(ref)["info"]

    def refs(self, kind: str, group: str) -> list[Ref]:
        """Return what is stored under a kind and a group, in no order that means anything.

        Raises:
            CorruptArtifact: a manifest can't be read, or holds another content than the folder's.
        """
        found = self._folders.manifests(f"{kind}/{group}")
        refs = [Ref(path, content_hash(parsed(path, text))) for path, text in found.items()]
        for ref in refs:
            if not ref.path.endswith(f"/{ref.sha256[:16]}"):
                raise changed(ref.path, ref.sha256[:16], ref.path.rpartition("/")[2])
        return refs

    def add_snapshot(
        self,
        city: str,
        dataset: str,
        table: pa.Table,
        *,
        pulled_at: datetime,
        source_updated_at: datetime | None,
        provenance: str,
        notes: tuple[str, ...] = (),
        beside: tuple[Ref, ...] = (),
    ) -> Snapshot:
        """Store one pull, for good, under `snapshots/<city>/<dataset>/`.

        It names the snapshots `beside` it, of other datasets, so that they are missed if they go.
        The table can be read back by `read_snapshot`, or by `read` under the dataset's name. The
        same data stored again for the same second is the same snapshot, with its first facts.

        Raises:
            InvalidRequest: a time is without a zone, or a name is not a plain name.
        """
        _check_names(city, dataset)
        files = {dataset: parquet_bytes(table)}
        updated_at = _in_utc(source_updated_at).isoformat() if source_updated_at else None
        manifest = {
            "tables": entries({dataset: table}, files),
            "info": {},
            "pull": {
                "pulled_at": _in_utc(pulled_at).isoformat(),
                "source_updated_at": updated_at,
                "provenance": provenance,
                "notes": list(notes),
                **({"beside": [ref.to_json() for ref in beside]} if beside else {}),
            },
        }
        path = f"{SNAPSHOTS}/{city}/{dataset}/{snapshot_name(manifest)}"
        held = self._whole_chain(city, dataset)
        if path not in held:
            self._store(path, files, {**manifest, BEFORE: links(held)})
        return snapshot_of(path, self._manifest(path))

    def snapshots(self, city: str, dataset: str) -> list[Snapshot]:
        """Return all snapshots of a dataset, oldest first.

        Raises:
            CorruptArtifact: one was changed since, or was put there by something else than a pull.
        """
        found = self._whole_chain(city, dataset)
        held = [snapshot_of(path, manifest) for path, manifest in found.items()]
        return sorted(held, key=lambda s: (s.pulled_at, s.ref.path))

    def check_chain(self, city: str, dataset: str) -> list[Break]:
        """Return the snapshots of a dataset that are not as its chain has them.

        Files of tables are not read.
        """
        return self._chain(city, dataset)[1]

    def files(self) -> dict[str, set[str]]:
        """Return the path of every folder -> the names of its files."""
        found: dict[str, set[str]] = {}
        for path in self._folders.files():
            folder, _, name = path.rpartition("/")
            found.setdefault(folder, set()).add(name)
        return found

    def content(self, path: str) -> bytes | None:
        """Return a file as it lies there, whatever it holds; None where there is none."""
        return self._folders.read(path)

    def sizes(self, city: str) -> dict[str, int]:
        """Return the path of each of a city's snapshots -> its size in bytes."""
        return self._folders.sizes(f"{SNAPSHOTS}/{city}")

    def newest_pull(self, city: str) -> datetime | None:
        """Return when the newest of a city's snapshots was pulled, to the second; None: no pull."""
        names = [path.rpartition("/")[2].partition("-")[0] for path in self.sizes(city)]
        if not names:
            return None
        return datetime.strptime(max(names), PULLED_AT).replace(tzinfo=UTC)

    def prune(self, snapshot: Snapshot, pruned_at: datetime) -> None:
        """Delete a snapshot's table for good; its manifest stays, so that the chain does.

        Raises:
            CorruptArtifact: the manifest is missing or doesn't match the Ref.
        """
        manifest = self._checked_manifest(snapshot.ref)
        told = {**manifest, PRUNED: manifest.get(PRUNED, _in_utc(pruned_at).isoformat())}
        self._folders.reduce(snapshot.ref.path, as_bytes(told), [f"{snapshot.dataset}.parquet"])

    def snapshot_as_of(self, city: str, dataset: str, known_at: datetime) -> Snapshot | None:
        """Return the newest snapshot pulled at or before an aware instant, or None.

        Raises:
            InvalidRequest: `known_at` is without a zone.
            CorruptArtifact: a manifest is missing or can't be read.
        """
        limit = _in_utc(known_at)
        known = [s for s in self.snapshots(city, dataset) if s.pulled_at <= limit]
        return known[-1] if known else None

    def read_snapshot(self, snapshot: Snapshot, columns: list[str] | None = None) -> pa.Table:
        """Return a snapshot's table, or some columns of it.

        Raises:
            CorruptArtifact: the file is missing or doesn't match its hash.
        """
        entry = self._tables(snapshot.ref)[snapshot.dataset]
        return self._read_table(snapshot.ref, snapshot.dataset, entry, columns)

    def _store(self, path: str, files: dict[str, bytes], manifest: dict[str, Any]) -> None:
        tables = {f"{name}.parquet": content for name, content in files.items()}
        self._folders.write(path, {**tables, MANIFEST: as_bytes(sealed(manifest))})

    def _chain(self, city: str, dataset: str) -> tuple[dict[str, Manifest], list[Break]]:
        """Return path -> manifest of a dataset's snapshots, and how they break the chain."""
        parent = f"{SNAPSHOTS}/{city}/{dataset}"
        found, breaks = read_chain(parent, self._folders.manifests(parent))
        if breaks:  # a pull may have been stored while they were listed
            found, breaks = read_chain(parent, self._folders.manifests(parent))
        return found, breaks

    def _whole_chain(self, city: str, dataset: str) -> dict[str, Manifest]:
        found, breaks = self._chain(city, dataset)
        kinds = {"unreadable", "changed"}
        if all(broken.kind != "removed" for broken in breaks):
            kinds.add("outside")  # else what names it may be what was removed
        for broken in breaks:
            if broken.kind in kinds:
                raise CorruptArtifact(broken.says)
        return found

    def _manifest(self, path: str) -> dict[str, Any]:
        return parsed(path, self._folders.read(f"{path}/{MANIFEST}"))

    def _checked_manifest(self, ref: Ref) -> dict[str, Any]:
        manifest = self._manifest(ref.path)
        found = content_hash(manifest)
        if found != ref.sha256:
            raise changed(f"{ref.path}/{MANIFEST}", found, ref.sha256)
        if not is_sealed(manifest):
            raise changed(f"{ref.path}/{MANIFEST}", manifest_hash(manifest), manifest[OWN_HASH])
        return manifest

    def _tables(self, ref: Ref) -> dict[str, dict[str, Any]]:
        manifest = self._checked_manifest(ref)
        if PRUNED in manifest:
            raise WeekNotReady(
                f"{ref.path} was pruned on {manifest[PRUNED][:10]}: its table was deleted to free "
                "its room, so that what was known then can't be read any more. Choose another "
                "week, or restore the folder from a backup."
            )
        return manifest["tables"]

    def _read_table(
        self, ref: Ref, name: str, entry: dict[str, Any], columns: list[str] | None = None
    ) -> pa.Table:
        path = f"{ref.path}/{name}.parquet"
        content = self._folders.read(path)
        found = "no such file" if content is None else hashlib.sha256(content).hexdigest()
        if found != entry["sha256"]:
            raise changed(path, found, entry["sha256"])
        return pq.read_table(pa.BufferReader(content), columns=columns)


def _folders_at(root: Path | str) -> Folders:
    if not str(root).startswith("s3://"):
        return DiskFolders(Path(root))
    from pipeline.lake.object_folders import ObjectFolders  # half a second that only a URL pays for

    return ObjectFolders(str(root))


def _check_names(*names: str) -> None:
    for name in names:
        if not _NAME.fullmatch(name):
            raise InvalidRequest(
                f"{name!r} can't name a part of the lake; use letters, digits, _ and -."
            )


def _in_utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise InvalidRequest(f"{moment} has no time zone; the lake needs an aware instant.")
    return moment.astimezone(UTC)
