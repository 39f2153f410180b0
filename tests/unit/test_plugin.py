"""The Hotspots page in Airflow: who may read it, and that it says what the store says."""

import asyncio
import gc
import hashlib
import io
import os
import sys
import threading
import time
from datetime import date, timedelta
from urllib.parse import parse_qs

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from rich.console import Console
from scipy.stats import nbinom

from pipeline.domain.city import FORMS, load_city
from pipeline.domain.distributions import CountDistribution, Forecast
from pipeline.domain.errors import WeekNotReady
from pipeline.results.page import schemas, score_schemas
from pipeline.results.products.terminal import week_table
from pipeline.results.products.week_report import report_page
from pipeline.results.store.database import transaction
from pipeline.results.store.reader import ResultsReader
from pipeline.results.store.tables import VERSION_TABLE
from pipeline.results.store.writer import ResultsStore
from pipeline.settings import Settings, get_settings
from tests.neighbourhood_layer import box, with_layer, write_layer
from tests.plugins import import_plugin
from tests.services import wait_for
from tests.unit.results.samples import BEFORE, HEALTH, TARGET, make_hotspots, make_run

CITY = "los_angeles"
CARD = "# Model card: Los Angeles, version 3\n"
ALWAYS_NEW_S = 1e-9
WEEK = f"/v1/weeks/{TARGET}"
POLICY = (
    "default-src 'self'; img-src 'self' data:; frame-ancestors 'self'; base-uri 'none'; "
    "form-action 'none'"
)
KINDS = (
    "csv", "geojson", "geoparquet", "totals", "hub", "geopackage", "style", "dictionary",
    "manifest",
)  # fmt: skip
READABLE = [
    "/v1/weeks",
    f"{WEEK}/forecast",
    f"{WEEK}/health",
    f"{WEEK}/outcome",
    f"{WEEK}/report",
    f"{WEEK}/downloads",
    *(f"{WEEK}/downloads/{kind}" for kind in KINDS),
    f"/v1/cells/0/54?week={TARGET}",
    "/v1/scores",
    "/v1/scores/areas",
    "/v1/geometry",
    "/v1/models/3/card",
    "/v1/models/3/card.html",
    f"{WEEK}/checks.html",
    "/v1/openapi.json",
]
ROUTES = ["/", "/assets/main.js", *READABLE]


@pytest.fixture(scope="module")
def plugin(airflow_home):
    return import_plugin("hotspots_ui.plugin")


@pytest.fixture
def app(plugin, monkeypatch):
    monkeypatch.setattr(sys.modules["hotspots_ui.answering"], "FRESH_S", ALWAYS_NEW_S)
    yield plugin.app
    plugin.app.dependency_overrides.clear()


@pytest.fixture(autouse=True)
def _usual_interpreter():
    """Take back what a server sets for its whole process."""
    interval = sys.getswitchinterval()
    yield
    sys.setswitchinterval(interval)
    gc.unfreeze()


@pytest.fixture
def kept(plugin):
    return sys.modules["hotspots_ui.answering"].Kept(2, 1)


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
def log_in(app, anonymous):
    """Be a user of Airflow's own auth manager in a role; None is a user without one."""
    from airflow.api_fastapi.app import create_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
    from airflow.api_fastapi.core_api.security import get_user

    create_auth_manager()

    def as_role(role):
        app.dependency_overrides[get_user] = lambda: SimpleAuthManagerUser(
            username="somebody", role=role
        )
        return anonymous

    return as_role


@pytest.fixture
def reader(log_in):
    return log_in("VIEWER")


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


@pytest.fixture
def known_counts():
    """Four reports, all in the first cell."""
    cells = load_city(CITY).listed_cells()
    counts = np.zeros(cells.shape)
    counts[cells.row[0], cells.col[0]] = 4
    return counts


@pytest.fixture
def known(published, known_counts):
    published.save_observed(CITY, [TARGET], [known_counts], TARGET)
    scores = {"cnn": {"poisson_deviance": 0.8}, "long_run_mean": {"poisson_deviance": 1.0}}
    published.save_scores(CITY, TARGET, 1, scores, TARGET)
    published.save_card(CITY, "3", "m" * 64, CARD)


