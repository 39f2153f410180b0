"""Paper, QGIS and the page colour a cell alike, in every week."""

import json
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from pipeline.results.products.colours import COUNTS, RATES
from pipeline.results.products.geo_files import qgis_style
from tests.services import ROOT

PAGE = (ROOT / "plugins/hotspots_ui/web/src/colours.js").read_text()


def test_the_colours_are_the_pages():
    """The page's script is read as text: its lists must be ours, letter by letter."""
    for colours in (RATES.colours, COUNTS.colours):
        assert json.dumps(colours) in PAGE
    for steps in (RATES.steps, COUNTS.steps):
        assert json.dumps(steps) in PAGE


def test_each_colour_says_what_it_stands_for():
    assert RATES.labels[::3] == ("< 0.05", "0.2–0.4", "1–1.5", "≥ 3")
    assert COUNTS.labels == ("0", "1", "2", "3", "4", "5+")
    for scale in (RATES, COUNTS):
        assert len(scale.labels) == len(scale.colours) == len(scale.steps) + 1


def test_a_step_belongs_to_the_colour_above_it():
    assert RATES.place([0, 0.049, 0.05, 2.9, 3, 99, np.nan])[:-1].tolist() == [0, 0, 1, 8, 9, 9]
    assert np.isnan(RATES.place(np.nan))
    assert COUNTS.place([0, 1, 4, 5, 60]).tolist() == [0, 1, 4, 5, 5]


@pytest.mark.parametrize(
    ("mean", "colour"),
    [(0.0, "#fdf3d5"), (0.05, "#fddcae"), (0.0999, "#fddcae"), (1.0, "#a5317e"), (9.5, "#1d1147")],
)
def test_qgis_gives_a_mean_the_pages_colour(mean, colour):
    style = ET.fromstring(qgis_style())
    rules = style.findall("renderer-v2/rules/rule")
    true = [rule for rule in rules if holds(rule.get("filter"), mean)]
    assert len(true) == 1
    symbol = style.find(f"renderer-v2/symbols/symbol[@name='{true[0].get('symbol')}']")
    fill = symbol.find("layer/Option/Option[@name='color']").get("value")
    rgb = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    assert fill == ",".join(map(str, [*rgb, 255]))


def holds(condition, mean):
    return eval(condition.replace('"mean"', "mean").replace("AND", "and"), {"mean": mean})
