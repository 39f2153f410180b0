"""What a disk or a database file refuses, by name."""

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from pipeline.domain.errors import HotspotsError, SourceUnavailable, StorageUnavailable

ROOM = "Make room: `hotspots clean` says what may go."
MOUNT = "See whether its disk is whole and mounted for writing."
RIGHTS = "Give this user the right to write there."
# Error number -> what is wrong, and what a person does.
REFUSALS = {
    errno.ENOSPC: ("the disk is full", ROOM),
    errno.EDQUOT: ("the user's quota is used up", ROOM),
    errno.EFBIG: ("the file is larger than the system allows", ROOM),
    errno.EROFS: ("the disk is read-only", MOUNT),
    errno.EIO: ("the disk does not read or write", MOUNT),
    errno.ESTALE: ("the disk is gone", MOUNT),
    errno.ENODEV: ("the disk is gone", MOUNT),
    errno.ENXIO: ("the disk is gone", MOUNT),
    errno.ENOTCONN: ("the disk is gone", MOUNT),
    errno.EACCES: ("this user may not read or write it", RIGHTS),
    errno.EPERM: ("this user may not read or write it", RIGHTS),
}
OF_SQLITE = {
    sqlite3.SQLITE_FULL: ("the disk is full", ROOM),
    sqlite3.SQLITE_READONLY: ("the database or its disk is read-only", f"{MOUNT} {RIGHTS}"),
    sqlite3.SQLITE_IOERR: ("the disk does not read or write", f"{MOUNT} {ROOM}"),
    sqlite3.SQLITE_CANTOPEN: ("its file can't be opened", f"{MOUNT} {RIGHTS}"),
}
# What keeps SQLite from answering though the file may be whole.
PASSING = (
    *("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_IOERR", "SQLITE_FULL", "SQLITE_READONLY"),
    *("SQLITE_CANTOPEN", "SQLITE_NOMEM", "SQLITE_PERM", "SQLITE_INTERRUPT", "SQLITE_AUTH"),
)
LOCK_WAIT_S = 60


@contextmanager
def naming_storage_errors(what: Path | str | None = None) -> Iterator[None]:
    """Raise by name what the disk refuses, however deep in another error it lies.

    Args:
        what: what is written; None takes the file that the error names.

    Raises:
        StorageUnavailable: the disk or a SQLite file is full, read-only, gone or out of order.
    """
    try:
        yield
    except HotspotsError:
        raise
    except Exception as error:
        named = storage_error(error, what)
        if named is None:
            raise
        raise named from error


def storage_error(
    error: BaseException, what: Path | str | None = None
) -> StorageUnavailable | None:
    """Return what the disk refused by name; None where the error is of another kind."""
    cause: BaseException | None = error
    while cause is not None:
        refusal = _refusal(cause)
        if refusal is not None:
            found, to_do = refusal
            place = what or getattr(cause, "filename", None) or "A file of this installation"
            return StorageUnavailable(
                f"{place} can't be written: {found} ({cause}). Nothing half-written is in use. "
                f"{to_do} Then run the step again."
            )
        cause = cause.__cause__ or cause.__context__
    return None


def _refusal(error: BaseException) -> tuple[str, str] | None:
    if isinstance(error, OSError):
        return REFUSALS.get(error.errno or 0)
    if isinstance(error, sqlite3.Error):
        code = getattr(error, "sqlite_errorcode", 0)
        return OF_SQLITE.get(code & 0xFF)
    return None


def sqlite_faults(file: Path | None) -> list[str]:
    """Return what SQLite finds wrong with a file; nothing where it is whole, or not there.

    Raises:
        SourceUnavailable: another process holds it for longer than a minute.
        StorageUnavailable: its disk does not let it be read.
    """
    if file is None or not file.is_file():
        return []
    read_only = f"{file.resolve().as_uri()}?mode=ro"
    try:
        with closing(sqlite3.connect(read_only, uri=True, timeout=LOCK_WAIT_S)) as connection:
            found = [line for (line,) in connection.execute("PRAGMA integrity_check")]
    except UnicodeDecodeError as error:
        return [str(error)]
    except sqlite3.DatabaseError as error:
        if not is_passing(error):
            return [str(error)]
        raise storage_error(error, file) or SourceUnavailable(
            f"{file} can't be read: {error}. Try again once no other process writes to it."
        ) from error
    return [line for line in found if line != "ok"]


def is_passing(error: BaseException | None) -> bool:
    """Say whether an error of SQLite may pass by itself, so that the file may be whole."""
    return getattr(error, "sqlite_errorname", "").startswith(PASSING)
