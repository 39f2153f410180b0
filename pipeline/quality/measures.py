"""Figures about a whole table that the suites hold against limits."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from types import MappingProxyType

import numpy as np
import pandas as pd

from pipeline.domain.city import OTHER
from pipeline.quality.evidence import FEWEST_ROWS, NOT_APPLICABLE, Evidence, Measure, share
from pipeline.quality.history import parts, settled
from pipeline.quality.points import near_divisions
from pipeline.quality.weekly_measures import (
    highest_target_class_pct,
    lowest_other_class_pct,
    lowest_target_class_pct,
    new_code_rows,
    newest_week_pct,
    week_before_newest_pct,
)

FEWEST_ROWS_BEFORE = 500  # a year or class of fewer rows may change by chance
FEWEST_AT_POINTS = 1000  # a share of one point among fewer located rows says little
RECENT_WEEKS = 8
RECENT_DAYS = 28
# What a measure may run into in data that it can't read; such a check counts as failed.
CRASHES = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)

MeasureOf = Callable[[Evidence], Measure]


def take(measures: Mapping[str, MeasureOf], evidence: Evidence) -> dict[str, Measure]:
    """Return every measure by name; one that can't be taken says so and stops no other."""
    taken = {}
    for name, measure in measures.items():
        try:
            taken[name] = measure(evidence)
        except CRASHES as error:
            taken[name] = Measure(None, crash=f"{type(error).__name__}: {error}")
    return taken


def measures_frame(taken: Mapping[str, Measure]) -> pd.DataFrame:
    """Return one row with a column per measure that applies.

    A measure that crashed has no column, so that its expectations fail too.
    """
    values = {name: m.value for name, m in taken.items() if m.value is not None}
    return pd.DataFrame([values], dtype="float64")


def accepted_rows(evidence: Evidence) -> Measure:
    """Count the accepted rows."""
    rows = len(evidence.frame)
    return Measure(rows, f"{rows:,} rows")


def quarantined_pct(evidence: Evidence) -> Measure:
    """Measure the share of rows that went to quarantine."""
    return share(evidence.rows_in - len(evidence.frame), evidence.rows_in, "rows quarantined")


def division_agreement_pct(evidence: Evidence) -> Measure:
    """Measure the share of located reports in, or one cell beside, the division they name."""
    city, points = evidence.city, evidence.points
    is_near = near_divisions(city)
    if is_near is None:
        return NOT_APPLICABLE
    row, col, is_inside = city.grid.locate(points.lat, points.lon)
    area = evidence.frame["area"].to_numpy()[points.rows]
    has_area = np.isfinite(area)
    point, division = points.point[has_area], area[has_area].astype(np.int64) - 1
    agrees = is_inside[point] & is_near[row, col][point, division]
    return share(
        int(agrees.sum()), len(agrees), "located reports agree", against=int((~agrees).sum())
    )


def other_class_pct(evidence: Evidence) -> Measure:
    """Measure the share of reports whose code the city's map does not hold."""
    is_other = evidence.frame["offence_class"] == OTHER
    return share(int(is_other.sum()), len(is_other), "reports are 'other'")


def recent_target_rows(evidence: Evidence) -> Measure:
    """Count the reports of target classes in the newest eight weeks."""
    frame, target = evidence.frame, evidence.city.offences.target
    oldest = (evidence.issue_date - evidence.known_through).days + RECENT_WEEKS * 7
    recent = frame.loc[frame["occurred_age_days"] < oldest, "offence_class"]
    if len(recent) < FEWEST_ROWS:
        return NOT_APPLICABLE
    rows = int(recent.isin(target).sum())
    return Measure(rows, f"{rows:,} of {len(recent):,} reports of the newest {RECENT_WEEKS} weeks")


def newest_whole_day_age_days(evidence: Evidence) -> Measure:
    """Measure the age of the last day through which reports are complete, on the issue date."""
    if evidence.frame.empty:
        return NOT_APPLICABLE
    age = (evidence.issue_date - evidence.known_through).days
    return Measure(age, f"{age} days: reports are complete through {evidence.known_through}")


def missing_location_pct(evidence: Evidence) -> Measure:
    """Measure the share of reports without a location at the source."""
    is_missing = evidence.frame["location_status"] == "missing"
    return share(int(is_missing.sum()), len(is_missing), "reports without a location")


def missing_area_pct(evidence: Evidence) -> Measure:
    """Measure the share of reports without a division number, where the city has divisions."""
    if not evidence.city.divisions:
        return NOT_APPLICABLE
    is_missing = evidence.frame["area"].isna()
    return share(int(is_missing.sum()), len(is_missing), "reports without a division")


def busiest_point_pct(evidence: Evidence) -> Measure:
    """Measure the share of located reports that lie on the busiest single point."""
    point = evidence.points.point
    if len(point) < FEWEST_AT_POINTS:
        return NOT_APPLICABLE
    return share(int(np.bincount(point).max()), len(point), "located reports on one point")


