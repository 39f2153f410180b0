"""Read by every Airflow process: what it refuses and loads, and how it writes to SQLite.

Processes that start tasks load what tasks need once for all: each task is a fork of the scheduler's
or the Celery worker's process, and would else spend seconds on the same imports. TensorFlow is not
among it: it is not made to be forked.
"""

import sys
from typing import Any

import refusals
from sqlalchemy import create_engine, event
from sqlalchemy.engine import Connection, Engine

__all__ = ["create_metadata_engine"]  # what of Airflow's own settings it replaces

refusals.listen()
if {"scheduler", "worker"} & set(sys.argv):
    from pipeline.workflow.tasks import load_parts

    load_parts()


def create_metadata_engine(
    sql_alchemy_conn: str, *, engine_args: dict[str, Any], connect_args: dict[str, Any]
) -> Engine:
    """Return the engine of Airflow's metadata, as Airflow makes it but for SQLite's savepoints."""
    engine = create_engine(sql_alchemy_conn, connect_args=connect_args, **engine_args)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "savepoint", begin_to_write)
    return engine


def begin_to_write(connection: Connection, _savepoint: str) -> None:
    """Take SQLite's lock for writing before a savepoint is set, waiting for it if need be.

    Airflow's backfill reads behind a savepoint and then writes. Who has read can't wait for another
    writer in SQLite: the write fails at once, and the backfill is left half made.
    """
    driver = connection.connection.driver_connection
    if driver is not None and not driver.in_transaction:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
