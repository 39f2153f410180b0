"""Weeks run Sunday to Saturday, in the city's own dates, and are named by their Sunday."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from pipeline.domain.errors import InvalidRequest, StaleData, WeekNotReady

WEEK = timedelta(days=7)
EPOCH = date(1970, 1, 1)  # Arrow and NumPy count days from it
HORIZONS = (1, 2, 3, 4, 5)


@dataclass(frozen=True)
class ForecastWeeks:
    """The dates of one forecast: when it is made, from which week, for which week.

    Attributes:
        issue_date: the day the forecast is made.
        edge_week: Sunday of the last complete week known on that day.
        target_week: Sunday of the first week that starts after that day.
    """

    issue_date: date
    edge_week: date
    target_week: date

    @property
    def horizon(self) -> int:
        """Weeks from the edge week to the target week, 1 to 5."""
        return weeks_between(self.edge_week, self.target_week)


def week_start_of(day: date) -> date:
    """Return the Sunday of the week that holds `day`."""
    return day - timedelta(days=(day.weekday() + 1) % 7)


def weeks_between(earlier: date, later: date) -> int:
    """Return the number of weeks from one Sunday to another; negative when `later` comes first."""
    return (later - earlier).days // 7


def week_range(first: date, last: date) -> list[date]:
    """Return every week start from `first` to `last`, both included; empty when last < first."""
    return [first + WEEK * k for k in range(weeks_between(first, last) + 1)]


def last_whole_week(known_through: date) -> date:
    """Return the Sunday of the last week whose Saturday is on or before `known_through`."""
    return week_start_of(known_through + timedelta(days=1)) - WEEK


def target_week_of(issue_date: date) -> date:
    """Return the first Sunday after `issue_date`; an issue on a Sunday targets the next one."""
    return week_start_of(issue_date) + WEEK


def parse_date(text: str) -> date:
    """Read a date written YYYY-MM-DD.

    Raises:
        InvalidRequest: the text is not such a date.
    """
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise InvalidRequest(f"{text!r} is not a date. Write it as YYYY-MM-DD.") from error


def resolve_week(
    issue_date: str | date | None, data_interval_end: datetime | None, time_zone: str
) -> date:
    """Return the issue date of a run: the parameter, else the end of the data interval.

    Args:
        issue_date: the run's own parameter, when one was given.
        data_interval_end: the aware instant at which the scheduled interval ends.
        time_zone: IANA name of the city's zone, in whose dates the issue date is read.

    Raises:
        InvalidRequest: neither is given, so that the run can't know which week it is for.
    """
    if isinstance(issue_date, date):
        return issue_date
    if issue_date:
        return parse_date(issue_date)
    if data_interval_end is not None:
        return data_interval_end.astimezone(ZoneInfo(time_zone)).date()
    raise InvalidRequest(
        "This run has no issue date: no parameter was given and it has no data interval "
        "(a run triggered by hand has none). Give issue_date as YYYY-MM-DD."
    )


def forecast_weeks(issue_date: date, known_through: date) -> ForecastWeeks:
    """Return the edge and target weeks of a forecast made on `issue_date`.

    Args:
        issue_date: the day the forecast is made.
        known_through: last day whose reports were published by then.

    Raises:
        StaleData: the last whole week lies more than five weeks before the target.
        WeekNotReady: the data reach into the target week, so this would be no forecast.
    """
    weeks = ForecastWeeks(issue_date, last_whole_week(known_through), target_week_of(issue_date))
    if weeks.horizon > HORIZONS[-1]:
        raise StaleData(
            f"The last whole week starts {weeks.edge_week}, {weeks.horizon} weeks before the "
            f"target week {weeks.target_week}; at most {HORIZONS[-1]} is allowed. Wait for the "
            "source to refresh; the last good forecast keeps serving."
        )
    if weeks.horizon < HORIZONS[0]:
        raise WeekNotReady(
            f"Reports are known through {known_through}, past the issue date {issue_date}. "
            "Give the date on which the forecast was made."
        )
    return weeks
