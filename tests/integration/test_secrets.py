"""No secret of a setting is in anything that a good week or a failing one writes."""

import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
from s3fs import S3FileSystem
from sqlalchemy import MetaData, create_engine, select
from sqlalchemy.pool import NullPool

from tests.integration.conftest import ISSUE_DATE
from tests.planted import NOWHERE, everything_in, found_in, planted, with_login
from tests.services import free_port, is_open
from tests.waiting import wait_for

pytestmark = pytest.mark.slow

BIN = Path(sys.executable).parent
WEEK = ("run", "--city", "chicago", "--issue-date", ISSUE_DATE)


@contextmanager
def mlflow_server(folder):
    """Run a registry that takes any login, and gives away none."""
    port = free_port()
    words = ["server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    store = ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db"]
    own = ["--artifacts-destination", f"{folder}/artifacts"]
    with (
        (folder / "log").open("w") as log,
        subprocess.Popen([BIN / "mlflow", *words, *store, *own], stdout=log, stderr=log) as server,
    ):
        try:
            wait_for(lambda: is_open(port), 120, "MLflow")
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


@pytest.fixture
def settings(monkeypatch, databases, portal, s3_url):
    """Give settings as environment variables, a secret planted in each that can hold one."""
    portal.clear_faults()
    S3FileSystem.clear_instance_cache()  # it would keep the credentials of the test before
    for name in ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"):
        monkeypatch.setenv(name, "")  # what is set from the address leaves with the test
    login = f"//results_owner:{planted('results')}@"
    return {
        "HOTSPOTS_REPLAY_URL": with_login(portal.url, "replay"),
        "HOTSPOTS_SOCRATA_TOKEN": f" {planted('token')}",
        "HOTSPOTS_RESULTS_URL": databases["results_owner"].replace("//results_owner@", login),
        "HOTSPOTS_AIRFLOW_URL": with_login(f"http://{NOWHERE}", "airflow"),
        "HOTSPOTS_DATA_DOCS_URL": with_login("http://docs.example/", "docs"),
        "HOTSPOTS_LAKE_URL": s3_url,
        "AWS_SECRET_ACCESS_KEY": planted("aws"),
        "AWS_SESSION_TOKEN": f" {planted('session')}",
        "HTTP_PROXY": with_login(f"http://{NOWHERE}", "proxy"),
        "HTTPS_PROXY": with_login(f"http://{NOWHERE}", "proxies"),
        "NO_PROXY": "127.0.0.1",
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    }


def rows_of(url):
    """Return all rows of a database as text."""
    engine, tables = create_engine(url, poolclass=NullPool), MetaData()
    tables.reflect(engine)
    with engine.connect() as connection:
        found = [connection.execute(select(table)).all() for table in tables.sorted_tables]
    return repr(found)


def lake_of(url, storage):
    """Return the names and the content of all objects below a lake's URL."""
    files = S3FileSystem(skip_instance_cache=True, endpoint_url=storage["AWS_ENDPOINT_URL"])
    return b"\n".join(name.encode() + data for name, data in files.cat(files.find(url)).items())


def test_a_good_week_writes_no_secret(
    hotspots, settings, databases, object_store, s3_url, tmp_path
):
    (tmp_path / "mlflow").mkdir()
    with mlflow_server(tmp_path / "mlflow") as registry:
        settings["HOTSPOTS_MLFLOW_URL"] = with_login(registry, "mlflow")
        settings["HOTSPOTS_HOME"] = str(tmp_path / "home")
        said = [hotspots(*WEEK, **settings)]
        assert said[0][0] == 0, said[0]
        said += [hotspots(word, "--city", "chicago") for word in ("show", "models", "doctor")]
        versions = requests.get(f"{registry}/api/2.0/mlflow/registered-models/search", timeout=10)
    assert "hotspots-chicago" in versions.text
    assert f"{registry} answers" in f"{said[-1]}"
    written, rows = everything_in(tmp_path), rows_of(databases["results_owner"])
    lake = lake_of(s3_url, object_store)
    assert b"manifest.json" in lake
    assert "chicago" in rows
    assert found_in(f"{said}{versions.text}{rows}".encode() + written + lake) == []


BROKEN = {
    "the portal refuses": (WEEK, {}, 3),
    "the lake is gone": (
        WEEK, {"AWS_ENDPOINT_URL": with_login(f"http://{NOWHERE}", "endpoint")}, 3,
    ),
    "the lake is none": (WEEK, {"HOTSPOTS_LAKE_URL": with_login("s3://bucket/lake", "lake")}, 2),
    "the replay is gone": (
        WEEK, {"HOTSPOTS_REPLAY_URL": with_login(f"http://{NOWHERE}", "replay")}, 3,
    ),
    "the replay is none": (WEEK, {"HOTSPOTS_REPLAY_URL": f"me:{planted('replay')}@{NOWHERE}"}, 2),
    "the results store is gone": (
        ("status",),
        {"HOTSPOTS_RESULTS_URL": with_login(f"postgresql+psycopg://{NOWHERE}/d", "results")}, 3,
    ),
    "the results store is none": (
        ("status",), {"HOTSPOTS_RESULTS_URL": with_login("postgresq://h/d", "results")}, 2,
    ),
    "the registry is gone": (
        ("models",), {"HOTSPOTS_MLFLOW_URL": with_login(f"http://{NOWHERE}", "mlflow")}, 3,
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", BROKEN)
def test_what_fails_writes_no_secret(hotspots, settings, databases, portal, tmp_path, what):
    words, broken, expected = BROKEN[what]
    if what == "the portal refuses":
        portal.set_fault("moved_403", match="ijzp-q8t2")
    code, *said = hotspots(*words, **settings | {"HOTSPOTS_HOME": str(tmp_path)} | broken)
    assert code == expected, said
    assert len(said[1].strip()) > 20
    rows = rows_of(databases["results_owner"])
    assert found_in(f"{said}{rows}".encode() + everything_in(tmp_path)) == []


def test_an_airflow_that_is_gone_is_named_without_its_password(hotspots, settings, tmp_path):
    code, out, err = hotspots("doctor", **settings, HOTSPOTS_HOME=str(tmp_path))
    assert code in (3, 5)
    assert f"http://somebody:***@{NOWHERE}/api/v2/monitor/health does not say" in out + err
    assert found_in((out + err).encode()) == []
