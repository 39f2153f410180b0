from datetime import date, timedelta

import numpy as np
import pytest

from pipeline.domain.errors import InvalidRequest, WeekNotReady
from pipeline.grid.build import build_cube

SUNDAY = date(2023, 1, 1)


def day(weeks, days=0):
    return SUNDAY + timedelta(weeks=weeks, days=days)


@pytest.fixture(scope="module")
def cube(city, make_incidents, make_weather, make_calendar):
    incidents = make_incidents(
        {},
        {"reported_on": day(1)},
        {"reported_on": day(2), "offence_class": "homicide"},
        {"occurred_on": day(1), "reported_on": day(1), "lat": 2.5, "lon": 4.5},
        {"occurred_on": day(1), "reported_on": day(1), "offence_class": "rape"},
        {"occurred_on": day(2), "reported_on": day(2), "offence_class": "theft"},
    )
    weather = make_weather(
        *(("USW00000001", day(k, d), 20 + k, 10 + k, k) for k in (0, 2) for d in range(7))
    )
    calendar = make_calendar(9).assign(holiday_days=range(9))
    calendar["holiday_days"] %= 7
    return build_cube(city, incidents, weather, calendar, known_through=day(2, 6))[0]


def test_counts_are_those_reported_by_the_edge(cube):
    # Week 0, cell (0, 0): one robbery at once, one a week late, a homicide two weeks late.
    for edge, expected in ((0, [1]), (1, [2, 0]), (2, [2, 0, 0])):
        counts = cube.as_of(day(edge)).counts(["robbery"])
        assert counts.shape == (edge + 1, 6, 6)
        assert counts.dtype == np.float32
        assert counts[:, 0, 0].tolist() == expected
    assert cube.as_of(day(2)).counts(["robbery", "homicide"])[0, 0, 0] == 3
    assert cube.as_of(day(1)).counts(["robbery", "homicide"])[0, 0, 0] == 2
    assert cube.as_of(day(1)).counts(["robbery"])[1, 2, 4] == 1


def test_counts_can_be_those_known_within_some_weeks(cube):
    view = cube.as_of(day(2))
    for within, expected in ((0, 1), (1, 2), (2, 3), (None, 3)):
        assert view.counts(["robbery", "homicide"], within)[0, 0, 0] == expected


def test_counts_that_are_shared_can_not_be_written_over(cube):
    view = cube.as_of(day(2))
    counts = view.counts(["robbery", "homicide"])
    assert view.counts(("robbery", "homicide")) is counts
    with pytest.raises(ValueError, match="read-only"):
        counts[0, 0, 0] = 99


def test_citywide_reports_are_on_no_map(cube):
    assert cube.as_of(day(2)).counts(["rape"]).sum() == 0


def test_a_class_without_reports_counts_nothing(cube):
    counts = cube.as_of(day(0)).counts(["arson"])
    assert counts.shape == (1, 6, 6)
    assert counts.sum() == 0


def test_weather_is_unknown_outside_the_city_and_without_observations(cube):
    weather = cube.as_of(day(2)).weather()
    assert weather.shape == (3, 6, 6, 4)
    assert weather[0, 0, 0].tolist() == [15, 0, 0, 0]
    assert weather[2, 2, 4].tolist() == [17, 14, 0, 0]  # 2 mm a day
    assert np.isnan(weather[1]).all()
    assert np.isnan(weather[0, 5, 5]).all()
    assert np.isfinite(weather[..., 0]).sum() == 2 * len(cube.cells) == 4


def test_weather_ends_at_the_edge(cube):
    assert cube.as_of(day(1)).weather().shape == (2, 6, 6, 4)


def test_the_calendar_past_the_edge_has_only_what_is_known_ahead(cube):
    calendar = cube.as_of(day(1)).calendar(5)
    assert calendar["week_start"].tolist() == [day(k) for k in range(7)]
    assert calendar["holiday_days"].tolist() == [0, 1, 2, 3, 4, 5, 6]
    assert calendar["is_whole"].tolist() == [True, True] + [False] * 5
    # Known by week 1: two of the three reports of week 0, and a robbery and a rape of week 1.
    assert calendar["reports"].tolist() == [2, 2, 0, 0, 0, 0, 0]


def test_the_calendar_ends_six_weeks_past_the_last_whole_week(cube):
    assert len(cube.as_of(day(2)).calendar(6)) == 9
    with pytest.raises(InvalidRequest, match="calendar ends 2023-02-26, before 2023-03-05"):
        cube.as_of(day(2)).calendar(7)


@pytest.mark.parametrize(
    ("edge", "state"),
    [(day(3), "not whole"), (day(-1), "not there"), (day(1, 1), "not there")],
)
def test_the_edge_must_be_a_whole_week_of_the_cube(cube, edge, state):
    with pytest.raises(WeekNotReady, match=rf"{state} in the cube, .* 2023-01-01 to 2023-01-15"):
        cube.as_of(edge)


def test_a_view_has_the_cells_of_its_cube(cube):
    assert cube.as_of(day(0)).cells is cube.cells
