"""Files and folders written whole or not at all, with the same bytes for the same content.

What a disk refuses (full, read-only, out of order) is raised by name, and leaves nothing behind.
"""

import ctypes
import errno
import fcntl
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.domain.storage import naming_storage_errors

TEMPORARY = ".tmp-"
MANIFEST = "manifest.json"
ROWS_PER_GROUP = 2**18
AT_FDCWD, RENAME_EXCHANGE = -100, 2  # of Linux's renameat2


def parquet_bytes(table: pa.Table) -> bytes:
    """Return a table as Parquet; equal rows give equal bytes, however they are chunked."""
    metadata = {k: v for k, v in (table.schema.metadata or {}).items() if k != b"pandas"}
    sink = pa.BufferOutputStream()
    pq.write_table(
        table.replace_schema_metadata(metadata).combine_chunks(),
        sink,
        row_group_size=ROWS_PER_GROUP,
        compression="zstd",
        compression_level=3,
    )
    return sink.getvalue().to_pybytes()


def write_file(path: Path, content: bytes) -> Path:
    """Write a file under a temporary name beside it, bring it to the disk, rename it; return it.

    A reader sees the old file or the new one, never a part; its folder is made where missing.

    Raises:
        StorageUnavailable: the disk is full, read-only or out of order.
    """
    with naming_storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = _temporary(path)
        try:
            _write(temporary, content)
            temporary.replace(path)
        except BaseException:
            _drop(temporary)
            raise
    return path


@contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
    """Yield a file to fill, for its owner alone; it gets its name once all of it is on the disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _temporary(path)
    try:
        temporary.touch(mode=0o600, exist_ok=False)
        with temporary.open("r+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        _drop(temporary)
        raise
    _sync(path.parent)


def write_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    """Make a folder that holds these files, by name; where it exists already, do nothing.

    The files are filled in under a temporary name beside it, brought to the disk, and renamed. Of
    writers at the same time one wins and the others drop what they wrote.

    Raises:
        StorageUnavailable: the disk is full, read-only or out of order.
    """
    if folder.is_dir():
        return
    with naming_storage_errors(folder), temporary_folder(folder.parent) as temporary:
        for name, content in files.items():
            _write(temporary / name, content)
        _sync(temporary)
        _rename_or_drop(temporary, folder)
        _sync(folder.parent)


def replace_folder(folder: Path, files: Iterable[tuple[str, bytes]]) -> int:
    """Make a folder that holds these files, by their paths below it; return how many.

    They are written under a temporary name beside it, brought to the disk, and put into the place
    of what was there, which is deleted. Where one can't be made, the old folder stays.

    Raises:
        StorageUnavailable: the disk is full, read-only or out of order.
    """
    written = 0
    with naming_storage_errors(folder), temporary_folder(folder.parent) as temporary:
        for name, content in files:
            path = temporary / name
            path.parent.mkdir(parents=True, exist_ok=True)
            _write(path, content)
            written += 1
        put_in_place(temporary, folder)
        _sync(folder.parent)
    return written


@contextmanager
def temporary_folder(parent: Path) -> Iterator[Path]:
    """Give a new folder in a parent, which is made where missing; it goes at the end.

    What is to stay is renamed out of it, or it is renamed itself. One whose process was killed
    stays until `hotspots clean`.
    """
    folder = _temporary(parent / "folder")
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        _drop(folder)


def put_in_place(new: Path, folder: Path) -> None:
    """Let a folder take another's name, and delete the other; at one stroke where that can be."""
    if not folder.exists():
        new.rename(folder)
        return
    if not _exchange(new, folder):
        _swap(new, folder)
    _drop(new)


