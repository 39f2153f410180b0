"""Connections to the results store: SQLite or PostgreSQL, made to behave alike."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, OperationalError
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from pipeline.domain.errors import InvalidRequest, SourceUnavailable

LOCK_WAIT_S = 60
IS_WRITE = "hotspots_is_write"


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


@contextmanager
def transaction(engine: Engine, *, is_write: bool = False) -> Iterator[Session]:
    """Open a session in one transaction, committed at the end unless an error came up.

    Raises:
        SourceUnavailable: the database did not answer, or was locked for too long.
    """
    bound = engine.execution_options(**{IS_WRITE: is_write})
    try:
        with Session(bound) as session, session.begin():
            yield session
    except OperationalError as error:
        raise SourceUnavailable(
            f"The results store {engine.url.render_as_string(hide_password=True)} failed: "
            f"{error.orig}. Check that it runs, then run the step again; a forecast that was "
            "stored already isn't stored twice."
        ) from error


def _set_up_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    # Leaves BEGIN to us: the driver's own comes too late, with the first write.
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout = {LOCK_WAIT_S * 1000}")
    connection.execute("PRAGMA foreign_keys = ON")


def _begin_sqlite(connection: Connection) -> None:
    # A writer takes its lock before it reads, so that two never wait for each other.
    is_write = connection.get_execution_options().get(IS_WRITE, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if is_write else "BEGIN")
