"""Charts: their values by pointer, keys and tap; bands by choice; skill over any period."""

import re

import numpy as np
import pytest

from pipeline.evaluation import bootstrap
from pipeline.results.page.track_record import scores
from tests.e2e.conftest import NEEDS_THE_PAGE, SHOTS
from tests.e2e.page_steps import CELL_ID, faults, open_page
from tests.made_up_year import CITY

pytestmark = NEEDS_THE_PAGE
TOTALS = "#totals figure"


def test_keys_move_through_a_chart_and_a_screen_reader_hears_each_week(page, address, year):
    open_page(page, address, view="skill")
    before, last = scores(year, CITY).totals[-5:-3]
    chart = page.locator(TOTALS)
    chart.focus()
    page.keyboard.press("End")
    assert "Not known yet" in chart.get_attribute("aria-valuetext")
    for week in (None, None, last, before):
        page.keyboard.press("ArrowLeft")
        heard = chart.get_attribute("aria-valuetext")
        if week:
            assert f"{week.mean:.0f} reports expected" in heard
            assert f"80 % between {week.q10} and {week.q90}" in heard
            assert f"Counted: {week.observed}" in heard
    shown = page.locator(f"{TOTALS} .readout").inner_text()
    assert f"Counted: {before.observed}" in shown
    assert chart.get_attribute("role") == "slider"
    page.keyboard.press("Home")
    assert chart.get_attribute("aria-valuenow") == "1"
    page.keyboard.press("Escape")
    assert page.locator(f"{TOTALS} .readout").is_hidden()


@pytest.mark.parametrize("view", ["skill", "map"])
def test_hover_shows_the_figures_of_every_chart_beside_the_pointer(page, address, view):
    open_page(page, address, view=view, cell=str(CELL_ID))
    page.wait_for_selector("figure .u-over")
    for figure in page.locator("figure:visible").all():
        figure.scroll_into_view_if_needed()
        figure.locator(".u-over").hover(position={"x": 150, "y": 30})
        box = figure.locator(".readout")
        assert box.locator("span").count() >= 1
        assert box.is_visible()
    page.mouse.move(2, 2)
    assert page.locator(".readout:visible").count() == 0


def test_a_tap_shows_a_charts_figures(browser, address):
    phone = browser.new_page(viewport={"width": 390, "height": 844}, has_touch=True)
    open_page(phone, address, view="skill")
    over = phone.locator(f"{TOTALS} .u-over")
    over.scroll_into_view_if_needed()
    over.tap(position={"x": 120, "y": 60})
    assert "reports expected" in phone.locator(f"{TOTALS} .readout").inner_text()
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390
    phone.screenshot(path=SHOTS / "charts_390.png")
    phone.close()


@pytest.mark.parametrize(
    ("band", "low", "high"), [("50", "q25", "q75"), ("80", "q10", "q90"), ("95", "q025", "q975")]
)
def test_bands_are_chosen(page, address, year, band, low, high):
    open_page(page, address, view="skill")
    page.select_option("#band", band)
    known = [week for week in scores(year, CITY).totals if week.observed is not None]
    out = [week for week in known if not getattr(week, low) <= week.observed <= getattr(week, high)]
    says = f"The count fell outside the {band} % band in {len(out)} of {len(known)} known weeks"
    assert page.get_attribute(TOTALS, "aria-label") == says
    assert says in page.inner_text("#totals")


@pytest.mark.parametrize("baseline", ["long_run_mean", "poisson_glm", "boosted_trees"])
def test_skill_is_shown_for_any_period_against_any_baseline(page, address, year, baseline):
    open_page(page, address, view="skill")
    page.select_option("#baseline", baseline)
    found = scores(year, CITY)
    first, last = found.weeks[-20], found.weeks[-5]
    page.select_option("#from", str(first))
    page.select_option("#to", str(last))
    ours, theirs = (found.scores["poisson_deviance"][of][-20:-4] for of in ("forecast", baseline))
    skill = 100 * (1 - sum(ours) / sum(theirs))
    won = sum(mine < other for mine, other in zip(ours, theirs, strict=True))
    text = page.inner_text("#period")
    assert f"{abs(skill):.1f} %" in text
    assert f"closer in {won} of 16 weeks" in text
    # The page draws its blocks by another chance than the API: alike to a tenth of the width.
    _, low, high = bootstrap.skill(np.array(ours), np.array(theirs), 1)
    said = re.search(r"95 % interval of the skill (-?[\d.]+) % to (-?[\d.]+) %", text).groups()
    assert [float(end) for end in said] == pytest.approx(
        [100 * low, 100 * high], abs=0.1 * 100 * (high - low) + 0.06
    )
    page.select_option("#to", str(found.weeks[-10]))
    assert "It takes 13 weeks to say" in page.inner_text("#period")
    page.select_option("#to", str(found.weeks[0]))
    assert "ends before it begins" in page.inner_text("#period")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_charts_with_a_readout_have_no_fault(page, address, scheme):
    page.emulate_media(color_scheme=scheme)
    open_page(page, address, view="skill")
    page.focus(TOTALS)
    page.keyboard.press("End")
    page.screenshot(path=SHOTS / f"charts_1280_{scheme}.png", full_page=True)
    assert faults(page) == []
