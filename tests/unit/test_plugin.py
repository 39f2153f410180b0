"""The Hotspots page in Airflow: who may read it, and that it says what the store says."""

import importlib
import os
import sys
import warnings
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from pipeline.domain.city import load_city
from pipeline.domain.forecast import CountDistribution, Forecast
from pipeline.results.store import ResultsStore
from pipeline.settings import get_settings
from tests.unit.results.samples import BEFORE, HEALTH, TARGET, make_hotspots, make_run

PLUGINS = Path(__file__).resolve().parents[2] / "plugins"
CITY = "los_angeles"
ROUTES = ["/", "/v1/weeks", f"/v1/weeks/{TARGET}"]


@pytest.fixture(scope="module")
def plugin(tmp_path_factory):
    pytest.importorskip("airflow", reason="Airflow isn't installed", exc_type=ImportError)
    os.environ.setdefault("AIRFLOW_HOME", str(tmp_path_factory.mktemp("airflow")))
    sys.path.insert(0, str(PLUGINS))
    with warnings.catch_warnings():
        # Airflow and what it imports warn of their own parts.
        warnings.simplefilter("ignore")
        module = importlib.import_module("hotspots_ui.plugin")
    yield module
    sys.path.remove(str(PLUGINS))


@pytest.fixture
def app(plugin):
    yield plugin.app
    plugin.app.dependency_overrides.clear()


@pytest.fixture
def store(tmp_path, monkeypatch):
    url = f"sqlite:///{tmp_path / 'results.db'}"
    monkeypatch.setenv("HOTSPOTS_RESULTS_URL", url)
    get_settings.cache_clear()
    return ResultsStore(url)


@pytest.fixture
def anonymous(app, store):
    from fastapi.testclient import TestClient

    return TestClient(app)


@pytest.fixture
def reader(app, anonymous):
    from airflow.api_fastapi.core_api.security import get_user

    app.dependency_overrides[get_user] = lambda: "somebody"
    return anonymous


@pytest.fixture
def forecast():
    cells = load_city(CITY).listed_cells()
    mean = np.where(cells.mask, 0.1, np.nan)
    mean[cells.row[0], cells.col[0]] = 3.0
    size = np.where(cells.mask, 2.0, np.nan)
    total = CountDistribution(float(np.nansum(mean)), 30.0)
    return Forecast(make_run().weeks, mean, size, total, {"Harbor": total}, "cnn", "m" * 64)


@pytest.fixture
def published(store, forecast):
    store.migrate()
    cells, run = load_city(CITY).listed_cells(), make_run(city=CITY, provenance="simulated")
    store.publish(run, forecast, make_hotspots(forecast), HEALTH, cells, today=BEFORE)
    return store


@pytest.mark.parametrize("route", ROUTES)
def test_nobody_reads_without_logging_in(anonymous, published, route):
    assert anonymous.get(route).status_code == 401


def test_every_route_there_is_asks_for_a_user(anonymous, app):
    for path in {route.path for route in app.routes} | {"/docs", "/redoc", "/openapi.json"}:
        answer = anonymous.get(path.replace("{week}", str(TARGET)))
        assert answer.status_code in (401, 404), path
    assert {route.path for route in app.routes} == {"/", "/v1/weeks", "/v1/weeks/{week}"}


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_nothing_can_be_changed(reader, method):
    assert [reader.request(method, route).status_code for route in ROUTES] == [405] * 3


def test_weeks_are_listed_with_their_state(reader, published):
    published.mark_stale(CITY, "the feed is 40 days old", TARGET)
    body = reader.get("/v1/weeks").json()
    assert (body["city"], body["cities"]) == (CITY, [CITY])
    assert (body["stale_since"], body["stale_reason"]) == ("2026-01-04", "the feed is 40 days old")
    (week,) = body["weeks"]
    assert (week["target_week"], week["horizon"], week["revision"]) == ("2026-01-04", 3, 1)
    assert week["banner"] == "SIMULATED DATA: made up, not reports of real crime"


def test_week_holds_the_numbers_of_the_store(reader, published):
    body = reader.get(f"/v1/weeks/{TARGET}").json()
    frame = published.cells_frame(CITY, TARGET)
    assert len(body["cells"]["row"]) == len(frame) == 1663
    assert body["cells"]["mean"] == frame["mean"].tolist()
    assert body["cells"]["q90"] == frame["q90"].tolist()
    # No long-run mean was given, and NaN is no JSON.
    assert set(body["cells"]["long_run_mean"]) == {None}
    assert body["totals"] == published.totals(CITY, TARGET).to_dict("records")
    assert body["health"] == list(HEALTH)
    assert (body["grid"]["rows"], body["grid"]["cols"]) == (60, 75)
    assert body["grid"]["title"] == "Los Angeles"


def test_missing_week_and_missing_store_are_404_with_words(reader, store):
    assert "no results store" in reader.get("/v1/weeks").json()["detail"]
    store.migrate()
    assert reader.get("/v1/weeks").json()["weeks"] == []
    answer = reader.get(f"/v1/weeks/{TARGET + timedelta(days=7)}")
    assert answer.status_code == 404
    assert "no forecast for the week of 2026-01-11" in answer.json()["detail"]


@pytest.mark.parametrize("city", ["../secret", "/etc/passwd.toml", "A", ""])
def test_city_can_be_a_name_only(reader, published, city):
    for route in ROUTES[1:]:
        assert reader.get(route, params={"city": city}).status_code == 422


def test_broken_store_is_503(reader, monkeypatch):
    monkeypatch.setenv("HOTSPOTS_RESULTS_URL", "postgresql+psycopg://u:secret@127.0.0.1:1/d")
    get_settings.cache_clear()
    answer = reader.get("/v1/weeks")
    assert answer.status_code == 503
    assert "secret" not in answer.text


def test_page_stands_alone(reader):
    answer = reader.get("/")
    assert answer.headers["content-type"].startswith("text/html")
    assert "http://" not in answer.text
    assert "https://" not in answer.text
    assert "innerHTML" not in answer.text


def test_page_is_mounted_and_in_the_navigation(plugin):
    (app,) = plugin.HotspotsPlugin.fastapi_apps
    (view,) = plugin.HotspotsPlugin.external_views
    assert (app["url_prefix"], app["app"]) == ("/hotspots", plugin.app)
    assert (view["href"], view["destination"]) == ("hotspots/", "nav")
