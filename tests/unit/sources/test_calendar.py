from datetime import date, timedelta

import pytest

from pipeline.domain.errors import InvalidRequest
from pipeline.domain.weeks import week_range
from pipeline.sources.calendar import daylight_hours, weekly_calendar


def week(city, year, month, day):
    frame = weekly_calendar(city, [date(year, month, day)])
    assert len(frame) == 1
    return frame.iloc[0]


def test_a_week_without_holidays(los_angeles):
    row = week(los_angeles, 2023, 8, 6)
    assert row["week_start"] == date(2023, 8, 6)
    assert (row["holiday_days"], row["holidays"]) == (0, "")


def test_holidays_of_the_state_are_joined(los_angeles):
    # Thanksgiving Thursday and California's day after it
    row = week(los_angeles, 2023, 11, 19)
    assert row["holiday_days"] == 2
    assert row["holidays"] == "Thanksgiving Day; Day After Thanksgiving"


def test_the_day_itself_and_the_day_observed_both_count(los_angeles):
    # 4 July 2026 is a Saturday, observed on Friday the 3rd
    row = week(los_angeles, 2026, 6, 28)
    assert row["holiday_days"] == 2
    assert row["holidays"] == "Independence Day (observed); Independence Day"


def test_a_new_year_observed_in_the_old_one(los_angeles):
    # 1 January 2022 is a Saturday, observed on Friday, 31 December 2021
    row = week(los_angeles, 2021, 12, 26)
    assert row["holidays"] == "New Year's Day (observed); New Year's Day"


def test_susan_b_anthony_day_is_a_working_day(los_angeles):
    # 15 February 2023 is a Wednesday; Presidents' Day is the Monday after
    assert week(los_angeles, 2023, 2, 12)["holiday_days"] == 0
    assert week(los_angeles, 2023, 2, 19)["holidays"] == "Presidents' Day"


def test_another_state_has_other_days(los_angeles, chicago):
    # 12 October 2026 is Columbus Day in Illinois and not in California
    assert "Columbus Day" in week(chicago, 2026, 10, 11)["holidays"]
    assert week(los_angeles, 2026, 10, 11)["holiday_days"] == 0


def test_every_week_has_its_row_in_order(los_angeles):
    weeks = week_range(date(2019, 12, 29), date(2021, 1, 3))
    frame = weekly_calendar(los_angeles, weeks)
    assert list(frame["week_start"]) == weeks
    assert list(frame.columns) == ["week_start", "holiday_days", "holidays", "daylight_hours"]
    assert frame["daylight_hours"].between(9.7, 14.3).all()


def test_no_weeks_make_an_empty_frame(los_angeles):
    frame = weekly_calendar(los_angeles, [])
    assert len(frame) == 0
    assert "daylight_hours" in frame.columns


def test_daylight_is_that_of_the_wednesday_in_mid_grid(los_angeles):
    # (33.70366 + 34.33731) / 2 = 34.020485
    row = week(los_angeles, 2023, 6, 18)
    assert row["daylight_hours"] == daylight_hours(date(2023, 6, 21), 34.020485)


@pytest.mark.parametrize("subdivision", ["XX", "Ontario"])
def test_an_unknown_subdivision_is_named(los_angeles, subdivision):
    city = los_angeles.model_copy(update={"subdivision": subdivision})
    with pytest.raises(InvalidRequest, match=subdivision):
        week(city, 2023, 1, 1)


@pytest.mark.parametrize(
    ("day", "latitude", "hours"),
    [
        (date(2023, 3, 22), 34.02, 12.0),  # day 81: 284 + 81 = 365, sin(360 deg) = 0
        # day 172: declination 23.45 deg; arccos(-tan 34.02 * tan 23.45) = arccos(-0.2928)
        # = 107.03 deg, times 2 / 15 deg an hour
        (date(2023, 6, 21), 34.02, 14.27),
        (date(2023, 12, 21), 34.02, 9.73),  # 24 - 14.27
        (date(2023, 6, 21), 0.0, 12.0),
        (date(2023, 6, 21), 80.0, 24.0),
        (date(2023, 12, 21), 80.0, 0.0),
    ],
)
def test_daylight(day, latitude, hours):
    assert daylight_hours(day, latitude) == pytest.approx(hours, abs=0.01)


def test_daylight_grows_from_winter_to_summer():
    days = [date(2023, 1, 1) + timedelta(days=k) for k in range(170)]
    hours = [daylight_hours(day, 41.8) for day in days]
    assert hours == sorted(hours)
