"""The results store on a real PostgreSQL."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from pipeline.domain.errors import ForecastLocked, SourceUnavailable, StoreOutdated
from pipeline.results.store import writer
from pipeline.results.store.database import transaction
from pipeline.results.store.tables import Base, DataHealth
from pipeline.results.store.writer import ResultsStore
from tests.services import create_database
from tests.unit.results.samples import (
    BEFORE,
    HEALTH,
    TARGET,
    make_forecast,
    make_hotspots,
    make_run,
    publish,
    publish_as_first_version,
    scores_of,
    small_cells,
)

CITY = "smallville"
OTHER = {"scale": 2.0, "forecast_sha256": "b" * 64}


@pytest.fixture
def url(postgres, request):
    """Give the URL of a new, empty database."""
    return create_database(postgres, f"db_{abs(hash(request.node.name))}")


@pytest.fixture
def store(url):
    store = ResultsStore(url)
    store.migrate()
    return store


@pytest.fixture
def cells():
    return small_cells()


def count(store, table):
    with transaction(store._engine) as session:
        return session.scalar(text(f"select count(*) from {table}"))


def test_migrations_make_the_tables_that_the_code_expects(store):
    with store._engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"version_table": "hotspots_schema_version"}
        )
        assert compare_metadata(context, Base.metadata) == []


def test_tables_of_other_software_are_left_alone(url):
    store = ResultsStore(url)
    with transaction(store._engine) as session:
        session.execute(text("create table alembic_version (version_num text)"))
        session.execute(text("insert into alembic_version values ('theirs')"))
        session.execute(text("create table runs (run_uuid text)"))
    store.migrate()
    with transaction(store._engine) as session:
        assert session.scalar(text("select version_num from alembic_version")) == "theirs"
    assert store.cities() == []


def test_first_starts_at_the_same_time_agree(url):
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: ResultsStore(url).migrate(), range(4)))
    assert ResultsStore(url).cities() == []


def test_a_store_of_the_first_version_is_refused_until_it_is_brought_up_to_date(url, cells):
    store = ResultsStore(url)
    publish_as_first_version(store, cells)
    with pytest.raises(StoreOutdated, match="at migration 0001"):
        store.cells_frame(CITY, TARGET)
    store.migrate()
    frame = store.cells_frame(CITY, TARGET)
    assert frame["mean"].tolist() == [0.5, 2.0, 0.25, 1.0, 4.0, 0.125]
    assert frame["p_top5"].isna().all()
    assert publish(store, cells, **OTHER) == 2
    assert store.cells_frame(CITY, TARGET)["p_top5"].sum() == 1.0


def test_run_comes_back_as_it_went_in(store, cells):
    assert publish(store, cells) == 1
    assert store.latest(CITY).record == make_run()
    frame = store.cells_frame(CITY, TARGET)
    assert frame["mean"].tolist() == [0.5, 2.0, 0.25, 1.0, 4.0, 0.125]
    assert store.totals(CITY, TARGET)["mean"].tolist() == [7.875, 4.125, 3.75]
    assert store.health(CITY, TARGET) == list(HEALTH)


def test_revisions_and_the_lock(store, cells):
    assert [publish(store, cells), publish(store, cells), publish(store, cells, **OTHER)] == [
        1,
        1,
        2,
    ]
    with pytest.raises(ForecastLocked):
        publish(store, cells, today=TARGET)
    assert store.run(CITY, TARGET).revision == 2


def test_scores_and_staleness(store, cells):
    publish(store, cells)
    for day, value in ((10, 0.5), (20, float("nan")), (15, 0.9)):
        store.save_scores(CITY, TARGET, 1, {"m": {"rmse": value}}, date(2026, 2, day))
    (row,) = scores_of(store, "rmse").to_dict("records")
    assert row["scored_edge_week"] == date(2026, 2, 20)
    assert row["value"] != row["value"]
    assert store.unscored(CITY, TARGET) == []
    store.mark_stale(CITY, "a check failed", TARGET)
    store.mark_stale(CITY, "another check failed", TARGET)
    assert store.status(CITY).stale.detail == "another check failed"


@pytest.mark.parametrize("is_same", [True, False])
def test_eight_writers_of_five_weeks_lose_and_double_nothing(url, cells, is_same):
    ResultsStore(url).migrate()
    weeks = [TARGET + timedelta(days=7 * k) for k in range(5)]

    def write(writer: int) -> list[int]:
        store = ResultsStore(url)
        sha256 = "a" * 64 if is_same else f"{writer:064d}"
        return [publish(store, cells, target=week, forecast_sha256=sha256) for week in weeks]

    with ThreadPoolExecutor(8) as pool:
        revisions = list(pool.map(write, range(8)))
    for k in range(5):
        written = sorted(of_writer[k] for of_writer in revisions)
        assert written == ([1] * 8 if is_same else list(range(1, 9)))
    store = ResultsStore(url)
    assert count(store, "forecast_runs") == (5 if is_same else 40)
    # Six cells and three totals for each run.
    assert count(store, "cell_forecasts") == 6 * count(store, "forecast_runs")
    assert count(store, "total_forecasts") == 3 * count(store, "forecast_runs")
    assert count(store, "forecast_models") == 1


def test_connection_lost_half_way_leaves_nothing(store, cells, monkeypatch):
    def cut_before(session, table, run_pk, rows):
        """Cut every connection when the checks are to be stored, after run and cells."""
        if table is DataHealth:
            with transaction(store._engine) as other:
                other.execute(
                    text(
                        "select pg_terminate_backend(pid) from pg_stat_activity "
                        "where datname = current_database() and pid <> pg_backend_pid()"
                    )
                )
        add(session, table, run_pk, rows)

    add = writer._add
    monkeypatch.setattr(writer, "_add", cut_before)
    forecast = make_forecast()
    with pytest.raises(SourceUnavailable, match="run the step again"):
        store.publish(make_run(), forecast, make_hotspots(forecast), HEALTH, cells, today=BEFORE)
    assert [count(store, t) for t in ("forecast_runs", "cell_forecasts", "forecast_models")] == [
        0, 0, 0,
    ]  # fmt: skip
    monkeypatch.undo()
    assert publish(store, cells) == 1
