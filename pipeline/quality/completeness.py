"""The last day through which a feed is complete.

Not the newest date in it: one report with a wrong date would move that. A feed is complete through
the day that its publication rule gives, less the days that hold too few reports for it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.domain.timeline import days_of
from pipeline.domain.weeks import EPOCH, WEEK, last_whole_week

# A day is short of reports below this share of the same weekday before, as known at the same age.
SHORT_SHARE = 0.5
CHANCE_SD = 1.5  # and by more than this many standard deviations of a Poisson count
SHORT_DAYS_ALLOWED = 1  # of seven: a holiday, or a day that the feed lost for good
NEWEST_DAYS = 3  # none of them may be short: one date alone, a wrong one, makes no edge
# A week stands for the city if it holds this share of the weeks before it.
WEEK_SHARE = 0.6
WEEKS_BEFORE, DAY_WEEKS_BEFORE = 12, 8
FEWEST_WEEKS_BEFORE, FEWEST_A_WEEK = 4, 30
DAYS_LOOKED_BACK = 42
# A feed has published a day once it shows this share of what it shows four weeks later.
PUBLISHED_SHARE = 0.8
DAYS_TO_SETTLE = 28
FEWEST_REFRESHES, MOST_REFRESHES = 6, 12
LONGEST_LAG_DAYS = 60

_TO_SATURDAY = timedelta(days=6)
_LONGEST_DELAY_DAYS = 90
_DAYS_BEFORE = DAYS_LOOKED_BACK + 7 * (WEEKS_BEFORE + 4)


@dataclass(frozen=True)
class Refresh:
    """What a feed showed after one of its refreshes.

    Attributes:
        day: the day of the refresh, in the city's dates.
        reports: days since 1970 -> reports shown of that day.
    """

    day: date
    reports: Mapping[int, int]


def learned_lag_days(settled: Sequence[Refresh], now: Refresh) -> int | None:
    """Return the days from the newest published day to the refresh, as past refreshes had it.

    A day counts as published at a refresh if it held PUBLISHED_SHARE of what it holds `now`,
    summed over the refreshes.

    Args:
        settled: refreshes that are DAYS_TO_SETTLE older than `now`, or more.
        now: the newest refresh.

    Returns:
        The days; None where no refresh had published anything of the days before it.
    """
    is_shown = [_is_shown(settled, now, lag) for lag in range(LONGEST_LAG_DAYS + NEWEST_DAYS)]
    lags = (k for k in range(LONGEST_LAG_DAYS) if all(is_shown[k : k + NEWEST_DAYS]))
    return next(lags, None)


def _is_shown(settled: Sequence[Refresh], now: Refresh, lag: int) -> bool:
    """Say whether the refreshes showed the reports of the day so many days before them."""
    days = [((refresh.day - EPOCH).days - lag, refresh) for refresh in settled]
    final = sum(now.reports.get(day, 0) for day, _ in days)
    # A report whose date was wrong then must not stand for one that was missing.
    shown = sum(min(r.reports.get(day, 0), now.reports.get(day, 0)) for day, r in days)
    return shown >= PUBLISHED_SHARE * final


def complete_through(incidents: pa.Table, *, published_through: date, seen_on: date) -> date:
    """Return the last day through which incidents are complete.

    It is the rule's day, or the last one before it of which neither the last three days nor two of
    the last seven are short of reports. A last week that holds far fewer reports than usual is not
    taken. Never a later day than the rule's: whether a day past it is whole can't be told from a
    pile of wrong dates.

    Args:
        incidents: table of contract INCIDENTS; rows with a wrong date among them do little.
        published_through: the last day that the publication rule says is published.
        seen_on: the day on which the feed stood as it is here, the rule's day or later.
    """
    incidents = incidents.filter(pc.is_valid(incidents["occurred_on"]))
    days = _Days(incidents, published_through, seen_on)
    through = _newest_to(published_through, incidents)
    first = published_through - timedelta(days=DAYS_LOOKED_BACK)
    while through > first and days.lacks_days(through):
        through -= timedelta(days=1)
    through = _newest_to(through, incidents)
    saturday = last_whole_week(through) + _TO_SATURDAY
    while saturday > first and days.is_thin_week(saturday):
        through = saturday = saturday - WEEK
    return through


def _newest_to(day: date, incidents: pa.Table) -> date:
    """Return the newest day with a report up to a day; that day itself where none has."""
    occurred = days_of(incidents["occurred_on"])
    held = occurred[occurred <= (day - EPOCH).days]
    return EPOCH + timedelta(days=int(held.max())) if len(held) else day


def _is_short(found: int, expected: float) -> bool:
    least = SHORT_SHARE * expected
    return found < least - CHANCE_SD * np.sqrt(least)


class _Days:
    """Reports by day of occurrence, as they stand, and as they stood at any age."""

    def __init__(self, incidents: pa.Table, published_through: date, seen_on: date) -> None:
        self._seen_on = seen_on
        days = (seen_on - published_through).days + _DAYS_BEFORE
        occurred = days_of(incidents["occurred_on"])
        reported = days_of(pc.coalesce(incidents["reported_on"], incidents["occurred_on"]))
        age, delay = (seen_on - EPOCH).days - occurred, reported - occurred
        is_held = (age >= 0) & (age < days) & (delay >= 0)
        slot = np.minimum(delay[is_held], _LONGEST_DELAY_DAYS)
        size = _LONGEST_DELAY_DAYS + 1
        slots = age[is_held].astype(np.int64) * size + slot
        counts = np.bincount(slots, minlength=days * size)
        # (age, delay): reports of the day of that age that had been made within the delay.
        self._within: NDArray[np.int64] = counts.reshape(days, size).cumsum(axis=1)

    def lacks_days(self, day: date) -> bool:
        """Say whether one of the three days to this one is short, two of the seven, or all seven.

        Where a day has few reports, only the seven together can tell.
        """
        ages = [self._age(day) + k for k in range(7)]
        week = [_is_short(self._found(age), self._expected(age)) for age in ages]
        if any(week[:NEWEST_DAYS]) or sum(week) > SHORT_DAYS_ALLOWED:
            return True
        before = self._weeks_before(ages, DAY_WEEKS_BEFORE)
        return _is_short(sum(map(self._found, ages)), float(np.median(before)))

    def is_thin_week(self, saturday: date) -> bool:
        """Say whether a week holds far fewer reports than the weeks before it."""
        ages = [self._age(saturday) + k for k in range(7)]
        found = sum(map(self._found, ages))
        held = [reports for reports in self._weeks_before(ages, WEEKS_BEFORE) if reports]
        if len(held) < FEWEST_WEEKS_BEFORE or np.mean(held) < FEWEST_A_WEEK:
            return False
        return bool(found < WEEK_SHARE * np.mean(held))

    def _age(self, day: date) -> int:
        return (self._seen_on - day).days

    def _found(self, age: int) -> int:
        return int(self._within[age, -1])

    def _expected(self, age: int) -> float:
        """Return the reports of a day by the same weekday before it, as it stood at that age."""
        return float(np.median(self._weeks_before([age], DAY_WEEKS_BEFORE)))

    def _weeks_before(self, ages: Sequence[int], weeks: int) -> list[int]:
        """Return the reports of these days in each week before, as they stood at this age."""
        return [
            sum(self._at_age(age + 7 * week, age) for age in ages) for week in range(1, weeks + 1)
        ]

    def _at_age(self, age: int, at_age: int) -> int:
        return int(self._within[age, min(at_age, _LONGEST_DELAY_DAYS)])
