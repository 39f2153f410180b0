"""A backup unpacked into an empty home, on any machine and in any folder."""

import hashlib
import json
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from pipeline.domain.errors import CorruptArtifact, InvalidRequest, StoreOutdated
from pipeline.files import MANIFEST, replace_folder, write_file
from pipeline.results.store.copying import copy_store
from pipeline.results.store.database import require_not_newer
from pipeline.settings import Settings
from pipeline.workflow.operations.backup import BELOW, FORMAT, RESULTS, Backup

# What zipfile raises over an archive that was cut or changed.
DAMAGES = (
    zipfile.BadZipFile,
    zlib.error,
    LookupError,
    EOFError,
    RuntimeError,
    ValueError,
    TypeError,
)


def restore(settings: Settings, file: Path) -> Backup:
    """Unpack a backup into the home, whole or not at all, and return what it held.

    Each file is held against its hash before any of them is seen. Where HOTSPOTS_RESULTS_URL names
    a database, the results store is copied there, row by row.

    Raises:
        InvalidRequest: the file is no backup, or the home or the database is not empty.
        CorruptArtifact: a file of the backup doesn't match its hash.
        StoreOutdated: a newer version of the code has made it.
    """
    _empty(settings.home)
    if not file.is_file():
        raise InvalidRequest(f"There is no backup at {file}. Give the path of one.")
    with _reading(file):
        archive = zipfile.ZipFile(file)
    with archive:
        manifest = _manifest(archive, file)
        replace_folder(settings.home, _checked(settings, archive, manifest, file))
    return manifest


@contextmanager
def _reading(file: Path) -> Iterator[None]:
    try:
        yield
    except DAMAGES as error:
        raise CorruptArtifact(
            f"{file} is no backup, or a damaged one: {error}. Take another; nothing was written."
        ) from error


def _empty(home: Path) -> None:
    """Take an empty home away, so that the restored one can have its name."""
    if not home.exists():
        return
    if not home.is_dir() or any(home.iterdir()):
        raise InvalidRequest(
            f"The home {home.resolve()} is not empty, and a backup never replaces anything. Set "
            "HOTSPOTS_HOME to a folder that is empty or not there, or move this one away."
        )
    try:
        home.rmdir()
    except OSError as error:
        raise InvalidRequest(
            f"The home {home.resolve()} can't be put in place ({error.strerror}); it may be a "
            "mount. Set HOTSPOTS_HOME to a folder below it."
        ) from error


def _manifest(archive: zipfile.ZipFile, file: Path) -> Backup:
    with _reading(file):
        manifest = cast("Backup", json.loads(archive.read(MANIFEST)))
        written_in, migration = manifest["format"], manifest["migration"]
    if written_in > FORMAT:
        raise StoreOutdated(
            f"{file} is a backup of format {written_in}, made by version "
            f"{manifest['code_version']}; this code reads those up to {FORMAT}. Install that "
            "version or a later one."
        )
    require_not_newer(migration or "")
    return manifest


def _checked(
    settings: Settings, archive: zipfile.ZipFile, manifest: Backup, file: Path
) -> Iterator[tuple[str, bytes]]:
    """Yield path and content of each file, once it is seen to be whole."""
    for name, entry in manifest["files"].items():
        with _reading(file):
            content = archive.read(BELOW + name)
        found = hashlib.sha256(content).hexdigest()
        if found != entry["sha256"]:
            raise CorruptArtifact(
                f"{name} in {file} was changed since the backup was made: found {found}, expected "
                f"{entry['sha256']}. Take another backup; nothing was written."
            )
        if name == RESULTS and settings.results_url:
            _load(content, settings.results_url)
        else:
            yield name, content


def _load(content: bytes, url: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        copy = write_file(Path(folder) / RESULTS, content)
        copy_store(f"sqlite:///{copy}", url)
