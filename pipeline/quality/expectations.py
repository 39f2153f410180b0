"""The suites: each rule as Great Expectations writes it, for one city and issue date."""

from datetime import date, timedelta
from typing import Any

from pipeline.domain.city import OTHER, City
from pipeline.domain.columns import (
    ERAS,
    INCIDENTS,
    LOCATION_STATUSES,
    WEATHER_DAILY,
    Column,
    TableContract,
)
from pipeline.quality.engine import Check, load_gx
from pipeline.quality.piles import PILE_TIMES
from pipeline.quality.rules import RULES, limits_text

BOX_MARGIN_DEG = 0.1
FIRST_REAL_DAY = date(2001, 1, 1)  # earlier dates are stand-ins for unknown ones


def schema_check(contract: TableContract) -> Check:
    """Return the check of a frame that `frames.schema_frame` made of a table."""
    wanted = [f"{column.name} {column.type}" for column in contract.columns]
    name = next(r.check for r in RULES.values() if r.table == contract.name)
    arguments = {"column_set": wanted, "exact_match": True}
    return _check(name, ", ".join(wanted), ("ExpectTableColumnsToMatchSet", arguments))


def incident_row_checks(city: City, issue_date: date) -> list[Check]:
    """Return the checks of incident rows; the frame is what `frames.incident_frame` gives."""
    first = first_day(city)
    return [
        _unique("incident_unique", "incident_id"),
        _filled("incident_required_values", INCIDENTS),
        _between("occurred_on_range", f"{first} to {issue_date}", "occurred_age_days",
                 0, (issue_date - first).days),
        _between("reported_on_range", f"to {issue_date}", "reported_age_days", 0),
        _between("reported_after_occurred", "0 days or later", "report_delay_days", 0),
        _one_of("era_vocabulary", "era", ERAS),
        _one_of("location_status_vocabulary", "location_status", LOCATION_STATUSES),
        _between("coordinates_match_status", "both when located, else none", "place_mismatch",
                 0, 0),
        _coordinates_in_box(city),
        _area_number(city),
        _offence_code_form(city),
        _offence_class_vocabulary(city),
        _between("day_pile", f"at most {PILE_TIMES} times its weekday's", "day_excess", 0, 0),
    ]  # fmt: skip


def weather_row_checks(city: City, issue_date: date) -> list[Check]:
    """Return the checks of daily weather rows; the frame is what `frames.weather_frame` gives."""
    order = ("ExpectColumnPairValuesAToBeGreaterThanB", {
        "column_A": "tmax_degc", "column_B": "tmin_degc", "or_equal": True,
        "ignore_row_if": "either_value_is_missing",
    })  # fmt: skip
    ranged = [c for c in WEATHER_DAILY.columns if c.low is not None]
    sources = next(c for c in WEATHER_DAILY.columns if c.name == "source")
    return [
        _unique("weather_unique", *WEATHER_DAILY.key),
        _filled("weather_required_values", WEATHER_DAILY),
        _between("observed_on_range", f"to {issue_date}", "observed_age_days", 0),
        _check("temperature_order", "tmin_degc at most tmax_degc", order),
        _check("weather_ranges", "; ".join(map(_range_text, ranged)), *map(_range, ranged)),
        _one_of("station_vocabulary", "station", tuple(s.ghcn_id for s in city.stations)),
        _one_of("source_vocabulary", "source", sources.allowed or ()),
    ]


def table_checks(table: str, city: City) -> list[Check]:
    """Return the checks of a table's measures, by the limits of the rules.

    The frame is what `measures.measures_frame` gives. Of its only row the maximum is the value
    itself, and Great Expectations asks after a maximum at a quarter of the cost.
    """
    given = _city_limits(city)
    checks = []
    for rule in RULES.values():
        if rule.table == table and rule.measure is not None:
            low, high = given.get(rule.check, (rule.low, rule.high))
            expected = limits_text(rule.measure, low, high)
            arguments = {"column": rule.measure, "min_value": low, "max_value": high}
            checks.append(_check(rule.check, expected, ("ExpectColumnMaxToBeBetween", arguments)))
    return checks


