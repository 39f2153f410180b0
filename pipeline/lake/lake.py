"""Immutable folders of Parquet files, named by what they hold, written whole or not at all.

They lie on a file system or, by URL, in object storage: the same paths, bytes and hashes.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.domain.errors import CorruptArtifact, InvalidRequest
from pipeline.files import MANIFEST, DiskFolders, Folders, parquet_bytes
from pipeline.version import code_version

SNAPSHOTS = "snapshots"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


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
    """

    ref: Ref
    city: str
    dataset: str
    pulled_at: datetime
    source_updated_at: datetime | None
    rows: int
    provenance: str
    notes: tuple[str, ...]


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
        manifest = {"tables": _entries(tables, files), "info": dict(info)}
        digest = _content_hash(manifest)
        ref = Ref(f"{kind}/{group}/{digest[:16]}", digest)
        self._store(ref.path, files, manifest)
        return ref

    def read(self, ref: Ref) -> dict[str, pa.Table]:
        """Return the tables of a folder, by name.

        Raises:
            CorruptArtifact: a file is missing or doesn't match its hash.
        """
        entries = self._checked_manifest(ref)["tables"]
        return {name: self._read_table(ref, name, entry) for name, entry in entries.items()}

    def info(self, ref: Ref) -> dict[str, Any]:
        """Return the info that was stored with a folder.

        Raises:
            CorruptArtifact: the manifest is missing or doesn't match the Ref.
        """
        return self._checked_manifest(ref)["info"]

    def refs(self, kind: str, group: str) -> list[Ref]:
        """Return what is stored under a kind and a group, in no order that means anything."""
        found = self._folders.manifests(f"{kind}/{group}")
        return [Ref(path, _content_hash(_parsed(path, text))) for path, text in found.items()]

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
    ) -> Snapshot:
        """Store one pull, for good, under `snapshots/<city>/<dataset>/`.

        The table can be read back by `read_snapshot`, or by `read` under the dataset's name. The
        same data stored again for the same second is the same snapshot, with its first facts.

        Raises:
            InvalidRequest: a time is without a zone, or a name is not a plain name.
        """
        _check_names(city, dataset)
        files = {dataset: parquet_bytes(table)}
        content = {"tables": _entries({dataset: table}, files), "info": {}}
        digest = _content_hash(content)
        updated_at = _in_utc(source_updated_at).isoformat() if source_updated_at else None
        pull = {
            "pulled_at": _in_utc(pulled_at).isoformat(),
            "source_updated_at": updated_at,
            "provenance": provenance,
            "notes": list(notes),
        }
        name = f"{_in_utc(pulled_at):%Y%m%dT%H%M%SZ}-{digest[:12]}"
        path = f"{SNAPSHOTS}/{city}/{dataset}/{name}"
        self._store(path, files, {**content, "pull": pull})
        return _snapshot(path, self._manifest(path))

    def snapshots(self, city: str, dataset: str) -> list[Snapshot]:
        """Return all snapshots of a dataset, oldest first.

        Raises:
            CorruptArtifact: a manifest is missing or can't be read.
        """
        found = self._folders.manifests(f"{SNAPSHOTS}/{city}/{dataset}")
        held = [_snapshot(path, _parsed(path, text)) for path, text in found.items()]
        return sorted(held, key=lambda s: (s.pulled_at, s.ref.path))

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
        entry = self._checked_manifest(snapshot.ref)["tables"][snapshot.dataset]
        return self._read_table(snapshot.ref, snapshot.dataset, entry, columns)

    def _store(self, path: str, files: dict[str, bytes], manifest: dict[str, Any]) -> None:
        # Beside what is hashed: other code that makes the same content makes the same Ref.
        told = {**manifest, "code_version": code_version()}
        text = json.dumps(told, indent=2, sort_keys=True)
        tables = {f"{name}.parquet": content for name, content in files.items()}
        self._folders.write(path, {**tables, MANIFEST: text.encode()})

    def _manifest(self, path: str) -> dict[str, Any]:
        return _parsed(path, self._folders.read(f"{path}/{MANIFEST}"))

    def _checked_manifest(self, ref: Ref) -> dict[str, Any]:
        manifest = self._manifest(ref.path)
        found = _content_hash(manifest)
        if found != ref.sha256:
            raise _corrupt(f"{ref.path}/{MANIFEST}", found, ref.sha256)
        return manifest

    def _read_table(
        self, ref: Ref, name: str, entry: dict[str, Any], columns: list[str] | None = None
    ) -> pa.Table:
        path = f"{ref.path}/{name}.parquet"
        content = self._folders.read(path)
        found = "no such file" if content is None else hashlib.sha256(content).hexdigest()
        if found != entry["sha256"]:
            raise _corrupt(path, found, entry["sha256"])
        return pq.read_table(pa.BufferReader(content), columns=columns)


def _folders_at(root: Path | str) -> Folders:
    if not str(root).startswith("s3://"):
        return DiskFolders(Path(root))
    from pipeline.lake.object_folders import ObjectFolders  # half a second that only a URL pays for

    return ObjectFolders(str(root))


def _snapshot(path: str, manifest: dict[str, Any]) -> Snapshot:
    _, city, dataset, name = path.split("/")
    digest, pull = _content_hash(manifest), manifest["pull"]
    pulled_at = datetime.fromisoformat(pull["pulled_at"])
    expected = f"{pulled_at:%Y%m%dT%H%M%SZ}-{digest[:12]}"
    if name != expected:
        raise _corrupt(f"{path}/{MANIFEST}", expected, name)
    updated_at = pull["source_updated_at"]
    return Snapshot(
        ref=Ref(path, digest),
        city=city,
        dataset=dataset,
        pulled_at=pulled_at,
        source_updated_at=datetime.fromisoformat(updated_at) if updated_at else None,
        rows=manifest["tables"][dataset]["rows"],
        provenance=pull["provenance"],
        notes=tuple(pull["notes"]),
    )


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


def _entries(
    tables: Mapping[str, pa.Table], files: Mapping[str, bytes]
) -> dict[str, dict[str, Any]]:
    return {
        name: {"rows": table.num_rows, "sha256": hashlib.sha256(files[name]).hexdigest()}
        for name, table in tables.items()
    }


def _content_hash(manifest: Mapping[str, Any]) -> str:
    """Return the hash of what a manifest says of content, leaving out the facts of a pull."""
    content = {"tables": manifest["tables"], "info": manifest["info"]}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _parsed(path: str, text: bytes | None) -> dict[str, Any]:
    try:
        return json.loads(text or b"")
    except ValueError as error:
        raise CorruptArtifact(
            f"{path} has no manifest that can be read ({error}). Remove the folder and run the "
            "step that wrote it again."
        ) from error


def _corrupt(what: str, found: str, expected: str) -> CorruptArtifact:
    return CorruptArtifact(
        f"{what} was changed since it was written: found {found}, expected {expected}. Remove the "
        "folder and run the step that wrote it again, or restore it from a backup."
    )
