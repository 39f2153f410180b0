"""That no newer forecast could be made: one sentence for readers, and in full for operators."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from pipeline.domain.weeks import WEEK, ForecastWeeks, target_week_of

# What happened, by the named error of the run that failed.
WORDS = {
    "SourceUnavailable": "the city's data portal did not answer",
    "DatasetMoved": "the city has moved its data",
    "SchemaDrift": "the city has changed the form of its data",
    "QualityGateFailed": "the city's newest reports did not pass our checks",
    "StaleData": "the city's newest reports are too old to forecast from",
}
UNKNOWN = "no newer forecast could be made"


@dataclass(frozen=True)
class Staleness:
    """A city whose last forecast keeps serving though a newer one was due.

    Attributes:
        since: day on which the first forecast after the last one was due.
        week: Sunday of the newest week that should have a forecast and has none.
        last_week: Sunday of the week that the last forecast is for.
        detail: the error that stopped the newest run, by its name and in full; for operators.
    """

    since: date
    week: date
    last_week: date
    detail: str

    @property
    def sentence(self) -> str:
        """What happened, since when, and what it means for the week, for those who only read."""
        return self.in_words(_day)

    def in_words(self, day: Callable[[date], str]) -> str:
        """Return the sentence with days written by a function."""
        what = WORDS.get(self.detail.partition(":")[0], UNKNOWN)
        return (
            f"STALE since {day(self.since)}: {what}, so the week of {day(self.week)} has no "
            f"forecast yet; the last one, for the week of {day(self.last_week)}, is still shown."
        )


def staleness(latest: ForecastWeeks | None, failed_on: date, detail: str) -> Staleness | None:
    """Return what a failed run means beside the city's last forecast; None if it means nothing.

    A forecast of the same week or a later one outdates the failure.

    Args:
        latest: dates of the last forecast; None where there is no forecast.
        failed_on: issue date of the run that failed.
        detail: its error.
    """
    week = target_week_of(failed_on)
    if latest is None or latest.target_week >= week:
        return None
    next_due = latest.issue_date + WEEK
    return Staleness(min(failed_on, next_due), week, latest.target_week, detail)


def _day(day: date) -> str:
    return f"{day.day} {day:%b %Y}"
