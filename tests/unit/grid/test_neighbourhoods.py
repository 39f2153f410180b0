import os

import pytest

from pipeline.domain.city import load_city
from pipeline.domain.errors import InvalidRequest
from pipeline.grid.neighbourhoods import neighbourhoods
from tests.neighbourhood_layer import box, with_layer, write_layer
from tests.unit.results.samples import small_city

# Of the small city: rows of 0.5 degrees from 10 N, columns of 0.25 from 20 E.
EVERYWHERE = box(20, 10, 21, 11.5)
SOUTH = box(20, 10, 21, 10.5)
SOUTH_WEST = box(20, 10, 20.5, 10.5)
POINT = {"type": "Point", "coordinates": [20.5, 10.5]}


@pytest.fixture
def names_of(tmp_path):
    def names_of(*named, key="name"):
        path = write_layer(tmp_path / "layer.geojson", *named, key=key)
        return neighbourhoods(with_layer(small_city(), path, key)).tolist()

    return names_of


def test_a_cell_lies_where_its_centre_does(names_of):
    # Centres at 20.125, 20.375, 20.625, 20.875 E and 10.25, 10.75, 11.25 N.
    found = names_of(("Low", box(20.2, 10, 20.7, 10.3)), ("High", box(20.8, 11.2, 21, 12)))
    assert found == [["", "Low", "Low", ""], [""] * 4, ["", "", "", "High"]]


def test_parts_of_a_neighbourhood_belong_together_however_they_are_written(names_of):
    both = [SOUTH["coordinates"], box(20, 11, 21, 11.5)["coordinates"]]
    in_one = names_of(("Twin", {"type": "MultiPolygon", "coordinates": both}))
    in_two = names_of(*(("Twin", {"type": "Polygon", "coordinates": part}) for part in both))
    assert in_one == in_two == [["Twin"] * 4, [""] * 4, ["Twin"] * 4]


def test_where_they_overlap_the_first_of_the_file_counts(names_of):
    found = names_of(("Corner", SOUTH_WEST), ("South", SOUTH), ("All", EVERYWHERE))
    assert found == [["Corner", "Corner", "South", "South"], ["All"] * 4, ["All"] * 4]


def test_the_property_is_the_one_that_the_city_names(names_of):
    assert names_of((" Old Town ", EVERYWHERE), key="NAME") == [["Old Town"] * 4] * 3


def test_a_city_without_a_layer_has_no_names():
    assert neighbourhoods(small_city()).tolist() == [[""] * 4] * 3
    assert load_city("los_angeles").neighbourhoods is None


def test_a_changed_file_is_read_again(names_of, tmp_path):
    assert names_of(("Before", EVERYWHERE))[0][0] == "Before"
    write_layer(tmp_path / "layer.geojson", ("After", EVERYWHERE))
    os.utime(tmp_path / "layer.geojson", ns=(1, 1))
    city = with_layer(small_city(), tmp_path / "layer.geojson")
    assert neighbourhoods(city)[0, 0] == "After"


def test_the_file_may_lie_beside_the_toml(tmp_path):
    write_layer(tmp_path / "layer.geojson", ("Here", EVERYWHERE))
    city = with_layer(small_city(), "layer.geojson").model_copy(update={"folder": tmp_path})
    assert neighbourhoods(city)[2, 3] == "Here"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (None, "FileNotFoundError"),
        ("{", "JSONDecodeError"),
        ('{"error": {"code": 400}}', "KeyError('features')"),
        ('{"features": [{"properties": {"NAME": "A"}, "geometry": null}]}', "KeyError('name')"),
        ('{"features": [{"properties": {"name": "A"}, "geometry": null}]}', "GEOSException"),
    ],
)
def test_a_file_that_is_no_layer_is_refused(tmp_path, text, found):
    path = tmp_path / "layer.geojson"
    if text:
        path.write_text(text)
    with pytest.raises(InvalidRequest, match="is not a GeoJSON of neighbourhoods") as error:
        neighbourhoods(with_layer(small_city(), path))
    assert str(path) in str(error.value)
    assert "the property 'name'" in str(error.value)
    assert found in str(error.value)


@pytest.mark.parametrize("name", [None, "", "  ", 7])
def test_each_needs_a_name(names_of, name):
    with pytest.raises(InvalidRequest, match="is no name"):
        names_of(("South", SOUTH), (name, EVERYWHERE))


def test_a_point_is_no_neighbourhood(names_of):
    with pytest.raises(InvalidRequest, match="found a Point"):
        names_of(("South", SOUTH), ("Dot", POINT))


@pytest.mark.parametrize(
    "named",
    [
        (),
        (("Another city", box(-88, 41, -87, 42)),),
        (("Latitude first", box(10, 20, 11.5, 21)),),
        (("In metres", box(2226390, 1118890, 2337709, 1287700)),),
    ],
    ids=["empty", "elsewhere", "swapped", "metres"],
)
def test_a_layer_of_elsewhere_is_refused(names_of, named):
    with pytest.raises(InvalidRequest, match="holds the centre of a cell of the grid"):
        names_of(*named)