@pytest.mark.parametrize("route", ROUTES)
def test_nobody_reads_without_logging_in(anonymous, route):
    assert anonymous.get(route).status_code == 401


BROWSER = {"Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"}


@pytest.mark.parametrize("route", ["/", f"/?week={TARGET}&view=trust", f"{WEEK}/report"])
def test_a_browser_that_is_not_logged_in_is_led_to_the_login_and_back(app, store, route):
    from fastapi import FastAPI
    from fastapi.testclient import TestClient

    airflow = FastAPI(root_path="/airflow")
    airflow.mount("/hotspots", app)
    client = TestClient(airflow, follow_redirects=False)
    answer = client.get(f"/airflow/hotspots{route}", headers=BROWSER)
    assert answer.status_code == 307
    path, _, query = answer.headers["location"].partition("?")
    assert path == "/airflow/api/v2/auth/login"
    assert parse_qs(query) == {"next": [f"/airflow/hotspots{route}"]}


def test_a_login_that_no_longer_counts_leads_to_the_login_too(anonymous):
    from airflow.api_fastapi.app import create_auth_manager

    create_auth_manager()
    headers = {**BROWSER, "Cookie": "_token=of.another.key"}
    answer = anonymous.get("/", headers=headers, follow_redirects=False)
    assert answer.status_code == 307


def test_a_browser_without_the_right_is_refused(log_in):
    assert log_in(None).get("/", headers=BROWSER, follow_redirects=False).status_code == 403


@pytest.mark.parametrize("route", ROUTES)
def test_nobody_reads_without_the_right(log_in, route):
    assert log_in(None).get(route).status_code == 403


def test_every_route_there_is_asks_for_a_user(anonymous, app):
    values = {"week": TARGET, "row": 0, "col": 54, "kind": "csv", "name": "main.js"}
    values["version"] = "3"
    for path in {route.path for route in app.routes} | {"/docs", "/redoc", "/openapi.json"}:
        answer = anonymous.get(path.format(**values), params={"week": str(TARGET)})
        assert answer.status_code in (401, 404), path
    assert len(app.routes) == 18


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_nothing_can_be_changed(reader, method):
    assert {reader.request(method, route).status_code for route in ROUTES} == {405}


@pytest.mark.parametrize("route", READABLE)
def test_an_unchanged_answer_is_sent_once(reader, known, route):
    first = reader.get(route)
    assert first.status_code == 200
    if "openapi" in route:
        return
    again = reader.get(route, headers={"If-None-Match": f'"other", W/{first.headers["etag"]}'})
    assert (again.status_code, again.content) == (304, b"")
    assert "private" in first.headers["cache-control"]


