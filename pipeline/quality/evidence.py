"""What measures look at, and what each of them finds."""

from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.domain.city import City
from pipeline.domain.timeline import days_into_week
from pipeline.domain.weeks import EPOCH, last_whole_week
from pipeline.quality.history import Vintage
from pipeline.quality.points import Points, points_of

FEWEST_ROWS = 100  # a share of fewer rows says little


@dataclass(frozen=True)
class Evidence:
    """What measures look at.

    Attributes:
        city: whose rows.
        issue_date: the issue date.
        frame: accepted rows, as `frames` gives them.
        rows_in: how many rows came.
        known_through: the last day through which the rows are complete.
        vintages: of each snapshot that changed, (the one held before, itself).
    """

    city: City
    issue_date: date
    frame: pd.DataFrame
    rows_in: int
    known_through: date
    vintages: tuple[tuple[Vintage, Vintage], ...] = ()

    @cached_property
    def points(self) -> Points:
        """The points that located reports lie on."""
        return points_of(self.frame)

    @cached_property
    def weeks_back(self) -> NDArray[np.int64]:
        """(n,) whole weeks from each row's to the newest one; -1 for rows that are not counted.

        Every week is counted as it stood as long after its Saturday as the newest whole week stands
        now, so that late reports do not make older weeks look larger. The first week of the data is
        not counted: it may have begun before them.
        """
        newest = last_whole_week(self.known_through)
        days_after_newest = (self.known_through - newest).days - 6
        today = (self.issue_date - EPOCH).days
        ages = self.frame["occurred_age_days"]
        occurred = today - ages.to_numpy().astype(np.int32)
        reported = today - self.frame["reported_age_days"].fillna(ages).to_numpy().astype(np.int32)
        sunday = occurred - days_into_week(occurred)
        is_in_time = reported - (sunday + 6) <= days_after_newest
        back = ((newest - EPOCH).days - sunday) // 7
        return np.where(is_in_time & (back < back.max(initial=0)), np.maximum(back, -1), -1)

    @cached_property
    def weeks(self) -> int:
        """Whole weeks that are counted."""
        return int(self.weeks_back.max(initial=-1)) + 1


@dataclass(frozen=True)
class Measure:
    """A figure, what it means in words, and how many rows it speaks against.

    `value` is None where the measure does not apply; `crash` says why it could not be taken.
    """

    value: float | None
    found: str = "not applicable"
    rows: int = 0
    crash: str | None = None


NOT_APPLICABLE = Measure(None)


def share(part: int, whole: int, what: str, against: int | None = None) -> Measure:
    """Return a share in percent; not applicable to a whole of fewer than FEWEST_ROWS."""
    if whole < FEWEST_ROWS:
        return NOT_APPLICABLE
    pct = 100 * part / whole
    return Measure(
        pct, f"{pct:.3g} %: {part:,} of {whole:,} {what}", part if against is None else against
    )
