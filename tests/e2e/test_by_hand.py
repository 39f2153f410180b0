"""By hand beside the schedule: runs asked for on Airflow's pages and over the REST API."""

import json
import re
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote
from zoneinfo import ZoneInfo

import pytest

from pipeline.domain.weeks import WEEK, target_week_of
from pipeline.model.registry import Registry
from pipeline.results.store.writer import ResultsStore
from pipeline.settings import Settings
from tests.conftest import ROOT
from tests.e2e.conftest import (
    BROWSER,
    CI,
    SHOTS,
    START_OF_LIVING,
    dags_changed_by,
    quick_settings,
    served,
)
from tests.e2e.forms import Form, answer_required_action, logged_in
from tests.services import wait_for
from tests.smtp_server import MailServer
from tests.standalone import Standalone

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]
CLICKED = pytest.mark.skipif(not (CI or BROWSER.is_file()), reason=f"no browser at {BROWSER}")

CITY = "los_angeles"
SUBSCRIBERS = ["one@example.org", "two@example.org"]
OPERATIONS, EXAMPLE = ROOT / "docs" / "operations.md", "after_a_forecast"


@pytest.fixture(scope="module")
def docs(tmp_path_factory):
    """The folder of an Airflow's all, and the address that serves its Data Docs."""
    folder = tmp_path_factory.mktemp("by_hand")
    with served(folder / "hotspots" / "data_docs") as address:
        yield folder, address


@pytest.fixture(scope="module")
def mail_server():
    with MailServer() as server:
        yield server


def on_the_mailing_list(server):
    """Return settings, as environment variables, that mail each new week's report."""
    extra = {"from_email": "hotspots@example.org", "disable_ssl": True, "disable_tls": True}
    told = {"conn_type": "smtp", "host": "127.0.0.1", "port": server.port, "extra": extra}
    return {
        "HOTSPOTS_REPORT_TO": ", ".join(SUBSCRIBERS),
        "AIRFLOW_CONN_HOTSPOTS_SMTP": json.dumps(told),
    }


@pytest.fixture(scope="module")
def airflow(docs, living_sources, mail_server):
    """Our DAGs, but for a challenger that does worse, and the DAG that our docs show."""
    folder, address = docs
    settings = {
        **dags_changed_by(folder / "dags", "retrain_model", "tests.spoiled:spoil_the_challenger"),
        **quick_settings(living_sources.url, START_OF_LIVING),
        **on_the_mailing_list(mail_server),
    }
    [example] = re.findall(r"```python\n(.*?)```", OPERATIONS.read_text(), re.DOTALL)
    (folder / "dags" / f"{EXAMPLE}.py").write_text(example)
    airflow = Standalone(folder, **settings, HOTSPOTS_DATA_DOCS_URL=address)
    with airflow.up():
        yield airflow


@pytest.fixture(scope="module")
def target(settings):
    """The week that is forecast, as text."""
    [stored] = ResultsStore(settings.results_database).weeks(CITY)
    return f"{stored.record.weeks.target_week}"


@pytest.fixture(scope="module")
def users(airflow):
    return {user: airflow.api(user) for user in ("admin", "viewer")}


@pytest.fixture(scope="module")
def settings(airflow):
    known = airflow.environment
    return Settings(home=known["HOTSPOTS_HOME"], history_start=known["HOTSPOTS_HISTORY_START"])


@pytest.fixture(scope="module")
def admins_page(browser, airflow):
    with logged_in(browser, airflow, "admin") as page:
        yield page


@pytest.fixture
def page(admins_page):
    """An admin's browser, logged in."""
    yield admins_page
    leave(admins_page)


def leave(page):
    """Close what is open: a page of Airflow's that nobody looks at asks and draws all the time."""
    page.goto("about:blank")


