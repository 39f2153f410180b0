"""Roads of an installation's file: named, clipped to the grid, with the cells that each crosses."""

import json

import pytest

from pipeline.domain.city import load_city
from pipeline.domain.errors import InvalidRequest
from pipeline.results.page.roads import MOST_POINTS, roads
from pipeline.settings import Settings

CITY = load_city("los_angeles")
WEST, SOUTH, EAST, NORTH = CITY.grid.bounds(32, 48)
LAT, HALF = (SOUTH + NORTH) / 2, (EAST - WEST) / 2


def along(*points):
    return {"type": "LineString", "coordinates": [list(point) for point in points]}


def feature(geometry, **about):
    return {"type": "Feature", "properties": about, "geometry": geometry}


def write(folder, *features):
    path = folder / "roads.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return Settings(roads_file=path, roads_source="© City")


def test_a_road_is_named_and_knows_its_cells(tmp_path):
    given = write(
        tmp_path,
        feature(along((WEST + HALF, LAT), (EAST, LAT)), name="Wilshire Boulevard"),
        feature(along((EAST, LAT), (EAST + HALF, LAT)), name="Wilshire Boulevard"),
        feature(along((WEST + HALF, LAT), (WEST + HALF, NORTH + 0.001)), highway="motorway",
                name="Santa Monica Freeway", ref="I 10"),
        feature(along((0, 0), (1, 1)), name="Elsewhere"),
    )  # fmt: skip
    found = roads(CITY, given)
    assert found.source == "© City"
    freeway, street = found.roads
    assert (freeway.name, freeway.is_freeway) == ("Santa Monica Freeway (I 10)", True)
    assert freeway.cells == [32 * 75 + 48, 33 * 75 + 48]
    assert (street.name, street.is_freeway) == ("Wilshire Boulevard", False)
    assert street.cells == [32 * 75 + 48, 32 * 75 + 49]
    assert street.lines == [
        [(round(WEST + HALF, 5), round(LAT, 5)), (round(EAST + HALF, 5), round(LAT, 5))]
    ]


def test_a_road_ends_at_the_grid(tmp_path):
    found = roads(CITY, write(tmp_path, feature(along((-130, LAT), (-100, LAT)), name="Long")))
    ((line,),) = [road.lines for road in found.roads]
    assert [lon for lon, _ in line] == [round(CITY.grid.west, 5), round(CITY.grid.east, 5)]


def test_without_a_file_there_are_none():
    assert roads(CITY, Settings()).roads == []


@pytest.mark.parametrize(
    ("geometry", "said"),
    [
        ({"type": "Point", "coordinates": [WEST, LAT]}, "found a Point"),
        (along((LAT, WEST), (LAT, EAST)), "which are not degrees"),
        (along((370_000, 3_768_000), (371_000, 3_768_000)), "which are not degrees"),
        (None, "not a GeoJSON of roads"),
    ],
)
def test_what_is_no_line_in_degrees_is_refused(tmp_path, geometry, said):
    with pytest.raises(InvalidRequest, match=said):
        roads(CITY, write(tmp_path, feature(geometry, name="Road")))


@pytest.mark.parametrize("content", [None, "name;lon;lat", '{"type": "Topology"}', "[1]"])
def test_a_file_that_is_no_geojson_is_refused(tmp_path, content):
    path = tmp_path / "roads.geojson"
    if content:
        path.write_text(content)
    with pytest.raises(InvalidRequest, match=r"HOTSPOTS_ROADS_FILE\) is not a GeoJSON of roads"):
        roads(CITY, Settings(roads_file=path, roads_source="© City"))


def test_every_alley_is_too_much(tmp_path):
    def zigzag(k):
        step = (NORTH - SOUTH) / 10
        return along(*((WEST + 1e-5 * i, SOUTH + step * (i % 2 + k % 3)) for i in range(1000)))

    alleys = [feature(zigzag(k), name=f"Alley {k}") for k in range(MOST_POINTS // 1000 + 1)]
    with pytest.raises(InvalidRequest, match="Give freeways and main streets only"):
        roads(CITY, write(tmp_path, *alleys))


def test_a_file_is_read_again_when_it_changes(tmp_path):
    write(tmp_path, feature(along((WEST, LAT), (EAST, LAT)), name="Old"))
    given = Settings(roads_file=tmp_path / "roads.geojson", roads_source="© City")
    assert roads(CITY, given).roads[0].name == "Old"
    write(tmp_path, feature(along((WEST, LAT), (EAST, LAT)), name="New"))
    assert roads(CITY, given).roads[0].name == "New"
