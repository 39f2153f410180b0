import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from pipeline.domain.city import load_city
from pipeline.domain.grid_spec import GridSpec

GRID = GridSpec(south=0, north=6, west=10, east=20, rows=3, cols=5)  # cells of 2 x 2 degrees


def located(grid, lat, lon):
    row, col, inside = grid.locate(np.array([lat]), np.array([lon]))
    return int(row[0]), int(col[0]), bool(inside[0])


@pytest.mark.parametrize(
    ("lat", "lon", "cell"),
    [
        (0, 10, (0, 0)),  # the lower left corner belongs to the box
        (1.999, 11.999, (0, 0)),
        (2, 12, (1, 1)),  # an edge belongs to the upper cell
        (5.999, 19.999, (2, 4)),
    ],
)
def test_a_cell_holds_its_lower_edges_and_not_its_upper_ones(lat, lon, cell):
    assert located(GRID, lat, lon) == (*cell, True)


@pytest.mark.parametrize(
    ("lat", "lon"),
    [
        (6, 15),
        (3, 20),
        (np.nextafter(0, -1), 15),
        (3, np.nextafter(10, 9)),
        (0, 0),
        (np.nan, 15),
        (3, np.nan),
        (np.inf, 15),
    ],
)
def test_points_outside_have_no_cell(lat, lon):
    assert located(GRID, lat, lon) == (-1, -1, False)


def test_the_hair_below_the_upper_edge_is_inside():
    assert located(GRID, np.nextafter(6, 0), np.nextafter(20, 0)) == (2, 4, True)


LOS_ANGELES = load_city("los_angeles").grid


@settings(derandomize=True, deadline=None, max_examples=100)
@given(st.floats(33.70366, 34.33730), st.floats(-118.66819, -118.15538))
def test_a_point_lies_within_the_bounds_of_its_cell(lat, lon):
    row, col, inside = located(LOS_ANGELES, lat, lon)
    west, south, east, north = LOS_ANGELES.bounds(row, col)
    assert inside
    tiny = 1e-12
    assert south - tiny <= lat <= north + tiny
    assert west - tiny <= lon <= east + tiny


def test_every_centre_lies_in_its_own_cell():
    lat, lon = LOS_ANGELES.centres()
    row, col, inside = LOS_ANGELES.locate(lat.ravel(), lon.ravel())
    assert inside.all()
    ids = LOS_ANGELES.cell_id(row, col)
    assert ids.tolist() == list(range(60 * 75))


def test_sizes():
    assert GRID.shape == (3, 5)
    assert (GRID.cell_height_deg, GRID.cell_width_deg) == (2, 2)
    assert GRID.bounds(1, 4) == (18, 2, 20, 4)
    assert GRID.cell_id(np.array([2]), np.array([4])).tolist() == [14]  # 2 * 5 + 4


def test_a_cell_of_los_angeles_is_632_by_1171_metres():
    # 0.00683759 deg * 111.195 km * cos(34.02) = 0.630 km; 0.0105608 deg * 111.195 km = 1.174 km.
    assert pytest.approx(0.74, abs=0.005) == LOS_ANGELES.cell_area_km2


@pytest.mark.parametrize(
    "bounds",
    [
        {"south": 6, "north": 6},
        {"south": 7},
        {"west": 20},
        {"south": -91},
        {"east": 181},
        {"rows": 0},
        {"colour": "red"},
    ],
)
def test_what_is_no_box_is_refused(bounds):
    with pytest.raises(ValidationError):
        GridSpec(**{**GRID.model_dump(), **bounds})
