"""What each database role of the distributed form may do, on a real PostgreSQL."""

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError, ProgrammingError
from sqlalchemy.pool import NullPool

from pipeline.domain.errors import InvalidRequest
from pipeline.results.store.reader import ResultsReader
from pipeline.results.store.writer import ResultsStore
from tests.unit.results.samples import BEFORE, TARGET, make_run, publish, small_cells

CITY = "smallville"
OTHER_SHA256 = "c" * 64


def run(url, statement):
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text(statement))


def refused(url, statement):
    with pytest.raises(ProgrammingError, match=r"permission denied|must be owner"):
        run(url, statement)
    return True


@pytest.fixture(scope="module")
def stored(databases):
    """The databases of the distributed form, with one forecast in the results."""
    with pytest.raises(InvalidRequest, match="hotspots migrate"):
        ResultsStore(databases["results_writer"]).migrate()
    ResultsStore(databases["results_owner"]).migrate()
    publish(ResultsStore(databases["results_writer"]), small_cells())
    return databases


def test_the_writer_publishes_scores_and_marks_but_changes_no_table(stored):
    store = ResultsStore(stored["results_writer"])
    store.migrate()  # every publish does: with nothing to do it needs no right
    assert publish(store, small_cells(), scale=2.0, forecast_sha256=OTHER_SHA256) == 2
    store.save_scores(CITY, TARGET, 1, {"m": {"rmse": 0.5}}, BEFORE)
    store.mark_stale(CITY, "a check failed", BEFORE)
    writer = stored["results_writer"]
    assert refused(writer, "drop table forecast_runs")
    assert refused(writer, "truncate forecast_runs cascade")
    assert refused(writer, "alter table forecast_runs add column x int")
    assert refused(writer, "create table x (y int)")


@pytest.mark.parametrize(
    "table",
    ["forecast_models", "forecast_runs", "cell_forecasts", "total_forecasts", "data_health"],
)
def test_the_writer_adds_to_the_forecast_log_and_takes_nothing_back(stored, table):
    column = {"forecast_models": "sha256", "forecast_runs": "revision"}.get(table, "run_pk")
    assert refused(stored["results_writer"], f"update {table} set {column} = {column}")
    assert refused(stored["results_writer"], f"delete from {table}")


def test_the_reader_reads_and_does_nothing_else(stored):
    reader = stored["results_reader"]
    assert ResultsReader(reader).run(CITY, TARGET, 1).record == make_run()
    assert refused(reader, "insert into city_states values ('x', '2026-01-01', 'y')")
    assert refused(reader, "update forecast_runs set revision = 9")
    assert refused(reader, "delete from cell_forecasts")
    assert refused(reader, "drop table cell_forecasts")
    assert refused(reader, "create table x (y int)")


@pytest.mark.parametrize(
    ("role", "database"),
    [
        ("airflow", "results"), ("airflow", "mlflow"), ("mlflow", "results"), ("mlflow", "airflow"),
        ("results_writer", "airflow"), ("results_reader", "airflow"), ("results_owner", "airflow"),
    ],
)  # fmt: skip
def test_no_role_gets_into_a_database_that_is_not_its_own(stored, role, database):
    url = stored[role].rpartition("/")[0]
    with pytest.raises(OperationalError, match="permission denied for database"):
        run(f"{url}/{database}", "select 1")


@pytest.mark.parametrize("role", ["airflow", "mlflow"])
def test_airflow_and_mlflow_make_tables_of_their_own(stored, role):
    run(stored[role], "create table of_its_own (x int)")
    run(stored[role], "drop table of_its_own")


def test_no_role_is_a_superuser_or_makes_roles_or_databases(stored):
    powers = "rolsuper or rolcreaterole or rolcreatedb or rolbypassrls or rolreplication"
    engine = create_engine(stored["airflow"], poolclass=NullPool)
    with engine.connect() as connection:
        query = text(f"select {powers} from pg_roles where rolname = any(:names)")
        found = connection.scalars(query, {"names": list(stored)}).all()
    assert found == [False] * 5