def test_an_answer_is_sent_compressed_to_those_who_take_it(reader, published):
    packed = reader.get("/v1/weeks")
    plain = reader.get("/v1/weeks", headers={"Accept-Encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.headers["vary"] == plain.headers["vary"] == "Accept-Encoding"
    assert packed.json() == plain.json()


def test_a_server_keeps_its_imports_out_of_the_collectors_rounds(app):
    from fastapi.testclient import TestClient

    with TestClient(app):
        assert gc.get_freeze_count() > 10_000


def test_a_server_gives_its_threads_the_interpreter_back_soon(app):
    from fastapi.testclient import TestClient

    usual = sys.getswitchinterval()
    with TestClient(app):
        assert sys.getswitchinterval() < usual / 5


def test_a_changed_answer_is_sent_again(reader, published):
    tag = reader.get("/v1/weeks").headers["etag"]
    published.mark_stale(CITY, "StaleData: freshness_stale; /srv/docs", TARGET)
    body = reader.get("/v1/weeks", headers={"If-None-Match": tag}).json()
    assert body["stale_since"] == "2026-01-04"
    assert body["stale_reason"].startswith("STALE since 4 Jan 2026: the city's newest reports are")
    assert "StaleData" not in str(body)
    assert reader.get(f"{WEEK}/health").json()["stale_detail"] == (
        "StaleData: freshness_stale; /srv/docs"
    )


def test_answers_are_as_the_schema_says(reader, known):
    schema = reader.get("/v1/openapi.json").json()
    assert len(schema["paths"]) == 15
    for path, methods in schema["paths"].items():
        assert list(methods) == ["get"], path
        assert methods["get"]["description"], path
    for name in (
        "WeekForecast",
        "WeekOutcome",
        "Scores",
        "AreaHits",
        "WeekHealth",
        "Geometry",
        "CellHistory",
    ):
        model = getattr(schemas, name, None) or getattr(score_schemas, name)
        route = next(r for r in READABLE if schema_of(schema, r) == name)
        assert model.model_validate_json(reader.get(route).content)


def test_hits_by_area_are_of_the_scored_weeks(reader, known):
    areas = reader.get("/v1/scores/areas").json()
    assert areas["weeks"] == [str(TARGET)]
    city = areas["areas"][0]
    assert (city["name"], city["observed"], city["reports"], city["hit_rate"]) == ("city", 4, 4, 1)


def test_the_card_of_a_model_is_downloaded_and_one_that_is_not_kept_is_not_found(reader, known):
    answer = reader.get("/v1/models/3/card")
    assert answer.text == CARD
    assert answer.headers["content-type"] == "text/markdown; charset=utf-8"
    assert "los_angeles_model_3.md" in answer.headers["content-disposition"]
    missing = reader.get("/v1/models/4/card")
    assert (missing.status_code, "no card of a model 4" in missing.json()["detail"]) == (404, True)


def test_a_week_links_to_its_card_its_run_and_its_checks(reader, known, monkeypatch, tmp_path):
    monkeypatch.setenv("HOTSPOTS_DATA_DOCS_URL", "https://docs.example/hotspots/")
    monkeypatch.setenv("HOTSPOTS_HOME", str(tmp_path))
    get_settings.cache_clear()
    get_settings().data_docs_dir("los_angeles", date(2025, 12, 31)).mkdir(parents=True)
    found = reader.get(f"{WEEK}/health").json()
    assert (found["model_version"], found["has_card"]) == ("3", True)
    assert found["airflow_run"] == "weekly_forecast/scheduled-1"
    page = "los_angeles/2025-12-31/incidents/index.html"
    assert found["data_docs"] == f"https://docs.example/hotspots/{page}"


def test_a_week_whose_checks_were_not_written_up_links_to_none(
    reader, known, monkeypatch, tmp_path
):
    monkeypatch.setenv("HOTSPOTS_DATA_DOCS_URL", "https://docs.example/hotspots/")
    monkeypatch.setenv("HOTSPOTS_HOME", str(tmp_path))
    get_settings.cache_clear()
    assert reader.get(f"{WEEK}/health").json()["data_docs"] is None


def schema_of(schema, route):
    """Return the name of the model a route is documented to answer with."""
    path = route.split("?")[0].replace(str(TARGET), "{week}").replace("0/54", "{row}/{col}")
    for kind in KINDS:
        path = path.replace(f"downloads/{kind}", "downloads/{kind}")
    found = schema["paths"].get(path, {}).get("get", {})
    content = found.get("responses", {}).get("200", {}).get("content", {})
    return content.get("application/json", {}).get("schema", {}).get("$ref", "").split("/")[-1]


def four_digits(values):
    return [float(f"{value:.4g}") for value in values]


def test_weeks_are_listed_with_their_state(reader, published):
    body = reader.get("/v1/weeks").json()
    assert (body["city"], body["cities"]) == (CITY, [CITY])
    (week,) = body["weeks"]
    assert (week["target_week"], week["horizon"], week["revision"]) == ("2026-01-04", 3, 1)
    assert (week["stage"], week["observed"]) == ("forecast", None)
    assert week["banner"] == "SIMULATED DATA: made up, not reports of real crime"


def test_page_terminal_and_files_hold_the_numbers_of_the_store(reader, published):
    body = reader.get(f"{WEEK}/forecast").json()
    frame = published.cells_frame(CITY, TARGET)
    total = published.totals(CITY, TARGET).iloc[0]
    assert len(body["cells"]["row"]) == len(frame) == 1663
    # No long-run mean was given and history was not re-run, and NaN is no JSON.
    for name in ("long_run_mean", "p_top5"):
        assert set(body["cells"].pop(name)) == {None}
    cell_id, place, where = (body["cells"].pop(name) for name in ("cell_id", "place", "where"))
    westlake = cell_id.index(2609)  # row 34, column 59
    assert (body["cells"]["row"][westlake], body["cells"]["col"][westlake]) == (34, 59)
    assert place[westlake] == "Westlake (Rampart)"
    assert where[westlake] == "0.63 x 1.17 km, Westlake, Rampart Division"
    assert body["neighbourhood_source"] == "Los Angeles Times, Mapping L.A. (CC BY 4.0)"
    mean, size = frame["mean"].to_numpy(), frame["nb_size"].to_numpy()
    for name, share in (("q025", 0.025), ("q975", 0.975)):  # not stored: made of the distribution
        assert body["cells"].pop(name) == nbinom.ppf(share, size, size / (size + mean)).tolist()
    for name, values in body["cells"].items():
        assert values == frame[name].tolist(), name
    assert body["city"] == total[["name", "mean", "q10", "q90"]].to_dict()
    downloaded = pd.read_csv(io.BytesIO(reader.get(f"{WEEK}/downloads/csv").content))
    for name, values in (*body["cells"].items(), ("cell_id", cell_id)):
        expected = four_digits(values) if isinstance(values[0], float) else values
        # A cell in no band or cluster has nothing there.
        assert downloaded[name].fillna(0).tolist() == expected, name
    assert downloaded["neighbourhood"][westlake] == "Westlake"
    hub = pd.read_parquet(io.BytesIO(reader.get(f"{WEEK}/downloads/hub").content))
    means = hub[(hub["output_type"] == "mean") & hub["location"].str.startswith("cell:")]
    assert means["value"].tolist() == four_digits(body["cells"]["mean"])
    shown = Console(width=200, file=io.StringIO(), record=True)
    shown.print(week_table(load_city(CITY), published.run(CITY, TARGET), frame,
                           published.totals(CITY, TARGET)))  # fmt: skip
    text = shown.export_text()
    assert f"{total['mean']:,.0f} reports expected, 80 % between {total['q10']:,}" in text
    top = body["cells"]["rank"].index(1)
    assert f"{body['cells']['mean'][top]:.2f}" in text


def test_places_are_named_by_the_layer_of_the_city(reader, published, monkeypatch, tmp_path):
    city = load_city(CITY)
    # The first cell, and with it the first cluster's highest one: row 0, column 54.
    layer = write_layer(tmp_path / "layer.geojson", ("The Point", box(*city.grid.bounds(0, 54))))
    named = with_layer(city, layer)
    monkeypatch.setattr(Settings, "city", lambda *_: named)
    body = reader.get(f"{WEEK}/forecast").json()
    assert body["cells"]["place"][:2] == ["The Point (Harbor)", "Harbor"]
    first = body["clusters"][0]
    assert (first["peak_row"], first["peak_col"], first["peak_cell_id"]) == (0, 54, 54)
    assert first["place"] == "The Point (Harbor)"
    printed = report_page(ResultsReader(get_settings().reader_database), named, TARGET)
    assert f"<td>{first['place']}</td>" in printed


def test_a_report_is_the_printed_page_and_loads_and_runs_nothing(reader, published):
    answer = reader.get(f"{WEEK}/report")
    store = ResultsReader(get_settings().reader_database)
    assert answer.text == report_page(store, load_city(CITY), TARGET)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = answer.headers["content-security-policy"].split("; ")
    assert policy[:3] == ["default-src 'none'", "style-src 'unsafe-inline'", "img-src data:"]
    assert reader.get(f"/v1/weeks/{TARGET + timedelta(days=7)}/report").status_code == 404


def test_downloads_are_named_hashed_and_simulated(reader, published):
    files = reader.get(f"{WEEK}/downloads").json()["files"]
    for file in files:
        answer = reader.get(f"{WEEK}/downloads/{file['kind']}")
        assert hashlib.sha256(answer.content).hexdigest() == file["sha256"]
        assert file["file"] in answer.headers["content-disposition"]
    assert all("_simulated" in file["file"] for file in files[:-2])  # dictionary and manifest
    shapes = gpd.read_file(io.BytesIO(reader.get(f"{WEEK}/downloads/geojson").content))
    # The cells touch all sides of the grid's box but the eastern one: column 73 is their last.
    grid = load_city(CITY).grid
    bounds = (grid.west, grid.south, grid.bounds(0, 73)[2], grid.north)
    assert len(shapes) == 1663
    assert shapes.total_bounds == pytest.approx(bounds, abs=1e-9)


def test_outcome_waits_until_it_is_known(reader, published, known_counts):
    answer = reader.get(f"{WEEK}/outcome")
    assert answer.status_code == 404
    assert "isn't known yet" in answer.json()["detail"]
    published.save_observed(CITY, [TARGET], [known_counts], TARGET)
    body = reader.get(f"{WEEK}/outcome").json()
    assert (body["reports"], sum(body["cells"]), body["cells"][0]) == (4, 4, 4)


def test_a_role_that_only_reads_can_be_given(reader, published, monkeypatch):
    monkeypatch.setenv("HOTSPOTS_RESULTS_READER_URL", os.environ["HOTSPOTS_RESULTS_URL"])
    monkeypatch.setenv("HOTSPOTS_RESULTS_URL", "sqlite:////nowhere/results.db")
    get_settings.cache_clear()
    assert len(reader.get("/v1/weeks").json()["weeks"]) == 1


def test_the_store_is_asked_once_a_moment_whether_anything_changed(
    reader, published, monkeypatch, known_counts
):
    monkeypatch.setattr(sys.modules["hotspots_ui.answering"], "FRESH_S", 1e9)
    before = reader.get("/v1/weeks").json()
    published.save_observed(CITY, [TARGET], [known_counts], TARGET)
    assert reader.get("/v1/weeks").json() == before
    assert reader.get("/v1/scores").json()["totals"][0]["observed"] == 4


def test_only_so_many_answers_are_kept(kept):
    made = []

    async def ask():
        for key in ("a", "b", "a", "c", "a", "b"):
            await kept.get(key, "now", lambda key=key: made.append(key))

    asyncio.run(ask())
    # b was the one unused for longest when c came.
    assert made == ["a", "b", "c", "b"]


def test_what_changed_takes_the_place_of_what_was(kept):
    made = []

    async def ask():
        for key, state in (("a", 1), ("b", 1), ("a", 2), ("b", 1), ("a", 2)):
            await kept.get(key, state, lambda both=(key, state): made.append(both))

    asyncio.run(ask())
    assert made == [("a", 1), ("b", 1), ("a", 2)]


def test_what_is_asked_for_while_it_is_made_is_made_once(kept):
    made = []

    async def ask():
        many = (kept.get("a", 1, lambda: made.append(1) or len(made)) for _ in range(50))
        return await asyncio.gather(*many)

    assert asyncio.run(ask()) == [1] * 50


def test_what_could_not_be_made_is_tried_again(kept):
    tries = iter([WeekNotReady("not yet"), "made"])

    def make():
        found = next(tries)
        if isinstance(found, Exception):
            raise found
        return found

    with pytest.raises(WeekNotReady):
        asyncio.run(kept.get("a", 1, make))
    assert asyncio.run(kept.get("a", 1, make)) == "made"


def test_who_stops_waiting_does_not_stop_it_for_others(kept):
    may_go_on = threading.Event()

    async def ask():
        first = asyncio.create_task(kept.get("a", 1, may_go_on.wait))
        other = asyncio.create_task(kept.get("a", 1, may_go_on.wait))
        await asyncio.sleep(0)
        assert kept.waiting == 2
        first.cancel()
        may_go_on.set()
        return await other

    assert asyncio.run(ask())
    assert kept.waiting == 0


@pytest.fixture
def packed(app, monkeypatch):
    """The answers made, as they are made, by a server that looks often for what changed."""
    answering, made = sys.modules["hotspots_ui.answering"], []
    monkeypatch.setattr(sys.modules["hotspots_ui.ahead"], "LOOK_S", 0.01)
    real = answering.packed
    monkeypatch.setattr(answering, "packed", lambda said: made.append(said) or real(said))
    return made


@pytest.fixture
def started(reader):
    with reader:
        yield reader


def test_what_the_page_asks_for_is_made_before_anybody_asks(packed, known, started, published):
    asked = ["Weeks", "Geometry", "Scores", "AreaHits", "WeekForecast", "WeekHealth", "WeekOutcome"]
    wait_for(lambda: len(packed) == len(asked), 60, "the answers")
    assert [type(said).__name__ for said in packed] == asked
    for route in ("/v1/weeks", "/v1/geometry", "/v1/scores", "/v1/scores/areas",
                  f"{WEEK}/forecast", f"{WEEK}/health", f"{WEEK}/outcome"):  # fmt: skip
        assert started.get(route).status_code == 200
    assert len(packed) == len(asked)
    published.mark_stale(CITY, "the feed is 40 days old", TARGET)
    wait_for(lambda: len(packed) == 2 * len(asked), 60, "the answers after the change")
    assert packed[len(asked)].stale_since == TARGET


def test_readers_who_wait_come_first(packed, known, reader, kept, monkeypatch):
    monkeypatch.setattr(sys.modules["hotspots_ui.ahead"], "kept", kept)
    kept.waiting = 1
    with reader:
        wait_for(lambda: packed, 60, "the first answer")
        time.sleep(0.1)
        assert len(packed) == 1
        kept.waiting = 0
        wait_for(lambda: len(packed) == 7, 60, "the others")


def test_a_stored_city_whose_file_is_not_here_stands_in_no_others_way(
    packed, reader, published, forecast
):
    cells, run = load_city(CITY).listed_cells(), make_run(city="atlantis", provenance="simulated")
    published.publish(run, forecast, make_hotspots(forecast), HEALTH, cells, today=BEFORE)
    with reader:
        wait_for(lambda: "WeekForecast" in [type(said).__name__ for said in packed], 60, "answers")
        missing = reader.get("/v1/geometry?city=atlantis")
    assert missing.status_code == 404
    assert "There is no city 'atlantis'" in missing.json()["detail"]
    assert "HOTSPOTS_CITIES_DIR" in missing.json()["detail"]


def test_answers_are_made_ahead_once_a_store_is_there(packed, started, request):
    assert "no results store" in started.get("/v1/weeks").json()["detail"]
    request.getfixturevalue("published")
    wait_for(lambda: "WeekForecast" in [type(said).__name__ for said in packed], 60, "answers")


def test_missing_week_and_missing_store_are_404_with_words(reader, store):
    assert "no results store" in reader.get("/v1/weeks").json()["detail"]
    store.migrate()
    assert reader.get("/v1/weeks").json()["weeks"] == []
    answer = reader.get(f"/v1/weeks/{TARGET + timedelta(days=7)}/forecast")
    assert answer.status_code == 404
    assert "no forecast for the week of 2026-01-11" in answer.json()["detail"]


TOO_MUCH = "x" * 10_000
# What is odd of each kind of parameter, by its name in the addresses.
ODD_NUMBERS = ("-1", "60", "2147483648", "9223372036854775808", "-9223372036854775809", "1" * 400,
               "1" * 5000, "1.5", "nan", "%00", "%EF%BC%91", "1_0")  # fmt: skip
ODD = {
    "week": ("0001-01-01", "1969-12-31", "9999-12-31", "10000-01-01", "2026-01-05", "2026-02-30",
             "-1", "9" * 20, "1e400", "nan", "%00", "2026-01-04%00", TOO_MUCH, "%F0%9F%A6%94",
             "%ED%A0%80"),
    "row": ODD_NUMBERS,
    "col": ODD_NUMBERS,
    "city": ("%00", "los_angeles%00", "los_angeles%0A", TOO_MUCH, "a" * 20_000, "../secret",
             "%2e%2e", "%F0%9F%A6%94", "'; drop table run; --", "atlantis"),
    "version": ("0", "%00", "3%00", "-1", "9" * 20, TOO_MUCH, "latest"),
    "kind": ("%00", TOO_MUCH, "pickle", "..%2fcsv"),
    "name": ("%00", TOO_MUCH, "..%2f..%2findex.html", "%2e%2e", "/etc/passwd"),
}  # fmt: skip
KIND_NAMES = f"{', '.join(map(repr, KINDS[:-1]))} or {KINDS[-1]!r}"
USUAL = {"week": TARGET, "row": 0, "col": 54, "city": CITY, "version": 3, "kind": "csv"}


def odd_addresses(app):
    """Return addresses of every route, each with one parameter that is odd."""
    for route in app.routes:
        own = {name for name in ODD if f"{{{name}}}" in route.path} | {"city", "week"}
        for name in sorted(own):
            for value in ODD[name]:
                said = {**USUAL, "name": "main.js", name: value}
                query = f"city={said['city']}&week={said['week']}"
                yield f"{route.path.format(**said)}?{query}"


def test_no_parameter_however_odd_is_a_fault_of_the_server(
    reader, known, app, monkeypatch, tmp_path
):
    from fastapi.testclient import TestClient

    (tmp_path / "index.html").write_text("<!doctype html><title>Hotspots</title>")
    monkeypatch.setattr(sys.modules["hotspots_ui.api"], "PAGE", tmp_path)
    client = TestClient(app, raise_server_exceptions=False)
    asked = list(odd_addresses(app))
    answers = {address: client.get(address) for address in asked}
    assert len(asked) > 400
    assert {
        address[:200]: a.status_code for address, a in answers.items() if a.status_code >= 500
    } == {}
    refused = [answer for answer in answers.values() if answer.status_code >= 400]
    assert {answer.status_code for answer in refused} == {404, 422}
    assert all(isinstance(answer.json()["detail"], str) for answer in refused)
    assert {answer.headers["x-content-type-options"] for answer in answers.values()} == {"nosniff"}


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("/v1/cells/9223372036854775808/54?week=2026-01-04",
         "`path`, `row`: found '9223372036854775808', expected 40000 or less."),
        ("/v1/cells/0/54?week=0001-01-01",
         "`query`, `week`: found '0001-01-01', expected 1970-01-01 or more."),
        ("/v1/weeks/today/forecast",
         "`path`, `week`: found 'today', expected a date, such as 2010-01-01."),
        ("/v1/weeks?city=LA", f"`query`, `city`: found 'LA', expected {FORMS['name']}."),
        ("/v1/models/latest/card",
         "`path`, `version`: found 'latest', expected a number, such as 3."),
        (f"{WEEK}/downloads/pickle", f"`path`, `kind`: found 'pickle', expected {KIND_NAMES}."),
    ],
)  # fmt: skip
def test_what_can_not_be_asked_is_refused_in_a_sentence(reader, known, address, said):
    answer = reader.get(address)
    assert (answer.status_code, answer.json()) == (422, {"detail": said})


