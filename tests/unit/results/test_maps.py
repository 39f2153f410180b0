from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.image import imread

from pipeline.domain.cells import Cells
from pipeline.domain.city import load_city
from pipeline.results.products.colours import RATES
from pipeline.results.products.map_layers import borders, fill, mark_unstable, number_clusters
from pipeline.results.products.map_names import places_of_names
from pipeline.results.products.maps import draw_week
from pipeline.results.products.report_maps import forecast_map, outcome_map
from tests.unit.results.samples import TARGET, publish


@pytest.fixture
def week(store, cells, city):
    def make(**changes):
        publish(store, cells, **changes)
        return city, cells, store.cells_frame(city.name, TARGET), store.run(city.name, TARGET)

    return make


@pytest.fixture
def texts(monkeypatch):
    """Collect every text of the figures that are saved."""
    found = []
    real = Figure.savefig

    def savefig(figure, *args, **kwargs):
        found.extend(text.get_text() for text in figure.findobj(lambda a: hasattr(a, "get_text")))
        found.append(kwargs["metadata"]["Title"])
        return real(figure, *args, **kwargs)

    monkeypatch.setattr(Figure, "savefig", savefig)
    return found


def test_forecast_is_1200_pixels_wide(week, tmp_path):
    path = draw_week(tmp_path / "maps" / "week.png", *week())
    assert imread(path).shape[1] == 1200
    assert [p.name for p in path.parent.iterdir()] == ["week.png"]


def test_heading_tells_city_week_dates_and_model(week, texts, tmp_path):
    draw_week(tmp_path / "week.png", *week())
    assert "Smallville: robbery" in texts
    assert "Sunday 4 Jan 2026 to Saturday 10 Jan 2026: 8 reports expected" in texts
    assert (
        "Issued 31 Dec 2025 on reports up to 20 Dec 2025 (horizon 3 weeks) by dual_branch_cnn 3, "
        "revision 1."
    ) in texts
    assert "expected reports per cell and week" in texts
    assert not any("DATA" in text for text in texts)


def test_offences_are_listed_as_words(week, texts, tmp_path):
    city, *rest = week()
    three = city.offences.model_copy(update={"target": ("homicide", "robbery", "simple_assault")})
    draw_week(tmp_path / "week.png", city.model_copy(update={"offences": three}), *rest)
    assert "Smallville: homicide, robbery and simple assault" in texts


def test_simulated_data_say_so_in_picture_and_metadata(week, texts, tmp_path):
    draw_week(tmp_path / "week.png", *week(provenance="simulated"))
    banner = "SIMULATED DATA: made up, not reports of real crime"
    assert banner in texts
    assert f"Smallville, week of 2026-01-04 {banner}" in texts


def test_outcome_stands_beside_the_forecast(week, texts, tmp_path):
    observed = np.full((3, 4), 1.0)
    observed[2, 0] = 9
    path = draw_week(tmp_path / "week.png", *week(), observed)
    assert imread(path).shape[1] == 2400
    # Five cells with one report and one with nine; the cells outside the city don't count.
    assert any(text.endswith("8 reports expected, 14 counted") for text in texts)
    assert {"Forecast", "Outcome", "5+"} <= set(texts)


def test_legend_says_how_stable_the_hotspots_are_where_that_is_known(week, texts, tmp_path):
    city, cells, frame, run = week()
    said = "When history is re-run, 75 % of them stay in the top 5 %;"
    draw_week(tmp_path / "week.png", city, cells, frame.assign(p_top5=np.nan), run)
    assert not any(said in text for text in texts)
    draw_week(tmp_path / "week.png", city, cells, frame, run)
    assert any(said in text for text in texts)


