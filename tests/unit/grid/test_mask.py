import json

import pytest
from typer.testing import CliRunner

from pipeline.cli.main import app
from pipeline.domain.city import CITIES_DIR, load_city
from pipeline.domain.errors import InvalidRequest
from pipeline.domain.grid_spec import GridSpec
from pipeline.grid.mask import cells_from_divisions, write_cells
from pipeline.grid.neighbourhoods import with_neighbourhoods
from tests.neighbourhood_layer import box as area
from tests.neighbourhood_layer import write_layer

GRID = GridSpec(south=0, north=2, west=0, east=4, rows=2, cols=4)


def box(number, west, east, south=0.0, north=2.0):
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {
        "type": "Feature",
        "properties": {"PREC": number},
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }


@pytest.fixture
def write(tmp_path):
    def write(*features):
        path = tmp_path / "divisions.geojson"
        path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
        return path

    return write


def test_a_cell_belongs_to_the_division_of_its_centre(write):
    # Centres lie at columns 0.5, 1.5, 2.5, 3.5: West holds the first, East the second and third.
    path = write(box(2, 1.2, 2.6), box(1, 0.4, 1.2, south=1.0))
    cells = cells_from_divisions(GRID, path, ("West", "East"))
    assert list(zip(cells.row, cells.col, cells.division, strict=True)) == [
        (0, 1, "East"),
        (0, 2, "East"),
        (1, 0, "West"),
        (1, 1, "East"),
        (1, 2, "East"),
    ]


def test_where_divisions_overlap_the_lower_number_counts(write):
    cells = cells_from_divisions(GRID, write(box(2, 0, 4), box(1, 0, 2)), ("One", "Two"))
    assert cells.division == ("One", "One", "Two", "Two") * 2


@pytest.mark.parametrize("numbers", [(1,), (1, 3), (1, 2, 3)])
def test_divisions_must_be_those_of_the_city(write, numbers):
    path = write(*(box(number, 0, 1) for number in numbers))
    with pytest.raises(InvalidRequest, match="but the city lists 2"):
        cells_from_divisions(GRID, path, ("One", "Two"))


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "{}",
        '{"features": [{"properties": {}, "geometry": null}]}',
        '{"features": [{"properties": {"PREC": 1}, "geometry": {"type": "Blob"}}]}',
    ],
)
def test_another_file_is_refused(tmp_path, text):
    path = tmp_path / "divisions.geojson"
    path.write_text(text)
    with pytest.raises(InvalidRequest, match="is not a GeoJSON of divisions"):
        cells_from_divisions(GRID, path, ("One",))


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(InvalidRequest, match="is not a GeoJSON of divisions"):
        cells_from_divisions(GRID, tmp_path / "none.geojson", ("One",))


def test_written_cells_are_read_back(write, tmp_path, city):
    cells = cells_from_divisions(GRID, write(box(1, 0, 2)), ("One",))
    write_cells(cells, tmp_path / "cells.csv")
    listed = city.model_copy(
        update={"grid": GRID, "cells_file": "cells.csv", "folder": tmp_path}
    ).listed_cells()
    assert listed.division == cells.division
    assert (listed.mask == cells.mask).all()


def test_named_cells_are_read_back_with_their_names(write, tmp_path, city):
    layer = write_layer(tmp_path / "layer.geojson", ("Öst, am See", area(2, 0, 3, 2)), key="NAME")
    cells = cells_from_divisions(GRID, write(box(1, 0, 4)), ("One",))
    named = with_neighbourhoods(cells, GRID, layer, "NAME")
    write_cells(named, tmp_path / "cells.csv")
    listed = city.model_copy(
        update={"grid": GRID, "cells_file": "cells.csv", "folder": tmp_path}
    ).listed_cells()
    assert listed.neighbourhood == named.neighbourhood == ("", "", "Öst, am See", "") * 2
    assert listed.division == cells.division


def test_the_shipped_cells_are_those_that_the_command_makes(shared_data, tmp_path):
    given = shared_data / "los_angeles"
    command = [
        "cells", str(given / "lapd_divisions.geojson"), "--out", str(tmp_path / "cells.csv"),
        "--neighbourhoods", str(given / "la_times_neighborhoods.geojson"),
    ]  # fmt: skip
    assert CliRunner().invoke(app, command).exit_code == 0
    shipped = CITIES_DIR / "los_angeles_cells.csv"
    assert (tmp_path / "cells.csv").read_bytes() == shipped.read_bytes()


def test_the_shipped_cells_are_all_there():
    city = load_city("los_angeles")
    cells = city.listed_cells()
    assert len(cells) == cells.mask.sum() == 1663
    assert set(cells.division) == set(city.divisions)
    ids = city.grid.cell_id(cells.row, cells.col)
    assert (ids[1:] > ids[:-1]).all()
