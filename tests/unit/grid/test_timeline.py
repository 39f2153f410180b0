from datetime import date

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.domain.weeks import week_start_of
from pipeline.grid.timeline import days_of, week_starts_of, weeks_between

DATES = st.dates(date(1900, 1, 1), date(2100, 12, 31))


@settings(derandomize=True, deadline=None, max_examples=60)
@given(st.lists(DATES, min_size=1, max_size=30))
def test_whole_columns_agree_with_single_dates(days):
    found = week_starts_of(days_of(pa.chunked_array([pa.array(days)])))
    assert found.tolist() == [week_start_of(day) for day in days]


def test_a_null_day_stays_unknown():
    days = days_of(pa.chunked_array([pa.array([None, date(2023, 1, 7)])]))
    assert np.isnat(week_starts_of(days)[0])
    assert week_starts_of(days)[1] == np.datetime64("2023-01-01")


def test_an_empty_column_has_no_days():
    assert len(week_starts_of(days_of(pa.chunked_array([], type=pa.date32())))) == 0


def test_weeks_between_counts_sundays_and_goes_below_zero():
    earlier = np.array(["2023-01-01", "2023-01-15"], dtype="datetime64[D]")
    later = np.array(["2023-01-15", "2023-01-08"], dtype="datetime64[D]")
    assert weeks_between(earlier, later).tolist() == [2, -1]
