"""The Hotspots page in a browser: what it draws, says and gives, and whether all can use it."""

import json
import sys
from datetime import timedelta
from xml.etree import ElementTree as ET

import geopandas as gpd
import pandas as pd
import pytest
from scipy.stats import nbinom

from pipeline.domain.city import load_city
from pipeline.results.page import views
from pipeline.settings import Settings
from tests.e2e.conftest import NEEDS_THE_PAGE, SHOTS, WEB
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
from tests.made_up_year import CITY, LAST_TARGET
from tests.neighbourhood_layer import box, with_layer, write_layer

VIEWS = ("map", "skill", "trust", "weeks", "about")
COMPRESSED_LIMIT = 600_000  # bytes
FITTED = """
() => {
    const { top, bottom } = document.getElementById("map").getBoundingClientRect();
    const north = hotspots.pointOf(59, 30).y, south = hotspots.pointOf(0, 56).y;
    return top < north && north < top + 20 && bottom - 20 < south && south < bottom;
}
"""
REACHED = """
() => (e => e.id || e.dataset.view || e.name || e.textContent)(document.activeElement)
"""

pytestmark = NEEDS_THE_PAGE


def test_the_newest_week_comes_first_with_all_cells_and_its_banner(page, address):
    page.goto(address)
    wait_for(page, LAST_TARGET)
    assert drawn(page) == {"cells": "1663", "layer": "forecast", "week": str(LAST_TARGET)}
    assert page.inner_text("#provenance").startswith("SIMULATED DATA")
    assert "What happened isn't known yet" in page.inner_text("#summary")
    assert page.is_hidden("#stale")
    assert page.locator(".streets, #source").count() == 0


def test_a_click_shows_the_stores_figures(page, address, year):
    open_page(page, address)
    at = page.evaluate(f"hotspots.pointOf({CELL[0]}, {CELL[1]})")
    page.mouse.click(at["x"], at["y"])
    page.wait_for_selector(f'#cell[data-cell="{CELL[0]},{CELL[1]}"]')
    cells = year.cells_frame(CITY, KNOWN)
    cell = cells[(cells["row"] == CELL[0]) & (cells["col"] == CELL[1])].iloc[0]
    found = year.observed_cells(CITY, KNOWN)
    counted = found[(found["row"] == CELL[0]) & (found["col"] == CELL[1])]["reports"].sum()
    names, texts = (page.locator(f"#cell {tag}").all_inner_texts() for tag in ("dt", "dd"))
    facts = dict(zip(names, texts, strict=True))
    assert facts["Expected"] == f"{cell['mean']:.2f} reports"
    assert facts["80 % between"] == f"{cell['q10']} and {cell['q90']}"
    assert facts["50 % between"] == f"{cell['q25']} and {cell['q75']}"
    widest = nbinom.ppf([0.025, 0.975], cell["nb_size"], 1 / (1 + cell["mean"] / cell["nb_size"]))
    assert facts["95 % between"] == "{:.0f} and {:.0f}".format(*widest)
    assert facts["Chance of any"] == f"{100 * cell['p_any']:.0f} %"
    assert facts["Rank"].startswith(f"{cell['rank']} of 1,663")
    assert facts["Long-run average"] == f"{cell['long_run_mean']:.2f} a week"
    assert facts["Counted"] == str(counted)
    # Row 32, column 48: cell 32 * 75 + 48.
    assert page.inner_text("#cell h2") == "Cell 2448"
    assert page.inner_text("#cell h2 + p") == "0.63 x 1.17 km, Mid-City, Wilshire Division"
    past = views.cell_history(year.cell_past(CITY, *CELL), CITY, *CELL, KNOWN)
    says = page.get_attribute("#cell figure", "aria-label")
    assert says.startswith(
        f"{sum(w.reports for w in past.weeks)} reports counted in 52 known weeks"
    )
    assert f"cell={CELL_ID}" in page.url


def test_places_are_named_by_the_layer_of_the_city(page, address, monkeypatch, tmp_path):
    city = load_city(CITY)
    layer = write_layer(tmp_path / "layer.geojson", ("Middle Town", box(*city.grid.bounds(*CELL))))
    named = with_layer(city, layer)
    monkeypatch.setattr(Settings, "city", lambda *_: named)
    answering = sys.modules["hotspots_ui.answering"]
    monkeypatch.setattr(answering, "kept", answering.Kept(answering.KEPT_ANSWERS, 1))
    open_page(page, address, cell=str(CELL_ID))
    assert ", Middle Town, " in page.inner_text("#cell h2 + p")
    heads = page.locator("#clusters th").all_inner_texts()
    assert "Place" in heads
    assert not any(head.startswith("Division") for head in heads)
    assert page.locator("#clusters td", has_text="Middle Town (").count() == 1


