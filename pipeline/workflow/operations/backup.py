"""All that an installation holds in one file, copied while it may be running."""

import hashlib
import json
import os
import sqlite3
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import datetime
from pathlib import Path
from typing import TypedDict

from pipeline.domain.errors import CorruptArtifact, InvalidRequest, WeekNotReady
from pipeline.domain.storage import LOCK_WAIT_S, sqlite_faults
from pipeline.files import MANIFEST, TEMPORARY, new_file
from pipeline.results.store.copying import copy_store
from pipeline.results.store.database import make_engine, migration_of, sqlite_file, transaction
from pipeline.settings import Settings
from pipeline.version import code_version

FORMAT = 1
RESULTS = "results.db"
BELOW = "home/"  # where a backup keeps the home's files, beside its manifest
# Airflow's own files, models unpacked from the registry's archives, trainings under way.
LEFT_OUT = {"airflow", "models", "trainings"}
PASSING = (".lock", ".log", "-journal", "-wal", "-shm")
CHUNK = 2**20


class Entry(TypedDict):
    """A file of a backup: its size in bytes, and its hash."""

    bytes: int
    sha256: str


class Backup(TypedDict):
    """The manifest of a backup.

    `migration` is that of the results store, None where it has none; `missing` names what the
    installation keeps elsewhere, and `files` each file by its path below the home.
    """

    format: int
    code_version: str
    made_at: str
    migration: str | None
    missing: list[str]
    files: dict[str, Entry]


def back_up(settings: Settings, file: Path, *, now: datetime) -> Backup:
    """Copy an installation into one new file, while it may be running, and return what it holds.

    Databases are copied before the files that they name. Of those only reports are ever replaced,
    so that each forecast finds what it was made from.

    Raises:
        InvalidRequest: the file is there already, or would lie in the home.
        WeekNotReady: there is nothing to back up.
        CorruptArtifact: a database is damaged.
    """
    home = settings.home.resolve()
    if not home.is_dir():
        raise WeekNotReady(f"There is no home at {home} to back up. Run a week first.")
    if file.exists() or file.resolve().is_relative_to(home):
        found = "is there already" if file.exists() else f"would lie in the home {home}"
        raise InvalidRequest(f"{file} {found}. Name a new file outside the home.")
    file.parent.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix=TEMPORARY, dir=file.parent) as folder,
        new_file(file) as opened,
    ):
        migration = _copy_results(settings, Path(folder) / RESULTS)
        manifest = Backup(
            format=FORMAT,
            code_version=code_version(),
            made_at=now.isoformat(),
            migration=migration,
            missing=_kept_elsewhere(settings),
            files={},
        )
        with zipfile.ZipFile(opened, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            for name, path in _sources(home, Path(folder)):
                with suppress(FileNotFoundError):  # a report that is replaced at this moment
                    manifest["files"][name] = _add(archive, name, path)
            archive.writestr(MANIFEST, json.dumps(manifest, indent=1, sort_keys=True))
    return manifest


def _kept_elsewhere(settings: Settings) -> list[str]:
    places = {
        "Airflow's own database, connections and logs": True,
        "the lake in object storage (HOTSPOTS_LAKE_URL)": settings.lake_url,
        "the database of the model registry (HOTSPOTS_MLFLOW_URL)": settings.mlflow_url,
    }
    return [name for name, is_elsewhere in places.items() if is_elsewhere]


def _copy_results(settings: Settings, copy: Path) -> str | None:
    """Copy the results store into a SQLite file, if there is one; return its migration."""
    engine = make_engine(settings.results_database)
    file = sqlite_file(engine)
    if file is None:
        copy_store(settings.results_database, f"sqlite:///{copy}")
    elif file.is_file():
        _copy_sqlite(file, copy)
    else:
        return None
    with transaction(make_engine(f"sqlite:///{copy}")) as session:
        return migration_of(session)


def _copy_sqlite(file: Path, copy: Path) -> None:
    """Copy a database as it is between two transactions, and look whether it is whole."""
    try:
        with (
            closing(sqlite3.connect(file, timeout=LOCK_WAIT_S)) as old,
            closing(sqlite3.connect(copy)) as new,
        ):
            old.backup(new)
        said = sqlite_faults(copy)
    except sqlite3.DatabaseError as error:
        said = [str(error)]
    if said:
        raise CorruptArtifact(
            f"The database {file} is damaged: {said[0]}. Restore it from an earlier backup; "
            "nothing was written."
        )


def _sources(home: Path, copies: Path) -> Iterator[tuple[str, Path]]:
    """Yield the path below the home, and the file to read, of all to be kept: databases first."""
    if (copies / RESULTS).exists():
        yield RESULTS, copies / RESULTS
    for path in sorted(_files(home), key=lambda path: (path.suffix != ".db", path)):
        name = path.relative_to(home).as_posix()
        if name == RESULTS:
            continue
        if path.suffix == ".db":
            copy = copies / "other.db"
            copy.unlink(missing_ok=True)
            _copy_sqlite(path, copy)
            yield name, copy
        else:
            yield name, path


def _files(home: Path) -> Iterator[Path]:
    """Yield every file of the home but those that are left out or only there in passing."""
    for folder, below, names in os.walk(home, followlinks=True):
        place = Path(folder)
        left_out = LEFT_OUT if place == home else set()
        below[:] = [n for n in below if n not in left_out and not n.startswith(TEMPORARY)]
        for name in names:
            if not name.startswith(TEMPORARY) and not name.endswith(PASSING):
                yield place / name


def _add(archive: zipfile.ZipFile, name: str, path: Path) -> Entry:
    """Copy a file into an archive, and return what was read of it."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as source, archive.open(BELOW + name, "w", force_zip64=True) as copy:
        while chunk := source.read(CHUNK):
            digest.update(chunk)
            size += len(chunk)
            copy.write(chunk)
    return Entry(bytes=size, sha256=digest.hexdigest())
