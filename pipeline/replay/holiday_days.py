"""The days whose effect on reports is fitted and simulated."""

from collections.abc import Iterable
from datetime import date

import holidays as holidays_library

HOLIDAYS = (
    "New Year's Day",
    "Memorial Day",
    "Independence Day",
    "Labor Day",
    "Halloween",
    "Thanksgiving Day",
    "Day After Thanksgiving",
    "Christmas Eve",
    "Christmas Day",
    "New Year's Eve",
)


def holiday_dates(years: Iterable[int]) -> dict[str, list[date]]:
    """Return the dates of each of HOLIDAYS in these years."""
    calendar = holidays_library.country_holidays(
        "US",
        subdiv="CA",
        years=list(years),
        observed=False,
        categories=("public", "unofficial"),
        language="en_US",
    )
    return {name: [day for day in calendar if name in calendar.get_list(day)] for name in HOLIDAYS}
