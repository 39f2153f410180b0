"""The site of static files in a browser: the page's main steps, its figures, and what is public."""

import json
import os
import re
import subprocess
import sys
from contextlib import contextmanager

import pandas as pd
import pytest

from pipeline.domain.city import load_city
from pipeline.results.page import views
from pipeline.results.page.track_record import scores
from pipeline.results.products.dates import week_words
from pipeline.results.site.site_names import site_name
from pipeline.results.store.reader import ResultsReader
from tests.e2e.conftest import NEEDS_THE_PAGE, SHOTS, WEB
from tests.e2e.conftest import served as folder_served
from tests.e2e.page_steps import (
    CELL,
    CELL_ID,
    KNOWN,
    LAYERS,
    SIZES,
    WEEK,
    drawn,
    faults,
    open_page,
    wait_for,
)
from tests.made_up_year import CITY, LAST_TARGET, fill
from tests.road_file import write_roads
from tests.services import free_port, is_open
from tests.services import wait_for as until

WEEKS = 18  # so many of them are known that skill has an interval
FIGURE = re.compile(r"\d+\.\d{5,}(?:e-\d+)?")
ASKED = [("weeks", {}), ("weeks", {"city": CITY}), ("scores/areas", {"city": CITY}),
         ("cells/32/48", {"city": CITY, "week": str(KNOWN)}),
         ("weeks/2026-11-15/downloads/a.csv", {"city": CITY})]  # fmt: skip

pytestmark = NEEDS_THE_PAGE


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    url = f"sqlite:///{tmp_path_factory.mktemp('weeks') / 'results.db'}"
    fill(url, weeks=WEEKS)
    return url


@pytest.fixture(scope="module")
def stored(database):
    return ResultsReader(database)


@pytest.fixture(scope="module")
def sites(database, tmp_path_factory):
    """What is public -> the folder that the command wrote."""
    roads = write_roads(tmp_path_factory.mktemp("roads") / "roads.geojson")
    more = {"HOTSPOTS_ROADS_FILE": str(roads), "HOTSPOTS_ROADS_SOURCE": "© Roads"}
    folder = tmp_path_factory.mktemp("sites")
    return {what: written(database, what, folder / what, **more) for what in ("all", "divisions")}


def written(database, public, folder, **settings):
    """Let the command write a site into a folder; return it."""
    named = {"HOTSPOTS_RESULTS_URL": database, "HOTSPOTS_PUBLIC": public, **settings}
    subprocess.run(
        [sys.executable, "-m", "pipeline.cli.main", "site", "--out", folder],
        env={**os.environ, **named}, check=True, capture_output=True,
    )  # fmt: skip
    return folder


@contextmanager
def published(folder):
    """Serve a folder by Python's own web server, as anybody would."""
    port = free_port()
    command = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"]
    with subprocess.Popen(command, cwd=folder, stderr=subprocess.DEVNULL) as server:
        until(lambda: is_open(port), 60, "the web server")
        yield f"http://127.0.0.1:{port}"
        server.terminate()


@pytest.fixture(scope="module")
def address(sites):
    with published(sites["all"]) as address:
        yield address


@pytest.fixture(scope="module")
def city_wide(sites):
    """The address of the site without cells."""
    with published(sites["divisions"]) as address:
        yield address


@pytest.fixture
def page_of_divisions(browser, city_wide):
    page = browser.new_page(viewport={"width": 1280, "height": 800}, locale="en-GB")
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda line: line.type == "error" and errors.append(line.text))
    yield page
    page.close()
    assert errors == []


def test_the_newest_week_comes_first_with_its_banner_and_the_feed(page, address):
    page.goto(address)
    wait_for(page, LAST_TARGET)
    wanted = {"cells": "1663", "roads": "2", "layer": "forecast", "week": str(LAST_TARGET)}
    assert drawn(page) == wanted
    assert page.inner_text("#provenance").startswith("SIMULATED DATA")
    feed = page.request.get(f"{address}/{page.get_attribute('#feed', 'href')}").text()
    assert feed.count("<entry>") == WEEKS


