import os
import re

import numpy as np
import pytest
from pydantic import ValidationError

from pipeline.domain.cells import Cells
from pipeline.domain.city import CITIES_DIR, City, load_city
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
    (tmp_path / "cells.csv").write_text("row,col,division\n2,1,North\n\n0,3,South\n0,1,South\n")
    cells = load_city(write('cells_file = "cells.csv"\n' + MINIMAL)).listed_cells()
    assert list(zip(cells.row, cells.col, cells.division, strict=True)) == [
        (0, 1, "South"),
        (0, 3, "South"),
        (2, 1, "North"),
    ]


LISTED = 'cells_file = "cells.csv"\n' + MINIMAL


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, r"cells_file .*cells\.csv can't be read \(No such file.*hotspots cells"),
        (b"\xef\xbb\xbfrow,col,division\n0,0,A\n", "byte order mark. Save it as plain UTF-8"),
        ("row,col,division\n0,0,Ä\n".encode("latin-1"), "is not UTF-8"),
        (b"", "has the header '', where 'row,col,division' was expected"),
        (b"row;col;division\n0;0;A\n", "has the header 'row;col;division', where"),
        (b"col,row,division\n0,0,A\n", "has the header 'col,row,division', where"),
        (b"row,col,division\n", "lists no cell"),
        (b"row,col,division\n0,0,A\n60,0,A\n", "line 3: row 60 lies outside .* from 0 to 59"),
        (b"row,col,division\n0,75,A\n", "line 2: col 75 lies outside the grid, .* from 0 to 74"),
        (b"row,col,division\n-1,0,A\n", "line 2: row -1 lies outside the grid"),
        (b"row,col,division\n0,1,A\n2,2,A\n0,1,B\n", "line 4: row 0, col 1 is listed twice"),
        (b"row,col,division\n0,1.0,A\n", "line 2: col is '1.0', where a whole number"),
        (b"row,col,division\n0,1\n", "line 2: found 2 fields, expected 3"),
        (b"row,col,division\n0,1, \n", "line 2: the division is empty"),
        (b"row,col,division,neighbourhood\n0,1,A\n", "line 2: found 3 fields, expected 4"),
        (b"row,col,division,name\n0,1,A,B\n", "or that and ',neighbourhood'"),
    ],
)
def test_a_table_of_cells_that_cannot_be_is_refused_when_the_city_is_read(
    write, tmp_path, content, reason
):
    if content is not None:
        (tmp_path / "cells.csv").write_bytes(content)
    path = write(LISTED)
    with pytest.raises(InvalidRequest, match=reason) as refused:
        load_city(path)
    assert refused.value.exit_code == 2
    assert load_city(path, with_cells=False).cells_file == "cells.csv"  # to make it anew


def test_a_cells_division_is_one_of_the_citys(write, tmp_path):
    (tmp_path / "cells.csv").write_text("row,col,division\n2,1,North\n0,3,Suoth\n")
    with pytest.raises(InvalidRequest, match="line 3: 'Suoth' is none of the city's divisions"):
        load_city(write('divisions = ["North", "South"]\n' + LISTED))


def test_a_table_of_cells_that_changed_is_read_again(write, tmp_path):
    path, table = write(LISTED), tmp_path / "cells.csv"
    table.write_text("row,col,division\n2,1,North\n")
    assert len(load_city(path).listed_cells()) == 1
    table.write_text("row,col,division\n2,1,North\n2,2,North\n")
    os.utime(table, ns=(1, 1))
    assert len(load_city(path).listed_cells()) == 2


@pytest.mark.parametrize("name", ["America/Springfeild", "Chicago", "", "../zone", "America"])
def test_an_unknown_time_zone_is_refused(write, name):
    text = MINIMAL.replace("America/Chicago", name)
    with pytest.raises(InvalidRequest, match=rf"`time_zone`: found '{re.escape(name)}', expected"):
        load_city(write(text))


def test_a_time_zone_that_is_nearly_known_is_named(write):
    with pytest.raises(InvalidRequest, match="such as America/Chicago"):
        load_city(write(MINIMAL.replace("America/Chicago", "America/Chikago")))