def test_the_weeks_total_is_the_stores(page, address, year):
    open_page(page, address)
    total = year.totals(CITY, KNOWN).iloc[0]
    text = page.inner_text("#summary")
    assert f"{total['mean']:.0f} reports expected" in text.replace("\n", " ")
    assert f"between {total['q10']} and {total['q90']}" in text
    weeks = year.observed_weeks(CITY).set_index("week_start")["reports"]
    assert f"Counted: {weeks[KNOWN]}" in text


def test_slider_buttons_and_keys_move_the_weeks(page, address):
    open_page(page, address)
    page.focus("#slider")
    page.keyboard.press("ArrowRight")
    wait_for(page, KNOWN + WEEK)
    page.keyboard.press("Home")
    wait_for(page, LAST_TARGET - 54 * WEEK)
    assert page.is_disabled("#back")
    page.keyboard.press("End")
    wait_for(page, LAST_TARGET)
    assert page.is_disabled("#on")
    page.click("#back")
    wait_for(page, LAST_TARGET - WEEK)
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("ArrowLeft")
    wait_for(page, LAST_TARGET - 2 * WEEK)
    assert f"week={LAST_TARGET - 2 * WEEK}" in page.url
    assert drawn(page)["week"] == str(LAST_TARGET - 2 * WEEK)


def test_play_runs_to_the_last_week_and_stops(page, address):
    open_page(page, address, week=LAST_TARGET - WEEK)
    page.click("#play")
    assert page.get_attribute("#play", "aria-pressed") == "true"
    wait_for(page, LAST_TARGET)
    page.wait_for_selector('#play[aria-pressed="false"]')


@pytest.mark.parametrize("layer", LAYERS)
def test_layers_switch_with_their_legend(page, address, layer):
    open_page(page, address, week=KNOWN)
    page.check(f"#layers input[value={layer}]")
    page.wait_for_selector(f'#map[data-layer="{layer}"]')
    assert drawn(page)["cells"] == "1663"
    assert page.locator("#legend .swatch:visible").count() >= 6
    assert page.is_hidden("#note")
    page.screenshot(path=SHOTS / f"layer_{layer}.png")


def test_an_outcome_that_is_not_known_says_so(page, address):
    open_page(page, address, week=LAST_TARGET, layer="outcome")
    assert "isn't known yet" in page.inner_text("#note")


def test_downloads_arrive_and_parse(page, address, year, tmp_path):
    open_page(page, address)
    cells = year.cells_frame(CITY, KNOWN)
    for kind, suffix in (
        ("csv", ".csv"), ("geojson", ".geojson"), ("geoparquet", ".parquet"),
        ("totals", "_totals.csv"), ("hub", "_hub.parquet"), ("geopackage", ".gpkg"),
        ("style", ".qml"), ("dictionary", "data_dictionary.csv"), ("manifest", ".json"),
    ):  # fmt: skip
        with page.expect_download() as waiting:
            page.click(f'#downloads a[href*="downloads/{kind}?"]')
        name = waiting.value.suggested_filename
        assert name.endswith(suffix)
        waiting.value.save_as(tmp_path / name)
        frame = read(kind, tmp_path / name)
        if kind == "manifest":
            assert frame["provenance"] == "simulated"
        elif kind == "totals":
            assert frame.loc[frame["kind"] == "city", "mean"].item() == pytest.approx(
                cells["mean"].sum(), rel=1e-3
            )
        elif kind in ("csv", "geojson", "geoparquet", "geopackage"):
            assert frame["mean"].tolist() == [float(f"{mean:.4g}") for mean in cells["mean"]]


def read(kind, path):
    if kind == "manifest":
        return json.loads(path.read_bytes())
    if kind in ("csv", "totals", "dictionary"):
        return pd.read_csv(path)
    if kind == "style":
        return ET.fromstring(path.read_bytes())
    if kind in ("geojson", "geopackage"):
        return gpd.read_file(path)
    return pd.read_parquet(path)


def test_is_it_any_good_says_the_stores_skill(page, address, year):
    from pipeline.results.page.track_record import scores

    found = scores(year, CITY)
    open_page(page, address, view="skill")
    skill = next(c for c in found.comparisons if c.baseline == "long_run_mean")
    text = page.inner_text('[data-shown="skill"]')
    assert f"error was {100 * skill.skill:.1f} % lower" in text
    assert f"{100 * skill.low:.1f} % to {100 * skill.high:.1f} %" in text
    assert page.locator('[data-shown="skill"] canvas').count() == 3
    page.select_option("#baseline", "last_week")
    page.wait_for_selector('figure[aria-label^="Skill against the last known week"]')
    page.select_option("#baseline", "poisson_glm")
    page.wait_for_selector('figure[aria-label^="Skill against the regression (GLM)"]')