def test_a_run_by_hand_and_the_scheduled_one_of_a_week_end_with_the_same_forecast(
    airflow, users, settings
):
    users["admin"].unpause(EXAMPLE)
    users["admin"].unpause("weekly_forecast")
    query = "select data_interval_end from dag_run where run_type = 'scheduled'"
    wait_for(lambda: airflow.rows(query), 120, "the scheduled run")
    end = datetime.fromisoformat(str(airflow.rows(query)[0]["data_interval_end"]))
    issued = end.replace(tzinfo=UTC).astimezone(ZoneInfo("America/Los_Angeles")).date()
    status, run = users["admin"].trigger(
        "weekly_forecast", issue_date=f"{issued}", notes="beside the schedule"
    )
    assert (status, run["run_type"]) == (200, "manual")
    _, dry = users["admin"].trigger("weekly_forecast", issue_date=f"{issued}", publish=False)
    by_hand = f"api/v2/dags/weekly_forecast/dagRuns/{run['dag_run_id']}"
    assert users["admin"].ask(by_hand, {"note": "a person's"}, "PATCH")[0] == 200
    tasks = airflow.tasks_when_done(600)
    assert {task["state"] for task in tasks} == {"success"}, airflow.story()
    assert len([task for task in tasks if task["dag_id"] == "weekly_forecast"]) == 33

    [stored] = ResultsStore(settings.results_database).weeks(CITY)
    assert stored.record.weeks.issue_date == issued
    assert stored.record.weeks.target_week == target_week_of(issued)
    assert stored.revision == 1
    query = "select run_id from dag_run where dag_id = 'weekly_forecast'"
    for name in [row["run_id"] for row in airflow.rows(query)]:
        path = f"api/v2/dags/weekly_forecast/dagRuns/{name}/taskInstances/publish"
        _, made = users["viewer"].ask(f"{path}/xcomEntries/return_value")
        assert stored.record.forecast_sha256 in str(made["value"])

    path = "api/v2/dags/weekly_forecast/dagRuns"
    runs = {run["dag_run_id"]: run for run in users["viewer"].ask(path)[1]["dag_runs"]}
    assert runs.pop(run["dag_run_id"])["note"] == "a person's"
    week = f"Week of {stored.record.weeks.target_week}: "
    assert re.match(
        week + r"\d+ expected, dry run, nothing stored\n", runs.pop(dry["dag_run_id"])["note"]
    )
    [(name, scheduled)] = runs.items()
    assert re.match(week + r"\d+ expected, published \(revision 1\)\n", scheduled["note"])
    _, said = users["viewer"].ask(f"{path}/{name}/taskInstances/resolve_week/xcomEntries/note")
    assert said["value"][:500] in scheduled["note"]


def test_a_published_forecast_and_no_dry_run_starts_the_dag_of_the_docs(airflow, users, settings):
    [stored] = ResultsStore(settings.results_database).weeks(CITY)
    week, sha256 = f"{stored.record.weeks.target_week}", stored.record.forecast_sha256
    query = (
        "select a.name, e.partition_key, e.extra "
        "from asset_event e join asset a on a.id = e.asset_id"
    )
    events = [{**row, **json.loads(row["extra"])} for row in airflow.rows(query)]
    kinds = Counter(event["name"].removeprefix(f"hotspots/{CITY}/") for event in events)
    assert set(kinds) == {"crime_snapshots", "weather_snapshots", "cube", "model", "forecast"}
    assert (kinds["cube"], kinds["forecast"]) == (3, 2)  # the dry run has none of a forecast
    assert {event["partition_key"] for event in events} == {week}
    assert all(event["week"] == week and event["rows"] and event["sha256"] for event in events)
    forecast = next(event for event in events if event["name"].endswith("/forecast"))
    told = {name: forecast[name] for name in ("rows", "revision", "provenance", "sha256")}
    assert told == {"rows": 1663, "revision": 1, "provenance": "simulated", "sha256": sha256}

    wait_for(lambda: set(airflow.run_states(EXAMPLE).values()) == {"success"}, 300, EXAMPLE)
    query = f"select distinct partition_key from dag_run where dag_id = '{EXAMPLE}'"
    assert airflow.rows(query) == [{"partition_key": week}]
    logs = Path(airflow.environment["AIRFLOW_HOME"], "logs", f"dag_id={EXAMPLE}").rglob("*.log")
    line = f"{week}: {forecast['expected']:.0f} expected, simulated, revision 1"
    assert any(line in log.read_text() for log in logs)