def first_day(city: City) -> date:
    """Return the first day that an incident of the city may have occurred on."""
    starts = [dataset.occurred_from for dataset in city.datasets]
    return max(FIRST_REAL_DAY, min(starts) - timedelta(days=365)) if starts else FIRST_REAL_DAY


def _city_limits(city: City) -> dict[str, tuple[float | None, float | None]]:
    published = city.publication
    return {
        "freshness_late": (None, published.lag_days + published.refresh_every_days),
        "freshness_stale": (None, published.stale_after_days),
    }


def _check(name: str, expected: str, *parts: tuple[str, dict[str, Any]]) -> Check:
    rule, gxe = RULES[name], load_gx().expectations
    severity = "critical" if rule.outcome == "stop" else "warning"
    return Check(
        name,
        expected,
        tuple(
            getattr(gxe, kind)(
                **arguments,
                severity=severity,
                description=rule.meaning,
                meta={"check": name, "part": number, "outcome": rule.outcome},
            )
            for number, (kind, arguments) in enumerate(parts)
        ),
    )


def _between(
    name: str, expected: str, column: str, low: float | None, high: float | None = None
) -> Check:
    arguments = {"column": column, "min_value": low, "max_value": high}
    return _check(name, expected, ("ExpectColumnValuesToBeBetween", arguments))


def _unique(name: str, *columns: str) -> Check:
    expected = f"{', '.join(columns)} once"
    if len(columns) == 1:
        return _check(name, expected, ("ExpectColumnValuesToBeUnique", {"column": columns[0]}))
    return _check(
        name, expected, ("ExpectCompoundColumnsToBeUnique", {"column_list": list(columns)})
    )


def _filled(name: str, contract: TableContract) -> Check:
    columns = [column.name for column in contract.columns if not column.is_nullable]
    parts = [("ExpectColumnValuesToNotBeNull", {"column": column}) for column in columns]
    return _check(name, f"no empty {', '.join(columns)}", *parts)


def _one_of(name: str, column: str, allowed: tuple[str, ...]) -> Check:
    if not allowed:
        return Check(name, "not applicable")
    arguments = {"column": column, "value_set": list(allowed)}
    return _check(name, ", ".join(allowed), ("ExpectColumnValuesToBeInSet", arguments))


def _coordinates_in_box(city: City) -> Check:
    grid = city.grid
    south, north = grid.south - BOX_MARGIN_DEG, grid.north + BOX_MARGIN_DEG
    west, east = grid.west - BOX_MARGIN_DEG, grid.east + BOX_MARGIN_DEG
    return _check(
        "coordinates_in_box",
        f"latitude {south:g} to {north:g}, longitude {west:g} to {east:g}",
        ("ExpectColumnValuesToBeBetween",
         {"column": "lat", "min_value": south, "max_value": north}),
        ("ExpectColumnValuesToBeBetween",
         {"column": "lon", "min_value": west, "max_value": east}),
    )  # fmt: skip


def _area_number(city: City) -> Check:
    if not city.divisions:
        return Check("area_number", "not applicable")
    return _between("area_number", f"1 to {len(city.divisions)}", "area", 1, len(city.divisions))


def _offence_code_form(city: City) -> Check:
    schemes = sorted({code.split(":", 1)[0] for code in city.offences.class_of() if ":" in code})
    pattern = f"^(?:{'|'.join(schemes) or '[a-z][a-z0-9_]*'}):.+"
    arguments = {"column": "offence_code", "regex": pattern}
    return _check("offence_code_form", pattern, ("ExpectColumnValuesToMatchRegex", arguments))


def _offence_class_vocabulary(city: City) -> Check:
    offences = city.offences
    known = {*offences.codes, *offences.target, *offences.citywide_only, OTHER}
    allowed = tuple(sorted(known)) if offences.codes else ()
    return _one_of("offence_class_vocabulary", "offence_class", allowed)


def _range(column: Column) -> tuple[str, dict[str, Any]]:
    arguments = {"column": column.name, "min_value": column.low, "max_value": column.high}
    return "ExpectColumnValuesToBeBetween", arguments


def _range_text(column: Column) -> str:
    return f"{column.name} {column.low:g} to {column.high:g} {column.unit}"
