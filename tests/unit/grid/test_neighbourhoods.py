import os

import numpy as np
import pytest

from pipeline.domain.city import City, load_city
from pipeline.domain.errors import InvalidRequest
from pipeline.grid.neighbourhoods import has_neighbourhoods, neighbourhoods
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
    found = names_of(("Low", box(20.25, 10, 20.7, 10.3)), ("High", box(20.8, 11.2, 21, 12)))
    assert found == [["", "Low", "Low", ""], [""] * 4, ["", "", "", "High"]]


def test_a_cell_whose_centre_is_in_none_takes_the_one_that_covers_most_of_it(names_of):
    # Of the first cell, 20 to 20.25 E and 10 to 10.5 N, they cover 16, 24 and 8 %.
    west, south = box(20, 10, 20.04, 10.5), box(20.04, 10, 20.25, 10.15)
    named = ("South", south), ("West", west), ("Dot", box(20.2, 10.3, 20.25, 10.5))
    elsewhere = ("East", box(20.75, 11, 21, 11.5))
    assert names_of(*named, elsewhere)[0] == ["South", "", "", ""]
    # The dot alone covers less than a tenth.
    assert names_of(named[2], elsewhere)[0] == [""] * 4


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
    assert not has_neighbourhoods(small_city())


def test_los_angeles_names_all_cells_but_those_of_its_outer_harbour():
    city = load_city("los_angeles")
    names, cells = neighbourhoods(city), city.listed_cells()
    here = names[cells.row, cells.col]
    assert len(set(here) - {""}) == 114
    assert not names[~cells.mask].any()
    assert {d for d, name in zip(cells.division, here, strict=True) if not name} == {"Harbor"}
    assert (here == "").sum() == 12
    # City Hall, the Hollywood Bowl, MacArthur Park and the Watts Towers.
    lat = np.array([34.0537, 34.1122, 34.0590, 33.9388])
    lon = np.array([-118.2427, -118.3391, -118.2780, -118.2410])
    row, col, _ = city.grid.locate(lat, lon)
    assert names[row, col].tolist() == ["Downtown", "Hollywood Hills", "Westlake", "Watts"]
    assert "CC BY 4.0" in city.neighbourhoods.source


def listed(folder, text, **layer):
    """The small city, with this table of cells beside its TOML."""
    (folder / "cells.csv").write_text(text)
    fields = {"cells_file": "cells.csv", "folder": folder, "neighbourhoods": layer or None}
    return City(**{**small_city().model_dump(), **fields})


NAMED = "row,col,division,neighbourhood\n0,1,Down,Old Town\n2,0,Up,\n"


def test_names_may_stand_in_the_table_of_cells(tmp_path):
    here = [["", "Old Town", "", ""], [""] * 4, [""] * 4]
    assert neighbourhoods(listed(tmp_path, NAMED)).tolist() == here
    assert neighbourhoods(listed(tmp_path, NAMED, source="The Gazette")).tolist() == here


def test_a_file_counts_before_the_names_of_the_table(tmp_path):
    path = write_layer(tmp_path / "layer.geojson", ("New Town", SOUTH))
    found = neighbourhoods(listed(tmp_path, NAMED, file=str(path)))
    assert found.tolist() == [["New Town"] * 4, [""] * 4, [""] * 4]


def test_a_source_without_names_is_refused(tmp_path):
    nameless = listed(tmp_path, "row,col,division\n0,1,Down\n", source="The Gazette")
    with pytest.raises(InvalidRequest, match="without `file`, and no names in its cells_file"):
        neighbourhoods(nameless)


def test_a_polygon_that_is_not_valid_is_repaired(names_of):
    whole, inner = EVERYWHERE["coordinates"], box(20.25, 10.5, 20.75, 11)["coordinates"]
    shell_in_shell = {"type": "MultiPolygon", "coordinates": [whole, inner]}
    assert names_of(("Town", shell_in_shell)) == [["Town"] * 4] * 3


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