def test_a_fault_without_a_name_is_said_in_a_sentence_and_not_shown(log_in, known, monkeypatch):
    from fastapi.testclient import TestClient

    def fail(*_):
        raise ValueError("a password")

    monkeypatch.setattr(sys.modules["hotspots_ui.api"].ResultsReader, "version", fail)
    client = TestClient(log_in("VIEWER").app, raise_server_exceptions=False)
    answer = client.get("/v1/weeks")
    assert answer.status_code == 500
    assert "The log of Airflow's API server says what it was" in answer.json()["detail"]
    assert "password" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_no_answer_is_taken_for_what_it_is_not(log_in, known):
    for role in ("VIEWER", None):
        client = log_in(role)
        answers = [client.get(route) for route in (*ROUTES, "/nothing", "/assets/nothing")]
        assert {a.headers["x-content-type-options"] for a in answers} == {"nosniff"}


def test_what_airflow_itself_sends_is_marked_too(plugin):
    from fastapi import FastAPI
    from fastapi.testclient import TestClient

    airflow = FastAPI()
    for added in plugin.HotspotsPlugin.fastapi_root_middlewares:  # as Airflow adds them
        airflow.add_middleware(added["middleware"])
    answer = TestClient(airflow).get("/login")
    assert (answer.status_code, answer.headers["x-content-type-options"]) == (404, "nosniff")


