"""A city whose newest week failed, on the page: one sentence, until a newer forecast is there."""

from datetime import UTC, datetime, time, timedelta

import pytest

from pipeline.domain.errors import StaleData
from pipeline.domain.weeks import WEEK
from pipeline.results.store.writer import ResultsStore
from pipeline.settings import Settings
from pipeline.workflow.operations.staleness import marks_stale
from pipeline.workflow.plan import make_plan
from tests.e2e.conftest import NEEDS_THE_PAGE, SHOTS
from tests.made_up_year import CITY, LAST_TARGET, fill
from tests.page_app import served_page
from tests.unit.results.samples import make_weeks, publish, small_cells

ISSUED = LAST_TARGET + timedelta(days=3)  # the Wednesday on which the next one is due
ERROR = StaleData("freshness_stale: found 40 days. Data Docs: /srv/hotspots/data_docs/index.html")
SENTENCE = (
    "STALE since 18 Nov 2026: the city's newest reports are too old to forecast from, so the week "
    "of 22 Nov 2026 has no forecast yet; the last one, for the week of 15 Nov 2026, is still shown."
)
INSIDE = ("StaleData", "freshness_stale", "/srv")

pytestmark = NEEDS_THE_PAGE


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    return Settings(home=tmp_path_factory.mktemp("stale"))


@pytest.fixture(scope="module")
def address(airflow_home, settings):
    fill(settings.results_database, weeks=5)
    with served_page(settings.results_database) as address:
        yield address


@marks_stale
def pull(_settings, _plan):
    raise ERROR


def run(settings, issue_date, **chosen):
    now = datetime.combine(ISSUED, time(14), UTC)
    plan = make_plan(settings, city=CITY, issue_date=issue_date, now=now, **chosen)
    with pytest.raises(StaleData):
        pull(settings, plan)


def opened(browser, address, view="map"):
    page = browser.new_page(viewport={"width": 1280, "height": 800}, locale="en-GB")
    page.goto(f"{address}/?view={view}")
    page.wait_for_selector(f'body[data-view="{view}"]')
    return page


def test_two_scored_weeks_give_no_interval(browser, address):
    page = opened(browser, address, "skill")
    text = page.inner_text('[data-shown="skill"]')
    assert "Over 2 scored weeks the forecast's error was" in text
    assert "It takes 13 weeks to say how much of that is chance." in text
    assert "95 % interval " not in page.inner_text('[data-shown="skill"] .lead')
    page.screenshot(path=SHOTS / "skill_of_two_weeks.png")


def test_a_reader_sees_one_sentence_an_operator_the_rest_until_a_newer_forecast(
    browser, address, settings
):
    run(settings, ISSUED - WEEK)  # by hand, for another date
    run(settings, ISSUED, publish=False)
    assert opened(browser, address).is_hidden("#stale")

    run(settings, ISSUED, occasion="scheduled")
    for view in ("map", "skill", "weeks", "about"):
        page = opened(browser, address, view)
        assert page.inner_text("#stale") == SENTENCE
        assert not any(word in page.inner_text("body") for word in INSIDE)
        page.screenshot(path=SHOTS / f"stale_{view}.png")
    page.click('[data-view="trust"]')
    page.wait_for_selector('body[data-view="trust"]')
    assert page.inner_text("#stale") == SENTENCE
    assert page.inner_text("#stale-detail") == f"StaleData: {ERROR}"
    page.screenshot(path=SHOTS / "stale_trust.png", full_page=True)

    newer = LAST_TARGET + WEEK
    store = ResultsStore(settings.results_database)
    publish(store, small_cells(), city=CITY, target=newer, weeks=make_weeks(newer))
    page.click('[data-view="map"]')
    page.reload()
    page.wait_for_selector(f'body[data-view="map"][data-week="{LAST_TARGET}"]')
    assert page.is_hidden("#stale")
    page.screenshot(path=SHOTS / "stale_no_more.png")
