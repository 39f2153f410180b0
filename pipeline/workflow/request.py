"""What may be asked for: the rules that a run's values keep to, wherever they are given."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from difflib import get_close_matches
from typing import Any
from zoneinfo import ZoneInfo

from pipeline.domain.city import City
from pipeline.domain.errors import InvalidRequest, WeekNotReady
from pipeline.domain.weeks import WEEK, parse_date
from pipeline.settings import Settings
from pipeline.sources.replayed import replayed_days


def check_request(
    settings: Settings,
    given: Mapping[str, Any],
    form: Mapping[str, Any],
    *,
    run_type: str,
    logical_date: datetime | None,
    now: datetime,
) -> None:
    """Refuse a run or backfill that could only fail, or would be for other weeks than was meant.

    Args:
        settings: the installation.
        given: values by name, as they were given.
        form: the DAG's fields by name, with their defaults.
        run_type: Airflow's word for who asks: "manual", "backfill", "scheduled".
        logical_date: aware instant of the run, or of the backfill's first one; None without one.
        now: the present instant.

    Raises:
        InvalidRequest: a name or date can't be understood, the city had no reports yet, or a
            backfill is given an issue date.
        WeekNotReady: the issue date lies in the future.
    """
    check_names(given, form)
    asked = {**form, **given}
    if "issue_date" not in form:
        return
    if run_type == "backfill" and given.get("issue_date"):
        raise InvalidRequest(
            f"A backfill runs each of its weeks, and issue_date {given['issue_date']} would make "
            "all of them that one. Leave it out: From and To choose the weeks."
        )
    city = settings.city(asked["city"])
    if asked["issue_date"]:
        check_issue_date(settings, city, parse_date(asked["issue_date"]), now=now)
    elif logical_date:
        # A run of the schedule is issued at the end of its interval.
        until_issue = timedelta() if run_type == "manual" else WEEK
        check_issue_date(settings, city, day_meant(logical_date, city) + until_issue, now=now)


def check_names(given: Iterable[str], known: Iterable[str]) -> None:
    """Raise InvalidRequest for a value whose name the form doesn't have."""
    for name in sorted(set(given) - set(known)):
        like = get_close_matches(name, known, n=1)
        meant = f" Did you mean {like[0]}?" if like else ""
        raise InvalidRequest(
            f"There is no field {name!r}. Known fields: {', '.join(known)}.{meant}"
        )


def check_issue_date(settings: Settings, city: City, issued: date, *, now: datetime) -> None:
    """Refuse a day of which the city's sources can't know what a forecast needs.

    The last day is today; a replay may run ahead of the clock, up to the day that it shows. Where
    a replay gives no answer, it says nothing of its days.

    Raises:
        InvalidRequest: the day lies before the city's first report.
        WeekNotReady: the day lies in the future.
    """
    first, last = _reported_from(settings, city), now.astimezone(ZoneInfo(city.time_zone)).date()
    shown = replayed_days(settings, [dataset.id for dataset in city.datasets])
    ends = f"today, {last}"
    if shown is not None:
        first = max(first, shown.first)
        if shown.last > last:
            last, ends = shown.last, f"{shown.last}, the day that the replay shows"
    if issued > last:
        raise WeekNotReady(f"Issue date {issued} lies after {ends}. Give {last} or before.")
    if issued < first:
        raise InvalidRequest(
            f"Issue date {issued} lies before the first report of {city.title}, which is of "
            f"{first}. Give a later date."
        )


def day_meant(moment: datetime, city: City) -> date:
    """Return the day that a logical date stands for.

    Airflow makes midnight UTC of a date without a time: that is the date as it was written. Any
    other instant is read in the city's zone.
    """
    in_utc = moment.astimezone(UTC)
    if in_utc.time() == time():
        return in_utc.date()
    return moment.astimezone(ZoneInfo(city.time_zone)).date()


def present_day(settings: Settings, city: City, today: date) -> date:
    """Return the day that a forecast for the present is issued on.

    That is today, or the day that a replay shows where that is earlier: it knows nothing newer.
    """
    shown = replayed_days(settings, [dataset.id for dataset in city.datasets])
    return min(today, shown.last) if shown else today


def _reported_from(settings: Settings, city: City) -> date:
    """Return the first day of which reports are pulled."""
    first = min((dataset.occurred_from for dataset in city.datasets), default=date.min)
    return max(first, parse_date(settings.history_start)) if settings.history_start else first