def test_hotspots_that_often_drop_out_are_marked(week):
    city, _, frame, _ = week()
    axes = Figure().add_subplot()
    frame["band"] = [0, 5, 0, 0, 1, 0]
    mark_unstable(axes, city, frame.assign(p_top5=[0, 0.79, 0, 0, 0.8, 0]))
    # Row 0, column 2: centre 20.625 E, 10.25 N.
    assert axes.collections[0].get_offsets().tolist() == [[20.625, 10.25]]


def test_rates_of_nothing_can_be_drawn(week, tmp_path):
    city, cells, frame, run = week()
    assert draw_week(tmp_path / "w.png", city, cells, frame.assign(mean=0.0), run).stat().st_size


def test_borders_go_round_a_cell_and_between_labels(city):
    labels = np.zeros((3, 4), dtype=int)
    labels[1, 1] = 1
    # Cell (1, 1): 20.25 to 20.5 E, 10.5 to 11 N.
    assert sorted(borders(city, labels, outside=0)) == [
        [(20.25, 10.5), (20.25, 11.0)],
        [(20.25, 10.5), (20.5, 10.5)],
        [(20.25, 11.0), (20.5, 11.0)],
        [(20.5, 10.5), (20.5, 11.0)],
    ]
    # A label that fills the grid has a border of 2 * 3 + 2 * 4 sides.
    assert len(borders(city, np.ones((3, 4), dtype=int), outside=0)) == 14


def test_first_ten_clusters_are_numbered_once(week):
    city, _, frame, _ = week()
    axes = Figure().add_subplot()
    frame["cluster"] = [1, 1, 2, 10, 11, 0]
    number_clusters(axes, city, frame)
    assert sorted(text.get_text() for text in axes.texts) == ["1", "10", "2"]


def test_a_rate_has_its_colour_in_every_week(city, cells):
    axes = Figure().add_subplot()
    for scale in (1.0, 0.1):
        rates = np.where(cells.mask, 0.0, np.nan)
        rates[2, 0], rates[0, 1] = 4.0 * scale, 0.25
        image = fill(axes, city, rates, RATES)
        colours = image.to_rgba(image.get_array()).reshape(3, 4, 4)
        assert to_hex(colours[0, 1]) == "#fc9a6a"
        assert to_hex(colours[2, 0]) == ("#1d1147" if scale == 1 else "#f1685e")


@pytest.mark.parametrize("outcome", [False, True])
def test_no_name_on_the_reports_map_is_cut_or_covers_another(outcome):
    los_angeles = load_city("los_angeles")
    cells = los_angeles.listed_cells()
    rows = {"row": cells.row, "col": cells.col, "mean": 0.1, "p_top5": 0.9, "cluster": 0}
    frame = pd.DataFrame({**rows, "rank": range(1, len(cells) + 1), "band": 0})
    if outcome:
        figure = outcome_map(los_angeles, cells, frame, np.ones(len(cells)), (90, 86))
    else:
        figure = forecast_map(los_angeles, cells, frame, (90, 86), 5)
    assert max(figure.get_size_inches() * 25.4) == pytest.approx(86)
    figure.canvas.draw()
    boxes = [text.get_window_extent() for text in figure.axes[0].texts]
    named = {text.get_text().replace("\n", " ") for text in figure.axes[0].texts}
    assert named == set(los_angeles.divisions)
    assert all(figure.bbox.containsx(x) for box in boxes for x in (box.x0, box.x1))
    assert all(figure.bbox.containsy(y) for box in boxes for y in (box.y0, box.y1))
    inked = [box.padded(-1) for box in boxes]  # a box holds a little air around the ink
    assert not any(one.overlaps(other) for one, other in combinations(inked, 2))


def test_a_city_of_one_division_has_no_names(city):
    one = Cells((3, 4), np.array([0, 1]), np.array([1, 1]), ("city", "city"))
    frame = pd.DataFrame({"row": [0, 1], "col": [1, 1], "band": 0, "cluster": 0, "rank": [1, 2]})
    assert places_of_names(city, one, frame, (90, 90), 5) == {}
