"""What Airflow's forms, its REST API and its command line refuse, and that they say why."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.e2e.conftest import BROWSER, CI, SHOTS
from tests.e2e.forms import Form, logged_in
from tests.services import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
CLICKED = pytest.mark.skipif(not (CI or BROWSER.is_file()), reason=f"no browser at {BROWSER}")

CITY = "los_angeles"


@pytest.fixture(scope="module")
def users(airflow):
    return {user: airflow.api(user) for user in ("admin", "viewer")}


@pytest.fixture(scope="module")
def page(browser, airflow):
    """An admin's browser, logged in."""
    with logged_in(browser, airflow, "admin") as page:
        yield page


def end_queued(admin, dag):
    """Delete the runs of a DAG."""
    path = f"api/v2/dags/{dag}/dagRuns"
    for run in admin.ask(path)[1]["dag_runs"]:
        assert admin.ask(f"{path}/{run['dag_run_id']}", method="DELETE")[0] == 204


def test_bad_values_are_refused_with_the_reason_and_nothing_runs(airflow, users):
    users["admin"].unpause("retrain_model")
    bad = {
        "city": ("../etc", "is not one of"),
        "issue_date": ("11/25/2026", "is not a 'date'"),
        "notes": ("x" * 501, "is too long"),
        "isue_date": ("2026-11-25", "Did you mean issue_date?"),
    }
    for name, (value, reason) in bad.items():
        status, said = users["admin"].trigger("retrain_model", **{name: value})
        assert status == 400
        assert reason in said["detail"]
    for day, reason in (("2030-01-02", "lies after"), ("2001-01-03", "before the first report")):
        status, said = users["admin"].trigger("retrain_model", issue_date=day)
        assert (status, reason in said["detail"]) == (400, True), said
    assert airflow.run_states("retrain_model") == {}


def test_a_backfill_of_one_issue_date_is_refused_by_the_api_and_the_command_line(airflow, users):
    wait_for(lambda: users["admin"].ask("api/v2/dags/weekly_forecast")[0] == 200, 300, "the DAG")
    conf = {"issue_date": "2026-11-11"}
    asked = {"dag_id": "weekly_forecast", "from_date": "2026-11-01T00:00:00Z"}
    asked |= {"to_date": "2026-11-12T00:00:00Z", "dag_run_conf": conf}
    status, said = users["admin"].ask("api/v2/backfills", asked, "POST")
    assert (status, "all of them that one" in said["detail"]) == (422, True), said
    words = ["backfill", "create", "--dag-id", "weekly_forecast", "--from-date", "2026-11-01"]
    words += ["--to-date", "2026-11-12", "--dag-run-conf", json.dumps(conf)]
    with pytest.raises(AssertionError, match="A backfill runs each of its weeks"):
        airflow.run("airflow", *words)
    with pytest.raises(AssertionError, match="There is no field 'isue_date'"):
        airflow.run(
            "airflow", "dags", "trigger", "weekly_forecast", "--conf", '{"isue_date": "2026-11-11"}'
        )
    assert airflow.rows("select id from backfill") == []
    assert airflow.run_states("weekly_forecast") == {}


@CLICKED
@pytest.mark.parametrize("dag", ["weekly_forecast", "retrain_model", "load_history"])
def test_a_form_opens_ready_to_press(airflow, users, page, dag):
    path, paused = f"api/v2/dags/{dag}", {"is_paused": True}  # the run shall wait
    wait_for(lambda: users["admin"].ask(path, paused, "PATCH")[0] == 200, 300, f"{dag} is read")
    form = Form(page, airflow.address, dag)
    page.screenshot(path=SHOTS / f"form_{dag}.png")
    form.trigger.click()
    form.dialog.wait_for(state="hidden")
    wait_for(lambda: airflow.run_states(dag) == {"manual": "queued"}, 60, f"a run of {dag}")
    end_queued(users["admin"], dag)


WRONG = {
    "future": ("2030-01-02", "lies after"),
    "before": ("2001-01-03", "lies before the first report of Los Angeles"),
}


@CLICKED
@pytest.mark.parametrize("dag", ["weekly_forecast", "retrain_model"])
@pytest.mark.parametrize("what", WRONG)
def test_a_form_shows_why_a_date_is_wrong(airflow, page, dag, what):
    day, reason = WRONG[what]
    form = Form(page, airflow.address, dag)
    form.fill("issue_date", day)
    form.trigger.click()
    form.shows(reason)
    page.screenshot(path=SHOTS / f"form_{dag}_{what}.png")
    assert airflow.run_states(dag) == {}


@CLICKED
@pytest.mark.parametrize("dag", ["weekly_forecast", "retrain_model", "load_history"])
def test_a_form_shows_why_a_name_is_wrong(airflow, page, dag):
    form = Form(page, airflow.address, dag)
    form.paste_json(json.dumps({"city": CITY, "isue_date": "2026-11-04"}))
    form.trigger.click()
    form.shows("There is no field 'isue_date'")
    page.screenshot(path=SHOTS / f"form_{dag}_name.png")
    assert airflow.run_states(dag) == {}


@CLICKED
def test_the_backfill_dialog_shows_why_it_takes_no_issue_date(airflow, page):
    form = Form(page, airflow.address, "weekly_forecast")
    run = form.choose_backfill("2026/11/01", "2026/11/12")
    form.fill("issue_date", "2026-11-11")
    form.dialog.get_by_text("Override parameters on existing runs").click()
    run.click()
    form.shows("would make all of them that one")
    page.screenshot(path=SHOTS / "backfill_refused.png")
    assert airflow.rows("select id from backfill") == []


def test_all_who_ask_at_once_are_answered(users):
    runs = "api/v2/dags/load_history/dagRuns"
    wait_for(lambda: users["admin"].ask(runs)[0] == 200, 300, "load_history is read")
    with ThreadPoolExecutor(8) as pool:
        asked = list(pool.map(lambda _: users["admin"].trigger("load_history"), range(16)))
        assert {status for status, _ in asked} == {200}
        paths = [f"{runs}/{run['dag_run_id']}" for _, run in asked]
        ended = pool.map(lambda path: users["admin"].ask(path, method="DELETE")[0], paths)
        assert set(ended) == {204}