@pytest.mark.parametrize("city", ["../secret", "/etc/passwd.toml", "A", ""])
def test_city_can_be_a_name_only(reader, published, city):
    for route in READABLE[:-1]:
        assert reader.get(route, params={"city": city}).status_code == 422


def test_broken_store_is_503(reader, monkeypatch):
    monkeypatch.setenv("HOTSPOTS_RESULTS_URL", "postgresql+psycopg://u:secret@127.0.0.1:1/d")
    get_settings.cache_clear()
    answer = reader.get("/v1/weeks")
    assert answer.status_code == 503
    assert "secret" not in answer.text


def test_a_store_of_another_version_is_503_and_says_what_to_run(reader, store):
    store.migrate()
    with transaction(store._engine, is_write=True) as session:
        session.execute(VERSION_TABLE.update().values(version_num="0001"))
    answer = reader.get("/v1/weeks")
    assert answer.status_code == 503
    assert "at migration 0001" in answer.json()["detail"]
    assert "hotspots migrate" in answer.json()["detail"]


def test_page_that_was_not_built_says_how(reader, monkeypatch, tmp_path):
    monkeypatch.setattr(sys.modules["hotspots_ui.api"], "PAGE", tmp_path)
    answer = reader.get("/")
    assert answer.status_code == 503
    assert "make page" in answer.text