def test_weeks_and_layers_change(page, address):
    open_page(page, address)
    page.focus("#slider")
    page.keyboard.press("ArrowRight")
    wait_for(page, KNOWN + WEEK)
    page.keyboard.press("Home")
    wait_for(page, LAST_TARGET - (WEEKS - 1) * WEEK)
    page.click("#on")
    wait_for(page, LAST_TARGET - (WEEKS - 2) * WEEK)
    for layer in LAYERS:
        page.check(f"#layers input[value={layer}]")
        page.wait_for_selector(f'#map[data-layer="{layer}"]')
        assert page.is_hidden("#note")


@pytest.mark.parametrize("week", [KNOWN, LAST_TARGET])
def test_a_click_shows_the_stores_figures(page, address, stored, week):
    open_page(page, address, week=week)
    at = page.evaluate(f"hotspots.pointOf({CELL[0]}, {CELL[1]})")
    page.mouse.click(at["x"], at["y"])
    page.wait_for_selector(f'#cell[data-cell="{CELL[0]},{CELL[1]}"]')
    cells = stored.cells_frame(CITY, week)
    cell = cells[(cells["row"] == CELL[0]) & (cells["col"] == CELL[1])].iloc[0]
    names, texts = (page.locator(f"#cell {tag}").all_inner_texts() for tag in ("dt", "dd"))
    facts = dict(zip(names, texts, strict=True))
    assert facts["Expected"] == f"{cell['mean']:.2f} reports"
    assert facts["80 % between"] == f"{cell['q10']} and {cell['q90']}"
    year = views.cell_history(stored.cell_past(CITY, *CELL), CITY, *CELL, week)
    known = [w.reports for w in year.weeks if w.reports is not None]
    assert page.get_attribute("#cell figure", "aria-label").startswith(
        f"{sum(known)} reports counted in {len(known)} known weeks"
    )


def test_totals_divisions_and_counts_are_the_stores(page, address, stored):
    open_page(page, address)
    says_the_totals(page, stored)


def says_the_totals(page, stored):
    totals = stored.totals(CITY, KNOWN).set_index("name")
    outcome = views.week_outcome(stored, CITY, KNOWN)
    text = page.inner_text("#summary").replace("\n", " ")
    assert f"{totals.loc['city', 'mean']:.0f} reports expected" in text
    assert f"Counted: {outcome.reports}" in text
    first = page.locator("#divisions tbody tr").first.locator("th, td").all_inner_texts()
    name, expected, _, counted, _ = first
    assert expected == f"{totals.loc[name, 'mean']:.1f}"
    assert int(counted) == outcome.divisions[name]


def says_the_skill(page, stored):
    found = scores(stored, CITY)
    skill = next(c for c in found.comparisons if c.baseline == "long_run_mean")
    text = page.inner_text('[data-shown="skill"]')
    assert f"error was {100 * abs(skill.skill):.1f} %" in text
    assert page.locator('[data-shown="skill"] canvas').count() == 3


def test_skill_trust_and_weeks_say_what_is_stored(page, address, stored):
    open_page(page, address, view="skill")
    says_the_skill(page, stored)
    page.click('[data-view="trust"]')
    wait_for(page, KNOWN, "trust")
    assert "2 of 4 checks" in page.inner_text('[data-shown="trust"]')
    links = page.locator('[data-shown="trust"] ul.links a')
    assert links.all_inner_texts() == ["Card of model 3", "All checks on one page"]
    for link in links.all():
        linked = page.request.get(f"{address}/{link.get_attribute('href')}")
        assert linked.status == 200
        assert "Los Angeles" in linked.text()
    page.click('[data-view="weeks"]')
    wait_for(page, KNOWN, "weeks")
    assert page.locator('[data-shown="weeks"] tbody tr').count() == WEEKS
    page.locator('[data-shown="weeks"] tbody button').nth(1).click()
    wait_for(page, LAST_TARGET - WEEK)


def test_a_link_leads_back_and_what_is_not_there_is_said(page, address):
    open_page(page, address, layer="outcome", cell=str(CELL_ID))
    page.wait_for_selector("#cell[data-cell]")
    link = page.url
    page.click("#on")
    wait_for(page, KNOWN + WEEK)
    page.go_back()
    wait_for(page, KNOWN)
    assert page.url == link
    page.goto(f"{address}/?week=2020-01-05")
    wait_for(page, LAST_TARGET)
    page.wait_for_function("document.getElementById('problem').textContent.includes('no forecast')")


