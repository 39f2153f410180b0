"""The Hotspots page in the dark: as the system asks, or as the Airflow around it is set."""

import pytest

from tests.e2e.conftest import NEEDS_THE_PAGE, SHOTS
from tests.e2e.page_steps import (
    CELL_ID,
    KNOWN,
    LAYERS,
    QUIET,
    SIZES,
    faults,
    open_page,
    pixel,
)

VIEWS = ("map", "skill", "trust", "weeks", "about")
GROUND = "getComputedStyle(document.body).backgroundColor"
FRAME = """
(src) => {
    document.documentElement.className = "light";
    const frame = document.createElement("iframe");
    Object.assign(frame.style, { width: "100%", height: "40rem" });
    frame.src = src;
    document.body.replaceChildren(frame);
}
"""
pytestmark = NEEDS_THE_PAGE


def lightness(colour):
    return sum(colour) / len(colour)


def ground(place):
    return lightness([int(part) for part in place.evaluate(GROUND)[4:-1].split(",")])


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("view", VIEWS)
def test_in_the_dark_nothing_is_cut_and_axe_finds_no_fault(page, address, view, size):
    page.emulate_media(color_scheme="dark")
    width, height = SIZES[size]
    page.set_viewport_size({"width": width, "height": height})
    open_page(page, address, view=view, cell=str(CELL_ID))
    page.wait_for_timeout(300)
    page.screenshot(path=SHOTS / f"dark_{view}_{width}.png", full_page=True)
    assert ground(page) < 60
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert faults(page) == []


def test_the_system_is_followed_while_the_page_is_open(page, address):
    open_page(page, address)
    light = pixel(page, *QUIET)
    assert ground(page) > 200
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(f"() => {GROUND} !== 'rgb(247, 245, 239)'")
    page.wait_for_timeout(200)
    assert lightness(pixel(page, *QUIET)) < 60 < lightness(light)


@pytest.mark.parametrize("layer", LAYERS)
def test_in_the_dark_more_is_brighter_and_the_legend_agrees(page, address, layer):
    page.emulate_media(color_scheme="dark")
    open_page(page, address, layer=layer)
    page.wait_for_selector(f'#map[data-layer="{layer}"]')
    legend = page.locator("#legend .swatch:visible").evaluate_all(
        "boxes => boxes.map(box => getComputedStyle(box).backgroundColor)"
    )
    colours = [tuple(int(part) for part in rgb[4:-1].split(",")) for rgb in legend]
    assert pixel(page, *QUIET) in colours
    if layer in ("forecast", "outcome", "long_run"):
        lights = [lightness(colour) for colour in colours]
        assert lights == sorted(lights)


def test_airflows_theme_is_followed_in_its_frame(browser, address):
    """Airflow marks its theme as a class of its document, `light` or `dark`."""
    page = browser.new_page()
    page.goto(f"{address}/v1/openapi.json")  # a document of the same server, in Airflow's place
    page.evaluate(FRAME, f"{address}/?week={KNOWN}&view=map")
    frame = page.frame_locator("iframe")
    frame.locator(f'body[data-week="{KNOWN}"]').wait_for()
    inside = page.frames[1]
    assert ground(inside) > 200
    page.evaluate("document.documentElement.className = 'dark'")
    inside.wait_for_selector('html[data-theme="dark"]')
    assert ground(inside) < 60
    page.emulate_media(color_scheme="dark")
    page.evaluate("document.documentElement.className = 'light'")
    inside.wait_for_selector('html[data-theme="light"]')
    assert ground(inside) > 200
    page.close()


def test_pages_of_text_take_airflows_theme_on(browser, address):
    page = browser.new_page(color_scheme="light")
    page.goto(f"{address}/v1/openapi.json")
    page.evaluate(FRAME, f"{address}/?week={KNOWN}&view=trust")
    page.evaluate("document.documentElement.className = 'dark'")
    frame = page.frame_locator("iframe")
    for name in ("Card of model 3", "All checks on one page"):
        frame.locator("a", has_text=name).click()
        frame.locator("html[data-theme=dark] nav a").wait_for()
        drawn = "getComputedStyle(document.documentElement).backgroundColor"
        assert page.frames[1].evaluate(drawn) == "rgb(19, 18, 17)"
        frame.locator("nav a").click()
        frame.locator('body[data-view="trust"]').wait_for()
    page.close()
