"""Names on the map, roads of a file, and one field that finds places, streets, cells and points."""

import sys

import pytest

from pipeline.domain.city import load_city
from pipeline.results.place_names import with_places
from pipeline.settings import get_settings
from tests.e2e.conftest import NEEDS_THE_PAGE, SHOTS
from tests.e2e.page_steps import CELL, CELL_ID, KNOWN, drawn, faults, open_page, point_of
from tests.made_up_year import CITY
from tests.road_file import LAT, LON, write_roads

SOURCE = "© <b>Road</b> makers"
NAMES_ARE_APART = """
() => {
    const boxes = [...document.querySelectorAll(".place, #map .cluster")]
        .map(name => name.getBoundingClientRect());
    return boxes.every((a, i) => boxes.every((b, k) => i >= k || a.right <= b.left
        || b.right <= a.left || a.bottom <= b.top || b.bottom <= a.top));
}
"""

pytestmark = NEEDS_THE_PAGE


@pytest.fixture(scope="module")
def roads(tmp_path_factory):
    return write_roads(tmp_path_factory.mktemp("roads") / "roads.geojson")


@pytest.fixture
def with_roads(monkeypatch, roads, address):
    def given(path=roads):
        monkeypatch.setenv("HOTSPOTS_ROADS_FILE", str(path))
        monkeypatch.setenv("HOTSPOTS_ROADS_SOURCE", SOURCE)
        get_settings.cache_clear()
        answering = sys.modules["hotspots_ui.answering"]
        monkeypatch.setattr(answering, "kept", answering.Kept(answering.KEPT_ANSWERS, 1))

    return given


@pytest.fixture
def cells(year):
    return with_places(load_city(CITY), year.cells_frame(CITY, KNOWN))


def options(page):
    return page.locator("#finds li strong").all_inner_texts()


def chosen(page):
    return page.get_attribute("#cell", "data-cell")


@pytest.mark.parametrize(("width", "least", "most"), [(1280, 4, 14), (390, 0, 6)])
def test_divisions_are_named_on_the_map_where_there_is_room(page, address, width, least, most):
    page.set_viewport_size({"width": width, "height": 844})
    open_page(page, address)
    shown = page.locator("#map .place").all_inner_texts()
    assert least <= len(shown) <= most
    assert set(shown) <= set(load_city(CITY).listed_cells().division)
    assert page.evaluate(NAMES_ARE_APART)
    for _ in range(3):
        page.click(".leaflet-control-zoom-in")
        page.wait_for_timeout(300)
    assert page.locator("#map .place").count() >= len(shown)
    assert page.evaluate(NAMES_ARE_APART)


def test_a_neighbourhood_is_found_shown_and_said(page, address, cells):
    open_page(page, address)
    page.fill("#filter", "mid-c")
    assert options(page)[0] == "Mid-City"
    there = cells[cells["place"].str.startswith("Mid-City (")]
    assert f"neighbourhood, {len(there)} cells" in page.inner_text("#finds li")
    assert page.get_attribute("#filter", "aria-expanded") == "true"
    page.keyboard.press("ArrowDown")
    assert page.get_attribute("#filter", "aria-activedescendant") == "find0"
    assert faults(page) == []
    page.keyboard.press("Enter")
    assert page.input_value("#filter") == "Mid-City"
    assert page.is_hidden("#finds")
    said = page.inner_text("#found")
    assert said == (
        f"Mid-City: {len(there)} of 1,663 cells, {there['mean'].sum():.1f} reports expected "
        "together."
    )
    assert page.locator("#cells tr[data-cell]").count() == len(there)
    box = page.locator("#map").bounding_box()
    at = [point_of(page, row, col) for row, col in there[["row", "col"]].to_numpy().tolist()]
    assert all(box["x"] < p["x"] < box["x"] + box["width"] for p in at)
    assert max(p["x"] for p in at) - min(p["x"] for p in at) > 40  # from near
    page.screenshot(path=SHOTS / "found_place.png")
    page.fill("#filter", "")
    assert page.inner_text("#found") == "1,663 cells"


def test_a_division_and_a_cell_are_found(page, address, cells):
    open_page(page, address)
    page.fill("#filter", "harbor")
    kinds = page.locator("#finds li").first.inner_text()
    division = cells[cells["division"] == "Harbor"]
    assert kinds.split("\n") == ["Harbor", f"division, {len(division)} cells"]
    page.fill("#filter", str(CELL_ID))
    page.click("#finds li")
    page.wait_for_selector(f'#cell[data-cell="{CELL[0]},{CELL[1]}"]')


@pytest.mark.parametrize("form", ["{:.5f}, {:.5f}", "{:.5f} {:.5f}", "{:.5f}°,{:.5f}°"])
def test_a_point_is_found(page, address, form):
    open_page(page, address)
    page.fill("#filter", form.format(LAT, LON))
    page.keyboard.press("Enter")
    page.wait_for_selector(f'#cell[data-cell="{CELL[0]},{CELL[1]}"]')


def test_what_is_nowhere_says_so(page, address):
    open_page(page, address)
    for text in ("nowhere at all", "10.5, 20.5"):
        page.fill("#filter", text)
        assert options(page) == []
        assert page.is_visible("#nothing")
        assert page.inner_text("#found") == (
            f"No place, street or cell of the city is called “{text}”."
        )
    page.keyboard.press("Escape")
    assert page.input_value("#filter") == ""
    assert page.inner_text("#found") == "1,663 cells"


def test_roads_are_drawn_named_and_found_with_their_cells(page, address, with_roads):
    with_roads()
    open_page(page, address)
    page.wait_for_selector('#map[data-roads="2"]')
    assert page.inner_text("#road-source") == f"Roads: {SOURCE}"
    page.fill("#filter", "3600 crossing blvd")  # a house's number is not in the layer
    assert options(page) == ["Crossing Boulevard"]
    page.fill("#filter", "i 10")
    assert options(page) == ["Long Freeway (I 10)"]
    page.keyboard.press("Enter")
    assert page.locator(f'#cells tr[data-cell="{CELL[0]},{CELL[1]}"]').count() == 1
    assert faults(page) == []
    page.screenshot(path=SHOTS / "found_road.png")
    page.emulate_media(color_scheme="dark")
    page.wait_for_timeout(300)
    page.screenshot(path=SHOTS / "found_road_dark.png")


def test_a_bad_file_of_roads_is_named_and_the_map_stays(browser, address, with_roads, tmp_path):
    (tmp_path / "bad.geojson").write_text("{}")
    with_roads(tmp_path / "bad.geojson")
    page = browser.new_page()
    open_page(page, address)
    page.wait_for_selector("#road-source:not([hidden])")
    assert "The roads can't be shown." in page.inner_text("#road-source")
    assert "is not a GeoJSON of roads" in page.inner_text("#road-source")
    assert drawn(page)["cells"] == "1663"
    page.close()
