"""The Hotspots page on a phone: the map first, and a sheet that answers a tap."""

import pytest

from tests.e2e.conftest import NEEDS_THE_PAGE, SHOTS
from tests.e2e.page_steps import CELL, KNOWN, faults, open_page, point_of
from tests.made_up_year import CITY

WIDTH, HEIGHT = 390, 844
VIEWS = ("map", "skill", "trust", "weeks", "about")

pytestmark = NEEDS_THE_PAGE


@pytest.fixture
def phone(browser, address):
    context = browser.new_context(
        viewport={"width": WIDTH, "height": HEIGHT}, has_touch=True, is_mobile=True
    )
    yield context.new_page()
    context.close()


def tap(page, cell, right=0):
    at = point_of(page, *cell)
    page.touchscreen.tap(at["x"] + right, at["y"])


def sheet(page):
    page.wait_for_selector(f'#cell[data-cell="{CELL[0]},{CELL[1]}"]')
    return page.locator("#cell")


def test_the_map_comes_first(phone, address):
    open_page(phone, address)
    top = phone.locator("#map").bounding_box()["y"]
    assert top < HEIGHT * 0.4
    for later in ("#layers", "#summary", "#clusters"):
        assert phone.locator(later).bounding_box()["y"] > top
    assert phone.is_hidden("#cell")


def test_a_tap_opens_a_sheet_over_the_lower_half(phone, address, year):
    open_page(phone, address)
    phone.screenshot(path=SHOTS / "phone_map.png")
    tap(phone, CELL)
    box = sheet(phone).bounding_box()
    assert (box["x"], box["width"]) == (0, WIDTH)
    assert box["y"] == pytest.approx(HEIGHT / 2, abs=2)
    assert box["y"] + box["height"] == pytest.approx(HEIGHT, abs=1)
    cells = year.cells_frame(CITY, KNOWN).set_index(["row", "col"])
    assert f"{cells.loc[CELL, 'mean']:.2f} reports" in phone.inner_text("#cell")
    # The cell itself stays in sight, above the sheet.
    assert 0 < point_of(phone, *CELL)["y"] < box["y"]
    phone.screenshot(path=SHOTS / "phone_sheet.png")
    assert faults(phone) == []


def test_a_place_is_found_beside_the_map_and_not_over_it(phone, address):
    open_page(phone, address)
    field, chart = (phone.locator(name).bounding_box() for name in ("#filter", "#map"))
    assert field["y"] >= chart["y"] + chart["height"]
    phone.locator("#filter").tap()
    phone.fill("#filter", "mid-c")
    option = phone.locator("#finds li").first
    assert option.bounding_box()["height"] >= 24
    phone.screenshot(path=SHOTS / "phone_find.png")
    assert faults(phone) == []
    option.tap()
    assert phone.input_value("#filter") == "Mid-City"
    assert phone.is_hidden("#finds")


def test_a_cell_far_down_is_brought_above_its_sheet(phone, address):
    open_page(phone, address)
    tap(phone, (3, 55))
    phone.wait_for_selector('#cell[data-cell="3,55"]')
    assert 0 < point_of(phone, 3, 55)["y"] < phone.locator("#cell").bounding_box()["y"]


def test_a_tap_beside_the_city_picks_the_nearest_cell(phone, address, year):
    open_page(phone, address)
    cells = year.cells_frame(CITY, KNOWN)[["row", "col"]].to_numpy().tolist()
    east = max(cells, key=lambda cell: cell[1])
    at = point_of(phone, *east)
    x, y = at["x"] + 14, at["y"]
    points = phone.evaluate("cells => cells.map(([r, c]) => hotspots.pointOf(r, c))", cells)
    away = [(p["x"] - x) ** 2 + (p["y"] - y) ** 2 for p in points]
    row, col = cells[away.index(min(away))]
    phone.touchscreen.tap(x, y)
    phone.wait_for_selector(f'#cell[data-cell="{row},{col}"]')


@pytest.mark.parametrize("how", ["button", "away", "escape"])
def test_the_sheet_is_closed(phone, address, how):
    open_page(phone, address)
    tap(phone, CELL)
    sheet(phone)
    if how == "button":
        phone.locator("#cell .close").tap()
    elif how == "away":
        at = phone.locator("#map").bounding_box()
        phone.touchscreen.tap(at["x"] + 20, at["y"] + at["height"] - 20)
    else:
        phone.keyboard.press("Escape")
    phone.wait_for_selector("#cell", state="hidden")
    assert "cell=" not in phone.url


@pytest.mark.parametrize("view", VIEWS)
def test_nothing_is_wider_than_the_phone(phone, address, view):
    open_page(phone, address, view=view, cell="2448")
    assert phone.evaluate("document.documentElement.scrollWidth") == WIDTH
    assert phone.evaluate("visualViewport.scale") == 1