def test_a_file_that_is_not_utf_8_is_refused(write, tmp_path):
    (tmp_path / "smallville.toml").write_bytes(MINIMAL.replace('"S', '"Å').encode("latin-1"))
    with pytest.raises(InvalidRequest, match=r"smallville\.toml is not UTF-8 .*Save it as UTF-8"):
        load_city(str(tmp_path / "smallville.toml"))


def test_a_class_is_forecast_or_counted_city_wide(write):
    text = MINIMAL + 'citywide_only = ["rape", "robbery"]\n'
    with pytest.raises(InvalidRequest, match="`offences`: the class robbery stands twice"):
        load_city(write(text))


def test_a_code_means_one_class(write):
    codes = '[offences.codes]\nrobbery = ["lapd:1", "lapd:2"]\ntheft = ["lapd:2"]\n'
    with pytest.raises(InvalidRequest, match="`offences`: the code lapd:2 stands twice"):
        load_city(write(MINIMAL + codes))


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("east = 1", "east = 1\nrows = 6000\ncols = 7500", "6,000 x 7,500 cells of 19 m by 15 m"),
        ("north = 1", "north = 80", "60 x 75 cells of 148,260 m by"),
        ("north = 1", "north = 0.001", "60 x 75 cells of 2 m by 1,483 m"),
    ],
)
def test_a_grid_of_absurd_size_is_refused(write, old, new, found):
    with pytest.raises(InvalidRequest, match=f"`grid`: found {found}.*Change rows and cols"):
        load_city(write(MINIMAL.replace(old, new)))


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('title = "Smallville"\n', "", "`title`: nothing was found, and it is required."),
        ("title", 'colour = "red"\ntitle', "`colour`: there is no such field."),
        ('"smallville"', '"Small Ville"', "`name`: found 'Small Ville', expected lower-case"),
        ("south = 0", 'south = "low"', "`grid`, `south`: found 'low', expected a number."),
        ("south = 0", "south = -95", "`grid`, `south`: found -95, expected -90.0 or more."),
        ("north = 1", "north = -1", "`grid`: south must be below north"),
        ("north = 1", "north = 1\nrows = 1.5", "`grid`, `rows`: found 1.5, expected a whole"),
        ('["robbery"]', '"robbery"', "`target`: found 'robbery', expected a list"),
        ('["robbery"]', "[]", "`offences`, `target`: found [], expected at least 1."),
        ('["robbery"]', "[1]", "`offences`, `target` 1: found 1, expected a text"),
    ],
)
def test_what_is_wrong_is_said_in_plain_sentences(write, old, new, sentence):
    with pytest.raises(InvalidRequest, match=re.escape(sentence)) as refused:
        load_city(write(MINIMAL.replace(old, new)))
    assert not re.search("pydantic|validation error|type=|\n", str(refused.value))


def test_all_that_is_wrong_is_said_at_once(write):
    station = '[[stations]]\nghcn_id = "1"\nname = "A"\nlat = 1\nlon = 2\nelevation_m = "x"\n'
    source = (
        '[[datasets]]\nid = "abcd"\nhost = "http://x"\nadapter = "denver"\noccurred_from = 1.5\n'
    )
    with pytest.raises(InvalidRequest) as refused:
        load_city(write(MINIMAL + station + source))
    said = str(refused.value)
    assert "`stations` 1, `ghcn_id`: found '1', expected the 11 letters and digits" in said
    assert "`stations` 1, `elevation_m`: found 'x', expected a number." in said
    assert "`datasets` 1, `id`: found 'abcd', expected two times four letters" in said
    assert "`datasets` 1, `host`: found 'http://x', expected an address such as https://" in said
    assert "found 'denver', expected 'lapd_legacy', 'lapd_nibrs' or 'chicago'." in said
    assert "`datasets` 1, `occurred_from`: found 1.5, expected a date" in said


STATION = '[[stations]]\nghcn_id = "USW00023174"\nname = "A"\nlat = {}\nlon = {}\nelevation_m = 1\n'