def repeated_reports_pct(evidence: Evidence) -> Measure:
    """Measure the share of located reports with the day, point and code of an earlier row."""
    frame, points = evidence.frame, evidence.points
    if len(points.rows) < FEWEST_ROWS:
        return NOT_APPLICABLE
    day = frame["occurred_age_days"].to_numpy()[points.rows].astype(np.int64)
    code = frame["offence_code"].cat.codes.to_numpy()[points.rows].astype(np.int64)
    alike = (points.point, day - day.min(), code)
    ordered = np.sort(np.ravel_multi_index(alike, [column.max() + 1 for column in alike]))
    repeats = int((ordered[1:] == ordered[:-1]).sum())
    return share(repeats, len(ordered), "located reports like an earlier one")


def least_kept_pct(evidence: Evidence) -> Measure:
    """Measure the year or class of a dataset that lost most against the snapshot before."""
    found = [
        part
        for before, after in evidence.vintages
        for part in parts(before, after)
        if part.before >= FEWEST_ROWS_BEFORE
    ]
    if not found:
        return NOT_APPLICABLE
    least = min(found, key=lambda part: part.pct)
    return Measure(least.pct, least.found, max(least.before - least.after, 0))


def most_grown_pct(evidence: Evidence) -> Measure:
    """Measure the year of a dataset that grew most, days of the last three months left out."""
    found = [
        part
        for before, after in evidence.vintages
        for part in parts(settled(before, before.day), settled(after, before.day))
        if part.before >= FEWEST_ROWS_BEFORE and part.name.isdecimal()
    ]
    if not found:
        return NOT_APPLICABLE
    most = max(found, key=lambda part: part.pct)
    return Measure(most.pct, most.found)


def stations_reporting(evidence: Evidence) -> Measure:
    """Count the stations with an observation in the 28 days up to the issue date."""
    if not evidence.city.stations:
        return NOT_APPLICABLE
    frame = evidence.frame
    stations = frame.loc[frame["observed_age_days"] <= RECENT_DAYS, "station"].nunique()
    return Measure(stations, f"{stations} of {len(evidence.city.stations)} stations")


def missing_days_pct(evidence: Evidence) -> Measure:
    """Measure the share of station-days without both temperatures.

    Asked of the 28 days up to the newest observation, and of stations that report in them.
    """
    frame = evidence.frame
    if frame.empty:
        return NOT_APPLICABLE
    ages = frame["observed_age_days"]
    recent = frame[ages < ages.min() + RECENT_DAYS]
    asked = recent["station"].nunique() * RECENT_DAYS
    held = int(recent[["tmax_degc", "tmin_degc"]].notna().all(axis=1).sum())
    return Measure(
        100 * (1 - held / asked), f"{asked - held} of {asked} station-days", asked - held
    )


def newest_day_age_days(evidence: Evidence) -> Measure:
    """Measure the age of the newest observation on the issue date."""
    ages = evidence.frame["observed_age_days"]
    if ages.empty:
        return NOT_APPLICABLE
    age = int(ages.min())
    return Measure(age, f"{age} days: newest {evidence.issue_date - timedelta(days=age)}")


def largest_jump_degc(evidence: Evidence) -> Measure:
    """Measure the largest change of a station's maximum or minimum from one day to the next."""
    frame = evidence.frame.sort_values(["station", "observed_age_days"], ascending=[True, False])
    by_station = frame.groupby("station", sort=False)
    is_next_day = by_station["observed_age_days"].diff() == -1
    jumps = by_station[["tmax_degc", "tmin_degc"]].diff().abs().max(axis=1)[is_next_day].dropna()
    if jumps.empty:
        return NOT_APPLICABLE
    worst = frame.loc[jumps.idxmax()]
    size = float(jumps.max())
    return Measure(
        size, f"{size:.1f} degC at {worst['station']} on {worst['observed_on']:%Y-%m-%d}"
    )


INCIDENT_MEASURES: Mapping[str, MeasureOf] = MappingProxyType({
    measure.__name__: measure
    for measure in (
        accepted_rows, quarantined_pct, division_agreement_pct, other_class_pct,
        recent_target_rows, lowest_target_class_pct, lowest_other_class_pct,
        highest_target_class_pct, new_code_rows,
        newest_week_pct, week_before_newest_pct, newest_whole_day_age_days,
        missing_location_pct, missing_area_pct, busiest_point_pct, repeated_reports_pct,
        least_kept_pct, most_grown_pct,
    )
})  # fmt: skip
WEATHER_MEASURES: Mapping[str, MeasureOf] = MappingProxyType({
    measure.__name__: measure
    for measure in (
        quarantined_pct, stations_reporting, missing_days_pct, newest_day_age_days,
        largest_jump_degc,
    )
})  # fmt: skip
