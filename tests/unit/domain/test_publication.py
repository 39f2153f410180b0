from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.domain.city import Publication, load_city


@pytest.mark.parametrize(
    ("day", "known_through"),
    [
        # Refreshed on 29 September and every 14 days from then; ten days' lag.
        (date(2026, 9, 29), date(2026, 9, 19)),
        (date(2026, 9, 30), date(2026, 9, 19)),
        (date(2026, 10, 12), date(2026, 9, 19)),  # the day before the next refresh
        (date(2026, 10, 13), date(2026, 10, 3)),
        (date(2026, 11, 24), date(2026, 11, 14)),
        (date(2026, 9, 28), date(2026, 9, 5)),  # before the anchor: the refresh of the 15th
        (date(2012, 3, 6), date(2012, 2, 25)),  # 380 * 14 days before the anchor
    ],
)
def test_los_angeles_publishes_every_other_tuesday(day, known_through):
    assert load_city("los_angeles").publication.known_through(day) == known_through


def test_a_city_without_lag_is_known_through_today():
    day = date(2026, 11, 24)
    assert Publication().known_through(day) == day


@settings(derandomize=True, deadline=None, max_examples=100)
@given(
    st.dates(date(2010, 1, 1), date(2040, 1, 1)),
    st.integers(0, 30),
    st.integers(1, 30),
)
def test_what_is_known_never_shrinks_and_lags_as_said(day, lag_days, refresh_every_days):
    publication = Publication(lag_days=lag_days, refresh_every_days=refresh_every_days)
    known = publication.known_through(day)
    assert known <= publication.known_through(day + timedelta(days=1))
    assert lag_days <= (day - known).days < lag_days + refresh_every_days
