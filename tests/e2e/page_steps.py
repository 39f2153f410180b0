"""What the tests of the Hotspots page do in a browser again and again."""

import io
from datetime import timedelta

from PIL import Image

from tests.e2e.conftest import WEB
from tests.made_up_year import LAST_TARGET

# The last is a laptop at 200 %.
SIZES = {"laptop": (1280, 800), "desktop": (1920, 1080), "phone": (390, 844), "zoomed": (640, 400)}
LAYERS = ("forecast", "outcome", "difference", "long_run", "change")
WEEK = timedelta(days=7)
KNOWN = LAST_TARGET - 9 * WEEK
CELL = (32, 48)
CELL_ID = 2448  # of 75 columns
QUIET = (35, 24)  # a cell of the lowest colour
FAULTS = """
() => axe.run({ rules: { "target-size": { enabled: true } } }).then(found => found.violations
    .filter(v => ["moderate", "serious", "critical"].includes(v.impact))
    .map(v => [v.id, v.nodes.map(n => n.html.slice(0, 120))]))
"""


def open_page(page, address, **query):
    query = {"week": KNOWN, "view": "map", **query}
    page.goto(f"{address}/?" + "&".join(f"{name}={value}" for name, value in query.items()))
    wait_for(page, query["week"], query["view"])


def wait_for(page, week, view="map"):
    page.wait_for_selector(f'body[data-week="{week}"][data-view="{view}"]')


def drawn(page):
    return page.eval_on_selector("#map", "map => ({...map.dataset})")


def point_of(page, row, col):
    """Where a cell's middle lies on the screen."""
    return page.evaluate(f"hotspots.pointOf({row}, {col})")


def pixel(page, row, col):
    at = point_of(page, row, col)
    shown = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    return shown.getpixel((round(at["x"]), round(at["y"])))


def colours_around(page, row, col):
    """All colours of the cell's neighbourhood."""
    at = point_of(page, row, col)
    clip = {"x": at["x"] - 8, "y": at["y"] - 8, "width": 16, "height": 16}
    shown = Image.open(io.BytesIO(page.screenshot(clip=clip))).convert("RGB")
    return {shown.getpixel((x, y)) for x in range(16) for y in range(16)}


def faults(page):
    """What axe finds wrong, slight things aside; a target is 24 px or more."""
    page.evaluate((WEB / "node_modules" / "axe-core" / "axe.min.js").read_text())
    return page.evaluate(FAULTS)
