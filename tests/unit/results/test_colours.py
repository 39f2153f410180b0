"""Paper, QGIS and the page colour a cell alike, in every week."""

import re
from xml.etree import ElementTree as ET

import pytest

from pipeline.results.products.colours import (
    COUNT_COLOURS,
    COUNT_STEPS,
    RATE_COLOURS,
    RATE_STEPS,
    count_labels,
    rate_labels,
)
from pipeline.results.products.geo_files import qgis_style
from tests.services import ROOT

PAGE = (ROOT / "plugins/hotspots_ui/web/src/colours.js").read_text()


def listed(name):
    """Return what the page's script lists under a name."""
    return tuple(re.search(rf"\b{name} = \[([^\]]+)\]", PAGE)[1].replace('"', "").split(", "))


def test_the_colours_are_the_pages():
    assert listed("AMOUNTS") == RATE_COLOURS
    assert listed("COUNTS") == COUNT_COLOURS
    assert tuple(map(float, listed("RATES"))) == RATE_STEPS
    assert f"scale([{', '.join(map(str, COUNT_STEPS))}], COUNTS" in PAGE


def test_each_colour_says_what_it_stands_for():
    assert rate_labels()[::3] == ["< 0.05", "0.2–0.4", "1–1.5", "≥ 3"]
    assert count_labels() == ["0", "1", "2", "3", "4", "5+"]


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