def test_page_and_its_parts_load_nothing_from_elsewhere(reader, monkeypatch, tmp_path):
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<!doctype html><title>Hotspots</title>")
    (tmp_path / "assets" / "main-1a2b.js").write_text("let a;")
    monkeypatch.setattr(sys.modules["hotspots_ui.api"], "PAGE", tmp_path)
    page, part = reader.get("/"), reader.get("/assets/main-1a2b.js")
    assert page.headers["content-type"].startswith("text/html")
    for answer in (page, part):
        assert answer.headers["content-security-policy"] == POLICY
    assert page.headers["referrer-policy"] == "same-origin"
    assert "immutable" in part.headers["cache-control"]
    assert reader.get("/assets/index.html").status_code == 404


def test_streets_open_the_page_to_the_images_of_their_server_alone(
    reader, published, monkeypatch, tmp_path
):
    (tmp_path / "index.html").write_text("<!doctype html><title>Hotspots</title>")
    monkeypatch.setattr(sys.modules["hotspots_ui.api"], "PAGE", tmp_path)
    assert reader.get("/v1/geometry").json()["base_map"] is None
    tiles = "https://tiles.example/light/{z}/{x}/{y}.png"
    monkeypatch.setenv("HOTSPOTS_BASE_MAP_URL", tiles)
    monkeypatch.setenv("HOTSPOTS_BASE_MAP_SOURCE", "© The Streets")
    get_settings.cache_clear()
    # Settings hold as long as a process does, and so may its answers.
    answering = sys.modules["hotspots_ui.answering"]
    monkeypatch.setattr(answering, "kept", answering.Kept(2, 1))
    found = reader.get("/v1/geometry").json()["base_map"]
    assert found == {"url": tiles, "source": "© The Streets"}
    policy = POLICY.replace("data:", "data: https://tiles.example")
    headers = reader.get("/").headers
    assert headers["content-security-policy"] == policy
    assert headers["referrer-policy"] == "same-origin"


def test_page_is_mounted_and_in_the_navigation(plugin):
    (app,) = plugin.HotspotsPlugin.fastapi_apps
    view, tab = plugin.HotspotsPlugin.external_views
    assert (app["url_prefix"], app["app"]) == ("/hotspots", plugin.app)
    assert (view["href"], view["destination"]) == ("hotspots/", "nav")
    # Airflow fills in the run; the page asks it for that run's week.
    assert tab["destination"] == "dag_run"
    assert tab["href"] == "hotspots/?dag_id={DAG_ID}&run_id={RUN_ID}"
