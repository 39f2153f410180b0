"""All crime feeds joined into one table of incidents, every dropped row counted."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.domain.city import City
from pipeline.domain.city_parts import Dataset
from pipeline.domain.columns import INCIDENTS
from pipeline.domain.errors import SchemaDrift
from pipeline.sources.adapters import (
    ADAPTERS,
    Adapter,
    as_text,
    classes_of,
    codes_of,
    each_distinct,
    is_withheld,
)

AGAINST_A_PERSON = (
    "homicide", "rape", "robbery", "aggravated_assault", "simple_assault", "sex_offence",
)  # fmt: skip
# Of two offences in one case the one that stands first here is kept.
SEVERITY = (
    *AGAINST_A_PERSON, "burglary", "vehicle_theft", "theft_from_vehicle", "theft", "vandalism",
)  # fmt: skip
NUMBER = r"^-?[0-9]+(?:\.[0-9]*)?$"
ORIGIN_DEG = 0.001
NO_CRIME = r"^\s*(?:unfounded|non-crime)"
LAST_DIVISION = 9_999
# Dates before this are stand-ins for unknown ones; the quality gate takes them out, with a reason.
FIRST_REAL_DAY = date(2001, 1, 1)
# INCIDENTS before the gate: any column may be empty.
UNCHECKED = pa.schema([(field.name, field.type) for field in INCIDENTS.schema])


@dataclass(frozen=True)
class IncidentBuild:
    """One row per case, and what became of every other row.

    Attributes:
        incidents: table in the columns of INCIDENTS, sorted by incident_id. Rows without a case
            number or a date that can be read are among them, with nulls, for the gate to judge.
        rows_in: rows of all the raw tables.
        dropped: reason -> rows; with the incidents they add up to `rows_in`.
    """

    incidents: pa.Table
    rows_in: int
    dropped: dict[str, int]


def build_incidents(city: City, raw: Mapping[str, pa.Table]) -> IncidentBuild:
    """Join the raw tables into one table of incidents, one row per case.

    Of an offence that is published again the later row is kept, of a case's offences the most
    serious, of a case in both records systems the legacy one: same day, time, coordinates to 3
    decimals, and either the same class or both a crime against a person.

    Args:
        city: datasets with their days, code map, offences without a place.
        raw: dataset id -> table of text columns, as `pull_crime` gives it.

    Raises:
        SchemaDrift: a raw table lacks a column.
        InvalidRequest: the city has no dataset of that id.
    """
    if not raw:
        return IncidentBuild(INCIDENTS.schema.empty_table(), 0, {})
    build = _Build(city)
    frames = [build.cases_of(city.dataset(name), table) for name, table in raw.items()]
    frame = pd.concat(frames, ignore_index=True)
    frame = build.drop(frame, _is_repeated(frame["incident_id"]), "duplicate_rows")
    frame = build.drop(frame, _is_in_both_systems(frame), "overlap_between_systems")
    rows_in = sum(table.num_rows for table in raw.values())
    return IncidentBuild(_conform(city, frame), rows_in, build.dropped)


class _Build:
    """Turns raw tables into cases, and counts what it drops on the way."""

    def __init__(self, city: City) -> None:
        self.city = city
        self.dropped: dict[str, int] = {}

    def drop(self, frame: pd.DataFrame, is_out: pd.Series, reason: str) -> pd.DataFrame:
        rows = int(is_out.sum())
        if not rows:
            return frame
        self.dropped[reason] = self.dropped.get(reason, 0) + rows
        return frame[~is_out]

    def cases_of(self, dataset: Dataset, table: pa.Table) -> pd.DataFrame:
        adapter = ADAPTERS[dataset.adapter]
        _require(dataset, adapter, table)
        frame = _read(self.city, dataset, adapter, table)
        frame = self.drop(
            frame, _is_outside_splice(dataset, frame["occurred_on"]), "outside_splice"
        )
        # An offence that turned out to be none is published again under its number.
        frame = self.drop(frame, _is_repeated(frame["row_key"], keep="last"), "duplicate_rows")
        frame = self.drop(frame, frame["is_no_crime"], "unfounded_or_non_crime")
        if adapter.case != adapter.row_key:
            is_undated = frame["occurred_on"].isna()
            frame = frame.assign(is_undated=is_undated).sort_values(
                ["is_undated", "severity", "offence_code", "row_key"]
            )
            later = _is_repeated(frame["incident_id"])
            frame = self.drop(frame, later, "later_offence_of_case")
        return frame


def _is_repeated(keys: pd.Series, keep: Literal["first", "last"] = "first") -> pd.Series:
    """Mark every row but one of each key; a row without a key repeats none."""
    return keys.duplicated(keep) & keys.notna()


def _require(dataset: Dataset, adapter: Adapter, table: pa.Table) -> None:
    missing = [name for name in adapter.columns if name not in table.column_names]
    if missing:
        raise SchemaDrift(
            f"Raw table of {dataset.id} lacks {', '.join(missing)}; it has "
            f"{', '.join(table.column_names)}. Pull it again."
        )


def _read(city: City, dataset: Dataset, adapter: Adapter, table: pa.Table) -> pd.DataFrame:
    """Return the rows in the words of INCIDENTS, with what the choice among them needs."""
    codes = codes_of(adapter, table)
    classes = classes_of(city, codes)
    lat, lon = _points(table[adapter.lat], table[adapter.lon])
    case, row_key = _names(table[adapter.case]), _names(table[adapter.row_key])
    return pd.DataFrame(
        {
            "incident_id": as_text(pc.binary_join_element_wise(adapter.scheme, case, ":")),
            "row_key": as_text(row_key),
            "dataset": dataset.id,
            "era": adapter.era,
            "occurred_on": days_of_text(table[adapter.occurred]),
            "time_of_day": _time_of_day(table[adapter.time]) if adapter.time else "",
            "reported_on": days_of_text(table[adapter.reported]) if adapter.reported else pd.NaT,
            "offence_code": codes,
            "offence_class": classes,
            "severity": each_distinct(classes, _severity),
            "area": _numbers(table[adapter.area]) if adapter.area else np.nan,
            "lat": lat,
            "lon": lon,
            "is_no_crime": _is_no_crime(adapter, table),
        }
    )


def _names(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return names without blanks around them, null where that leaves nothing."""
    text = pc.utf8_trim_whitespace(values)
    return pc.if_else(pc.equal(text, ""), None, text)


