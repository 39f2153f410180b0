"""What opens on the page, at each size, in the light and in the dark, and by keys alone."""

import pytest

from tests.e2e.conftest import NEEDS_THE_PAGE, SHOTS
from tests.e2e.page_steps import CELL, CELL_ID, KNOWN, SIZES, faults, open_page

pytestmark = NEEDS_THE_PAGE


def is_in_sight(page, selector):
    box = page.locator(selector).first.evaluate("e => e.getBoundingClientRect().toJSON()")
    return box["top"] >= 0 and box["bottom"] <= page.viewport_size["height"]


def find(page):
    page.fill("#filter", "west")
    page.wait_for_selector("#finds li")
    assert is_in_sight(page, "#finds li")


def find_nothing(page):
    page.fill("#filter", "nowhere at all")
    page.wait_for_selector("#nothing")


def reach_a_cell_by_keys(page):
    page.focus("#map")
    page.keyboard.press("ArrowUp")
    page.wait_for_selector("#readout:not([hidden])")
    assert is_in_sight(page, "#readout")


def read_a_chart(page):
    page.focus("#cell figure[role=slider]")
    page.keyboard.press("ArrowLeft")


def unfold_all_checks(page):
    page.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true; })")


OPENED = {
    "find": ("map", None, find),
    "nothing": ("map", None, find_nothing),
    "reached": ("map", None, reach_a_cell_by_keys),
    "chart": ("map", CELL_ID, read_a_chart),
    "checks": ("trust", None, unfold_all_checks),
}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("what", OPENED)
def test_what_opens_fits_and_axe_finds_no_fault(page, address, what, size, scheme):
    view, cell, do = OPENED[what]
    width, height = SIZES[size]
    page.set_viewport_size({"width": width, "height": height})
    page.emulate_media(color_scheme=scheme)
    open_page(page, address, view=view, **({"cell": cell} if cell else {}))
    do(page)
    page.wait_for_timeout(200)
    page.screenshot(path=SHOTS / f"sweep_{what}_{size}_{scheme}.png")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert faults(page) == []


def tab_to(page, selector):
    for _ in range(80):
        page.keyboard.press("Tab")
        if page.evaluate("at => document.activeElement.matches(at)", selector):
            return
    pytest.fail(f"no Tab leads to {selector}")


def test_a_week_is_read_by_keys_alone(page, address):
    open_page(page, address)
    tab_to(page, "#slider")
    page.keyboard.press("ArrowLeft")
    page.wait_for_selector(f'body:not([data-week="{KNOWN}"])')
    page.keyboard.press("ArrowRight")
    page.wait_for_selector(f'body[data-week="{KNOWN}"]')
    tab_to(page, "#layers input")
    page.keyboard.press("ArrowDown")
    page.wait_for_selector('#map[data-layer="outcome"]')
    tab_to(page, "#filter")
    page.keyboard.type(str(CELL_ID))
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_selector(f'#cell[data-cell="{CELL[0]},{CELL[1]}"]')
    tab_to(page, "#cell figure[role=slider]")
    page.keyboard.press("End")
    spoken = page.get_attribute("#cell figure[role=slider]", "aria-valuetext")
    assert "reports expected" in spoken
    page.keyboard.press("Shift+Tab")
    tab_to(page, '[data-view="trust"]')
    page.keyboard.press("Enter")
    page.wait_for_selector('body[data-view="trust"]')
    assert page.inner_text("#verdict")
