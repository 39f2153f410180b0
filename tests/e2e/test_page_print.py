"""What each view of the page comes to on paper: whole, light, and on few sheets."""

import re

import pytest

from tests.e2e.conftest import NEEDS_THE_PAGE, SHOTS
from tests.e2e.page_steps import CELL_ID, QUIET, open_page, pixel

pytestmark = NEEDS_THE_PAGE
MOST_SHEETS = {"map": 3, "skill": 4, "trust": 2, "weeks": 3, "about": 2}


@pytest.mark.parametrize("paper", ["Letter", "A4"])
@pytest.mark.parametrize("view", MOST_SHEETS)
def test_a_view_prints_on_few_sheets(page, address, view, paper):
    open_page(page, address, view=view, cell=str(CELL_ID))
    sheets = page.pdf(format=paper, print_background=True)
    (SHOTS / f"print_{view}_{paper}.pdf").write_bytes(sheets)
    assert 1 <= len(re.findall(rb"/Type /Page\b", sheets)) <= MOST_SHEETS[view]


def test_a_dark_map_is_light_on_paper_and_dark_again(page, address):
    page.emulate_media(color_scheme="dark")
    open_page(page, address)
    assert sum(pixel(page, *QUIET)) < 300
    page.emulate_media(media="print", color_scheme="dark")
    page.wait_for_selector(':root[data-theme="light"]')
    page.wait_for_timeout(300)
    assert sum(pixel(page, *QUIET)) > 600
    page.emulate_media(media="screen", color_scheme="dark")
    page.wait_for_selector(':root[data-theme="dark"]')
    page.wait_for_timeout(300)
    assert sum(pixel(page, *QUIET)) < 300


@pytest.mark.parametrize("view", MOST_SHEETS)
def test_what_cannot_be_used_on_paper_is_left_out(page, address, view):
    open_page(page, address, view=view, cell=str(CELL_ID))
    page.set_viewport_size({"width": 700, "height": 900})
    page.emulate_media(media="print", color_scheme="dark")
    for left_out in ("nav", ".time", "#copy", "#layers", "#cells", "#downloads"):
        assert page.locator(left_out).first.is_hidden(), left_out
    background = page.evaluate("getComputedStyle(document.querySelector('.card')).backgroundColor")
    assert sum(map(int, re.findall(r"\d+", background)[:3])) > 700
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 700
    page.screenshot(path=SHOTS / f"print_{view}.png", full_page=True)
