from datetime import date, timedelta

import numpy as np
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.domain.cells import Cells
from pipeline.domain.columns import CUBE_STATION_WEEKS, CUBE_STATIONS, CUBE_WEATHER
from pipeline.grid.gridded_weather import station_weather

NEAR, FAR = "USW00000001", "USW00000002"  # in the middle of cells (0, 0) and (0, 3)
SUNDAY = date(2023, 1, 1)


def days(station, *readings, first=SUNDAY):
    """Return daily rows from (tmax, tmin, prcp) of consecutive days; None is a day left out."""
    return [
        (station, first + timedelta(days=k), *reading)
        for k, reading in enumerate(readings)
        if reading is not None
    ]


def cells_at(city, *places):
    row, col = np.array(places).T
    return Cells.with_any(city.grid.shape, row, col)


def grid_weather(city, cells, daily, week_starts):
    """Return the weather of every cell, by way of what the lake keeps of it."""
    return station_weather(city, cells, daily, week_starts).on_cells(cells)


def only_row(table):
    rows = table.to_pylist()
    assert len(rows) == 1
    return rows[0]


def test_a_full_week_at_one_station(city, make_weather):
    readings = [(20 + k, 10 + k, k / 2) for k in range(6)] + [(30, 16, 3)]
    table = grid_weather(
        city, cells_at(city, (0, 0)), make_weather(*days(NEAR, *readings)), [SUNDAY]
    )
    assert CUBE_WEATHER.conform(table).equals(table, check_metadata=True)
    # Means of (max + min) / 2: 15 to 20, then 23: (15+16+17+18+19+20+23) / 7 = 128 / 7 = 18.2857.
    # Rain: 0 + .5 + 1 + 1.5 + 2 + 2.5 + 3 = 10.5. Warm is 30 or more: the last day alone.
    assert only_row(table) == {
        "week_start": SUNDAY,
        "row": 0,
        "col": 0,
        "tmean_degc": 18.2857,
        "prcp_mm": 10.5,
        "warm_days": 1.0,
        "missing_days": 0.0,
    }


def test_sums_over_five_days_are_scaled_to_seven(city, make_weather):
    readings = [(31, 11, 2), None, (31, 11, 2), (29, 9, 2), None, (29, 9, 2), (29, 9, 2)]
    table = grid_weather(
        city, cells_at(city, (0, 0)), make_weather(*days(NEAR, *readings)), [SUNDAY]
    )
    row = only_row(table)
    assert row["tmean_degc"] == 19.8  # (21 + 21 + 19 + 19 + 19) / 5
    assert row["prcp_mm"] == 14.0  # 5 * 2 mm / 5 * 7
    assert row["warm_days"] == 2.8  # 2 of 5 days, * 7
    assert row["missing_days"] == 2.0


def test_four_days_are_too_few(city, make_weather):
    readings = [(31, 11, 2)] * 4
    table = grid_weather(
        city, cells_at(city, (0, 0)), make_weather(*days(NEAR, *readings)), [SUNDAY]
    )
    assert table.num_rows == 0
    assert table.schema.equals(CUBE_WEATHER.schema)


def test_each_quantity_needs_its_own_five_days(city, make_weather):
    readings = [(31, None, 1)] * 3 + [(31, 11, 1)] * 2 + [(31, 11, None)] * 2
    row = only_row(
        grid_weather(city, cells_at(city, (0, 0)), make_weather(*days(NEAR, *readings)), [SUNDAY])
    )
    assert row["tmean_degc"] is None  # both readings on four days only
    assert row["prcp_mm"] == 7.0  # 5 mm on five days
    assert row["warm_days"] == 7.0
    assert row["missing_days"] == 0.0  # every day has something


def test_cells_take_the_mean_weighted_by_the_inverse_squared_distance(city, make_weather):
    weather = make_weather(
        *days(NEAR, *[(20, 10, 0)] * 7), *days(FAR, *[(40, 30, 10)] * 7), *days("?", (0, 0, 0))
    )
    table = grid_weather(city, cells_at(city, (0, 1), (0, 2)), weather, [SUNDAY])
    first, second = table.to_pylist()
    # One cell from NEAR and two from FAR: weights 1 and 1/4. (15 * 1 + 35 / 4) / 1.25 = 19.
    assert first["tmean_degc"] == 19.0
    assert first["prcp_mm"] == 14.0  # 70 mm / 4 / 1.25
    assert first["warm_days"] == 1.4  # 7 days / 4 / 1.25
    assert second["tmean_degc"] == 31.0  # (15 / 4 + 35) / 1.25


def test_a_station_without_the_week_leaves_it_to_the_others(city, make_weather):
    weather = make_weather(*days(NEAR, *[(20, 10, None)] * 7), *days(FAR, *[(40, 30, 10)] * 5))
    row = only_row(grid_weather(city, cells_at(city, (0, 1)), weather, [SUNDAY]))
    assert row["prcp_mm"] == 70.0  # FAR alone has rain
    assert row["tmean_degc"] == 19.0
    assert row["missing_days"] == 0.4  # NEAR lacks 0, FAR 2: 2 / 4 / 1.25