def test_hits_by_area_are_the_stores(page, address, year):
    open_page(page, address, view="skill")
    weeks = sorted(year.scored_weeks(CITY))
    hits = missed = expected = 0
    for week in weeks:
        cells = year.cells_frame(CITY, week).query("division == 'Harbor'")
        both = cells.merge(year.observed_cells(CITY, week), how="left", on=["row", "col"])
        hits += int(both.loc[both["band"] > 0, "reports"].sum())
        missed += int(both.loc[both["band"] == 0, "reports"].sum())
        expected += both.loc[both["band"] > 0, "mean"].sum()
    row = page.locator("#areas tbody tr", has_text="Harbor")
    name, _, *figures = row.locator("th, td").all_inner_texts()
    assert name == "Harbor"
    assert [int(text.replace(",", "")) for text in figures[:3]] == [round(expected), hits, missed]
    assert figures[3] == f"{100 * hits / (hits + missed):.1f} %"
    assert f"{len(weeks)} scored weeks" in page.inner_text("#areas")
    page.select_option("#top", "1")
    assert "top 1 % of cells" in page.inner_text("#areas")
    top = page.locator("#areas tbody tr", has_text="Whole city").locator("th, td").nth(3)
    assert int(top.inner_text().replace(",", "")) == sum(
        year.cells_frame(CITY, week)
        .query("band == 1")
        .merge(year.observed_cells(CITY, week), on=["row", "col"])["reports"]
        .sum()
        for week in weeks
    )


def test_can_i_trust_it_shows_what_failed_first(page, address):
    open_page(page, address, view="trust")
    text = page.inner_text('[data-shown="trust"]')
    assert "2 of 4 checks of its data passed" in text
    assert "warning" in page.locator('[data-shown="trust"] details.check').first.inner_text()
    assert "51,230" in text
    links = page.locator('[data-shown="trust"] ul.links a')
    assert links.all_inner_texts() == [
        "Card of model 3",
        "All checks on one page",
        "The run in Airflow",
    ]
    issued = KNOWN - timedelta(days=4)
    path = f"../dags/weekly_forecast/runs/scheduled__{issued}"
    assert links.nth(2).get_attribute("href") == path
    card = page.request.get(f"{address}/v1/models/3/card?city={CITY}")
    assert card.text().startswith("# Model card: Los Angeles")


def test_all_weeks_lead_back_to_their_map(page, address):
    open_page(page, address, view="weeks")
    assert page.locator('[data-shown="weeks"] tbody tr').count() == 55
    page.locator('[data-shown="weeks"] tbody button').nth(1).click()
    wait_for(page, LAST_TARGET - WEEK)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("view", VIEWS)
def test_nothing_is_cut_and_axe_finds_no_serious_fault(page, address, view, size):
    width, height = SIZES[size]
    page.set_viewport_size({"width": width, "height": height})
    open_page(page, address, view=view, cell=str(CELL_ID))
    page.wait_for_timeout(300)
    page.screenshot(path=SHOTS / f"{view}_{width}.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert faults(page) == []


@pytest.mark.parametrize("size", ["laptop", "desktop"])
def test_the_map_fills_the_window_and_shows_the_whole_city(page, address, size):
    open_page(page, address)
    width, height = SIZES[size]
    page.set_viewport_size({"width": width, "height": height})
    page.wait_for_function(FITTED)
    legend = page.locator("#legend").bounding_box()
    assert 0.97 * height < legend["y"] + legend["height"] <= height


def test_everything_is_reached_by_keyboard(page, address):
    open_page(page, address)
    reached = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(page.evaluate(REACHED))
    assert {
        "copy",
        "filter",
        "map",
        *VIEWS,
        "back",
        "play",
        "on",
        "slider",
        "layer",
        "2448",
    } <= reached


def test_the_page_weighs_little(page, address):
    import gzip

    parts = [path for path in (WEB / "dist").rglob("*") if path.is_file()]
    weight = sum(len(gzip.compress(path.read_bytes())) for path in parts)
    for path in ("geometry", "weeks", f"weeks/{KNOWN}/forecast", f"weeks/{KNOWN}/outcome"):
        weight += len(gzip.compress(page.request.get(f"{address}/v1/{path}").body()))
    assert weight < COMPRESSED_LIMIT
