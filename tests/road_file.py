"""A made-up file of roads: a freeway from west to east through a cell, a boulevard across it."""

import json

from pipeline.domain.city import load_city
from tests.e2e.page_steps import CELL
from tests.made_up_year import CITY

GRID = load_city(CITY).grid
LAT, LON = (sum(GRID.bounds(*CELL)[k::2]) / 2 for k in (1, 0))  # the cell's middle
FREEWAY = {"name": "Long Freeway", "ref": "I 10", "highway": "motorway"}
LINES = (
    (FREEWAY, [[GRID.west, LAT], [GRID.east, LAT]]),
    ({"name": "Crossing Boulevard"}, [[LON, GRID.south], [LON - 0.03, GRID.north]]),
)


def write_roads(path):
    features = [
        {
            "type": "Feature",
            "properties": about,
            "geometry": {"type": "LineString", "coordinates": points},
        }
        for about, points in LINES
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path
