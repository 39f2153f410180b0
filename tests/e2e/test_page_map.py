"""The map of the Hotspots page: what pointer and keys show, what stays still, what is missing."""

import pytest

from tests.e2e.conftest import NEEDS_THE_PAGE, SHOTS
from tests.e2e.page_steps import (
    CELL,
    CELL_ID,
    KNOWN,
    LAYERS,
    QUIET,
    colours_around,
    drawn,
    open_page,
    pixel,
    point_of,
)
from tests.made_up_year import CITY, LAST_TARGET

pytestmark = NEEDS_THE_PAGE


def cell_of(year):
    return year.cells_frame(CITY, KNOWN).set_index(["row", "col"]).loc[CELL]


def test_hover_shows_the_cells_figures(page, address, year):
    open_page(page, address)
    at = point_of(page, *CELL)
    page.mouse.move(at["x"], at["y"])
    text = page.inner_text("#readout")
    cell = cell_of(year)
    assert f"Cell {CELL_ID}, " in text
    assert cell["division"] in text
    assert f"{cell['mean']:.2f} reports expected" in text
    assert f"between {cell['q10']} and {cell['q90']}" in text
    assert f"Rank {cell['rank']} of 1,663" in text
    page.screenshot(path=SHOTS / "map_hover.png")
    page.mouse.move(at["x"], 5)
    page.wait_for_selector("#readout", state="hidden")
    assert page.inner_text("#spoken") == ""


def test_hover_says_the_layers_own_value(page, address):
    open_page(page, address, layer="change")
    at = point_of(page, *CELL)
    page.mouse.move(at["x"], at["y"])
    assert "since the week before" in page.inner_text("#readout")


def test_arrows_move_from_cell_to_cell_and_are_heard(page, address, year):
    open_page(page, address, cell=str(CELL_ID))
    page.focus("#slider")
    while page.evaluate("document.activeElement.id") != "map":
        page.keyboard.press("Tab")
    assert f"Cell {CELL_ID}, " in page.inner_text("#spoken")
    for key, cell in (
        ("ArrowRight", (CELL[0], CELL[1] + 1)),
        ("ArrowUp", (CELL[0] + 1, CELL[1] + 1)),
        ("ArrowLeft", (CELL[0] + 1, CELL[1])),
        ("ArrowDown", CELL),
    ):
        page.keyboard.press(key)
        assert f"Cell {75 * cell[0] + cell[1]}, " in page.inner_text("#spoken")
    assert f"{cell_of(year)['mean']:.2f} reports expected" in page.inner_text("#spoken")
    page.screenshot(path=SHOTS / "map_keyboard.png")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    page.wait_for_selector(f'#cell[data-cell="{CELL[0] + 1},{CELL[1]}"]')
    assert drawn(page)["week"] == str(KNOWN)


def test_arrows_cross_a_hole_and_stop_at_the_citys_edge(page, address, year):
    cells = {tuple(c) for c in year.cells_frame(CITY, KNOWN)[["row", "col"]].to_numpy().tolist()}
    top = max(cells)
    open_page(page, address, cell=str(75 * top[0] + top[1]))
    page.focus("#map")
    page.keyboard.press("ArrowUp")
    for _ in range(100):
        page.keyboard.press("ArrowDown")
        row, col = page.get_attribute("#map", "data-cursor").split(",")
        assert (int(row), int(col)) in cells
    assert int(row) == 0


def test_a_chosen_cell_keeps_its_colour(page, address):
    open_page(page, address)
    before = pixel(page, *CELL)
    at = point_of(page, *CELL)
    page.mouse.click(at["x"], at["y"])
    page.wait_for_selector("#cell[data-cell]")
    page.mouse.move(5, 5)
    assert pixel(page, *CELL) == before
    page.screenshot(path=SHOTS / "map_chosen.png")


@pytest.mark.parametrize("size", [(1280, 800), (390, 844), (900, 700)])
@pytest.mark.parametrize("week", [KNOWN, LAST_TARGET])
def test_layers_keep_map_zoom_and_size_still(page, address, size, week):
    page.set_viewport_size({"width": size[0], "height": size[1]})
    open_page(page, address, week=week)
    box, at = page.locator("#map").bounding_box(), point_of(page, *CELL)
    for layer in LAYERS:
        page.locator(f"#layers input[value={layer}]").evaluate("input => input.click()")
        page.wait_for_selector(f'#map[data-layer="{layer}"]')
        page.wait_for_timeout(50)
        assert page.locator("#map").bounding_box() == box
        assert point_of(page, *CELL) == at


def test_what_is_not_known_is_hatched(page, address):
    open_page(page, address, layer="outcome")
    zeroes = {pixel(page, *QUIET)}
    open_page(page, address, week=LAST_TARGET, layer="outcome")
    found = colours_around(page, *QUIET)
    assert len(found) > 1
    assert not zeroes & found
    assert "isn't known yet" in page.inner_text("#note")
    assert "not known" in page.inner_text("#legend")
    page.screenshot(path=SHOTS / "map_unknown.png")
