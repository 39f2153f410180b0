import io
import re

import pandas as pd
import pytest
from rich.console import Console

from pipeline.results.page import views
from pipeline.results.place_names import place_name, with_places
from pipeline.results.products.comparison import compare_weeks
from pipeline.results.products.exports import export_week
from pipeline.results.products.terminal import cells_table, clusters_table
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
    ("of_neighbourhoods", "of_divisions", "name"),
    [
        ([""], ["Up"], "Up"),
        (["Old Town"], ["Up"], "Old Town (Up)"),
        (["", "Old Town", ""], ["Down", "Up", "Down"], "Old Town (Down, Up)"),
        (["C", "A", "C", "B"], ["Up"] * 4, "C, A, B (Up)"),
        (["A", "B", "C", "D", "E"], ["Up"] * 5, "A, B, C and 2 more (Up)"),
        (["", ""], ["Down", "Up"], "Down, Up"),
    ],
)
def test_a_place_is_its_neighbourhood_and_its_division(of_neighbourhoods, of_divisions, name):
    assert place_name(of_neighbourhoods, of_divisions) == name


def test_cells_are_named_in_their_own_order(history, layered):
    cells = history.cells_frame("smallville", TARGET)
    assert with_places(layered, cells)["place"].tolist() == [*["Down"] * 4, "Old Town (Up)", "Up"]
    assert with_places(layered, cells[::-1])["place"].tolist()[:2] == ["Up", "Old Town (Up)"]


def test_all_who_show_a_place_call_it_the_same(history, layered):
    cells = history.cells_frame("smallville", TARGET)
    week = views.week_forecast(history, layered, TARGET)
    assert week.has_neighbourhoods
    assert [c.place for c in week.clusters] == ["Old Town (Up)"]
    assert week.cells.place[week.cells.rank.index(1)] == "Old Town (Up)"
    report = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", report_page(history, layered, TARGET)))
    assert "No. Place Cells" in report
    assert "1 Old Town (Up) 1 4.0" in report
    for table in (cells_table(layered, cells), clusters_table(layered, cells)):
        text = printed(table)
        assert re.search(r"2,0 +Old Town \(Up\) +11\.250,20\.125", text)
        assert "Place" in text
        assert "Division" not in text
    assert "Old Town (Up)" in printed(compare_weeks(history, layered, TARGET, TARGET))


def test_without_a_layer_nothing_speaks_of_neighbourhoods(history, city, tmp_path):
    cells = history.cells_frame("smallville", TARGET)
    week = views.week_forecast(history, city, TARGET)
    assert not week.has_neighbourhoods
    assert week.cells.place == week.cells.division
    assert [c.place for c in week.clusters] == ["Up"]
    assert "Division" in printed(cells_table(city, cells))
    assert "<th>Divisions</th>" in report_page(history, city, TARGET)
    table, *_ = export_week(history, city, TARGET, tmp_path / "out")
    assert "neighbourhood" not in pd.read_csv(table).columns


def test_exports_get_a_column_more_at_their_end(history, city, layered, tmp_path):
    table, *_ = export_week(history, layered, TARGET, tmp_path / "with")
    without, *_ = export_week(history, city, TARGET, tmp_path / "without")
    named = pd.read_csv(table)
    assert named.pop("neighbourhood").fillna("").tolist() == ["", "", "", "", "Old Town", ""]
    pd.testing.assert_frame_equal(named, pd.read_csv(without))