def test_the_report_was_mailed_once_to_those_who_asked(mail_server, settings, target):
    ((to, mail),) = mail_server.mails  # of two runs that published the week, and a dry one
    assert to == SUBSCRIBERS
    assert mail["subject"].endswith("(simulated data)")
    assert "SIMULATED DATA" in mail.get_body(("plain",)).get_content()
    (sheet,) = mail.iter_attachments()
    assert sheet.get_filename() == f"{CITY}_{target}_report.html"
    written = settings.home / "reports" / CITY / target / "report.html"
    assert sheet.get_content().splitlines() == written.read_text().splitlines()


@pytest.fixture(scope="module")
def finished(airflow):
    """The address of the scheduled run, which has published."""
    query = "select run_id from dag_run where dag_id = 'weekly_forecast'"
    [run] = airflow.rows(f"{query} and run_type = 'scheduled'")
    return f"{airflow.address}/dags/weekly_forecast/runs/{quote(run['run_id'], safe='')}"


@CLICKED
def test_a_runs_page_says_in_a_line_what_came_of_it_and_its_tab_shows_the_week(
    page, finished, target
):
    page.goto(finished)
    page.get_by_text(re.compile(rf"Week of {target}: \d+ expected, published")).first.wait_for()
    page.screenshot(path=SHOTS / "run_note.png")
    page.get_by_role("link", name="Hotspots").last.click()
    page.frame_locator("iframe").locator(f'body[data-week="{target}"]').wait_for()


@CLICKED
@pytest.mark.parametrize("task", ["publish", "report"])
def test_a_task_that_finishes_a_week_leads_to_page_report_and_data_docs(
    page, finished, target, docs, task
):
    # Data Docs ask for scripts from the network, which isn't there.
    page.route(re.compile(r"^https?://(?!127\.0\.0\.1)"), lambda route: route.abort())
    page.goto(f"{finished}/tasks/{task}")
    page.get_by_role("link", name="Details").click()
    page.get_by_role("link", name="Hotspots page").click()
    page.locator(f'body[data-week="{target}"]').wait_for()
    page.go_back()
    report = page.get_by_role("link", name="Report", exact=True)
    report.wait_for()
    page.screenshot(path=SHOTS / f"links_of_{task}.png")
    report.click()
    page.get_by_role("heading", name="Los Angeles: week of").wait_for()
    page.go_back()
    with page.expect_popup() as opened:
        page.get_by_role("link", name="Data Docs").click()
    opened.value.wait_for_url(re.compile(rf"^{docs[1]}/{CITY}/.*/incidents/index.html"))


@CLICKED
def test_a_task_has_its_own_docs(page, airflow):
    page.goto(f"{airflow.address}/dags/weekly_forecast/tasks/validate")
    page.get_by_role("button", name="Documentation").click()
    page.get_by_text("Makes one row of each incident").wait_for()
    page.get_by_text("the data can't carry a forecast").wait_for()
    page.screenshot(path=SHOTS / "task_docs.png")


@CLICKED
def test_the_assets_page_shows_what_a_forecast_is_made_from(page, airflow):
    page.goto(f"{airflow.address}/assets")
    page.get_by_role("link", name=f"hotspots/{CITY}/forecast").click()
    page.get_by_role("button", name="Task Dependencies").click()
    nodes = page.locator(".react-flow__node")
    for kind in ("crime_snapshots", "weather_snapshots", "cube", "model", "forecast"):
        nodes.filter(has_text=f"hotspots/{CITY}/{kind}").first.wait_for()
    for task in ("pull_crime", "build_grid", "train", "publish"):
        nodes.filter(has_text=task).first.wait_for()
    page.screenshot(path=SHOTS / "asset.png")


