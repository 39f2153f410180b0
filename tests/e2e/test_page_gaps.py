"""Six weeks on the Hotspots page, one of which was never issued."""

import pytest

from tests.e2e.conftest import NEEDS_THE_PAGE, SHOTS
from tests.e2e.page_steps import QUIET, WEEK, colours_around, open_page, wait_for
from tests.e2e.test_site import published, written
from tests.made_up_year import LAST_TARGET, fill
from tests.page_app import served_page

MISSING, AFTER = LAST_TARGET - 3 * WEEK, LAST_TARGET - 2 * WEEK

pytestmark = NEEDS_THE_PAGE


@pytest.fixture(scope="module", params=["page", "site"])
def address(airflow_home, tmp_path_factory, request):
    folder = tmp_path_factory.mktemp("gaps")
    url = f"sqlite:///{folder / 'results.db'}"
    fill(url, weeks=6, never_issued=(MISSING,))
    is_site = request.param == "site"
    with (
        published(written(url, "all", folder / "site")) if is_site else served_page(url) as address
    ):
        yield address


def test_change_compares_with_the_week_before_or_says_that_there_is_none(page, address):
    open_page(page, address, week=AFTER, layer="change")
    assert "no forecast for the week before" in page.inner_text("#note")
    assert len(colours_around(page, *QUIET)) > 1
    open_page(page, address, week=LAST_TARGET, layer="change")
    assert page.is_hidden("#note")


def test_a_week_that_was_never_issued_is_a_gap(page, address):
    open_page(page, address, week=AFTER)
    assert page.get_attribute("#slider", "max") == "5"
    assert page.locator("#gaps span").count() == 1
    page.click("#back")
    wait_for(page, MISSING)
    assert "There is no forecast for this week" in page.inner_text("#note")
    assert "no forecast" in page.get_attribute("#slider", "aria-valuetext")
    assert len(colours_around(page, *QUIET)) > 1
    assert page.inner_text("#summary").count("expected") == 0
    for part in ("#clusters", "#cells", "#divisions", "#downloads", "#cell"):
        assert page.is_hidden(part)
    page.screenshot(path=SHOTS / "map_gap.png")
    page.click("#back")
    wait_for(page, MISSING - WEEK)
    assert page.is_visible("#clusters")


def test_play_goes_through_a_gap(page, address):
    open_page(page, address, week=MISSING - WEEK)
    page.click("#play")
    for week in (MISSING, AFTER):
        wait_for(page, week)


def test_a_gap_has_no_checks(page, address):
    open_page(page, address, week=MISSING, view="trust")
    assert "There is no forecast for this week" in page.inner_text('[data-shown="trust"]')