class Folders(Protocol):
    """Folders of files and a manifest, below a root; each is seen whole or not at all."""

    def manifests(self, parent: str) -> dict[str, bytes]:
        """Return folder -> manifest of all folders in a parent."""

    def read(self, path: str) -> bytes | None:
        """Return a file, or None where there is none."""

    def files(self) -> list[str]:
        """Return the path of every file below the root, but for what is being written."""

    def write(self, folder: str, files: Mapping[str, bytes]) -> None:
        """Make a folder of these files, the manifest among them; keep one that is there."""

    def sizes(self, parent: str) -> dict[str, int]:
        """Return folder -> size of its files, in bytes, of all folders below a parent."""

    def reduce(self, folder: str, manifest: bytes, files: Iterable[str]) -> None:
        """Put another manifest into a folder, then delete files of it."""


class DiskFolders:
    """`Folders` on a file system; the root is made on the first write."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def manifests(self, parent: str) -> dict[str, bytes]:
        """Return folder -> manifest of all folders in a parent, empty where it is lost."""
        paths = [f"{parent}/{folder.name}" for folder in (self._root / parent).glob("[!.]*")]
        return {path: self.read(f"{path}/{MANIFEST}") or b"" for path in paths}

    def read(self, path: str) -> bytes | None:
        """Return a file, or None where there is none."""
        file = self._root / path
        return file.read_bytes() if file.is_file() else None

    def files(self) -> list[str]:
        """Return the path of every file below the root, but for what is being written."""
        found = (path.relative_to(self._root) for path in self._root.rglob("*") if path.is_file())
        return [p.as_posix() for p in found if not any(n.startswith(TEMPORARY) for n in p.parts)]

    def write(self, folder: str, files: Mapping[str, bytes]) -> None:
        """Make a folder by renaming it once it is filled; keep one that is there."""
        write_folder(self._root / folder, files)

    def sizes(self, parent: str) -> dict[str, int]:
        """Return folder -> size of its files, in bytes, of all folders below a parent."""
        found = [file.parent for file in (self._root / parent).rglob(MANIFEST)]
        return {
            str(folder.relative_to(self._root)): sum(f.stat().st_size for f in folder.iterdir())
            for folder in found
            if not folder.name.startswith(".")
        }

    def reduce(self, folder: str, manifest: bytes, files: Iterable[str]) -> None:
        """Put another manifest into a folder, then delete files of it."""
        write_file(self._root / folder / MANIFEST, manifest)
        for name in files:
            (self._root / folder / name).unlink(missing_ok=True)


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Let one holder at a time pass, among all threads and processes that name this file.

    A holder that dies lets go. It can't be taken twice by the same holder.
    """
    with naming_storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("w")
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def is_held(path: Path) -> bool:
    """Say whether somebody holds what `exclusive` gives; what was never held is not."""
    if not path.is_file():
        return False
    with path.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _temporary(path: Path) -> Path:
    return path.with_name(f"{TEMPORARY}{secrets.token_hex(8)}")


def _drop(path: Path) -> None:
    """Delete a file or a folder, if it is there and the disk lets us."""
    with suppress(OSError):
        path.unlink()
    shutil.rmtree(path, ignore_errors=True)


def _exchange(one: Path, other: Path) -> bool:
    """Exchange two names at one stroke; say whether this system and disk can do so."""
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        return False
    names = AT_FDCWD, os.fsencode(one), AT_FDCWD, os.fsencode(other)
    if rename(*names, RENAME_EXCHANGE) == 0:
        return True
    number = ctypes.get_errno()
    if number in (errno.EINVAL, errno.ENOSYS):
        return False
    raise OSError(number, os.strerror(number), str(one), None, str(other))


def _swap(new: Path, folder: Path) -> None:
    """Exchange two names in three renames; where the second fails, the old folder comes back."""
    old = _temporary(folder)
    folder.rename(old)
    try:
        new.rename(folder)
    except OSError:
        old.rename(folder)
        raise
    old.rename(new)


def _rename_or_drop(temporary: Path, folder: Path) -> None:
    try:
        temporary.rename(folder)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
