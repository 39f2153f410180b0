import numpy as np
import pytest
from pydantic import ValidationError

from pipeline.domain.city import CITIES_DIR, Cells, City, load_city
from pipeline.domain.errors import InvalidRequest

MINIMAL = """
name = "smallville"
title = "Smallville"
time_zone = "America/Chicago"
[grid]
south = 0
north = 1
west = 0
east = 1
[offences]
target = ["robbery"]
"""


@pytest.fixture
def write(tmp_path):
    def write(text):
        path = tmp_path / "smallville.toml"
        path.write_text(text)
        return str(path)

    return write


@pytest.mark.parametrize("path", sorted(CITIES_DIR.glob("*.toml")), ids=lambda p: p.stem)
def test_every_shipped_city_is_valid(path):
    city = load_city(path.stem)
    assert city.name == path.stem
    assert city == load_city(str(path))
    assert {*city.offences.target, *city.offences.citywide_only} <= set(city.offences.codes)
    assert not set(city.offences.target) & set(city.offences.citywide_only)
    assert len({station.ghcn_id for station in city.stations}) == len(city.stations)


@pytest.mark.parametrize("name", ["los_angeles", "chicago"])
def test_no_code_means_two_classes(name):
    offences = load_city(name).offences
    assert len(offences.class_of()) == sum(map(len, offences.codes.values()))


def test_codes_of_los_angeles():
    class_of = load_city("los_angeles").offences.class_of()
    assert class_of["lapd:230"] == class_of["nibrs:13A"] == "aggravated_assault"
    assert class_of["lapd:121"] == "rape"
    assert "lapd:437" not in class_of


def test_a_dataset_is_found_by_its_id():
    city = load_city("los_angeles")
    assert city.dataset("k7nn-b2ep").adapter == "lapd_nibrs"
    with pytest.raises(InvalidRequest, match="Los Angeles has no dataset abcd-1234; it has 63jg-8"):
        city.dataset("abcd-1234")


def test_a_city_without_datasets_says_so(write):
    with pytest.raises(InvalidRequest, match="it has none"):
        load_city(write(MINIMAL)).dataset("abcd-1234")


def test_a_city_needs_little(write):
    city = load_city(write(MINIMAL))
    assert city.grid.shape == (60, 75)
    assert city.listed_cells() is None
    assert city.publication.lag_days == 0


def test_listed_cells_lie_beside_the_toml(write, tmp_path):
    (tmp_path / "cells.csv").write_text("row,col,division\n2,1,North\n0,3,South\n0,1,South\n")
    cells = load_city(write('cells_file = "cells.csv"\n' + MINIMAL)).listed_cells()
    assert list(zip(cells.row, cells.col, cells.division, strict=True)) == [
        (0, 1, "South"),
        (0, 3, "South"),
        (2, 1, "North"),
    ]


def test_a_layer_of_neighbourhoods_is_a_file_and_a_property(write):
    layer = '[neighbourhoods]\nfile = "areas.geojson"\n'
    assert load_city(write(MINIMAL)).neighbourhoods is None
    assert load_city(write(MINIMAL + layer)).neighbourhoods.name_property == "name"
    named = load_city(write(MINIMAL + layer + 'name_property = "NAME"')).neighbourhoods
    assert (named.file, named.name_property) == ("areas.geojson", "NAME")
    with pytest.raises(InvalidRequest, match="file"):
        load_city(write(MINIMAL + "[neighbourhoods]"))


@pytest.mark.parametrize("name", ["atlantis", "no/such/city.toml", ""])
def test_an_unknown_city_is_refused_with_those_known(name):
    with pytest.raises(InvalidRequest, match="Known: chicago, los_angeles"):
        load_city(name)


@pytest.mark.parametrize(
    "text",
    [
        "name = ",
        MINIMAL.replace('"robbery"', ""),
        MINIMAL.replace("north = 1", "north = -1"),
        MINIMAL.replace("smallville", "Small Ville"),
        'colour = "red"\n' + MINIMAL,
        'folder = "/"\n' + MINIMAL,
        MINIMAL.replace('title = "Smallville"', ""),
    ],
)
def test_a_file_that_is_no_city_is_refused(write, text):
    with pytest.raises(InvalidRequest, match=r"smallville\.toml is not a valid city"):
        load_city(write(text))


def test_a_city_does_not_change():
    with pytest.raises(ValidationError, match="frozen"):
        load_city("chicago").title = "Other"
    assert isinstance(load_city("chicago"), City)


class TestCells:
    def test_they_come_in_row_major_order_with_their_divisions(self):
        cells = Cells((3, 4), np.array([2, 0, 0]), np.array([0, 3, 1]), ("c", "b", "a"))
        assert (cells.row.tolist(), cells.col.tolist()) == ([0, 0, 2], [1, 3, 0])
        assert cells.division == ("a", "b", "c")
        assert len(cells) == 3

    def test_the_mask_is_true_in_the_city(self):
        cells = Cells((2, 3), np.array([1]), np.array([2]), ("a",))
        assert cells.mask.tolist() == [[False] * 3, [False, False, True]]

    def test_cells_with_any_point_are_counted_once(self):
        cells = Cells.with_any((2, 3), np.array([1, 0, 1]), np.array([2, 1, 2]))
        assert list(zip(cells.row, cells.col, cells.division, strict=True)) == [
            (0, 1, "city"),
            (1, 2, "city"),
        ]
