import io
import json
import re

import pandas as pd
import pytest
from rich.console import Console

from pipeline.domain.city import load_city
from pipeline.results.page import views
from pipeline.results.place_names import cluster_name, extent, place_name, wheres, with_places
from pipeline.results.products.comparison import compare_weeks
from pipeline.results.products.exports import export_week
from pipeline.results.products.terminal import cells_table, clusters_table, week_table
from pipeline.results.products.week_report import report_page
from pipeline.results.store.reader import ResultsReader
from tests.neighbourhood_layer import box, with_layer, write_layer
from tests.unit.results.samples import TARGET, publish


@pytest.fixture
def layered(city, tmp_path):
    """The small city, whose north-western cell, the only hotspot, lies in Old Town."""
    path = write_layer(tmp_path / "layer.geojson", ("Old Town", box(20, 11, 20.25, 11.5)))
    return with_layer(city, path)


@pytest.fixture
def history(store, cells, tmp_path):
    publish(store, cells)
    return ResultsReader(f"sqlite:///{tmp_path / 'deep' / 'results.db'}")


def printed(renderable):
    console = Console(width=80, file=io.StringIO())
    console.print(renderable)
    return console.file.getvalue()


@pytest.mark.parametrize(
    ("neighbourhood", "division", "name"),
    [
        ("", "Up", "Up"),
        ("Old Town", "Up", "Old Town (Up)"),
        ("Old Town", "city", "Old Town"),
        ("", "city", "city"),
    ],
)
def test_a_place_is_its_neighbourhood_and_its_division(neighbourhood, division, name):
    assert place_name(neighbourhood, division) == name


@pytest.mark.parametrize(
    ("of_neighbourhoods", "of_divisions", "name"),
    [
        (["Old Town"], ["Up"], "Old Town (Up)"),
        (["", "Old Town", ""], ["Down", "Up", "Down"], "Down, also Old Town"),
        (["C", "A", "C", "B"], ["Up", "Down", "Up", "Up"], "C (Up), also A, B"),
        (["A", "B", "", "C", "D"], ["Up"] * 5, "A (Up), also B, C"),
        (["", "", ""], ["Down", "Up", "Down"], "Down, also Up"),
        (["", ""], ["city", "city"], "city"),
    ],
)
def test_a_cluster_is_named_after_its_peak_and_two_more(of_neighbourhoods, of_divisions, name):
    assert cluster_name(of_neighbourhoods, of_divisions) == name


@pytest.mark.parametrize(
    ("neighbourhood", "division", "said"),
    [
        ("Westlake", "Rampart", "0.63 x 1.17 km, Westlake, Rampart Division"),
        ("", "Harbor", "0.63 x 1.17 km, Harbor Division"),
        ("Old Town", "city", "0.63 x 1.17 km, Old Town"),
        ("", "city", "0.63 x 1.17 km"),
    ],
)
def test_a_cell_says_where_it_is_and_how_large(neighbourhood, division, said):
    grid = load_city("los_angeles").grid
    assert wheres(grid, [neighbourhood], [division]) == [said]


def test_a_cluster_is_as_large_as_the_box_around_it():
    grid = load_city("los_angeles").grid
    # 3 columns of 0.630 km, 2 rows of 1.174 km.
    assert extent(grid, [7, 8, 8], [3, 5, 4]) == "1.9 x 2.3 km"


def test_cells_are_named_in_their_own_order(history, layered):
    cells = history.cells_frame("smallville", TARGET)
    assert with_places(layered, cells)["place"].tolist() == [*["Down"] * 4, "Old Town (Up)", "Up"]
    assert with_places(layered, cells[::-1])["place"].tolist()[:2] == ["Up", "Old Town (Up)"]


def test_all_who_show_a_place_call_it_the_same(history, layered):
    cells = history.cells_frame("smallville", TARGET)
    week = views.week_forecast(history, layered, TARGET)
    assert week.has_neighbourhoods
    assert [c.place for c in week.clusters] == ["Old Town (Up)"]
    top = week.cells.rank.index(1)
    assert week.cells.place[top] == "Old Town (Up)"
    assert week.cells.where[top] == "27.31 x 55.60 km, Old Town, Up Division"
    report = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", report_page(history, layered, TARGET)))
    assert "No. Place Size, km Expected" in report
    assert "1 Old Town (Up) 27.3 x 55.6 4.0 0.8" in report
    for table in (cells_table(layered, cells), clusters_table(layered, cells)):
        text = printed(table)
        assert re.search(r"\b8 Old Town \(Up\)", text)
        assert "Place" in text
        assert "Division" not in text
    assert "Old Town (Up)" in printed(compare_weeks(history, layered, TARGET, TARGET))


def test_a_cell_has_one_number_everywhere(history, layered, tmp_path):
    cells = history.cells_frame("smallville", TARGET)
    week = views.week_forecast(history, layered, TARGET)
    table, _, _, _, hub, *_ = export_week(history, layered, TARGET, tmp_path / "out")
    numbers = [1, 2, 5, 6, 8, 9]  # row * 4 columns + column
    assert week.cells.cell_id == numbers
    assert [c.peak_cell_id for c in week.clusters] == [8]
    assert with_places(layered, cells)["cell_id"].tolist() == numbers
    assert pd.read_csv(table)["cell_id"].tolist() == numbers
    assert {f"cell:{number}" for number in numbers} <= set(pd.read_parquet(hub)["location"])
    compared = printed(compare_weeks(history, layered, TARGET, TARGET))
    assert re.search(r"^ +8 +Old Town", compared, re.M)


def test_whose_names_they_are_stands_where_names_are_shown(history, layered, tmp_path):
    layer = layered.neighbourhoods.model_copy(update={"source": "The Gazette (CC BY)"})
    city = layered.model_copy(update={"neighbourhoods": layer})
    cells, run = (read("smallville", TARGET) for read in (history.cells_frame, history.run))
    week = views.week_forecast(history, city, TARGET)
    assert week.neighbourhood_source == "The Gazette (CC BY)"
    assert "Neighbourhoods: The Gazette (CC BY)." in report_page(history, city, TARGET)
    totals = history.totals("smallville", TARGET)
    assert "Neighbourhoods: The Gazette (CC BY)." in printed(week_table(city, run, cells, totals))
    assert "Neighbourhoods: The Gazette (CC BY)." in printed(
        compare_weeks(history, city, TARGET, TARGET)
    )
    manifest = json.loads(export_week(history, city, TARGET, tmp_path / "out")[-1].read_bytes())
    assert manifest["neighbourhood_source"] == "The Gazette (CC BY)"


def test_without_a_layer_nothing_speaks_of_neighbourhoods(history, city, tmp_path):
    cells = history.cells_frame("smallville", TARGET)
    week = views.week_forecast(history, city, TARGET)
    assert not week.has_neighbourhoods
    assert week.cells.place == week.cells.division
    assert [c.place for c in week.clusters] == ["Up"]
    assert "Division" in printed(cells_table(city, cells))
    assert "<th>Division</th>" in report_page(history, city, TARGET)
    table, *_ = export_week(history, city, TARGET, tmp_path / "out")
    assert "neighbourhood" not in pd.read_csv(table).columns


def test_exports_get_a_column_more_at_their_end(history, city, layered, tmp_path):
    table, *_ = export_week(history, layered, TARGET, tmp_path / "with")
    without, *_ = export_week(history, city, TARGET, tmp_path / "without")
    named = pd.read_csv(table)
    assert named.pop("neighbourhood").fillna("").tolist() == ["", "", "", "", "Old Town", ""]
    pd.testing.assert_frame_equal(named, pd.read_csv(without))
