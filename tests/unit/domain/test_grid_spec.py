from fractions import Fraction

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


def exact_interval(value, low, high, count):
    """Return the interval of a coordinate as it is written, in exact arithmetic; None outside."""
    value, low, high = (Fraction(str(float(text))) for text in (value, low, high))
    return int((value - low) * count / (high - low)) if low <= value < high else None


@st.composite
def grids_and_points(draw):
    """A grid with bounds of a few decimals, and such points about it, some on its edges."""
    digits = draw(st.integers(0, 4))
    south, west = (round(draw(st.floats(-b, b)), digits) for b in (80, 170))
    height, width = (max(round(draw(st.floats(0.1, 5)), digits), 10.0**-digits) for _ in "ab")
    rows, cols = draw(st.integers(1, 100)), draw(st.integers(1, 100))
    north, east = round(south + height, digits), round(west + width, digits)
    grid = GridSpec(south=south, north=north, west=west, east=east, rows=rows, cols=cols)
    share = st.floats(-0.1, 1.1)
    digits = draw(st.integers(1, 6))
    on_edge = st.integers(0, rows).map(lambda k: k / rows)
    points = draw(st.lists(st.tuples(share | on_edge, share), min_size=1, max_size=20))
    lat, lon = np.array(points).T * [[height], [width]] + [[south], [west]]
    return grid, lat.round(digits), lon.round(digits)


@settings(derandomize=True, deadline=None, max_examples=300)
@given(grids_and_points())
def test_points_lie_where_exact_arithmetic_puts_them(grid_and_points):
    grid, lat, lon = grid_and_points
    for *found, y, x in zip(*grid.locate(lat, lon), lat, lon, strict=True):
        row = exact_interval(y, grid.south, grid.north, grid.rows)
        col = exact_interval(x, grid.west, grid.east, grid.cols)
        wanted = [-1, -1, False] if row is None or col is None else [row, col, True]
        assert found == wanted, (y, x)


def test_points_of_two_decimals_on_a_round_grid_lie_in_the_cell_above_their_edge():
    grid = GridSpec(south=33.7, north=34.3, west=-118.7, east=-117.95, rows=60, cols=75)
    row, _, inside = grid.locate(np.arange(3370, 3430) / 100, np.full(60, -118.0))
    assert inside.all()
    assert row.tolist() == list(range(60))


def test_more_points_than_are_looked_at_at_once_keep_their_order():
    lat = np.tile([1.0, 3.0, 5.0, np.nan], 40_000)
    row, _, inside = GRID.locate(lat, np.full(len(lat), 15.0))
    assert row.tolist() == [0, 1, 2, -1] * 40_000
    assert inside.sum() == 120_000


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
