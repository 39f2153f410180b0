"""A city outside the package on schedule: from its file to its DAG, a stored week and the page."""

from datetime import timedelta

import pytest

from pipeline.domain.city import load_city
from pipeline.replay.recorded import RecordedData
from pipeline.replay.server import ReplayServer
from pipeline.results.store.writer import ResultsStore
from tests.e2e.conftest import NEEDS_THE_PAGE, SHOTS, START_OF_LIVING, TODAY, quick_settings
from tests.e2e.forms import logged_in
from tests.own_city import LEAST, NAME, WEEKLY, write_city, write_reports
from tests.services import wait_for
from tests.standalone import Standalone

pytestmark = [*NEEDS_THE_PAGE, pytest.mark.timeout(1800)]

DAG = f"weekly_forecast_{NAME}"
WEEKS = 66


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The folder of cities, as docs/cities.md has it."""
    folder = tmp_path_factory.mktemp("cities")
    write_city(folder, LEAST, WEEKLY)
    return folder


@pytest.fixture(scope="module")
def portal(folder, tmp_path_factory):
    reports = write_reports(
        tmp_path_factory.mktemp("reports"), TODAY - timedelta(days=1), weeks=WEEKS
    )
    with ReplayServer(RecordedData(reports, city=load_city(NAME, folder))) as server:
        yield server


@pytest.fixture(scope="module")
def airflow(tmp_path_factory, folder, portal):
    pytest.importorskip("airflow", reason="Airflow isn't installed", exc_type=ImportError)
    airflow = Standalone(
        tmp_path_factory.mktemp("own_city"),
        HOTSPOTS_CITIES=f"los_angeles,{NAME}",
        HOTSPOTS_CITIES_DIR=str(folder),
        **quick_settings(portal.url, START_OF_LIVING),
    )
    with airflow.up():
        yield airflow


@pytest.fixture
def page(browser, airflow):
    """A viewer's browser, logged in."""
    with logged_in(browser, airflow, "viewer") as page:
        yield page


def test_its_scheduled_week_comes_to_the_page(airflow, page, folder):
    airflow.api("admin").unpause(DAG)
    query = f"select run_type, state from dag_run where dag_id = '{DAG}'"
    wait_for(lambda: airflow.rows(query), 300, "the scheduled run")
    tasks = airflow.tasks_when_done(1200)
    assert {task["state"] for task in tasks} == {"success"}, airflow.story()
    assert airflow.rows(query) == [{"run_type": "scheduled", "state": "success"}]

    [stored] = ResultsStore(f"sqlite:///{airflow.environment['HOTSPOTS_HOME']}/results.db").weeks(
        NAME
    )
    assert stored.record.run_id.startswith(f"{DAG}/")
    week = stored.record.weeks.target_week

    viewer = airflow.api("viewer")
    status, listed = viewer.ask(f"hotspots/v1/weeks?city={NAME}")
    assert (status, listed["cities"]) == (200, [NAME])
    status, geometry = viewer.ask(f"hotspots/v1/geometry?city={NAME}")
    assert (status, geometry["south"]) == (200, load_city(NAME, folder).grid.south)

    page.get_by_role("link", name="Hotspots").first.click()
    frame = page.frame_locator("iframe")
    frame.locator(f'body[data-week="{week}"]').wait_for()
    assert frame.locator("#city").input_value() == NAME
    cells = viewer.ask(f"hotspots/v1/weeks/{week}/forecast?city={NAME}")[1]["cells"]["row"]
    assert frame.locator("#map").get_attribute("data-cells") == str(len(cells))
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SHOTS / "own_city.png")
    airflow.run("hotspots", "show", "--city", NAME)
