"""Connections to the results store: SQLite or PostgreSQL, made to behave alike."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event, inspect, select
from sqlalchemy.exc import (
    ArgumentError,
    DatabaseError,
    InternalError,
    NoSuchModuleError,
    OperationalError,
)
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from pipeline.domain.errors import (
    CorruptArtifact,
    HotspotsError,
    InvalidRequest,
    SourceUnavailable,
    StorageUnavailable,
    StoreOutdated,
    WeekNotReady,
)
from pipeline.domain.storage import LOCK_WAIT_S, is_passing, sqlite_faults, storage_error
from pipeline.results.store.tables import NEWEST, VERSION_TABLE

IS_WRITE = "hotspots_is_write"
# Of PostgreSQL: no room on its disk, an error of it, a read-only transaction.
PG_STORAGE = ("53100", "58030", "25006")


def make_engine(url: str) -> Engine:
    """Return an engine that keeps no connection open, so that it survives a fork.

    Raises:
        InvalidRequest: the URL names no database that can be used.
    """
    try:
        engine = create_engine(url, poolclass=NullPool)
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        raise InvalidRequest(
            f"HOTSPOTS_RESULTS_URL is no database URL that can be used ({error}). Write it as "
            "sqlite:////folder/results.db or postgresql+psycopg://user@host/database."
        ) from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def sqlite_file(engine: Engine) -> Path | None:
    """Return the file of a SQLite database, or None where the database is another."""
    if engine.dialect.name != "sqlite" or not engine.url.database:
        return None
    return Path(engine.url.database)


class Connected:
    """A database that holds a results store, or will."""

    def __init__(self, url: str) -> None:
        """Point at a database; nothing is opened yet."""
        self._engine = make_engine(url)

    def require_integrity(self) -> None:
        """Let SQLite look through its file; another database is asked nothing.

        Raises:
            CorruptArtifact: the file is damaged.
            SourceUnavailable: another process holds it for too long.
            StorageUnavailable: its disk does not let it be read.
        """
        if said := sqlite_faults(sqlite_file(self._engine)):
            raise _damaged(self._engine, said[0])

    @contextmanager
    def _read(self) -> Iterator[Session]:
        file = sqlite_file(self._engine)
        if file is not None and not file.is_file():
            raise WeekNotReady(f"There is no results store at {file} yet. Run a week first.")
        try:
            with transaction(self._engine) as session:
                require_newest(session)
                yield session
        except (ValueError, TypeError) as error:  # of a value that isn't of its column's type
            raise _damaged(self._engine, error) from error


@contextmanager
def transaction(engine: Engine, *, is_write: bool = False) -> Iterator[Session]:
    """Open a session in one transaction, committed at the end unless an error came up.

    Raises:
        SourceUnavailable: the database did not answer, or was locked for too long.
        CorruptArtifact: its file is damaged.
        StorageUnavailable: its disk is full, read-only, gone or out of order.
    """
    bound = engine.execution_options(**{IS_WRITE: is_write})
    try:
        with Session(bound) as session, session.begin():
            yield session
    except DatabaseError as error:
        named = _named(engine, error)
        if named is None:
            raise
        raise named from error


def _named(engine: Engine, error: DatabaseError) -> HotspotsError | None:
    """Return an error of a database by its name; None for one that is the code's own."""
    store = f"The results store {_shown(engine)}"
    refused = storage_error(error, store)
    if refused is not None:
        return refused
    if getattr(error.orig, "sqlstate", None) in PG_STORAGE:
        return StorageUnavailable(
            f"{store} can't be written: {error.orig}. Make room on the disk of the database, or "
            "let it be written again; then run the step again. Nothing half-written is in use."
        )
    if _is_damage(engine, error):
        return _damaged(engine, error.orig)
    if isinstance(error, OperationalError):
        return SourceUnavailable(
            f"{store} failed: {error.orig}. Check that it runs, then run the step again; a "
            "forecast that was stored already isn't stored twice."
        )
    return None


def _is_damage(engine: Engine, error: DatabaseError) -> bool:
    """Tell a file that can't be read from a database that is out of reach."""
    if engine.dialect.name != "sqlite":
        return isinstance(error, InternalError)  # as PostgreSQL calls a page that can't be read
    is_of_file = type(error) in (DatabaseError, OperationalError)
    return is_of_file and not is_passing(error.orig)


def _damaged(engine: Engine, error: BaseException | str | None) -> CorruptArtifact:
    return CorruptArtifact(
        f"The results store {_shown(engine)} is damaged: {error}. Run `hotspots verify` to see "
        "what is, and put back a copy of it; no forecast is made from the store, so that the "
        "lake and the models are whole."
    )


def _shown(engine: Engine) -> str:
    return engine.url.render_as_string(hide_password=True)


def _set_up_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    # Leaves BEGIN to us: the driver's own comes too late, with the first write.
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout = {LOCK_WAIT_S * 1000}")
    connection.execute("PRAGMA foreign_keys = ON")


def _begin_sqlite(connection: Connection) -> None:
    # A writer takes its lock before it reads, so that two never wait for each other.
    is_write = connection.get_execution_options().get(IS_WRITE, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if is_write else "BEGIN")


def migration_of(session: Session) -> str | None:
    """Return the migration that the store's tables are at; None where it has none yet."""
    if not inspect(session.connection()).has_table(VERSION_TABLE.name):
        return None
    return session.scalar(select(VERSION_TABLE.c.version_num))


def require_newest(session: Session) -> None:
    """Refuse tables of another version of the code.

    Raises:
        WeekNotReady: there are none yet.
        StoreOutdated: they are older or newer.
    """
    found = migration_of(session)
    if found is None:
        raise WeekNotReady("The results store has no tables yet. Run a week first.")
    if found != NEWEST:
        require_not_newer(found)
        raise StoreOutdated(
            f"The results store is at migration {found}, and this code needs {NEWEST}. Run "
            "`hotspots migrate`."
        )


def require_not_newer(found: str) -> None:
    """Refuse tables, or a copy of them, that a newer version of the code has migrated.

    Raises:
        StoreOutdated: they are newer than this code.
    """
    if found > NEWEST:
        raise StoreOutdated(
            f"The results store is at migration {found}, and this code knows those up to {NEWEST}: "
            "a newer version has migrated it. Install that version or a later one; there is no way "
            "back but a backup from before."
        )