def test_a_city_that_is_not_there_leads_to_one_that_is(browser, address):
    page = browser.new_page()
    page.goto(f"{address}/?city=atlantis")
    wait_for(page, LAST_TARGET)
    page.wait_for_function("document.getElementById('problem').textContent.includes('atlantis')")
    page.close()


def test_a_road_is_found_and_a_period_has_its_interval(page, address, stored):
    open_page(page, address)
    page.wait_for_selector('#map[data-roads="2"]')
    page.fill("#filter", "long fre")
    page.keyboard.press("Enter")
    assert page.locator(f'#cells tr[data-cell="{CELL[0]},{CELL[1]}"]').count() == 1
    page.click('[data-view="skill"]')
    wait_for(page, KNOWN, "skill")
    page.select_option("#from", str(scores(stored, CITY).weeks[1]))
    assert "95 % interval of the skill" in page.inner_text("#period")


def test_downloads_are_the_stores(page, address, stored):
    open_page(page, address)
    links = page.locator("#downloads li a")
    links.nth(5).wait_for()
    with page.expect_download() as waiting:
        links.first.click()
    assert waiting.value.suggested_filename == f"{CITY}_{KNOWN}_simulated.csv"
    means = pd.read_csv(waiting.value.path())["mean"].tolist()
    assert means == pytest.approx(stored.cells_frame(CITY, KNOWN)["mean"].tolist(), rel=1e-3)
    report = page.request.get(f"{address}/{page.get_attribute('#downloads p a', 'href')}").text()
    assert f"week of {week_words(load_city(CITY), KNOWN)}" in report


def test_city_and_divisions_alone_are_shown_where_they_alone_are_public(
    page_of_divisions, city_wide, stored
):
    page = page_of_divisions
    open_page(page, city_wide)
    says_the_totals(page, stored)
    for hidden in ("map", "cell", "cells", "clusters", "downloads"):
        assert page.is_hidden(f"#{hidden}")
    page.click("#on")
    wait_for(page, KNOWN + WEEK)
    page.click('[data-view="skill"]')
    wait_for(page, KNOWN + WEEK, "skill")
    says_the_skill(page, stored)


def test_no_figure_of_a_cell_is_in_any_file_where_they_are_not_public(sites, stored):
    texts = {path: path.read_text() for path in sites["divisions"].rglob("*") if path.is_file()}
    written = {float(figure) for text in texts.values() for figure in FIGURE.findall(text)}
    public = pd.concat(
        [stored.totals(CITY, run.record.weeks.target_week) for run in stored.weeks(CITY)]
    )
    assert set(public["mean"]) <= written  # what is public is found so
    for run in stored.weeks(CITY):
        cells = stored.cells_frame(CITY, run.record.weeks.target_week)
        figures = set(cells[["mean", "p_any"]].to_numpy().ravel())
        assert len(figures) > 1663
        assert figures & written == set()
    areas = json.loads(texts[sites["divisions"] / site_name("scores/areas", CITY)])["areas"]
    assert [area["name"] for area in areas] == ["city"] * 3
    assert {path.suffix for path in texts} == {".html", ".js", ".css", ".json", ".xml"}
    assert not [path for path in texts if {"cells", "downloads"} & set(path.parts)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("public", ["all", "divisions"])
def test_nothing_is_cut_and_axe_finds_no_serious_fault(
    page, page_of_divisions, address, city_wide, public, size
):
    shown, at = (page, address) if public == "all" else (page_of_divisions, city_wide)
    width, height = SIZES[size]
    shown.set_viewport_size({"width": width, "height": height})
    open_page(shown, at)
    shown.wait_for_timeout(300)
    shown.screenshot(path=SHOTS / f"site_{public}_{width}.png", full_page=True)
    assert shown.evaluate("document.documentElement.scrollWidth") <= width
    assert faults(shown) == []


def test_page_and_writer_name_files_alike(browser):
    page = browser.new_page()
    with folder_served(WEB / "src") as address:
        page.goto(address)
        for path, query in ASKED:
            named = page.evaluate(
                "([path, query]) => import('./site.js').then(m => m.siteName(path, query))",
                [path, query],
            )
            assert named == site_name(path, query.get("city"))
    page.close()
