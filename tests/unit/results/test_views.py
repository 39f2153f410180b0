from datetime import timedelta

import numpy as np
import pytest

from pipeline.domain.city import load_city
from pipeline.domain.errors import WeekNotReady
from pipeline.quality.rules import RULES
from pipeline.results.page import views
from pipeline.results.page.week_health import check_in_words, week_health
from pipeline.results.products.exports import week_files
from pipeline.results.store.reader import ResultsReader
from pipeline.results.store.records import CellPast
from pipeline.results.store.writer import ResultsStore
from pipeline.settings import Settings
from tests.unit.results.samples import HEALTH, TARGET, publish, publish_as_first_version

CITY = "smallville"
WEEK = timedelta(days=7)
NEXT = TARGET + WEEK


@pytest.fixture
def history(store, cells, tmp_path):
    publish(store, cells)
    return ResultsReader(f"sqlite:///{tmp_path / 'deep' / 'results.db'}")


def one_report():
    grid = np.zeros((3, 4))
    grid[2, 0] = 1
    return [grid]


def test_a_week_comes_to_be_known_and_then_scored(store, history):
    assert [w.stage for w in views.weeks(history, CITY).weeks] == ["forecast"]
    store.save_observed(CITY, [TARGET], one_report(), NEXT)
    (week,) = views.weeks(history, CITY).weeks
    assert (week.stage, week.observed, week.observed_edge_week) == ("known", 1, NEXT)
    store.save_scores(CITY, TARGET, 1, {"dual_branch_cnn": {"mae": 1.0}}, NEXT)
    (week,) = views.weeks(history, CITY).weeks
    assert (week.stage, week.scored_edge_week) == ("scored", NEXT)
    assert (week.total.mean, week.rows_in) == (7.875, None)


def test_a_forecast_has_cells_totals_and_clusters(history, city):
    week = views.week_forecast(history, city, TARGET)
    assert week.cells.mean == [0.5, 2.0, 0.25, 1.0, 4.0, 0.125]
    assert week.city.mean == 7.875
    assert [d.name for d in week.divisions] == ["Up", "Down"]
    # Of six cells the top 5 % is one: row 2, column 0, with 4 expected and 0.75 in the long run.
    (cluster,) = week.clusters
    assert (cluster.cells, cluster.expected, cluster.long_run_mean) == (1, 4.0, 0.75)
    assert (cluster.peak_row, cluster.peak_col, cluster.divisions) == (2, 0, ["Up"])


def test_a_forecast_from_before_history_was_rerun_has_no_stability(cells, city, tmp_path):
    url = f"sqlite:///{tmp_path / 'old.db'}"
    publish_as_first_version(ResultsStore(url), cells)
    ResultsStore(url).migrate()
    week = views.week_forecast(ResultsReader(url), city, TARGET)
    assert week.cells.p_top5 == [None] * 6
    assert [cluster.p_top5 for cluster in week.clusters] == [None]


def test_an_outcome_follows_the_order_of_the_forecasts_cells(store, history):
    with pytest.raises(WeekNotReady, match="isn't known yet"):
        views.week_outcome(history, CITY, TARGET)
    store.save_observed(CITY, [TARGET], one_report(), NEXT)
    outcome = views.week_outcome(history, CITY, TARGET)
    assert (outcome.cells, outcome.reports) == ([0, 0, 0, 0, 1, 0], 1)
    assert outcome.divisions == {"Down": 0, "Up": 1}


def test_a_cells_year_ends_at_the_week_asked_for():
    past = {NEXT - 52 * WEEK: CellPast(9, 9.0, 9, 9), TARGET: CellPast(2, 0.25, 0, 1)}
    year = views.cell_history(past, CITY, 1, 1, NEXT)
    assert [w.week_start for w in year.weeks] == [NEXT - k * WEEK for k in range(51, -1, -1)]
    first, before, last = year.weeks[0], *year.weeks[-2:]
    assert (before.reports, before.mean, before.q10, before.q90) == (2, 0.25, 0, 1)
    for week in (first, last):
        assert {week.reports, week.mean, week.q10, week.q90} == {None}


@pytest.mark.parametrize("past", [{}, {TARGET: CellPast(2, None, None, None)}])
def test_a_cell_that_was_never_forecast_has_no_year(past):
    with pytest.raises(WeekNotReady, match="no forecast of a cell in row 0, column 0"):
        views.cell_history(past, CITY, 0, 0, NEXT)


def test_health_is_the_stored_one(history):
    health = week_health(history, CITY, TARGET)
    stored = [check.model_dump(exclude={"meaning", "action"}) for check in health.checks]
    assert stored == list(HEALTH)
    assert health.verdict.level == "use with care"
    assert (health.tally["placed"], health.notes) == (9, ["one retry"])


def test_a_check_says_what_it_means_and_what_to_do():
    outcome = {"table": "incidents", "outcome": "warn", "found": "", "expected": "", "rows": 0}
    known = check_in_words({**outcome, "name": "weekly_volume"})
    assert (known.meaning, known.action) == (
        RULES["weekly_volume"].meaning,
        RULES["weekly_volume"].action,
    )
    gone = check_in_words({**outcome, "name": "no_longer_made"})
    assert (gone.meaning, gone.action) == ("no longer made", None)


def test_downloads_are_the_exported_files(history, city):
    files = week_files(history, city, TARGET)
    listed = views.downloads(files).files
    assert [d.kind for d in listed] == [
        "csv", "geojson", "geoparquet", "totals", "hub", "geopackage", "style", "dictionary",
        "manifest",
    ]  # fmt: skip
    assert [d.size_bytes for d in listed] == [len(content) for _, content in files.values()]


def test_geometry_holds_the_divisions_and_the_city_round_them():
    import shapely

    city = load_city("los_angeles")
    found = views.geometry(city, Settings())
    outline = shapely.geometry.shape(found.outline)
    parts = [shapely.geometry.shape(f["geometry"]) for f in found.divisions["features"]]
    assert [f["properties"]["name"] for f in found.divisions["features"]] == sorted(city.divisions)
    cell_area = city.grid.cell_height_deg * city.grid.cell_width_deg
    assert outline.area == pytest.approx(1663 * cell_area, rel=1e-3)
    assert sum(part.area for part in parts) == pytest.approx(outline.area, rel=1e-6)


def test_a_city_without_a_list_of_cells_has_no_outline(city):
    found = views.geometry(city, Settings())
    assert found.divisions["features"] == []
    assert (found.rows, found.cols, found.south) == (3, 4, 10.0)
