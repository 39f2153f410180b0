"""Dates and percentages as the reader writes them, in one form throughout the page."""

import re

import pytest

from tests.e2e.conftest import NEEDS_THE_PAGE, SHOTS
from tests.e2e.page_steps import CELL_ID, KNOWN, open_page

VIEWS = ("map", "skill", "trust", "weeks", "about")
MONTH = "(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
AMERICAN = re.compile(rf"\d%|{MONTH} \d{{1,2}}, \d{{4}}")
BRITISH = re.compile(rf"\d %|\d{{1,2}} {MONTH} \d{{4}}")
STALE = "STALE since 18 Nov 2026: the week of 22 Nov 2026 has no forecast yet."

pytestmark = NEEDS_THE_PAGE


def words_of(page):
    """All that is read or heard."""
    heard = page.locator("[aria-label]").evaluate_all(
        "all => all.map(one => one.getAttribute('aria-label')).join('\\n')"
    )
    return "\n".join((page.title(), page.inner_text("body"), heard))


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize(
    ("locale", "own", "other"),
    [("en-US", AMERICAN, BRITISH), ("en-GB", BRITISH, AMERICAN), ("de-DE", BRITISH, AMERICAN)],
)
def test_one_form_stands_throughout(browser, address, view, locale, own, other):
    page = browser.new_page(locale=locale)
    open_page(page, address, view=view, cell=str(CELL_ID))
    page.wait_for_timeout(200)
    text = words_of(page)
    assert own.search(text)
    assert other.findall(text) == []
    page.close()


@pytest.mark.parametrize(
    ("locale", "week"), [("en-US", "Sep 13 – 19, 2026"), ("en-GB", "13 – 19 Sep 2026")]
)
def test_a_week_is_named_in_the_readers_form(browser, address, locale, week):
    page = browser.new_page(locale=locale)
    open_page(page, address, week=KNOWN)
    assert " ".join(page.inner_text("#week").split()) == week
    page.screenshot(path=SHOTS / f"habits_{locale}.png")
    page.close()


def test_what_the_server_says_is_put_in_it_too(browser, address):
    page = browser.new_page(locale="en-US")

    def stale(route):
        answer = route.fetch()
        route.fulfill(response=answer, json={**answer.json(), "stale_reason": STALE})

    page.route(re.compile(r"/v1/(\w+/)?weeks(\.json|\?|$)"), stale)
    open_page(page, address)
    assert page.inner_text("#stale") == (
        "STALE since Nov 18, 2026: the week of Nov 22, 2026 has no forecast yet."
    )
    page.close()
