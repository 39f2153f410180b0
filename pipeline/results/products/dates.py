"""Days as the city's readers write them: month first in the United States, else day first."""

from datetime import date

from pipeline.domain.city import City
from pipeline.domain.weeks import WEEK

MONTH_FIRST = ("US",)


def day_words(city: City, day: date) -> str:
    """Return a day, such as "Nov 15, 2026" or "15 Nov 2026"."""
    return f"{_month_day(city, day)}{',' * _is_month_first(city)} {day.year}"


def week_words(city: City, week: date) -> str:
    """Return the days of a week, such as "Nov 15 – 21, 2026" or "15 – 21 Nov 2026"."""
    last = week + WEEK - date.resolution
    if week.year != last.year:
        return f"{day_words(city, week)} – {day_words(city, last)}"
    if week.month != last.month:
        return f"{_month_day(city, week)} – {day_words(city, last)}"
    if _is_month_first(city):
        return f"{week:%b} {week.day} – {last.day}, {last.year}"
    return f"{week.day} – {day_words(city, last)}"


def _month_day(city: City, day: date) -> str:
    return f"{day:%b} {day.day}" if _is_month_first(city) else f"{day.day} {day:%b}"


def _is_month_first(city: City) -> bool:
    return city.country in MONTH_FIRST
