"""What can be used of a weather service's answers; what can't is left out and named."""

from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd

from pipeline.domain.city import City
from pipeline.domain.city_parts import Station
from pipeline.domain.columns import WEATHER_DAILY
from pipeline.domain.errors import DatasetMoved, SchemaDrift, SourceUnavailable
from pipeline.sources.http import HttpClient

VALUES = ("tmax_degc", "tmin_degc", "prcp_mm")
LOST = (SourceUnavailable, DatasetMoved, SchemaDrift)  # what one station or service may fail with
# How an answer of another form than ours shows itself while it is read.
UNREADABLE = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError)
NAMED = 3  # of the values that can't be used
# More of them than this are no accident.
MOST_ODD_SHARE, FEWEST_ODD = 0.2, 5

Rows = list[dict[str, Any]]


def usable_values(http: HttpClient, service: str, frame: pd.DataFrame) -> pd.DataFrame:
    """Return the days with every value that is no number or out of its range taken out, and say.

    Raises:
        SchemaDrift: so many are that the service must have changed its units or its form.
    """
    odd: list[str] = []
    values = int(frame[list(VALUES)].notna().to_numpy().sum())
    for column in WEATHER_DAILY.columns:
        if column.name not in VALUES:
            continue
        given = frame[column.name]
        number = pd.to_numeric(given, errors="coerce").astype("float64")
        is_odd = given.notna() & ~number.between(column.low or 0, column.high or 0)
        odd += [
            f"{row.station} {row.observed_on} {column.name} {str(given[row.Index])[:20]!r}"
            for row in frame[is_odd].itertuples()
        ]
        frame[column.name] = number.mask(is_odd)
    if len(odd) > MOST_ODD_SHARE * values and len(odd) >= min(FEWEST_ODD, values):
        raise SchemaDrift(
            f"{len(odd)} of {values} values are no number or out of range, such as {odd[0]}. Has "
            "the service changed its units?"
        )
    if odd:
        more = "; and more" if len(odd) > NAMED else ""
        http.notes.append(
            f"weather_{service}: {len(odd)} values can't be used and count as missing: "
            f"{'; '.join(odd[:NAMED])}{more}"
        )
    return frame


def each_station(http: HttpClient, city: City, ask: Callable[[Station], Rows]) -> Rows:
    """Return the rows of all stations that answered; raise where all failed."""
    rows: Rows = []
    failures: list[Exception] = []
    for station in city.stations:
        try:
            rows += ask(station)
        except LOST as error:
            failures.append(error)
            http.notes.append(f"{station.name}: {error}")
        except UNREADABLE as error:
            failures.append(_unreadable(station, error))
            http.notes.append(str(failures[-1]))
    if failures and len(failures) == len(city.stations):
        raise failures[-1]
    return rows


def _unreadable(station: Station, error: Exception) -> SchemaDrift:
    return SchemaDrift(
        f"Weather of {station.name} could not be read: {error!r:.200}. The service has changed "
        "what it sends; its client must learn the new form."
    )


def days_of(
    http: HttpClient, station: Station, answer: Sequence[Any], read: Callable[[Any], dict[str, Any]]
) -> Rows:
    """Return the days of an answer; one that can't be read is left out and named.

    Raises:
        SchemaDrift: none can be read.
    """
    rows: Rows = []
    errors: list[Exception] = []
    for day in answer:
        try:
            rows.append({"station": station.ghcn_id, **read(day)})
        except UNREADABLE as error:
            errors.append(error)
    if errors and not rows:
        raise _unreadable(station, errors[0])
    if errors:
        http.notes.append(
            f"{station.name}: {len(errors)} of {len(answer)} days could not be read and are left "
            f"out, the first for {errors[0]!r:.200}"
        )
    return rows
