"""Addresses of the Hotspots page: they carry what is shown, and say what is amiss."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.e2e.conftest import NEEDS_THE_PAGE, SHOTS
from tests.e2e.page_steps import (
    CELL,
    CELL_ID,
    KNOWN,
    WEEK,
    drawn,
    faults,
    open_page,
    point_of,
    wait_for,
)
from tests.made_up_year import LAST_TARGET

LISTED = re.compile(r"/v1/(\w+/)?weeks")  # by a server, or in a site

pytestmark = NEEDS_THE_PAGE


@pytest.fixture
def troubled(browser):
    """A page whose console may hold the browser's own words on answers that fail."""
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    yield context.new_page()
    context.close()


def asked(page):
    return {name: values[0] for name, values in parse_qs(urlsplit(page.url).query).items()}


def test_the_address_carries_week_view_layer_and_cell(page, address):
    open_page(page, address)
    page.check("#layers input[value=long_run]")
    at = point_of(page, *CELL)
    page.mouse.click(at["x"], at["y"])
    page.wait_for_selector("#cell[data-cell]")
    page.click('[data-view="trust"]')
    wait_for(page, KNOWN, "trust")
    said = asked(page)
    assert said == {
        "city": "los_angeles", "week": str(KNOWN), "view": "trust", "layer": "long_run",
        "cell": str(CELL_ID),
    }  # fmt: skip
    page.reload()
    wait_for(page, KNOWN, "trust")
    page.click('[data-view="map"]')
    page.wait_for_selector(f'#cell[data-cell="{CELL[0]},{CELL[1]}"]')
    assert drawn(page)["layer"] == "long_run"


def test_back_and_forward_walk_through_what_was_shown(page, address):
    open_page(page, address)
    page.click("#on")
    wait_for(page, KNOWN + WEEK)
    page.click('[data-view="skill"]')
    wait_for(page, KNOWN + WEEK, "skill")
    page.click('[data-view="map"]')
    wait_for(page, KNOWN + WEEK)
    page.check("#layers input[value=long_run]")
    page.wait_for_selector('#map[data-layer="long_run"]')
    page.go_back()
    page.wait_for_selector('#map[data-layer="forecast"]')
    assert page.is_checked("#layers input[value=forecast]")
    page.go_back()
    wait_for(page, KNOWN + WEEK, "skill")
    page.go_back()
    wait_for(page, KNOWN + WEEK)
    page.go_back()
    wait_for(page, KNOWN)
    page.go_forward()
    wait_for(page, KNOWN + WEEK)


def test_a_walk_along_the_slider_is_one_step_back(page, address):
    page.clock.set_fixed_time(f"{KNOWN}T12:00:00Z")  # a busy machine walks no slower
    open_page(page, address)
    page.focus("#slider")
    for k in range(1, 5):
        page.keyboard.press("ArrowRight")
        wait_for(page, KNOWN + k * WEEK)
    page.go_back()
    wait_for(page, KNOWN)


def test_titles_say_city_week_and_view(page, address):
    open_page(page, address)
    assert page.title().startswith("Los Angeles, ")
    assert page.inner_text("#week") in page.title()
    assert "Map" in page.title()
    page.click('[data-view="trust"]')
    wait_for(page, KNOWN, "trust")
    assert "Can I trust it?" in page.title()


def test_a_link_is_copied(troubled, address):
    open_page(troubled, address, cell=str(CELL_ID))
    troubled.click("#copy")
    troubled.wait_for_selector("#copied:has-text('Copied')")
    assert troubled.evaluate("navigator.clipboard.readText()") == troubled.url


def test_where_nothing_can_be_copied_the_link_is_shown_to_be_taken(page, address):
    page.add_init_script("Object.defineProperty(navigator, 'clipboard', { value: undefined });")
    open_page(page, address)
    page.click("#copy")
    assert page.input_value("#link") == page.url
    assert page.evaluate("document.activeElement.id") == "link"
    assert faults(page) == []


def test_an_unknown_week_says_so_and_the_newest_is_shown(page, address):
    for week, said in (
        ("2031-01-05", "There is no forecast for the week of "),
        ("last", "“last” is no week"),
        ("2026-09-16", "“2026-09-16” is no week"),
    ):
        page.goto(f"{address}/?week={week}")
        wait_for(page, LAST_TARGET)
        assert said in page.inner_text("#problem")
        assert "the newest" in page.inner_text("#problem").lower()
    page.click("#back")
    wait_for(page, LAST_TARGET - WEEK)
    assert page.is_hidden("#problem")


def test_an_unknown_cell_says_so(page, address):
    for cell in ("32,48", "99999", "abc"):
        page.goto(f"{address}/?week={KNOWN}&cell={cell}")
        wait_for(page, KNOWN)
        assert f"There is no cell “{cell}” in Los Angeles" in page.inner_text("#problem")
        assert "cell" not in asked(page)


def test_an_unknown_city_says_so(troubled, address):
    for city in ("springfield", "Spring%20Field"):
        troubled.goto(f"{address}/?city={city}")
        wait_for(troubled, LAST_TARGET)
        assert "There is no city “" in troubled.inner_text("#problem")
        assert "Los Angeles is shown instead" in troubled.inner_text("#problem")


def test_an_error_is_a_sentence_with_a_retry(troubled, address):
    open_page(troubled, address)
    troubled.route(re.compile("/outcome"), lambda route: route.abort())
    troubled.evaluate("document.body.dataset.week = ''")
    troubled.keyboard.press("Home")
    troubled.focus("#slider")
    troubled.keyboard.press("Home")
    troubled.wait_for_selector("#problem:not([hidden])")
    assert "The server does not answer" in troubled.inner_text("#problem")
    troubled.screenshot(path=SHOTS / "problem.png")
    assert faults(troubled) == []
    troubled.unroute(re.compile("/outcome"))
    troubled.click("#problem button")
    wait_for(troubled, LAST_TARGET - 54 * WEEK)
    assert troubled.is_hidden("#problem")


def test_who_was_logged_out_is_led_to_the_login_and_back(troubled, address):
    open_page(troubled, address)
    refusal = {"status": 401, "json": {"detail": "Not authenticated"}}
    troubled.route(re.compile("/v1/"), lambda route: route.fulfill(**refusal))
    troubled.focus("#slider")
    troubled.keyboard.press("Home")
    link = troubled.locator("#problem a")
    link.wait_for()
    assert "logged in" in troubled.inner_text("#problem")
    href = urlsplit(link.evaluate("link => link.href"))
    assert href.path == "/api/v2/auth/login"
    back = parse_qs(href.query)["next"][0]
    assert f"week={LAST_TARGET - 54 * WEEK}" in back


def test_loading_has_a_shape(browser, address):
    page = browser.new_page()
    held = []
    page.route(LISTED, lambda route: held.append(route))
    page.goto(f"{address}/?week={KNOWN}")
    page.wait_for_selector('#content[aria-busy="true"]')
    page.screenshot(path=SHOTS / "loading.png")
    for part in ("#summary", "#cell", "#clusters"):
        assert page.locator(part).bounding_box()["height"] > 60
    assert held
    page.unroute(LISTED)  # lets go of what it held
    page.reload()
    wait_for(page, KNOWN)
    page.wait_for_selector('#content[aria-busy="false"]')
    page.close()
