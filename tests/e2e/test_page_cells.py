"""All cells in a table beside the map: sorted, filtered, and one chosen in either place."""

import pytest

from pipeline.domain.city import load_city
from pipeline.results.place_names import with_places
from tests.e2e.conftest import NEEDS_THE_PAGE, SHOTS
from tests.e2e.page_steps import CELL, CELL_ID, KNOWN, WEEK, faults, open_page, point_of, wait_for
from tests.made_up_year import CITY

pytestmark = NEEDS_THE_PAGE


@pytest.fixture
def cells(year):
    return year.cells_frame(CITY, KNOWN)


def named(frame):
    return [f"{row},{col}" for row, col in frame[["row", "col"]].to_numpy().tolist()]


def shown(page):
    return page.locator("#cells tbody tr[data-cell]").evaluate_all(
        "rows => rows.map(row => row.dataset.cell)"
    )


def test_all_cells_are_listed_by_rank_and_reached_by_scrolling(page, address, cells):
    open_page(page, address)
    by_rank = named(cells.sort_values("rank"))
    assert shown(page)[:10] == by_rank[:10]
    assert page.get_attribute("#cells table", "aria-rowcount") == "1664"
    assert "1,663 cells" in page.inner_text("#cells")
    page.locator("#cells .scroll").evaluate("box => { box.scrollTop = box.scrollHeight; }")
    page.wait_for_selector(f'#cells tr[data-cell="{by_rank[-1]}"]')
    assert shown(page)[-3:] == by_rank[-3:]
    last = page.locator("#cells tbody tr[data-cell]").last
    assert last.get_attribute("aria-rowindex") == "1664"


@pytest.mark.parametrize(
    ("head", "column", "ascending"),
    [("Expected", "mean", False), ("Long-run", "long_run_mean", False), ("Rank", "rank", True)],
)
def test_a_head_sorts_and_turns_round(page, address, cells, head, column, ascending):
    open_page(page, address)
    if head == "Rank":
        page.click("#cells th button:has-text('Expected')")
    heading = page.locator("#cells th", has_text=head)
    heading.locator("button").click()
    values = cells.set_index(cells["row"].astype(str) + "," + cells["col"].astype(str))[column]
    found = [values[name] for name in shown(page)]
    assert found == sorted(found, reverse=not ascending)
    assert found[0] == (values.min() if ascending else values.max())
    order = ("ascending", "descending")
    assert heading.get_attribute("aria-sort") == order[not ascending]
    heading.locator("button").click()
    assert heading.get_attribute("aria-sort") == order[ascending]
    found = [values[name] for name in shown(page)]
    assert found == sorted(found, reverse=ascending)


def test_a_filter_keeps_places_and_cells(page, address, cells):
    open_page(page, address)
    page.fill("#filter", "(harbor)")
    places = with_places(load_city(CITY), cells)["place"]
    harbor = cells[places.str.contains("(Harbor)", regex=False)].sort_values("rank")
    assert shown(page)[:5] == named(harbor)[:5]
    assert f"{len(harbor)} of 1,663 cells" in page.inner_text("#cells")
    page.fill("#filter", str(CELL_ID))
    assert shown(page)[0] == f"{CELL[0]},{CELL[1]}"
    page.fill("#filter", "nowhere at all")
    assert shown(page) == []
    assert "No place, street or cell of the city is called “nowhere at all”" in page.inner_text(
        "#cells"
    )
    assert faults(page) == []


def test_order_and_filter_stay_when_the_week_changes(page, address, year):
    open_page(page, address)
    page.fill("#filter", "(harbor)")
    page.click("#cells th button:has-text('Long-run')")
    page.click("#on")
    wait_for(page, KNOWN + WEEK)
    assert page.input_value("#filter") == "(harbor)"
    after = year.cells_frame(CITY, KNOWN + WEEK).query("division == 'Harbor'")
    most = after["long_run_mean"].max()
    assert shown(page)[0] in named(after[after["long_run_mean"] == most])


def test_a_row_chooses_the_cell_on_the_map_and_brings_it_into_sight(page, address, cells):
    open_page(page, address)
    for _ in range(3):
        page.click(".leaflet-control-zoom-in")
        page.wait_for_timeout(350)
    far = named(cells.query("row < 5").sort_values("rank"))[0]
    page.fill("#filter", str(75 * int(far.split(",")[0]) + int(far.split(",")[1])))
    page.locator(f'#cells tr[data-cell="{far}"] td').nth(3).click()
    page.wait_for_selector(f'#cell[data-cell="{far}"]')
    at, box = point_of(page, *far.split(",")), page.locator("#map").bounding_box()
    assert box["x"] < at["x"] < box["x"] + box["width"]
    assert box["y"] < at["y"] < box["y"] + box["height"]
    assert page.get_attribute(f'#cells tr[data-cell="{far}"]', "aria-current") == "true"


def test_a_cell_chosen_on_the_map_is_brought_into_the_tables_sight(page, address, cells):
    open_page(page, address)
    far = cells.sort_values("rank").iloc[1200]
    name = f"{far['row']},{far['col']}"
    at = point_of(page, far["row"], far["col"])
    page.mouse.click(at["x"], at["y"])
    row = page.locator(f'#cells tr[data-cell="{name}"]')
    row.wait_for()
    assert row.get_attribute("aria-current") == "true"
    inside = page.locator("#cells .scroll").bounding_box()
    top = row.bounding_box()["y"]
    assert inside["y"] < top < inside["y"] + inside["height"]
    row.scroll_into_view_if_needed()
    page.screenshot(path=SHOTS / "cells_table.png")


def test_a_change_of_weeks_keeps_only_the_rows_in_sight(page, address):
    open_page(page, address)
    page.focus("#slider")
    page.keyboard.press("ArrowRight")
    wait_for(page, KNOWN + WEEK)
    assert page.locator("#cells tbody tr").count() < 60
