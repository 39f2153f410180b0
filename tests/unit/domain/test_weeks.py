from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.domain.errors import InvalidRequest, StaleData, WeekNotReady
from pipeline.domain.weeks import (
    HORIZONS,
    forecast_weeks,
    last_whole_week,
    parse_date,
    resolve_week,
    target_week_of,
    week_range,
    week_start_of,
    weeks_between,
)

SUNDAY = date(2026, 11, 22)
DATES = st.dates(date(2000, 1, 1), date(2060, 12, 31))


@settings(derandomize=True, deadline=None, max_examples=100)
@given(DATES)
def test_every_day_lies_in_the_week_of_a_sunday(day):
    start = week_start_of(day)
    assert start.strftime("%A") == "Sunday"
    assert timedelta(0) <= day - start < timedelta(days=7)


@pytest.mark.parametrize("days", range(7))
def test_a_week_runs_from_sunday_to_saturday(days):
    assert week_start_of(SUNDAY + timedelta(days=days)) == SUNDAY


def test_weeks_between_can_be_negative():
    assert weeks_between(date(2024, 12, 29), date(2025, 1, 5)) == 1  # over the end of a year
    assert weeks_between(SUNDAY, SUNDAY - timedelta(days=21)) == -3


def test_a_range_of_weeks_has_both_ends():
    last = SUNDAY + timedelta(days=14)
    assert week_range(SUNDAY, last) == [SUNDAY, SUNDAY + timedelta(days=7), last]
    assert week_range(SUNDAY, SUNDAY) == [SUNDAY]
    assert week_range(SUNDAY, SUNDAY - timedelta(days=7)) == []


def test_a_week_is_whole_once_its_saturday_is_known():
    saturday = SUNDAY + timedelta(days=6)
    assert last_whole_week(saturday) == SUNDAY
    assert last_whole_week(saturday - timedelta(days=1)) == SUNDAY - timedelta(days=7)


@settings(derandomize=True, deadline=None, max_examples=100)
@given(DATES)
def test_the_last_whole_week_ends_at_most_six_days_before_what_is_known(known_through):
    saturday = last_whole_week(known_through) + timedelta(days=6)
    assert timedelta(0) <= known_through - saturday <= timedelta(days=6)


@pytest.mark.parametrize(("days", "weeks"), [(0, 1), (1, 1), (6, 1), (7, 2)])
def test_the_target_is_the_next_week_to_start(days, weeks):
    assert target_week_of(SUNDAY + timedelta(days=days)) == SUNDAY + timedelta(weeks=weeks)


def test_dates_are_read_in_iso_form():
    assert parse_date("2026-11-24") == date(2026, 11, 24)


@pytest.mark.parametrize("text", ["", "24/11/2026", "2026-02-30", "next week"])
def test_other_dates_are_refused(text):
    with pytest.raises(InvalidRequest, match="Write it as YYYY-MM-DD"):
        parse_date(text)


class TestResolveWeek:
    END = datetime(2026, 11, 25, 3, tzinfo=UTC)

    @pytest.mark.parametrize("given_date", ["2026-10-01", date(2026, 10, 1)])
    def test_the_parameter_comes_first(self, given_date):
        assert resolve_week(given_date, self.END, "America/Los_Angeles") == date(2026, 10, 1)

    @pytest.mark.parametrize("nothing", [None, ""])
    def test_else_the_end_of_the_interval_in_the_citys_own_date(self, nothing):
        # 03:00 UTC on the 25th is 19:00 on the 24th in Los Angeles, and 12:00 on the 25th in Tokyo.
        assert resolve_week(nothing, self.END, "America/Los_Angeles") == date(2026, 11, 24)
        assert resolve_week(nothing, self.END, "Asia/Tokyo") == date(2026, 11, 25)

    def test_with_neither_the_run_is_refused(self):
        with pytest.raises(InvalidRequest, match="Give issue_date as YYYY-MM-DD"):
            resolve_week(None, None, "UTC")

    def test_a_bad_parameter_is_refused_and_not_passed_over(self):
        with pytest.raises(InvalidRequest, match="'soon' is not a date"):
            resolve_week("soon", self.END, "UTC")


class TestForecastWeeks:
    def test_los_angeles_on_a_tuesday(self):
        # Refreshed that day, known through the 14th, a Saturday: edge 8 to 14 November; the target
        # is 29 November: three weeks on.
        weeks = forecast_weeks(date(2026, 11, 24), date(2026, 11, 14))
        assert weeks.edge_week == date(2026, 11, 8)
        assert weeks.target_week == date(2026, 11, 29)
        assert weeks.horizon == 3

    @pytest.mark.parametrize("horizon", HORIZONS)
    def test_one_to_five_weeks_ahead(self, horizon):
        edge = date(2026, 11, 29) - timedelta(weeks=horizon)
        weeks = forecast_weeks(date(2026, 11, 28), edge + timedelta(days=6))
        assert (weeks.edge_week, weeks.horizon) == (edge, horizon)

    def test_six_weeks_are_too_stale(self):
        with pytest.raises(
            StaleData, match=r"6 weeks before the target week 2026-11-29; at most 5"
        ):
            forecast_weeks(date(2026, 11, 24), date(2026, 11, 14) - timedelta(weeks=3))

    def test_reports_from_after_the_issue_are_no_forecast(self):
        with pytest.raises(WeekNotReady, match="past the issue date 2026-11-24"):
            forecast_weeks(date(2026, 11, 24), date(2026, 12, 5))
