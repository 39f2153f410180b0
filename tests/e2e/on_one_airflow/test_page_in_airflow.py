"""The Hotspots page inside a real Airflow: logging in, the way there, and who is let in."""

from datetime import timedelta
from urllib.parse import unquote

import pytest
from sqlalchemy import select, update

from pipeline.results.store.database import make_engine, transaction
from pipeline.results.store.seals import seal
from pipeline.results.store.tables import Run
from pipeline.results.store.writer import ResultsStore
from tests.api import STARTS_IN_S
from tests.e2e.conftest import NEEDS_THE_PAGE, SHOTS
from tests.e2e.forms import LONGEST_MS, logged_in
from tests.e2e.on_one_airflow.conftest import ISSUE_DATE, TARGET
from tests.made_up_year import CITY, LAST_TARGET
from tests.services import wait_for

pytestmark = [*NEEDS_THE_PAGE, pytest.mark.timeout(600)]

CELL = (32, 48)
POINT_ON_MAP = """(map, [row, col]) => {
  const at = hotspots.pointOf(row, col), { left, top } = map.getBoundingClientRect();
  return { x: at.x - left, y: at.y - top };
}"""


@pytest.fixture
def page(browser, airflow):
    """A viewer's browser, logged in."""
    with logged_in(browser, airflow, "viewer") as page:
        yield page


def test_anonymous_requests_get_nothing(airflow):
    anybody = airflow.api()
    for path in ("", "v1/weeks", f"v1/weeks/{TARGET}/forecast", "v1/openapi.json"):
        assert anybody.ask(f"hotspots/{path}")[0] == 401, path


def test_a_viewers_token_reads_from_outside_and_changes_nothing(airflow, year):
    viewer = airflow.api("viewer")
    status, week = viewer.ask(f"hotspots/v1/weeks/{TARGET}/forecast")
    assert status == 200
    assert week["cells"]["mean"] == year.cells_frame(CITY, TARGET)["mean"].tolist()
    assert viewer.ask("hotspots/v1/weeks", {}, "POST")[0] == 405
    assert viewer.trigger("weekly_forecast")[0] == 403


def test_a_viewer_comes_to_the_map_by_the_navigation(page):
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


def test_the_map_answers_inside_airflow(page, airflow, year):
    page.goto(f"{airflow.address}/dags")
    page.get_by_role("link", name="Hotspots").first.click()
    frame = page.frame_locator("iframe")
    frame.locator(f'body[data-week="{LAST_TARGET}"]').wait_for()
    frame.locator("#slider").focus()
    page.keyboard.press("ArrowLeft")
    week = LAST_TARGET - timedelta(weeks=1)
    frame.locator(f'body[data-week="{week}"]').wait_for()
    frame.locator("#layers input[value=long_run]").check()
    frame.locator('#map[data-layer="long_run"]').wait_for()
    row, col = CELL
    at = frame.locator("#map").evaluate(POINT_ON_MAP, [row, col])
    frame.locator("#map").click(position=at)
    frame.locator(f'#cell[data-cell="{row},{col}"]').wait_for()
    cells = year.cells_frame(CITY, week).set_index(["row", "col"])
    assert f"{cells.loc[CELL, 'mean']:.2f} reports" in frame.locator("#cell").inner_text()


def test_a_link_to_a_week_leads_through_the_login_and_back(browser, airflow):
    page = browser.new_page()
    page.set_default_timeout(LONGEST_MS)
    page.goto(f"{airflow.address}/hotspots/?week={TARGET}&view=trust&cell=2448")
    page.fill("input[name=username]", "viewer")
    page.fill("input[name=password]", airflow.password("viewer"))
    page.click("button[type=submit]")
    page.wait_for_selector(f'body[data-week="{TARGET}"][data-view="trust"]')
    assert "cell=2448" in page.url
    page.close()


def test_airflows_own_bar_holds_the_address_and_a_copied_link_leads_back(page, airflow):
    page.goto(airflow.address)
    page.get_by_role("link", name="Hotspots").first.click()
    frame = page.frame_locator("iframe")
    frame.locator(f'body[data-week="{LAST_TARGET}"]').wait_for()
    frame.locator("#back").click()
    week = LAST_TARGET - timedelta(weeks=1)
    frame.locator(f'body[data-week="{week}"]').wait_for()
    frame.locator('[data-view="weeks"]').first.click()
    frame.locator('body[data-view="weeks"]').wait_for()
    assert f"week={week}&view=weeks" in page.url
    assert page.title().startswith("Los Angeles, ")
    frame.locator("#copy").click()
    frame.locator("#copied", has_text="Copied").wait_for()
    link = page.evaluate("navigator.clipboard.readText()")
    assert link == page.url
    page.go_back()
    frame.locator('body[data-view="map"]').wait_for()
    page.get_by_role("link", name="Dags").first.click()
    page.wait_for_url(f"{airflow.address}/dags**")
    page.wait_for_function("() => !document.title.startsWith('Los Angeles')")
    page.goto(airflow.address)
    page.goto(link)
    frame.locator(f'body[data-week="{week}"][data-view="weeks"]').wait_for()
    assert page.get_by_role("link", name="Hotspots").first.is_visible()
    page.screenshot(path=SHOTS / "link_in_airflow.png")


