from datetime import date

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.domain.timeline import days_into_week, days_of, sundays, week_numbers
from pipeline.domain.weeks import EPOCH, week_start_of

DATES = st.dates(date(1900, 1, 1), date(2100, 12, 31))


def column(days: list[date]) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(days, pa.date32())])


@settings(derandomize=True, deadline=None, max_examples=60)
@given(st.lists(DATES, min_size=1, max_size=30))
def test_whole_columns_agree_with_single_dates(days):
    numbers = week_numbers(days_of(column(days)))
    into = [(day - week_start_of(day)).days for day in days]
    assert days_into_week(days_of(column(days))).tolist() == into
    assert sundays(numbers).tolist() == [week_start_of(day) for day in days]
    assert numbers.tolist() == [
        (week_start_of(day) - week_start_of(EPOCH)).days // 7 for day in days
    ]


def test_an_empty_column_has_no_weeks():
    numbers = week_numbers(days_of(pa.chunked_array([], type=pa.date32())))
    assert len(numbers) == len(sundays(numbers)) == 0
