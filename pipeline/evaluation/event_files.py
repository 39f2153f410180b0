"""A file of dated points turned into incidents, for a city that no client pulls."""

import re
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.domain.city import OTHER, City
from pipeline.domain.columns import INCIDENTS
from pipeline.domain.errors import InvalidRequest
from pipeline.domain.weeks import WEEK

REQUIRED = ("occurred_at", "offence", "latitude", "longitude")
OPTIONAL = ("reported_at",)
SHOWN = 12  # values listed in an error message
TYPICAL_SHARE = 0.1


def read_events(path: Path) -> pd.DataFrame:
    """Read a Parquet file of events, only the columns that are used.

    Raises:
        InvalidRequest: the file isn't there, isn't Parquet, or lacks a column.
    """
    if not path.is_file():
        raise InvalidRequest(f"There is no events file {path}. Give the path of a Parquet file.")
    try:
        found = pq.read_schema(path).names
        _require_columns(str(path), found)
        table = pq.read_table(path, columns=[c for c in (*REQUIRED, *OPTIONAL) if c in found])
    except pa.ArrowInvalid as error:
        raise InvalidRequest(f"{path} can't be read as a Parquet file: {error}") from error
    return table.to_pandas(date_as_object=False, ignore_metadata=True)


def events_to_incidents(city: City, frame: pd.DataFrame) -> pa.Table:
    """Return events as incidents, one each, in the order of the file.

    Args:
        city: its code map gives each offence its class. An offence is looked up as it is written,
            with the city's name or any scheme before it; one that the map doesn't hold is a class
            of its own, in lower case with underscores.
        frame: occurred_at, offence, latitude, longitude and, where late reports matter,
            reported_at; times without a zone are the city's own.

    Raises:
        InvalidRequest: a column is missing, there is no event, or a date can't be read.
    """
    _require_columns("The table of events", list(frame.columns))
    if frame.empty:
        raise InvalidRequest("The table of events holds no rows; give one row per event.")
    offence = _offence_text(frame["offence"])
    code = offence.where(offence.str.contains(":"), f"{city.name}:" + offence)
    incidents = pd.DataFrame(
        {
            "incident_id": [f"{city.name}:{n}" for n in range(len(frame))],
            "dataset": "events",
            "era": "other",
            "occurred_on": _local_days(frame["occurred_at"], city, may_be_empty=False),
            "offence_code": code,
            "offence_class": offence.map(_classes(city, offence)),
            "area": pd.array([pd.NA] * len(frame), dtype="Int32"),
            "lat": pd.to_numeric(frame["latitude"], errors="coerce").to_numpy(float),
            "lon": pd.to_numeric(frame["longitude"], errors="coerce").to_numpy(float),
        }
    )
    incidents["reported_on"] = _reported_days(frame, city, incidents["occurred_on"])
    return INCIDENTS.conform(_with_location_status(city, incidents))


def check_events(city: City, incidents: pa.Table) -> None:
    """Check that the events can be about this city and its target.

    Raises:
        InvalidRequest: no event has coordinates, none lies in the city's box, or none is of a
            target class.
    """
    frame = incidents.select(["lat", "lon", "offence_class"]).to_pandas()
    if frame["lat"].isna().all():
        raise InvalidRequest(
            f"None of the {len(frame)} events can be mapped: no row has a latitude of -90 to 90 "
            "and a longitude of -180 to 180. Give both as numbers, in degrees, and see that the "
            "two aren't swapped."
        )
    _, _, is_inside = city.grid.locate(frame["lat"].to_numpy(), frame["lon"].to_numpy())
    if not is_inside.any():
        raise InvalidRequest(
            f"None of the {len(frame)} events lies in the box of {city.title}: found latitudes "
            f"{frame['lat'].min()} to {frame['lat'].max()} and longitudes {frame['lon'].min()} to "
            f"{frame['lon'].max()}; the box is {city.grid.south} to {city.grid.north} and "
            f"{city.grid.west} to {city.grid.east}. Check [grid] and that the two aren't swapped."
        )
    found = frame.loc[is_inside, "offence_class"].value_counts()
    absent = [name for name in city.offences.target if name not in found.index]
    if absent:
        listed = ", ".join(f"{name} ({rows})" for name, rows in found.head(SHOWN).items())
        raise InvalidRequest(
            f"No event in the box is of target class {', '.join(absent)}. Found: {listed}. Name "
            "classes as they stand there in [offences] target, or map codes in [offences.codes]."
        )


