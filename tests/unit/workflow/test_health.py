"""The outside check: what stands, what is missing, and what can't be known."""

import json
import threading
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pyarrow as pa
import pytest
from sqlalchemy import create_engine, text

from pipeline.domain.city import load_city
from pipeline.domain.errors import StaleData
from pipeline.lake.lake import Lake
from pipeline.results.store.tables import NEWEST, VERSION_TABLE
from pipeline.results.store.writer import ResultsStore
from pipeline.workflow.operations.health import due_week, examine, require_forecast
from tests.unit.results.samples import make_weeks, publish, small_cells

NOW = datetime(2026, 11, 27, 15, tzinfo=UTC)  # Friday
CITY = load_city("los_angeles")
LIVE = [dataset.id for dataset in CITY.datasets if dataset.is_live]


@pytest.fixture
def store(store):
    publish_for(store, date(2026, 11, 29))
    return store


def publish_for(store, target):
    publish(store, small_cells(), city="los_angeles", target=target, weeks=make_weeks(target))


def hold_feed(settings, updated_at):
    for dataset in LIVE:
        Lake(settings.lake_root).add_snapshot(
            "los_angeles", dataset, pa.table({"x": [1]}), pulled_at=NOW,
            source_updated_at=updated_at, provenance="live",
        )  # fmt: skip


def found(settings, now=NOW):
    return {finding.name: finding for finding in examine(settings, CITY, now=now)}


@pytest.mark.parametrize(
    ("now", "due"),
    [
        (datetime(2026, 11, 26, 19, 59, tzinfo=UTC), date(2026, 11, 22)),
        (datetime(2026, 11, 26, 20, 0, tzinfo=UTC), date(2026, 11, 29)),  # Thursday noon, winter
        (datetime(2026, 7, 2, 18, 59, tzinfo=UTC), date(2026, 6, 28)),
        (datetime(2026, 7, 2, 19, 0, tzinfo=UTC), date(2026, 7, 5)),  # Thursday noon, summer
        (datetime(2026, 11, 30, 12, tzinfo=UTC), date(2026, 11, 29)),  # the Monday after
    ],
)
def test_a_forecast_is_due_by_thursday_noon_in_the_citys_time(now, due):
    assert due_week(CITY, now) == due


def test_when_all_is_well_every_check_says_so(any_lake, store):
    hold_feed(any_lake, NOW - timedelta(days=3))
    checks = found(any_lake)
    assert [name for name, finding in checks.items() if finding.error] == []
    assert "stands for the week of 2026-11-29" in checks["forecast"].said
    assert "refreshed 3 days ago" in checks["feed"].said
    assert checks["store"].said == f"answers, at migration {NEWEST}; 1 weeks of Los Angeles"
    assert not checks["scheduler"].is_known


def test_a_mark_of_staleness_is_told_with_the_forecast(settings, store):
    store.mark_stale("los_angeles", "SchemaDrift: no lat", date(2026, 11, 25))
    assert (
        found(settings)["forecast"].said == "stands for the week of 2026-11-29"
    )  # and outdates it
    store.mark_stale("los_angeles", "SchemaDrift: no lat", date(2026, 12, 2))
    said = found(settings)["forecast"].said
    assert "stands for the week of 2026-11-29, but STALE since 2 Dec 2026: the city has" in said
    assert "SchemaDrift" not in said


def test_a_missing_forecast_fails_once_it_is_due(settings, store):
    a_week_on = NOW + timedelta(days=7)
    checks = found(settings, a_week_on)
    assert isinstance(checks["forecast"].error, StaleData)
    assert "no forecast for the week of 2026-12-06" in checks["forecast"].said
    with pytest.raises(StaleData, match="the last is for 2026-11-29"):
        require_forecast(settings, "los_angeles", now=a_week_on)
    assert found(settings, NOW + timedelta(days=5))["forecast"].error is None  # Wednesday


def test_a_city_without_any_forecast_fails(settings):
    ResultsStore(settings.results_database).migrate()
    assert "the last is for no week" in found(settings)["forecast"].said


def test_without_a_store_all_that_asks_it_fails(settings):
    checks = found(settings)
    assert {name for name, finding in checks.items() if finding.error} == {
        "store", "forecast", "feed",
    }  # fmt: skip
    assert not settings.home.joinpath("results.db").exists()


def test_a_store_out_of_reach_is_told_apart(settings):
    away = settings.model_copy(
        update={"results_url": "postgresql+psycopg://nobody@127.0.0.1:1/results"}
    )
    assert found(away)["store"].error.exit_code == 3


def test_a_store_of_another_version_fails(settings, store):
    engine = create_engine(settings.results_database)
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE {VERSION_TABLE.name} SET version_num = '0000'"))
    engine.dispose()
    assert "is at migration 0000, and this code needs 0" in found(settings)["store"].said
    assert "hotspots migrate" in found(settings)["forecast"].said


def test_a_feed_that_has_not_refreshed_in_time_fails(settings, store):
    hold_feed(settings, NOW - timedelta(days=40))
    said = found(settings)["feed"]
    assert isinstance(said.error, StaleData)
    assert "40 days ago; at most" in said.said


@pytest.fixture
def airflow(settings):
    """Answer as Airflow's API server does; return what to answer, and settings that ask there."""
    answer = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            paths = ("/api/v2/monitor/health", "/health")  # the second is MLflow's
            self.send_response(200 if self.path in paths else 404)
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        def log_message(self, *args):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/"
    yield answer, settings.model_copy(update={"airflow_url": url})
    server.shutdown()
    server.server_close()


def scheduler(status, seconds_ago):
    beat = (NOW - timedelta(seconds=seconds_ago)).isoformat()
    return {"scheduler": {"status": status, "latest_scheduler_heartbeat": beat}}


def test_a_scheduler_that_beats_is_alive(airflow):
    answer, settings = airflow
    answer.update(scheduler("healthy", 4))
    assert found(settings)["scheduler"].said == "alive, heartbeat 4 s ago"


@pytest.mark.parametrize(("status", "seconds_ago"), [("unhealthy", 4), ("healthy", 600)])
def test_a_scheduler_that_stopped_fails(airflow, status, seconds_ago):
    answer, settings = airflow
    answer.update(scheduler(status, seconds_ago))
    assert "its last heartbeat" in found(settings)["scheduler"].said
    assert found(settings)["scheduler"].error.exit_code == 3


def test_an_airflow_that_answers_otherwise_or_not_at_all_fails(airflow):
    answer, settings = airflow
    answer.update({"scheduler": {"status": None, "latest_scheduler_heartbeat": None}})
    assert found(settings)["scheduler"].error is not None
    nobody = settings.model_copy(update={"airflow_url": "http://127.0.0.1:1"})
    assert "does not say how the scheduler is" in found(nobody)["scheduler"].said


def test_a_registry_that_is_a_server_is_asked_whether_it_answers(airflow):
    _, settings = airflow
    url = settings.airflow_url.replace("//", "//user:word@")
    answers = found(settings.model_copy(update={"mlflow_url": url}))["registry"]
    assert (answers.error, answers.said) == (None, f"{settings.airflow_url} answers")
    gone = settings.model_copy(update={"mlflow_url": "http://user:word@127.0.0.1:1"})
    silent = found(gone)["registry"]
    assert silent.error.exit_code == 3
    assert "The model registry at http://127.0.0.1:1 does not answer" in silent.said
    assert "word" not in silent.said
