"""Figures about whole tables, taken without Great Expectations."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.domain.weeks import last_whole_week, week_start_of
from pipeline.quality import measures
from pipeline.quality.evidence import Evidence, Measure
from pipeline.quality.frames import incident_frame, weather_frame
from tests.unit.quality.quality_samples import AS_OF, LAST_DAY


def weekly(counts: list[int], last: date = LAST_DAY, delays: list[int] | None = None):
    """Return a frame of weeks, oldest first, all reports on the week's last day."""
    days = [last - timedelta(weeks=k) for k in range(len(counts))][::-1]
    ages = np.repeat([(AS_OF - day).days for day in days], counts).astype(float)
    delay = np.zeros(len(ages)) if delays is None else np.resize(delays, len(ages))
    reported = ages - delay
    return pd.DataFrame({"occurred_age_days": ages, "reported_age_days": reported})


def evidence(city, frame: pd.DataFrame, rows_in: int | None = None) -> Evidence:
    rows_in = len(frame) if rows_in is None else rows_in
    return Evidence(city, AS_OF, frame, rows_in, known_through=LAST_DAY)


def test_the_newest_week_is_held_against_the_twelve_before(city):
    # A first week that may be cut off, one that is too old, twelve of 100, and 150.
    frame = weekly([999, 999, *[80, 120] * 6, 150])
    newest = measures.newest_week_pct(evidence(city, frame))
    assert newest.value == pytest.approx(150)
    assert newest.found == (
        "150 %: 150 reports in the week of 2026-11-08, mean 100 and spread 20 of the 12 before"
    )


def test_the_week_before_the_newest_has_its_own_twelve(city):
    frame = weekly([999, *[100] * 12, 30, 5])
    before = measures.week_before_newest_pct(evidence(city, frame))
    assert before.value == pytest.approx(30)
    assert "30 reports in the week of 2026-11-01" in before.found


def test_a_week_in_progress_is_not_counted(city):
    frame = weekly([999, *[100] * 13, 7], last=LAST_DAY + timedelta(days=3))
    newest = measures.newest_week_pct(evidence(city, frame))
    # The last day is a Tuesday, so every "week" here ends on one; the newest whole one is of 11-08.
    assert "in the week of 2026-11-08" in newest.found
    assert newest.value == pytest.approx(100)


def test_late_reports_do_not_make_the_newest_week_look_small(city):
    # Half of all reports come two days late. The newest week is known through its Saturday only.
    frame = weekly([999, *[100] * 13], delays=[0, 2])
    known = frame[frame["reported_age_days"] >= (AS_OF - LAST_DAY).days]
    newest = measures.newest_week_pct(evidence(city, known))
    assert newest.found.startswith("100 %: 50 reports in the week of 2026-11-08, mean 50 ")


def test_reports_without_a_date_of_report_count_at_once(city):
    frame = weekly([999, *[100] * 13]).assign(reported_age_days=np.nan)
    assert measures.newest_week_pct(evidence(city, frame)).value == pytest.approx(100)


@pytest.mark.parametrize(
    "counts",
    [
        [],
        [500],
        [500, 100, 100, 100, 100],  # three weeks before the newest, the cut-off one apart
        [500, *[29] * 12, 500],
    ],
)
def test_too_little_history_is_no_verdict(city, counts):
    assert measures.newest_week_pct(evidence(city, weekly(counts))).value is None


def test_four_weeks_before_are_enough(city):
    frame = weekly([500, 100, 100, 100, 100, 50])
    assert measures.newest_week_pct(evidence(city, frame)).value == pytest.approx(50)


@settings(derandomize=True, max_examples=40, deadline=None)
@given(offsets=st.lists(st.integers(0, 120), min_size=1, max_size=60))
def test_weeks_are_counted_as_the_calendar_does(offsets):
    ages = np.array(offsets, dtype=float) + 10
    frame = pd.DataFrame({"occurred_age_days": ages, "reported_age_days": ages})
    newest_day = AS_OF - timedelta(days=int(ages.min()))
    seen = Evidence(None, AS_OF, frame, len(frame), newest_day)
    newest, back = last_whole_week(newest_day), seen.weeks_back
    counts = np.bincount(back[back >= 0])
    days = [AS_OF - timedelta(days=int(age)) for age in ages]
    first = week_start_of(min(days))
    for back, reports in enumerate(counts):
        sunday = newest - timedelta(weeks=back)
        assert sunday > first
        assert reports == sum(week_start_of(day) == sunday for day in days)


def test_a_share_of_few_rows_is_no_verdict(city, incidents, incidents_table):
    table = incidents_table(incidents.head(99))
    few = evidence(city, incident_frame(table, AS_OF), rows_in=99)
    for name in ("quarantined_pct", "division_agreement_pct", "other_class_pct",
                 "missing_location_pct", "missing_area_pct", "busiest_point_pct",
                 "repeated_reports_pct", "recent_target_rows"):  # fmt: skip
        assert measures.INCIDENT_MEASURES[name](few) == Measure(None)


def test_a_located_report_outside_the_box_disagrees(city, incidents, incidents_table):
    incidents.loc[0:9, "lat"] = 34.4
    frame = incident_frame(incidents_table(incidents), AS_OF)
    found = measures.division_agreement_pct(evidence(city, frame))
    # 10 of 1,260 = 0.79 %.
    assert found.found.startswith("99.2 %: 1,250 of 1,260")
    assert found.rows == 10


def test_jumps_are_taken_between_days_that_follow_each_other(city, weather, weather_table):
    weather.loc[30, "tmax_degc"] = 44.0
    weather.loc[10:40, "tmin_degc"] = 2.0
    gap = weather.drop(index=[29, 31])
    with_neighbours = measures.largest_jump_degc(
        evidence(city, weather_frame(weather_table(weather), AS_OF))
    )
    assert with_neighbours.value == pytest.approx(20)  # 44 - 24
    without = measures.largest_jump_degc(evidence(city, weather_frame(weather_table(gap), AS_OF)))
    assert without.value == pytest.approx(10)  # 12 - 2, at the ends of the cold spell


def test_one_crash_spoils_one_measure(city):
    def crash(_):
        raise KeyError("lat")

    taken = measures.take(
        {"good": measures.accepted_rows, "bad": crash}, evidence(city, weekly([3]))
    )
    assert taken["good"] == Measure(3, "3 rows")
    assert taken["bad"].crash == "KeyError: 'lat'"
    assert list(measures.measures_frame(taken).columns) == ["good"]