def test_a_station_is_named_once_and_stands_on_earth(write):
    here = STATION.format(34, -118)
    with pytest.raises(InvalidRequest, match="`stations`: found USW00023174 twice, expected each"):
        load_city(write(MINIMAL + here + here))
    with pytest.raises(InvalidRequest, match=r"`lat`: found 340, expected 90\.0 or less"):
        load_city(write(MINIMAL + STATION.format(340, -118)))
    with pytest.raises(InvalidRequest, match="`lon`: found nan, expected"):
        load_city(write(MINIMAL + STATION.format(34, "nan")))


def test_a_file_is_called_as_its_city(write, tmp_path):
    other = tmp_path / "other.toml"
    other.write_text(MINIMAL)
    with pytest.raises(InvalidRequest, match="holds the city 'smallville'"):
        load_city(str(other))


class TestCitiesOfOnesOwn:
    @pytest.fixture
    def folder(self, write, tmp_path):
        write(MINIMAL)
        return tmp_path

    def test_one_is_found_by_its_name_in_their_folder(self, folder):
        assert load_city("smallville", folder).title == "Smallville"
        assert load_city("smallville", folder).folder == folder.resolve()
        assert load_city("chicago", folder) == load_city("chicago")

    def test_an_unknown_one_is_refused_with_those_of_both_places(self, folder):
        with pytest.raises(InvalidRequest, match="Known: chicago, los_angeles, smallville"):
            load_city("atlantis", folder)

    def test_a_folder_that_is_none_is_named(self, tmp_path):
        with pytest.raises(InvalidRequest, match="nowhere is no folder"):
            load_city("smallville", tmp_path / "nowhere")

    @pytest.mark.parametrize("name", ["../smallville", "smallville/", "Smallville", "."])
    def test_a_name_leads_nowhere_else(self, folder, name):
        with pytest.raises(InvalidRequest, match="There is no city"):
            load_city(name, folder / "sub")

    @pytest.mark.parametrize("ask", ["chicago", "{}/chicago.toml"])
    def test_the_name_of_a_packaged_one_is_taken(self, folder, ask):
        text = (CITIES_DIR / "chicago.toml").read_text()
        (folder / "chicago.toml").write_text(text)
        load_city(ask.format(folder), folder)  # a copy says the same
        (folder / "chicago.toml").write_text(text.replace("lag_days = 8", "lag_days = 9"))
        with pytest.raises(InvalidRequest, match="say different things of a city 'chicago'"):
            load_city(ask.format(folder), folder)

    def test_a_name_means_the_same_cells(self, folder):
        for name in ("los_angeles.toml", "los_angeles_cells.csv"):
            (folder / name).write_text((CITIES_DIR / name).read_text())
        load_city("los_angeles", folder)
        with (folder / "los_angeles_cells.csv").open("a") as table:
            table.write("0,0,Harbor,\n")
        with pytest.raises(InvalidRequest, match="Give yours another name"):
            load_city("los_angeles", folder)

    def test_one_elsewhere_may_not_differ_from_one_of_the_folder(self, folder):
        (folder / "sub").mkdir()
        other = folder / "sub" / "smallville.toml"
        other.write_text(MINIMAL.replace("Smallville", "Another"))
        with pytest.raises(InvalidRequest, match="say different things of a city 'smallville'"):
            load_city(str(other), folder)


def test_a_layer_of_neighbourhoods_is_a_file_and_a_property(write):
    layer = '[neighbourhoods]\nfile = "areas.geojson"\n'
    assert load_city(write(MINIMAL)).neighbourhoods is None
    assert load_city(write(MINIMAL + layer)).neighbourhoods.name_property == "name"
    named = load_city(write(MINIMAL + layer + 'name_property = "NAME"')).neighbourhoods
    assert (named.file, named.name_property) == ("areas.geojson", "NAME")
    sourced = load_city(write(MINIMAL + '[neighbourhoods]\nsource = "The Gazette"'))
    assert (sourced.neighbourhoods.file, sourced.neighbourhoods.source) == (None, "The Gazette")


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