@CLICKED
def test_a_worse_model_waits_for_a_person_who_sees_the_scores(airflow, users, page, settings):
    users["admin"].unpause("retrain_model")
    before = Registry(settings, CITY).champion().sha256
    # As of four weeks before, so that it learns from other weeks than the champion on any day.
    [stored] = ResultsStore(settings.results_database).weeks(CITY)
    earlier = stored.record.weeks.issue_date - 4 * WEEK
    form = Form(page, airflow.address, "retrain_model")
    form.fill("issue_date", f"{earlier}")
    form.fill("notes", "to see how it does")
    form.trigger.click()
    form.dialog.wait_for(state="hidden")
    [run] = users["admin"].ask("api/v2/dags/retrain_model/dagRuns")[1]["dag_runs"]
    assert run["conf"]["notes"] == "to see how it does"
    leave(page)
    path = f"api/v2/dags/retrain_model/dagRuns/{run['dag_run_id']}/taskInstances/approve/-1"
    wait_for(lambda: users["viewer"].ask(f"{path}/hitlDetails")[0] == 200, 600, "the request")
    _, asked = users["viewer"].ask(f"{path}/hitlDetails")
    assert "The challenger is **worse**" in asked["body"]
    assert "long-run mean of the cell | " in asked["body"]
    assert asked["defaults"] == ["Reject"]
    assert Registry(settings, CITY).champion().sha256 == before

    time.sleep(10)  # an answer within the second makes Airflow take the paused task for a lost one
    answer = {"chosen_options": ["Approve"]}
    assert users["viewer"].ask(f"{path}/hitlDetails", answer, "PATCH")[0] == 403
    answer_required_action(page, airflow.address, "Approve")
    tasks = airflow.tasks_when_done(300)
    assert {task["state"] for task in tasks} == {"success"}, airflow.story()
    assert Registry(settings, CITY).champion().sha256 != before


@CLICKED
def test_a_backfill_by_the_dialog_runs_to_its_end(airflow, page, settings):
    [stored] = ResultsStore(settings.results_database).weeks(CITY)
    issued = stored.record.weeks.issue_date
    form = Form(page, airflow.address, "weekly_forecast")
    day = f"{issued - 2 * WEEK:%Y/%m/%d}"  # the interval that ends a week before
    run = form.choose_backfill(day, day)
    form.dialog.get_by_text("1 run will be triggered").wait_for()
    page.screenshot(path=SHOTS / "backfill.png")
    run.click()
    form.dialog.wait_for(state="hidden")
    leave(page)
    wait_for(lambda: airflow.rows("select id from backfill"), 60, "the backfill")
    airflow.tasks_when_done(600)
    assert airflow.run_states("weekly_forecast")["backfill"] == "success", airflow.story()
    weeks = ResultsStore(settings.results_database).weeks(CITY)
    assert {week.record.weeks.issue_date for week in weeks} == {issued, issued - WEEK}
    page.goto(f"{airflow.address}/dags/weekly_forecast/backfills")
    page.get_by_role("row").nth(1).wait_for()
    page.screenshot(path=SHOTS / "backfill_done.png")


@pytest.mark.parametrize("written", [{}, {"note": "a person's"}])
def test_a_run_that_a_person_ends_has_a_note_too(users, written):
    _, run = users["admin"].trigger("weekly_forecast", notes="to be ended")
    path = f"api/v2/dags/weekly_forecast/dagRuns/{run['dag_run_id']}"
    resolved = f"{path}/taskInstances/resolve_week/xcomEntries/return_value"
    wait_for(lambda: users["admin"].ask(resolved)[0] == 200, 300, "resolve_week")
    status, ended = users["admin"].ask(path, {"state": "failed", **written}, "PATCH")
    assert (status, ended["state"]) == (200, "failed")
    _, kept = users["viewer"].ask(path)
    assert kept["note"] == ended["note"]
    assert written.get("note", "ended before it was done") in kept["note"]
