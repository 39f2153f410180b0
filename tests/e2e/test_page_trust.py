"""Can I trust it? The verdict, what was lost where, and the checks in plain words."""

import re

import numpy as np
import pytest

from pipeline.evaluation.bootstrap import skill
from pipeline.results.page.track_record import scores, skill_known
from pipeline.results.page.week_health import week_health
from tests.e2e.conftest import NEEDS_THE_PAGE, SHOTS
from tests.e2e.page_steps import KNOWN, SIZES, WEEK, faults, open_page
from tests.made_up_year import CITY, HORIZON

pytestmark = NEEDS_THE_PAGE
TRUST = '[data-shown="trust"]'


def test_it_opens_with_a_verdict_in_a_sentence(page, address):
    open_page(page, address, view="trust")
    assert page.inner_text(f"{TRUST} h2 + p") == (
        "Do not use: the data are simulated, not those of a real city."
    )
    assert page.get_attribute("#verdict", "data-level") == "do not use"
    besides = page.locator("#besides li").all_inner_texts()
    assert besides[0] == "2 checks of its data gave a warning"


def test_an_old_week_is_judged_by_what_was_known_when_it_was_made(year):
    found = scores(year, CITY)
    edge_week = found.weeks[2]
    early = week_health(year, CITY, edge_week + HORIZON * WEEK).verdict
    assert "there is hardly a track record: 3 weeks counted so far, and it takes 13" in (
        early.besides
    )
    assert "hardly" not in " ".join(week_health(year, CITY, KNOWN).verdict.besides)
    assert skill_known(year, CITY, found.weeks[0] - WEEK) is None
    ours, theirs = (
        np.array(found.scores["poisson_deviance"][of][4:30]) for of in ("forecast", "long_run_mean")
    )
    assert skill_known(year, CITY, found.weeks[29]) == (26, *skill(ours, theirs, 1))


def test_what_was_lost_where_comes_with_counts_and_shares(page, address):
    open_page(page, address, view="trust")
    rows = page.locator("#losses tbody tr").all()
    assert [row.locator("td").all_inner_texts() for row in rows] == [
        ["set aside: a check found a fault in them", "63", "0.12 %"],
        ["in no cell: outside the grid", "255", "0.50 %"],
    ]


def test_checks_are_folded_and_those_that_did_not_pass_stand_open_first(page, address):
    open_page(page, address, view="trust")
    checks = page.locator(f"{TRUST} details.check")
    assert checks.count() == 4
    is_open = checks.evaluate_all("all => all.map(one => one.open)")
    assert is_open == [True, True, False, False]
    first = checks.first.inner_text()
    assert "in box" in first
    assert "41 outside" in first
    passed = page.locator(f"{TRUST} details.check", has_text="unique key")
    assert passed.locator("dl").is_hidden()
    passed.locator("summary").focus()
    page.keyboard.press("Enter")
    assert "0 repeated" in passed.locator("dl").inner_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", ["laptop", "phone"])
def test_it_reads_well(page, address, size, scheme):
    page.emulate_media(color_scheme=scheme)
    width, height = SIZES[size]
    page.set_viewport_size({"width": width, "height": height})
    open_page(page, address, view="trust")
    page.screenshot(path=SHOTS / f"trust_{width}_{scheme}.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert faults(page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    ("link", "says"),
    [("Card of model 3", "Model card: Los Angeles"), ("All checks on one page", "SIMULATED DATA")],
)
def test_card_and_checks_are_pages_of_ours_that_ask_nobody(page, address, link, says, scheme):
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": 390, "height": 844})
    open_page(page, address, view="trust")
    page.get_by_role("link", name=link).click()
    page.wait_for_url(re.compile(r"\.html(\?|$)"))
    assert says in page.inner_text("main")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.screenshot(path=SHOTS / f"{link.split()[0]}_{scheme}.png", full_page=True)
    assert faults(page) == []
    page.get_by_role("link", name="Back to").click()
    page.wait_for_selector('body[data-view="trust"]')
