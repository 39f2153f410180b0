"""The written table of outcomes: every check, what it means, what it does, what a person does."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from pipeline.quality.completeness import WEEK_SHARE

Outcome = Literal["pass", "warn", "quarantine", "stop"]
UNITS = {"pct": " %", "days": " days", "degc": " degC"}


@dataclass(frozen=True)
class Rule:
    """One check.

    Attributes:
        check: its name, in reports, in the results store and in Data Docs.
        table: contract of the table it looks at.
        outcome: what a failure does: the row goes to quarantine, a warning, or the week stops.
        meaning: what holds when it passes.
        action: what the operator does when it fails.
        measure: the figure it holds against limits; None for checks of rows and of the schema.
        low, high: the limits, both allowed; None where there is none or the city gives it.
        high_from: how the city gives the upper one, in words.
    """

    check: str
    table: str
    outcome: Outcome
    meaning: str
    action: str
    measure: str | None = None
    low: float | None = None
    high: float | None = None
    high_from: str = ""

    @property
    def limits(self) -> str:
        """The limits in words, for the table of outcomes."""
        if self.measure is None:
            return "every row" if self.outcome == "quarantine" else "as the contract says"
        return self.high_from or limits_text(self.measure, self.low, self.high)


def limits_text(measure: str, low: float | None, high: float | None) -> str:
    """Return limits in words, with the unit that the measure's name ends in."""
    unit = UNITS.get(measure.rsplit("_", 1)[-1], "")
    if low is None:
        return f"at most {high:g}{unit}"
    if high is None:
        return f"at least {low:g}{unit}"
    return f"{low:g} to {high:g}{unit}"


_TO_SOURCE = "Nothing for a few rows; for many, compare the source's own page and its code list."
_OUR_FAULT = "Compare the contract with what the clients made; a code or a column changed."
_CITY_FILE = "Compare the city's TOML file with the source; correct the one that is wrong."
_CODES = "The source renamed its codes: bring the city's code map up to date."
_DIFF = "Look at what changed: hotspots lake ls, hotspots lake diff."
_ACCEPT = (
    "Look at what changed: hotspots lake diff. If the source is right, hotspots lake accept, and "
    "run the week again; else wait, the next run pulls anew."
)
_WAIT = "Look at the source's page; wait for its next refresh. The last good forecast serves on."
_LOOK = "Look at the source's page and at the map of the week; the forecast is made all the same."