def _time_of_day(values: pa.ChunkedArray) -> pd.Series:
    """Return times as HHMM; the feeds differ in leading zeros."""
    return as_text(pc.utf8_lpad(pc.fill_null(values, ""), 4, "0"))


def _severity(offence_class: str) -> int:
    return SEVERITY.index(offence_class) if offence_class in SEVERITY else len(SEVERITY)


def days_of_text(values: pa.ChunkedArray) -> pd.Series:
    """Return the local dates that the text begins with; NaT where it begins with none.

    A floating timestamp has no zone, so its date is cut from the text and never converted.
    """
    text = as_text(pc.utf8_slice_codeunits(values, 0, 10))
    return pd.to_datetime(text, format="%Y-%m-%d", errors="coerce").astype("datetime64[s]")


def _numbers(values: pa.ChunkedArray) -> pd.Series:
    text = pc.utf8_trim_whitespace(values)
    readable = pc.if_else(pc.match_substring_regex(text, NUMBER), text, None)
    return pd.Series(readable.cast(pa.float64()).to_numpy())


def _points(lat: pa.ChunkedArray, lon: pa.ChunkedArray) -> tuple[pd.Series, pd.Series]:
    """Return coordinates, NaN where empty, (0, 0) but for rounding, or not on Earth."""
    north, east = _numbers(lat), _numbers(lon)
    is_origin = (north.abs() < ORIGIN_DEG) & (east.abs() < ORIGIN_DEG)
    known = (north.abs() <= 90) & (east.abs() <= 180) & ~is_origin
    return north.where(known), east.where(known)


def _is_no_crime(adapter: Adapter, table: pa.Table) -> pd.Series | bool:
    if adapter.status is None:
        return False
    found = pc.match_substring_regex(table[adapter.status], NO_CRIME, ignore_case=True)
    return pd.Series(found.fill_null(fill_value=False).to_pandas(), dtype=bool)


def _is_outside_splice(dataset: Dataset, occurred_on: pd.Series) -> pd.Series:
    early = occurred_on < pd.Timestamp(dataset.occurred_from)
    outside = early & (occurred_on >= pd.Timestamp(FIRST_REAL_DAY))
    if dataset.occurred_before is not None:
        outside |= occurred_on >= pd.Timestamp(dataset.occurred_before)
    return outside


def _is_in_both_systems(frame: pd.DataFrame) -> pd.Series:
    """Mark NIBRS cases that a legacy case matches; one legacy case accounts for one of them."""
    placed = frame[frame["lat"].notna() & frame["era"].isin(["legacy", "nibrs"])]
    placed = placed.assign(
        y=(placed["lat"] * 1000).round().astype(np.int64),
        x=(placed["lon"] * 1000).round().astype(np.int64),
        # The two systems may call one act by two names: a robbery, an aggravated assault.
        kind=placed["offence_class"].where(
            ~placed["offence_class"].isin(AGAINST_A_PERSON), "person"
        ),
    )
    nibrs = placed[placed["era"] == "nibrs"].sort_values("incident_id")
    days = nibrs["occurred_on"]
    near = (placed["era"] == "legacy") & placed["occurred_on"].between(days.min(), days.max())
    legacy = placed[near]
    match = ["occurred_on", "time_of_day", "kind", "y", "x"]
    nibrs = nibrs.assign(nth=nibrs.groupby(match).cumcount())
    legacy = legacy.assign(nth=legacy.groupby(match).cumcount())
    keys = [*match, "nth"]
    both = pd.MultiIndex.from_frame(nibrs[keys]).isin(pd.MultiIndex.from_frame(legacy[keys]))
    return pd.Series(frame.index.isin(nibrs.index[both]), index=frame.index)


def _is_division_number(area: pd.Series) -> pd.Series:
    return (area >= 1) & (area <= LAST_DIVISION) & (area % 1 == 0)


def _conform(city: City, frame: pd.DataFrame) -> pa.Table:
    withheld = is_withheld(city, frame["offence_class"])
    area = frame["area"].where(_is_division_number(frame["area"])).astype("Int32")
    lat, lon = frame["lat"].mask(withheld), frame["lon"].mask(withheld)
    placed = pc.if_else(pa.array(frame["lat"].isna()), "missing", "located")
    status = pc.if_else(pa.array(withheld), "withheld", placed)
    columns = dict(frame.items()) | {"area": area, "lat": lat, "lon": lon}
    arrays = {
        column.name: pa.array(columns[column.name], from_pandas=True)
        for column in INCIDENTS.columns
        if column.name != "location_status"
    }
    table = pa.table({**arrays, "location_status": status}).select(INCIDENTS.schema.names)
    return table.cast(UNCHECKED).sort_by("incident_id")
