"""What is known of a week years ahead: public holidays and the length of daylight."""

from collections.abc import Sequence
from datetime import date, timedelta

import holidays
import numpy as np
import pandas as pd

from pipeline.domain.city import City
from pipeline.domain.errors import InvalidRequest

# On California's list, and a working day for nearly everybody.
NO_DAY_OFF = ("Susan B. Anthony Day",)
WEDNESDAY = timedelta(days=3)


def weekly_calendar(city: City, week_starts: Sequence[date]) -> pd.DataFrame:
    """Return each week's week_start (date), holiday_days, holidays and daylight_hours.

    Observed days off count beside the day itself. Daylight is that of the Wednesday at the grid's
    middle latitude.

    Args:
        city: country, subdivision and grid.
        week_starts: Sundays.

    Raises:
        InvalidRequest: the city's country or subdivision has no holidays here.
    """
    days_off = _days_off(city, week_starts)
    latitude = (city.grid.south + city.grid.north) / 2
    rows = []
    for start in week_starts:
        days = [start + timedelta(days=k) for k in range(7)]
        names = [days_off[day] for day in days if day in days_off]
        hours = daylight_hours(start + WEDNESDAY, latitude)
        rows.append((start, len(names), "; ".join(names), hours))
    return pd.DataFrame(rows, columns=["week_start", "holiday_days", "holidays", "daylight_hours"])


def _days_off(city: City, week_starts: Sequence[date]) -> dict[date, str]:
    """Return day -> names of its holidays, for every year that a week touches."""
    if not week_starts:
        return {}
    # A holiday of January may be observed in December, and a last week reaches into a new year.
    years = range(min(week_starts).year - 1, max(week_starts).year + 2)
    try:
        listed = holidays.country_holidays(
            city.country, subdiv=city.subdivision, years=years, observed=True
        )
    except NotImplementedError as error:
        raise InvalidRequest(
            f"{city.title}: no holidays are known for country {city.country!r}, subdivision "
            f"{city.subdivision!r}. Write them as ISO 3166 codes: {error}"
        ) from error
    names = {
        day: [n for n in listed.get_list(day) if not n.startswith(NO_DAY_OFF)] for day in listed
    }
    return {day: "; ".join(kept) for day, kept in names.items() if kept}


def daylight_hours(day: date, latitude_deg: float) -> float:
    """Return the hours from sunrise to sunset, the sun a point and the air clear of refraction.

    Declination by Cooper (1969), "The absorption of radiation in solar stills", Solar Energy 12:
    23.45 deg * sin(360 deg * (284 + n) / 365) on day n of the year; sunrise where the sun's height
    is 0, so that half the day arc has the cosine -tan(latitude) * tan(declination).
    """
    n = day.timetuple().tm_yday
    declination = np.radians(23.45) * np.sin(2 * np.pi * (284 + n) / 365)
    cosine = -np.tan(np.radians(latitude_deg)) * np.tan(declination)
    return float(np.degrees(np.arccos(np.clip(cosine, -1, 1))) * 2 / 15)