def without_strays(incidents: pa.Table) -> pa.Table:
    """Return incidents without those dated far outside the period that the file is about.

    The period runs from the first to the last week that holds a tenth of what a typical week
    holds (the week of the median event), with the week before and the week after. Mistyped dates
    would otherwise stretch the history by years of empty weeks.
    """
    days = pd.Series(pd.to_datetime(incidents["occurred_on"].to_pandas()))
    week = days.dt.to_period("W-SAT").dt.start_time
    total = week.groupby(week).transform("size")
    is_typical = total >= TYPICAL_SHARE * total.median()
    first = week[is_typical].min() - WEEK
    last = week[is_typical].max() + WEEK
    return incidents.filter(pa.array(week.between(first, last)))


def _require_columns(what: str, found: list[str]) -> None:
    missing = [name for name in REQUIRED if name not in found]
    if missing:
        raise InvalidRequest(
            f"{what} lacks {', '.join(missing)}; found {', '.join(map(str, found)) or 'none'}. "
            f"Needed: {', '.join(REQUIRED)}; {', '.join(OPTIONAL)} may be there too."
        )


def _offence_text(offence: pd.Series) -> pd.Series:
    """Return each offence as text; whole numbers lose the decimals that nulls gave them."""
    if pd.api.types.is_float_dtype(offence):
        offence = offence.convert_dtypes()
    return offence.astype("string").fillna(OTHER).str.strip().reset_index(drop=True)


def _classes(city: City, offence: pd.Series) -> dict[str, str]:
    """Return the class of every distinct offence of the file."""
    offences = city.offences
    classes = {_normal(name): name for name in (*offences.target, *offences.citywide_only)}
    for code, name in offences.class_of().items():
        classes[_normal(code.split(":", 1)[-1])] = name
    for code, name in offences.class_of().items():
        classes[_normal(code)] = name
        if code.startswith(f"{city.name}:"):
            classes[_normal(code.removeprefix(f"{city.name}:"))] = name
    return {text: classes.get(_normal(text), _normal(text)) for text in offence.unique()}


def _normal(text: str) -> str:
    """Return text in lower case with underscores for spaces and dashes."""
    return re.sub(r"[\s_-]+", "_", text.strip().lower()) or OTHER


def _local_days(times: pd.Series, city: City, *, may_be_empty: bool) -> pd.Series:
    """Return the city's own day of each time, NaT where it is empty.

    Raises:
        InvalidRequest: some times can't be read.
    """
    if pd.api.types.is_numeric_dtype(times):
        times = times.astype("string")
    if may_be_empty:
        times = times.mask(times.map(lambda time: isinstance(time, str) and not time.strip()))
    try:
        read = pd.to_datetime(times, errors="coerce", format="ISO8601")
    except (ValueError, TypeError) as error:
        raise InvalidRequest(
            f"Column {times.name} can't be read as times: {error}. Write them as "
            "YYYY-MM-DD HH:MM:SS in local time, or all with the same zone."
        ) from error
    unread = read.isna() & times.notna() if may_be_empty else read.isna()
    if unread.any():
        raise InvalidRequest(
            f"{int(unread.sum())} of {len(times)} rows have a {times.name} that can't be read, "
            f"such as {str(times[unread].iloc[0])!r}. Write YYYY-MM-DD HH:MM:SS in local time, or "
            "leave these rows out."
        )
    if read.dt.tz is not None:
        read = read.dt.tz_convert(city.time_zone).dt.tz_localize(None)
    return read.dt.normalize().reset_index(drop=True)


def _reported_days(frame: pd.DataFrame, city: City, occurred: pd.Series) -> pd.Series:
    """Return the day of each report, never before the event itself; NaT where it isn't given."""
    if "reported_at" not in frame.columns:
        return pd.Series(pd.NaT, index=occurred.index, dtype=occurred.dtype)
    reported = _local_days(frame["reported_at"], city, may_be_empty=True)
    return reported.where(reported.isna() | (reported >= occurred), occurred)


def _with_location_status(city: City, incidents: pd.DataFrame) -> pd.DataFrame:
    """Tell located events from those without coordinates, and hide what is never mapped."""
    is_missing = ~(incidents["lat"].between(-90, 90) & incidents["lon"].between(-180, 180))
    is_missing |= (incidents["lat"] == 0) & (incidents["lon"] == 0)
    is_withheld = incidents["offence_class"].isin(city.offences.citywide_only)
    status = pd.Series("located", index=incidents.index)
    status = status.mask(is_missing, "missing").mask(is_withheld, "withheld")
    hidden = incidents[["lat", "lon"]].mask(is_missing | is_withheld)
    return incidents.assign(lat=hidden["lat"], lon=hidden["lon"], location_status=status)