def test_a_station_in_the_cell_outweighs_the_others(city, make_weather):
    weather = make_weather(*days(NEAR, *[(20, 10, 0)] * 7), *days(FAR, *[(40, 30, 0)] * 7))
    row = only_row(grid_weather(city, cells_at(city, (0, 0)), weather, [SUNDAY]))
    # Weights 1 / 0.5**2 and 1 / (3 * 111 km)**2: 20 K * 0.25 / 111,000 is below the fourth decimal.
    assert row["tmean_degc"] == 15.0


def test_only_weeks_with_observations_appear(city, make_weather):
    weeks = [SUNDAY + timedelta(weeks=k) for k in range(4)]
    weather = make_weather(
        *days(NEAR, *[(20, 10, 0)] * 7, first=SUNDAY - timedelta(days=7)),
        *days(NEAR, *[(20, 10, 0)] * 7, first=weeks[1]),
        *days(NEAR, *[(20, 10, 0)] * 7, first=weeks[3]),
        *days(NEAR, *[(20, 10, 0)] * 7, first=weeks[3] + timedelta(days=7)),
    )
    table = grid_weather(city, cells_at(city, (0, 0), (5, 5)), weather, weeks)
    assert table["week_start"].to_pylist() == [weeks[1], weeks[1], weeks[3], weeks[3]]
    assert table["row"].to_pylist() == [0, 5, 0, 5]


def test_what_is_kept_is_a_row_a_station_and_week(city, make_weather):
    weather = make_weather(
        *days(NEAR, *[(20, 10, 0)] * 14),
        *days(FAR, *[(40, 30, None)] * 7),
        *days(FAR, *[(40, 30, 1)] * 4, first=SUNDAY + timedelta(days=7)),
    )
    weeks = [SUNDAY, SUNDAY + timedelta(weeks=1)]
    kept = station_weather(city, cells_at(city, (0, 0), (5, 5)), weather, weeks)
    assert CUBE_STATIONS.conform(kept.stations).equals(kept.stations, check_metadata=True)
    assert CUBE_STATION_WEEKS.conform(kept.weeks).equals(kept.weeks, check_metadata=True)
    assert kept.stations["station"].to_pylist() == [NEAR, FAR]
    near, far, later = kept.weeks.to_pylist()
    assert (near["week_start"], near["station"], near["tmean_degc"]) == (SUNDAY, NEAR, 15)
    assert (far["station"], far["tmean_degc"], far["prcp_mm"]) == (FAR, 35, None)
    assert (later["week_start"], later["station"]) == (weeks[1], NEAR)  # FAR has four days only


def test_a_week_of_rain_beyond_any_record_ends_nothing(city, make_weather):
    """Each day is in the range of the row checks, and so is the week in that of its column."""
    table = grid_weather(
        city, cells_at(city, (0, 0)), make_weather(*days(NEAR, *[(20, 10, 1_900)] * 7)), [SUNDAY]
    )
    assert only_row(CUBE_WEATHER.conform(table))["prcp_mm"] == 13_300


def test_weeks_may_lie_apart(city, make_weather):
    weeks = [SUNDAY, SUNDAY + timedelta(weeks=2)]
    weather = make_weather(*days(NEAR, *[(20 + k, 10 + k, 0) for k in range(21)]))
    table = grid_weather(city, cells_at(city, (0, 0)), weather, weeks)
    assert table["tmean_degc"].to_pylist() == [18.0, 32.0]  # 15 + 3, and 15 + 17


@pytest.mark.parametrize("stations", [(), None])
def test_no_station_or_no_day_gives_no_weather(city, make_weather, stations):
    bare = city if stations is None else city.model_copy(update={"stations": stations})
    rows = [] if stations is None else days(NEAR, *[(20, 10, 0)] * 7)
    table = grid_weather(bare, cells_at(city, (0, 0)), make_weather(*rows), [SUNDAY])
    assert table.num_rows == 0


READING = st.one_of(
    st.none(),
    st.tuples(st.floats(-20, 45), st.floats(-30, 30), st.one_of(st.none(), st.floats(0, 100))),
)


@settings(derandomize=True, deadline=None, max_examples=40)
@given(near=st.lists(READING, min_size=7, max_size=7), far=st.lists(READING, max_size=7))
def test_every_value_keeps_to_its_contract_and_to_what_was_measured(city, make_weather, near, far):
    weather = make_weather(*days(NEAR, *near), *days(FAR, *far))
    everywhere = Cells.with_any(city.grid.shape, *(k.ravel() for k in np.indices((6, 6))))
    table = CUBE_WEATHER.conform(grid_weather(city, everywhere, weather, [SUNDAY]))
    assert table.num_rows in (0, 36)
    means = [(r[0] + r[1]) / 2 for r in [*near, *far] if r is not None]
    found = pc.min_max(table["tmean_degc"]).as_py()
    if found["min"] is not None:
        assert found["min"] >= min(means) - 1e-4
        assert found["max"] <= max(means) + 1e-4