_INCIDENTS = (
    Rule("incidents_schema", "incidents", "stop", "columns and types are the contract's",
         _OUR_FAULT),
    Rule("incident_unique", "incidents", "quarantine",
         "no incident_id comes twice; the first row of a repeated one stays", _TO_SOURCE),
    Rule("incident_required_values", "incidents", "quarantine",
         "columns that may not be empty are filled: a case number, a date that can be read",
         _TO_SOURCE),
    Rule("occurred_on_range", "incidents", "quarantine",
         "it occurred after the records begin (2001, or a year before the first dataset) and "
         "not after the issue date", _TO_SOURCE),
    Rule("reported_on_range", "incidents", "quarantine",
         "it was not reported after the issue date", _TO_SOURCE),
    Rule("reported_after_occurred", "incidents", "quarantine",
         "it was not reported before it occurred", _TO_SOURCE),
    Rule("era_vocabulary", "incidents", "quarantine", "the records system is a known one",
         _OUR_FAULT),
    Rule("location_status_vocabulary", "incidents", "quarantine",
         "location_status is a known one", _OUR_FAULT),
    Rule("coordinates_match_status", "incidents", "quarantine",
         "located rows have both coordinates, missing and withheld ones have none", _OUR_FAULT),
    Rule("coordinates_in_box", "incidents", "quarantine",
         "a located point lies within 0.1 degrees of the grid's box", _TO_SOURCE),
    Rule("area_number", "incidents", "quarantine",
         "the division number is one of the city's; skipped where the city lists none",
         _CITY_FILE),
    Rule("offence_code_form", "incidents", "quarantine",
         "the code is written scheme:code, in a scheme of the city's code map", _CITY_FILE),
    Rule("offence_class_vocabulary", "incidents", "quarantine",
         "the class is one of the city's or 'other'; skipped where the city maps no codes",
         _CITY_FILE),
    Rule("day_pile", "incidents", "quarantine",
         "its day does not hold three times the reports of its weekday (median of eight weeks) and "
         "of the days around it; of a day that does, as many as usual stay, chosen by the hash of "
         "their number", _TO_SOURCE),
    Rule("incidents_not_empty", "incidents", "stop", "there are accepted reports", _WAIT,
         "accepted_rows", low=1),
    Rule("incidents_quarantined", "incidents", "warn", "few reports were quarantined",
         "Read the reasons in the quarantine table; most have one cause.",
         "quarantined_pct", high=1),
    Rule("incidents_quarantined_many", "incidents", "stop",
         "not a large part of the reports was quarantined",
         "Read the reasons in the quarantine table; correct the cause, then run the week again.",
         "quarantined_pct", high=10),
    Rule("division_agreement", "incidents", "warn",
         "points lie in, or one cell beside, the division they are filed under", _LOOK,
         "division_agreement_pct", low=95),
    Rule("division_mismatch", "incidents", "stop",
         "points and divisions belong together at all",
         "Latitude, longitude or division numbers changed meaning: compare a few rows by hand.",
         "division_agreement_pct", low=80),
    Rule("known_codes", "incidents", "warn", "not almost every code is unknown ('other')",
         _CITY_FILE, "other_class_pct", high=95),
    Rule("target_present", "incidents", "stop",
         "the newest eight weeks hold reports of the target classes",
         _CODES, "recent_target_rows", low=1),
    Rule("class_change", "incidents", "warn",
         "no target class fell far below its own weeks before, by count and by share", _CODES,
         "lowest_target_class_pct", low=60),
    Rule("class_vanished", "incidents", "stop",
         "no target class is a fraction of its own weeks before", _CODES,
         "lowest_target_class_pct", low=25),
    Rule("other_class_vanished", "incidents", "warn",
         "no other class that the model sees for itself is a fraction of its own weeks before",
         _CODES, "lowest_other_class_pct", low=25),
    Rule("class_growth", "incidents", "warn",
         "no target class grew far beyond its own weeks before, by count and by share", _CODES,
         "highest_target_class_pct", high=200),
    Rule("new_codes", "incidents", "warn",
         "few of the newest reports have a code that the city's map lacks and that did not occur "
         "before", _CODES, "new_code_rows", high=20),
    Rule("weekly_volume", "incidents", "warn",
         "the newest whole week is as large as the 12 before it were at the same age; one below "
         "60 % is not taken for whole, and the edge lies before it", _LOOK,
         "newest_week_pct", low=100 * WEEK_SHARE, high=160),
    Rule("weekly_collapse", "incidents", "stop",
         "the week before the newest one is not a fraction of the 12 before it; the newest is "
         "not asked, since late reports are always still to come", _WAIT,
         "week_before_newest_pct", low=25),
    Rule("freshness_late", "incidents", "warn",
         "the last complete day is no older than the city's publication rhythm explains", _WAIT,
         "newest_whole_day_age_days", high_from="lag_days + refresh_every_days of the city"),
    Rule("freshness_stale", "incidents", "stop",
         "the last complete day is recent enough to forecast from", _WAIT,
         "newest_whole_day_age_days", high_from="stale_after_days of the city"),
    Rule("missing_location", "incidents", "warn", "few reports lack a location", _LOOK,
         "missing_location_pct", high=2),
    Rule("missing_location_many", "incidents", "stop",
         "not a large part of the reports lacks a location",
         "The source stopped publishing coordinates or renamed them: look at its columns.",
         "missing_location_pct", high=20),
    Rule("missing_area", "incidents", "warn",
         "few reports lack a division number; skipped where the city lists none", _LOOK,
         "missing_area_pct", high=2),
    Rule("point_spike", "incidents", "warn",
         "no single point holds many reports, as when unknown addresses get one stand-in", _LOOK,
         "busiest_point_pct", high=2),
    Rule("repeated_reports", "incidents", "warn",
         "few located reports share day, point and code with an earlier one", _LOOK,
         "repeated_reports_pct", high=10),
    Rule("history_kept", "incidents", "warn",
         "every year and class still holds what the snapshot before it held", _DIFF,
         "least_kept_pct", low=99),
    Rule("history_lost", "incidents", "stop", "no year or class lost a part of its reports",
         _ACCEPT, "least_kept_pct", low=95),
    Rule("history_grown", "incidents", "warn",
         "no year gained many reports of days more than three months before the last snapshot",
         _DIFF, "most_grown_pct", high=102),
)  # fmt: skip

