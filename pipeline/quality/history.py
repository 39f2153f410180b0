"""What a snapshot still holds of the one before it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd

from pipeline.domain.weeks import EPOCH

STILL_GROWING_DAYS = 90  # reports of newer days are still coming in
START_QUANTILE = 0.005  # a few dates are wrong, and lie anywhere
# A feed of the last months alone moves its first day on with each refresh.
START_SLACK_DAYS = 7


@dataclass(frozen=True)
class Vintage:
    """A snapshot, counted.

    Attributes:
        dataset: id of its dataset.
        day: of the refresh that it shows, in the city's dates.
        reports: columns day (days since 1970), offence_class, rows.
    """

    dataset: str
    day: date
    reports: pd.DataFrame

    @property
    def first_day(self) -> int:
        """The day from which it has reports, but for a few, in days since 1970."""
        ordered = self.reports.sort_values("day")
        share = ordered["rows"].cumsum() / max(ordered["rows"].sum(), 1)
        place = int(np.searchsorted(share.to_numpy(), START_QUANTILE))
        return int(ordered["day"].iloc[place]) if len(ordered) else 0


@dataclass(frozen=True)
class Part:
    """A year or a class of a dataset, before and after."""

    dataset: str
    name: str
    before: int
    after: int

    @property
    def pct(self) -> float:
        """Rows after, in percent of those before."""
        return 100 * self.after / max(self.before, 1)

    @property
    def found(self) -> str:
        """The change in words."""
        return (
            f"{self.pct:.1f} %: {self.after:,} rows of {self.dataset}, {self.name}, where the "
            f"snapshot before held {self.before:,}"
        )


def parts(before: Vintage, after: Vintage) -> list[Part]:
    """Return every year, then every class, of two snapshots of one dataset.

    Days that a feed of the last months alone has let go are left out of both.
    """
    first, moved = after.first_day, after.first_day - before.first_day
    is_sliding = 0 < moved <= (after.day - before.day).days + START_SLACK_DAYS
    frames = [v.reports[v.reports["day"] >= first] if is_sliding else v.reports
              for v in (before, after)]  # fmt: skip
    return [
        Part(before.dataset, str(name), *counts)
        for key in (_year, lambda frame: frame["offence_class"])
        for name, counts in _joined(*(frame.groupby(key(frame))["rows"].sum() for frame in frames))
    ]


def settled(vintage: Vintage, seen_on: date) -> Vintage:
    """Return a snapshot without the days that still grew on a day."""
    last = (seen_on - timedelta(days=STILL_GROWING_DAYS) - EPOCH).days
    reports = vintage.reports
    return Vintage(vintage.dataset, vintage.day, reports[reports["day"] <= last])


def _year(reports: pd.DataFrame) -> pd.Series:
    return pd.Series(reports["day"].to_numpy("datetime64[D]"), reports.index).dt.year


def _joined(before: pd.Series, after: pd.Series) -> Iterator[tuple[str, Sequence[int]]]:
    both = pd.DataFrame({"before": before, "after": after}).fillna(0).astype(int)
    for name, row in both.iterrows():
        yield str(name), (int(row["before"]), int(row["after"]))
