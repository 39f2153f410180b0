"""An Airflow of the tests' own, a city small enough to train in seconds, a year and a browser."""

import os
import shutil
import subprocess
import sys
import threading
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pipeline.replay.server import ReplayServer
from pipeline.replay.simulator import simulate
from pipeline.results.store.reader import ResultsReader
from tests.conftest import ROOT
from tests.made_up_year import fill
from tests.page_app import served_page

BIN = Path(sys.executable).parent
FIRST_DAY, LAST_DAY = date(2025, 8, 3), date(2026, 11, 11)
# A scheduled run is for the last Wednesday that has gone by, so its city lives until today.
TODAY = datetime.now(UTC).date()
START_OF_LIVING = TODAY - timedelta(weeks=66)
CI = "CI" in os.environ
WEB = ROOT / "plugins" / "hotspots_ui" / "web"
SHOTS = ROOT / "var" / "screenshots"  # kept, to be looked at
# The first costs less than half: it draws no window around the page.
BROWSERS = [Path("/usr/bin/chromium-headless-shell"), Path("/usr/bin/chromium")]
BROWSER = next((path for path in BROWSERS if path.is_file()), BROWSERS[0])
NEEDS_A_BROWSER = [
    pytest.mark.slow,
    pytest.mark.skipif(not (CI or BROWSER.is_file()), reason=f"no browser at {BROWSER}"),
]
NEEDS_THE_PAGE = [
    *NEEDS_A_BROWSER,
    pytest.mark.skipif(
        not (CI or (WEB / "dist").is_dir()), reason="the page isn't built: make page"
    ),
]


@pytest.fixture(scope="module")
def airflow(tmp_path_factory):
    """The environment of an Airflow of our own, its database made."""
    pytest.importorskip("airflow", reason="Airflow isn't installed", exc_type=ImportError)
    home = tmp_path_factory.mktemp("airflow")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("HOTSPOTS_", "AIRFLOW"))}
    environment = {
        **kept,
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'airflow.db'}",
        "HOTSPOTS_HOME": str(home / "hotspots"),
        "HOTSPOTS_WINDOW_WEEKS": "6",
        "HOTSPOTS_TRAIN_EPOCHS": "2",
        "HOTSPOTS_TRAIN_MEMBERS": "1",
        "PYTHONWARNINGS": "ignore",
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    run_command(environment, BIN / "airflow", "db", "migrate")
    return environment


def run_command(environment, *words, code=0):
    done = subprocess.run(
        [str(word) for word in words], env=environment, cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == code, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout + done.stderr


@pytest.fixture(scope="session")
def city():
    """The simulated city as its portal shows it on the last day."""
    return simulate(7, FIRST_DAY, LAST_DAY, LAST_DAY)


@pytest.fixture(scope="session")
def sources(city):
    with ReplayServer(city) as server:
        yield server


@pytest.fixture(scope="session")
def living_sources():
    """The portal of a simulated city that lives until today."""
    with ReplayServer(simulate(7, START_OF_LIVING, TODAY, TODAY)) as server:
        yield server


def quick_settings(url, first_day):
    """Return settings, as environment variables, of a pipeline that is quick on a small city."""
    return {
        "HOTSPOTS_REPLAY_URL": url,
        "HOTSPOTS_HISTORY_START": first_day.isoformat(),
        "HOTSPOTS_WINDOW_WEEKS": "6",
        "HOTSPOTS_TRAIN_EPOCHS": "1",
        "HOTSPOTS_TRAIN_MEMBERS": "1",
    }


def on_celery(metadata, broker):
    """Return settings, as environment variables, of an Airflow on Celery that runs as asked."""
    return {
        "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
        "AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE": "False",
        "AIRFLOW__CELERY__BROKER_URL": broker,
        "AIRFLOW__CELERY__RESULT_BACKEND": "db+" + metadata.replace("+psycopg:", "+psycopg2:"),
    }


def celery_worker(queue, size):
    """Return the command of a worker of one queue, for so many tasks at a time."""
    host = ("-H", f"{queue}@%h", "--skip-serve-logs")
    return ("airflow", "celery", "worker", "-q", queue, "-c", str(size), *host)


@pytest.fixture
def small(sources):
    return quick_settings(sources.url, FIRST_DAY)


@contextmanager
def served(folder):
    """Serve a folder's files on loopback, and give their address."""

    class Folder(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    handler = partial(Folder, directory=folder)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def dags_changed_by(folder, name, call):
    """Copy our DAGs; whoever reads the named one calls a function of the tests first.

    Args:
        folder: where to.
        name: of the DAG.
        call: "module:function".
    """
    shutil.copytree(ROOT / "dags", folder)
    module, _, function = call.partition(":")
    with (folder / f"{name}.py").open("a") as file:
        file.write(f"\nfrom {module} import {function}\n{function}()\n")
    return {"AIRFLOW__CORE__DAGS_FOLDER": str(folder), "PYTHONPATH": str(ROOT)}


@pytest.fixture(scope="session")
def database(tmp_path_factory):
    """A store with a year of simulated weeks."""
    url = f"sqlite:///{tmp_path_factory.mktemp('year') / 'results.db'}"
    fill(url)
    return url


@pytest.fixture(scope="session")
def year(database):
    return ResultsReader(database)


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    SHOTS.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def address(airflow_home, year, database):
    """The page on loopback, for a user who is logged in."""
    with served_page(database) as address:
        yield address


@pytest.fixture
def page(browser, address):
    """A page whose script has no error, and which asks nobody but its own server."""
    page = browser.new_page(viewport={"width": 1280, "height": 800}, locale="en-GB")
    errors, elsewhere = [], []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda line: line.type == "error" and errors.append(line.text))
    page.on("request", lambda r: r.url.startswith((address, "data:")) or elsewhere.append(r.url))
    yield page
    page.close()
    assert errors == []
    assert elsewhere == []
