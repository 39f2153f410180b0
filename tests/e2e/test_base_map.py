"""Streets beneath the cells of the Hotspots page, from a tile server of the installation's."""

import io
import re
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from PIL import Image, ImageDraw

from pipeline.settings import get_settings
from tests.e2e.conftest import NEEDS_THE_PAGE, SHOTS
from tests.e2e.page_steps import CELL, CELL_ID, LAYERS, SIZES, faults, open_page
from tests.page_app import served_page

# As markup it would be an image that can't be loaded.
SOURCE = "© The <img src=x> Streets contributors"
LAND, ROAD, EDGE, WATER = "#f2efe9", "#ffffff", "#b5b0a8", "#aad3df"
STREETS_ARE_DRAWN = """
() => {
    const tiles = [...document.querySelectorAll(".streets img")];
    return tiles.length && tiles.every(tile => tile.matches(".leaflet-tile-loaded")
        && getComputedStyle(tile).opacity === "1");
}
"""
MIDDLES_IN_SIGHT = """
async () => {
    const { left, right, top, bottom } = document.getElementById("map").getBoundingClientRect();
    const { week } = document.body.dataset;
    const { cells } = await (await fetch(`v1/weeks/${week}/forecast`)).json();
    return cells.row.map((row, k) => hotspots.pointOf(row, cells.col[k]))
        .filter(({ x, y }) => left < x && x < right && top < y && y < bottom)
        .map(({ x, y }) => [x, y]);
}
"""

pytestmark = NEEDS_THE_PAGE


def tile(place):
    """Return a PNG that looks like a street map at a glance."""
    picture = Image.new("RGB", (256, 256), LAND)
    draw = ImageDraw.Draw(picture)
    draw.ellipse((150, 30, 215, 80), fill=WATER)
    for at in range(16, 256, 32):
        for line in ([(at, 0), (at, 256)], [(0, at), (256, at)]):
            draw.line(line, fill=EDGE, width=5)
            draw.line(line, fill=ROAD, width=3)
    draw.line([(0, 200), (256, 60)], fill="#e892a2", width=6)
    draw.text((20, 120), f"Street {place}", fill="#333333", font_size=13)
    made = io.BytesIO()
    picture.save(made, "PNG")
    return made.getvalue()


class Tiles(ThreadingHTTPServer):
    """A server of tiles that remembers who asked for what."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), TileHandler)
        self.asked, self.is_down = [], False
        self.address = f"http://127.0.0.1:{self.server_port}"


class TileHandler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append((self.path, self.headers["Referer"]))
        self.send_response(503 if self.server.is_down else 200)
        self.send_header("Content-Type", "image/png")
        self.end_headers()
        self.wfile.write(b"" if self.server.is_down else tile(self.path))

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def tiles():
    with Tiles() as server:
        threading.Thread(target=server.serve_forever).start()
        yield server
        server.shutdown()


@pytest.fixture(scope="module")
def address(airflow_home, database):
    """The page on loopback, for a user who is logged in."""
    with served_page(database) as address:
        yield address


@pytest.fixture
def page(browser, address, tiles, monkeypatch):
    """A page of an installation with streets and, in `errors`, what its console says of errors."""
    monkeypatch.setenv("HOTSPOTS_BASE_MAP_URL", tiles.address + "/{z}/{x}/{y}.png")
    monkeypatch.setenv("HOTSPOTS_BASE_MAP_SOURCE", SOURCE)
    get_settings.cache_clear()
    answering = sys.modules["hotspots_ui.answering"]
    monkeypatch.setattr(answering, "kept", answering.Kept(answering.KEPT_ANSWERS, 1))
    tiles.asked, tiles.is_down = [], False
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.errors = []
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.on("console", lambda line: line.type == "error" and page.errors.append(line.text))
    yield page
    page.close()


def wait_for_streets(page):
    page.wait_for_function(STREETS_ARE_DRAWN)


def test_streets_lie_beneath_the_cells_and_say_whose_they_are(page, address, tiles):
    requests = []
    page.on("request", lambda request: requests.append(request.url))
    open_page(page, address)
    wait_for_streets(page)
    elsewhere = {url for url in requests if not url.startswith((address, "data:"))}
    assert elsewhere
    assert all(re.fullmatch(tiles.address + r"/\d+/\d+/\d+\.png", url) for url in elsewhere)
    # Week and cell stand in the page's address, and stay there.
    assert {referer for _, referer in tiles.asked} == {f"{address}/"}
    assert page.inner_text("#source") == f"Streets: {SOURCE}"
    assert page.errors == []


def test_a_cell_over_streets_is_chosen_by_a_click(page, address):
    open_page(page, address)
    wait_for_streets(page)
    at = page.evaluate(f"hotspots.pointOf({CELL[0]}, {CELL[1]})")
    page.mouse.click(at["x"], at["y"])
    page.wait_for_selector(f'#cell[data-cell="{CELL[0]},{CELL[1]}"]')
    assert page.errors == []


@pytest.mark.parametrize("layer", LAYERS)
def test_the_legend_shows_colours_as_they_are_over_streets(page, address, tiles, layer):
    tiles.is_down = True  # what is left then has the tone of a light map
    open_page(page, address, layer=layer)
    page.wait_for_selector(f'#map[data-layer="{layer}"]')
    zoom_in(page)
    shown = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    legend = {
        shown.getpixel(middle(s.bounding_box())) for s in page.locator(".swatch:visible").all()
    }
    points = page.evaluate(MIDDLES_IN_SIGHT)
    colours = [shown.getpixel((round(x), round(y))) for x, y in points]
    assert len(colours) > 100
    # The rest have a cluster's number, a line or a control before them.
    true = [c for c in colours if min(difference(c, step) for step in legend) <= 1]
    assert len(true) > 0.9 * len(colours)


def zoom_in(page):
    for _ in range(2):
        page.click(".leaflet-control-zoom-in")
        page.wait_for_timeout(400)  # as long as it moves


def middle(box):
    return round(box["x"] + box["width"] / 2), round(box["y"] + box["height"] / 2)


def difference(one, other):
    return max(abs(a - b) for a, b in zip(one, other, strict=True))


def test_a_tile_server_that_fails_leaves_the_map_without_streets(page, address, tiles):
    tiles.is_down = True
    open_page(page, address)
    page.wait_for_function("() => document.querySelectorAll('.streets img').length > 0")
    page.wait_for_load_state("networkidle")
    assert page.locator(".streets img.leaflet-tile-loaded").count() == 0
    assert page.get_attribute("#map", "data-cells") == "1663"
    assert page.is_hidden("#problem")
    # The browser's own words on each tile, and nothing of the page's script.
    assert all("the server responded with a status of 503" in line for line in page.errors)
    page.screenshot(path=SHOTS / "streets_missing.png")


@pytest.mark.parametrize("size", SIZES)
def test_with_streets_nothing_is_cut_and_axe_finds_no_serious_fault(page, address, size):
    width, height = SIZES[size]
    page.set_viewport_size({"width": width, "height": height})
    open_page(page, address, cell=str(CELL_ID))
    wait_for_streets(page)
    page.screenshot(path=SHOTS / f"streets_{width}.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.is_visible("#source")
    assert faults(page) == []


def test_zoomed_in_streets_are_read_through_the_cells(page, address):
    open_page(page, address)
    zoom_in(page)
    wait_for_streets(page)
    page.screenshot(path=SHOTS / "streets_zoomed.png")
    assert page.errors == []
