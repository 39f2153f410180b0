"""What writes to Airflow's metadata behind a savepoint, where these are in SQLite."""

from threading import Timer

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from tests.plugins import import_plugin

COUNT, WRITE = text("select count(*) from run"), text("insert into run values (1)")


@pytest.fixture
def url(tmp_path):
    url = f"sqlite:///{tmp_path}/airflow.db"
    with create_engine(url).begin() as connection:
        connection.execute(text("create table run (id integer)"))
    return url


@pytest.fixture
def engine(url):
    settings = import_plugin("airflow_local_settings")
    engine = settings.create_metadata_engine(
        url, engine_args={}, connect_args={"timeout": 20, "check_same_thread": False}
    )
    yield engine
    engine.dispose()


def backfill(engine, other):
    """Read and write behind a savepoint, as Airflow does, while another is about to commit."""
    with other.connect() as writer:
        writer.execute(WRITE)
        commit = Timer(0.3, writer.commit)
        commit.start()
        try:
            with Session(engine) as session, session.begin():
                with session.begin_nested():
                    found = session.scalar(COUNT)
                    session.execute(WRITE)
                return found
        finally:
            commit.join()


def test_a_savepoint_waits_for_who_writes(engine):
    assert backfill(engine, engine) == 1
    with engine.connect() as connection:
        assert connection.scalar(COUNT) == 2


def test_without_our_engine_it_would_fail_at_once(engine, url):
    ordinary = create_engine(url, connect_args={"timeout": 20})
    with pytest.raises(OperationalError, match="locked"):
        backfill(ordinary, engine)
    ordinary.dispose()


def test_what_a_savepoint_undoes_is_undone_alone(engine):
    with Session(engine) as session:
        session.execute(WRITE)
        with session.begin_nested() as nested:
            session.execute(WRITE)
            nested.rollback()
        session.commit()
        assert session.scalar(COUNT) == 1


def test_other_databases_are_left_as_they_are():
    settings = import_plugin("airflow_local_settings")
    engine = settings.create_metadata_engine(
        "postgresql+psycopg://airflow@127.0.0.1/airflow",
        engine_args={"pool_size": 3},
        connect_args={},
    )
    assert engine.pool.size() == 3
    assert not list(engine.dispatch.savepoint)
