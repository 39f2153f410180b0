"""The Hotspots page inside a real Airflow: logging in, the way there, and who is let in."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from datetime import timedelta
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.e2e.conftest import NEEDS_THE_PAGE, SHOTS
from tests.made_up_year import CITY, LAST_TARGET
from tests.services import free_port

pytestmark = [*NEEDS_THE_PAGE, pytest.mark.timeout(600)]

BIN = Path(sys.executable).parent
START_S = 300  # a busy machine takes minutes where a free one takes 15 s
TARGET = LAST_TARGET - timedelta(weeks=9)
ISSUE_DATE = TARGET - timedelta(days=4)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    pytest.importorskip("airflow", reason="Airflow isn't installed", exc_type=ImportError)
    return tmp_path_factory.mktemp("airflow")


@pytest.fixture(scope="module")
def address(home, database):
    """An Airflow of our own on loopback; its sources are out of reach."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("HOTSPOTS_", "AIRFLOW"))}
    settings = {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PARALLELISM": "2",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "viewer:viewer,admin:admin",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home / "passwords.json"),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{address}/execution/",
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__BASE_URL": address,
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'airflow.db'}",
        "HOTSPOTS_HOME": str(home / "hotspots"),
        "HOTSPOTS_RESULTS_URL": database,
        "HOTSPOTS_REPLAY_URL": "http://127.0.0.1:1",
        "PYTHONWARNINGS": "ignore",
    }
    log = home / "standalone.log"
    with log.open("w") as output:
        server = subprocess.Popen(
            [BIN / "airflow", "standalone"], stdout=output, stderr=output,
            env={**kept, "PATH": f"{BIN}:{os.environ['PATH']}", **settings},
            start_new_session=True,
        )  # fmt: skip
    try:
        wait_until_up(address, server, log)
        yield address
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        try:
            server.wait(timeout=30)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)


def wait_until_up(address, server, log):
    for _ in range(START_S):
        if server.poll() is not None:
            break
        try:
            return ask(f"{address}/api/v2/monitor/health")
        except OSError:
            time.sleep(1)
    raise AssertionError(f"Airflow did not start:\n{log.read_text()[-3000:]}")


def ask(url, body=None, token=None):
    """Return (status, JSON or text) of a request."""
    headers = {"Content-Type": "application/json"}
    headers |= {"Authorization": f"Bearer {token}"} if token else {}
    content = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, content, headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def password_of(home, user):
    return json.loads((home / "passwords.json").read_text())[user]


def token_of(address, home, user):
    login = {"username": user, "password": password_of(home, user)}
    return ask(f"{address}/auth/token", login)[1]["access_token"]


@pytest.fixture
def page(browser, address, home):
    """A viewer's browser, logged in."""
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.goto(f"{address}/auth/login/")
    page.fill("input[name=username]", "viewer")
    page.fill("input[name=password]", password_of(home, "viewer"))
    page.click("button[type=submit]")
    page.wait_for_url(lambda url: "login" not in url)
    yield page
    page.close()


def test_anonymous_requests_get_nothing(address):
    for path in ("", "v1/weeks", f"v1/weeks/{TARGET}/forecast", "v1/openapi.json"):
        assert ask(f"{address}/hotspots/{path}")[0] == 401, path


def test_a_viewers_token_reads_from_outside_and_changes_nothing(address, home, year):
    token = token_of(address, home, "viewer")
    status, week = ask(f"{address}/hotspots/v1/weeks/{TARGET}/forecast", token=token)
    assert status == 200
    assert week["cells"]["mean"] == year.cells_frame(CITY, TARGET)["mean"].tolist()
    assert ask(f"{address}/hotspots/v1/weeks", {}, token)[0] == 405
    trigger = f"{address}/api/v2/dags/weekly_forecast/dagRuns"
    assert ask(trigger, {"logical_date": None}, token)[0] == 403


def test_a_viewer_comes_to_the_map_by_the_navigation(page, address):
    page.get_by_role("link", name="Hotspots").first.click()
    frame = page.frame_locator("iframe")
    frame.locator(f'body[data-week="{LAST_TARGET}"]').wait_for()
    assert frame.locator("#map").get_attribute("data-cells") == "1663"
    assert frame.locator("#provenance").inner_text().startswith("SIMULATED DATA")
    frame.locator("#back").click()
    frame.locator(f'body[data-week="{LAST_TARGET - timedelta(weeks=1)}"]').wait_for()
    with page.expect_download() as waiting:
        frame.locator('#downloads a[href*="csv"]').click()
    assert waiting.value.suggested_filename.endswith("_simulated.csv")
    page.screenshot(path=SHOTS / "in_airflow.png")


def test_a_runs_tab_opens_at_the_runs_week(page, address, home):
    token = token_of(address, home, "admin")
    run = trigger(address, token)
    page.goto(f"{address}/dags/weekly_forecast/runs/{run}/plugin/hotspots_week")
    frame = page.frame_locator("iframe")
    frame.locator(f'body[data-week="{TARGET}"]').wait_for()
    assert frame.locator("#problem").is_hidden()
    page.screenshot(path=SHOTS / "run_tab.png")


def trigger(address, token):
    """Trigger a run and wait until its first task has said which week it is for."""
    runs = f"{address}/api/v2/dags/weekly_forecast/dagRuns"
    request = urllib.request.Request(
        f"{address}/api/v2/dags/weekly_forecast",
        json.dumps({"is_paused": False}).encode(),
        {"Content-Type": "application/json", "Authorization": f"Bearer {token}"},
        method="PATCH",
    )
    for _ in range(START_S):
        try:
            urllib.request.urlopen(request, timeout=30).close()
            break
        except urllib.error.HTTPError:  # the DAG isn't read yet
            time.sleep(1)
    body = {"logical_date": None, "conf": {"issue_date": str(ISSUE_DATE)}}
    run = ask(runs, body, token)[1]["dag_run_id"]
    answer = f"{runs}/{run}/taskInstances/resolve_week/xcomEntries/return_value"
    for _ in range(START_S):
        if ask(answer, token=token)[0] == 200:
            return run
        time.sleep(1)
    raise AssertionError("resolve_week did not end")