def test_airflows_dark_mode_is_followed(page, airflow):
    page.goto(airflow.address)
    page.evaluate("localStorage.setItem('theme', 'dark')")
    page.goto(f"{airflow.address}/plugin/hotspots")
    frame = page.frame_locator("iframe")
    frame.locator(f'body[data-week="{LAST_TARGET}"]').wait_for()
    frame.locator(':root[data-theme="dark"]').wait_for()
    page.screenshot(path=SHOTS / "dark_in_airflow.png")


@pytest.fixture(scope="module")
def run(airflow):
    """A run for the target week, which has got as far as to know that."""
    return trigger(airflow.api("admin"))


def test_a_runs_tab_opens_at_the_runs_week(page, airflow, run):
    page.goto(f"{airflow.address}/dags/weekly_forecast/runs/{run}/plugin/hotspots_week")
    frame = page.frame_locator("iframe")
    frame.locator(f'body[data-week="{TARGET}"]').wait_for()
    assert frame.locator("#problem").is_hidden()
    page.screenshot(path=SHOTS / "run_tab.png")


def test_a_week_leads_to_the_run_that_made_it(page, airflow, run, store):
    made_by = update(Run).where(Run.city == CITY, Run.target_week == TARGET)
    with transaction(make_engine(store), is_write=True) as session:
        session.execute(made_by.values(run_id=f"weekly_forecast/{run}"))
        stored = session.scalar(select(Run.id).where(Run.city == CITY, Run.target_week == TARGET))
        seal(session, Run, (stored,))  # as if it had been published so
    # A stored run never changes; a score more makes the server look again all the same.
    later = LAST_TARGET + timedelta(weeks=1)
    ResultsStore(store).save_scores(CITY, TARGET, 1, {"mean_20": {"mae": 1.0}}, later)
    page.goto(f"{airflow.address}/dags/weekly_forecast/runs/{run}/plugin/hotspots_week")
    frame = page.frame_locator("iframe")
    frame.locator(f'body[data-week="{TARGET}"]').wait_for()
    frame.locator('[data-view="trust"]').first.click()
    frame.get_by_role("link", name="The run in Airflow").click()
    # The link leaves the frame; the run's own page shows its steps.
    page.wait_for_url(lambda url: unquote(url).endswith(f"/dags/weekly_forecast/runs/{run}"))
    page.locator("table", has_text="resolve_week").first.wait_for()
    assert page.locator("iframe").count() == 0
    page.screenshot(path=SHOTS / "run_in_airflow.png")


def test_a_week_leads_to_its_data_docs(page, airflow, data_docs):
    page.goto(airflow.address)
    page.get_by_role("link", name="Hotspots").first.click()
    frame = page.frame_locator("iframe")
    frame.locator(f'body[data-week="{LAST_TARGET}"]').wait_for()
    for _ in range(9):
        frame.locator("#back").click()
    frame.locator(f'body[data-week="{TARGET}"]').wait_for()
    frame.locator('[data-view="trust"]').first.click()
    elsewhere = []
    page.on("request", lambda r: "//127.0.0.1" in r.url or elsewhere.append(r.url))
    frame.get_by_role("link", name="Great Expectations").click()
    page.wait_for_url(f"{data_docs}/{CITY}/{ISSUE_DATE}/incidents/index.html")
    results = page.get_by_role("link", name="Results of").all_inner_texts()
    assert results == [f"Results of incidents_{part}" for part in ("rows", "schema", "table")]
    page.screenshot(path=SHOTS / "data_docs.png")
    assert elsewhere == []


def trigger(admin):
    """Trigger a run and wait until its first task has said which week it is for."""
    admin.unpause("weekly_forecast")
    run = admin.trigger("weekly_forecast", issue_date=f"{ISSUE_DATE}")[1]["dag_run_id"]
    task = f"api/v2/dags/weekly_forecast/dagRuns/{run}/taskInstances/resolve_week"
    answer = f"{task}/xcomEntries/return_value"
    wait_for(lambda: admin.ask(answer)[0] == 200, STARTS_IN_S, "resolve_week")
    return run