_WEATHER = (
    Rule("weather_schema", "weather_daily", "stop", "columns and types are the contract's",
         _OUR_FAULT),
    Rule("weather_unique", "weather_daily", "quarantine",
         "no station has a day twice; the first row stays", _TO_SOURCE),
    Rule("weather_required_values", "weather_daily", "quarantine",
         "station, day and source are filled", _TO_SOURCE),
    Rule("observed_on_range", "weather_daily", "quarantine",
         "no day lies after the issue date", _TO_SOURCE),
    Rule("temperature_order", "weather_daily", "quarantine",
         "the minimum is not above the maximum", _TO_SOURCE),
    Rule("weather_ranges", "weather_daily", "quarantine",
         "temperatures and rain lie within the contract's limits", _TO_SOURCE),
    Rule("station_vocabulary", "weather_daily", "quarantine",
         "the station is one of the city's; skipped where the city lists none", _CITY_FILE),
    Rule("source_vocabulary", "weather_daily", "quarantine", "the service is a known one",
         _OUR_FAULT),
    Rule("weather_quarantined", "weather_daily", "warn", "few days were quarantined",
         "Read the reasons in the quarantine table.", "quarantined_pct", high=1),
    Rule("stations_reporting", "weather_daily", "warn",
         "a station has reported in the 28 days before the issue date",
         "The forecast leans on the usual weather of the season; look at the services' pages.",
         "stations_reporting", low=1),
    Rule("weather_missing_days", "weather_daily", "warn",
         "reporting stations have temperatures on most of the 28 days up to the newest", _LOOK,
         "missing_days_pct", high=25),
    Rule("weather_freshness", "weather_daily", "warn", "the newest observation is recent",
         "The forecast goes on without the missing days; look at the services' pages.",
         "newest_day_age_days", high=7),
    Rule("temperature_jump", "weather_daily", "warn",
         "no maximum or minimum leaps from one day to the next",
         "Look at the days named; a sensor fault belongs in the source's own corrections.",
         "largest_jump_degc", high=25),
)  # fmt: skip

RULES: Mapping[str, Rule] = MappingProxyType({rule.check: rule for rule in _INCIDENTS + _WEATHER})


def rules_table() -> str:
    """Return RULES as the Markdown tables that docs/quality.md shows, with numbered actions."""
    actions = list(dict.fromkeys(rule.action for rule in RULES.values()))
    head = "| check | passes when | limits | on failure | what to do |\n|---|---|---|---|---|"
    lines = []
    for title, rules in (("Incidents", _INCIDENTS), ("Weather", _WEATHER)):
        lines += [f"### {title}\n", head]
        lines += [
            f"| `{r.check}` | {r.meaning} | {r.limits} | **{r.outcome}** | "
            f"{actions.index(r.action) + 1} |"
            for r in rules
        ]
        lines.append("")
    lines += ["### What to do\n"]
    lines += [f"{number}. {action}" for number, action in enumerate(actions, 1)]
    return "\n".join(lines)
