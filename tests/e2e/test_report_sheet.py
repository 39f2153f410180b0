"""The week's report fits on one sheet of Letter and of A4, whole, and on a phone."""

import re
import shutil
from datetime import timedelta

import numpy as np
import pytest

from pipeline.domain.city import load_city
from pipeline.domain.distributions import CountDistribution, Forecast
from pipeline.domain.weeks import ForecastWeeks
from pipeline.evaluation.hotspots import find_hotspots
from pipeline.results.products.week_report import report_page
from pipeline.results.store.reader import ResultsReader
from pipeline.results.store.writer import ResultsStore
from tests.e2e.conftest import NEEDS_A_BROWSER, SHOTS
from tests.made_up_year import CITY, LAST_TARGET
from tests.unit.results.samples import make_run

pytestmark = NEEDS_A_BROWSER
WEEK = timedelta(days=7)
KNOWN, FULL = LAST_TARGET - 9 * WEEK, LAST_TARGET + WEEK
EACH = pytest.mark.parametrize("week", [KNOWN, LAST_TARGET, FULL], ids=["known", "new", "full"])
PX_PER_MM = 96 / 25.4
# Both papers with 12 mm around: A4 is the narrower, Letter the lower one.
WIDTH_MM, HEIGHT_MM = 210 - 24, 279.4 - 24
POINTS = {"Letter": (612, 792), "A4": (595, 842)}
OUTSIDE = """
() => [...document.querySelectorAll("body *")].filter(e => {
  const box = e.getBoundingClientRect();
  const isCut = e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).display != "inline"
    && !["TR", "THEAD", "TBODY", "TABLE"].includes(e.tagName);
  return box.left < -0.5 || box.right > innerWidth + 0.5 || isCut;
}).map(e => e.outerHTML.slice(0, 120))
"""


LONG = "a reason that takes more words than a sheet of paper has room for " * 6
WORST = ({"table": "incidents", "name": f"check {k} of {LONG}", "outcome": "warn", "found": LONG,
          "expected": LONG, "rows": 0} for k in range(5))  # fmt: skip


@pytest.fixture(scope="module")
def reader(database, tmp_path_factory):
    """A year of weeks; what the newest holds is as long as it can be, and its city is stale."""
    path = tmp_path_factory.mktemp("full") / "results.db"
    shutil.copy(database.removeprefix("sqlite:///"), path)
    url = f"sqlite:///{path}"
    store, reader = ResultsStore(url), ResultsReader(url)
    cells = load_city(CITY).listed_cells()
    row, col = np.indices(cells.shape)
    mean = np.where(cells.mask, 0.2 + 2.0 * ((row % 9 < 3) & (col % 9 < 3)), np.nan)
    total = CountDistribution(float(np.nansum(mean)), 35.0)
    weeks = ForecastWeeks(FULL - timedelta(days=4), FULL - 3 * WEEK, FULL)
    forecast = Forecast(
        weeks, mean, np.where(cells.mask, 6.0, np.nan), total, {}, "dual_branch_cnn", "m" * 64,
        np.where(cells.mask, 0.5, np.nan),
    )  # fmt: skip
    store.publish(
        make_run(city=CITY, weeks=weeks, provenance="simulated", notes=(LONG,) * 5,
                 code_version="0.2.0+0123456789.dirty"),
        forecast, find_hotspots(mean, 1), tuple(WORST), cells, today=weeks.issue_date,
    )  # fmt: skip
    counts = np.where(cells.mask, (row + col) % 7, 0)
    store.save_observed(CITY, [FULL], [counts], FULL + 3 * WEEK)
    store.mark_stale(CITY, "StaleData: no newer reports", FULL + timedelta(days=3))
    return reader


@pytest.fixture
def shown(browser, tmp_path):
    """Open a report in a window of a size, in px."""
    pages = []

    def open_report(html, width, height):
        file = tmp_path / "week.html"
        file.write_text(html)
        page = browser.new_page(viewport={"width": round(width), "height": round(height)})
        page.goto(f"file://{file}")
        pages.append(page)
        return page

    yield open_report
    for page in pages:
        page.close()


@EACH
@pytest.mark.parametrize("paper", ["Letter", "A4"])
@pytest.mark.parametrize("country", ["US", "DE"])
def test_it_prints_on_one_sheet(shown, reader, week, paper, country):
    """Whatever the country's paper is, and whichever lies in the printer."""
    page = shown(report_of(reader, week, country), 1280, 800)
    sheets = page.pdf(format=paper)
    assert page_sizes(sheets) == [approx(POINTS[paper])]
    own = "Letter" if country == "US" else "A4"
    assert page_sizes(page.pdf(prefer_css_page_size=True)) == [approx(POINTS[own])]


@EACH
def test_nothing_is_cut_on_paper(shown, reader, week):
    page = shown(report_of(reader, week), WIDTH_MM * PX_PER_MM, HEIGHT_MM * PX_PER_MM)
    page.emulate_media(media="print")
    page.screenshot(path=SHOTS / f"report_{week}_paper.png", full_page=True)
    assert page.evaluate("document.fonts.ready.then(() => document.body.scrollHeight)") <= (
        HEIGHT_MM * PX_PER_MM
    )
    assert page.evaluate(OUTSIDE) == []
    for head in ("Forecast", "Largest clusters", "newest known forecasts", "Before you use it"):
        assert page.get_by_role("heading", name=head).first.is_visible()


@EACH
@pytest.mark.parametrize("width", [390, 1280, 1920])
def test_nothing_is_wider_than_the_screen(shown, reader, week, width):
    page = shown(report_of(reader, week), width, 844)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(OUTSIDE) == []
    page.screenshot(path=SHOTS / f"report_{week}_{width}.png", full_page=True)


def test_it_prints_as_it_looks(shown, reader):
    """Screen and paper have everything at the same place, but for the sheet's margin."""
    page = shown(report_of(reader, KNOWN), WIDTH_MM * PX_PER_MM + 60, 900)
    places = """() => { const at = document.body.getBoundingClientRect();
      return [...document.querySelectorAll("h2, b, img, td, li")].map(e => {
        const box = e.getBoundingClientRect();
        return [box.x - at.x, box.y - at.y, box.width, box.height].map(Math.round) }) }"""
    on_screen = page.evaluate(places)
    page.emulate_media(media="print")
    assert page.evaluate(places) == on_screen


def report_of(reader, week, country="US"):
    return report_page(reader, load_city(CITY).model_copy(update={"country": country}), week)


def approx(size):
    return pytest.approx(size, abs=1)  # the browser's A4 is one of whole pixels


def page_sizes(pdf):
    """Return width and height of a PDF's pages, in points."""
    assert len(re.findall(rb"/Type /Page\b", pdf)) == len(re.findall(rb"/MediaBox", pdf))
    boxes = re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", pdf)
    return [(round(float(wide)), round(float(high))) for wide, high in boxes]
