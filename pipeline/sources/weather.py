"""Daily station weather: NCEI for history, ACIS for recent days, api.weather.gov for the last."""

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import pandas as pd
import pyarrow as pa

from pipeline.domain.city import City
from pipeline.domain.city_parts import Station
from pipeline.domain.columns import WEATHER_DAILY, WEATHER_FORECAST
from pipeline.domain.errors import SourceUnavailable
from pipeline.settings import Settings
from pipeline.sources import nws
from pipeline.sources.http import HttpClient, Json
from pipeline.sources.pulled import Pull
from pipeline.sources.station_days import LOST, VALUES, Rows, days_of, each_station, usable_values

NCEI_URL = "https://www.ncei.noaa.gov/access/services/data/v1"
NCEI_YEARS_A_CALL = 5
NCEI_NAMES = {"TMAX": "tmax_degc", "TMIN": "tmin_degc", "PRCP": "prcp_mm"}
ACIS_URL = "https://data.rcc-acis.org/StnData"
ACIS_DAYS = 30
ACIS_ELEMENTS = (
    {"name": "maxt", "interval": "dly", "units": "degreeC"},
    {"name": "mint", "interval": "dly", "units": "degreeC"},
    {"name": "pcpn", "interval": "dly", "units": "mm"},
)
ACIS_NO_DATA = "no data available"
NWS_DAYS = 6
# The first of these that has a value for a day gives it.
PRECEDENCE = ("ncei", "acis", "nws")


def pull_weather(
    http: HttpClient,
    settings: Settings,  # noqa: ARG001 - every pull is called alike
    city: City,
    first: date,
    today: date,
) -> list[Pull]:
    """Return the daily weather at the city's stations, one pull for each service that answered.

    A service that fails is named in the notes of the first pull; the others go on without it, and
    so do its other stations when one of them fails, its other days when one can't be read, and a
    day's other values when one is none or out of the range of WEATHER_DAILY. All are named.

    Args:
        http: the run's client.
        settings: not used by these services, which need no token.
        city: stations and time zone.
        first: first day wanted; NCEI goes back to it.
        today: the day of the run, itself not over; ACIS covers the 30 days and api.weather.gov
            the 6 days before it.

    Raises:
        SourceUnavailable: no service gave an answer that could be read.
    """
    last = today - timedelta(days=1)
    acis_first = max(first, today - timedelta(days=ACIS_DAYS))
    nws_first = max(first, today - timedelta(days=NWS_DAYS))
    asks: dict[str, Callable[[Station], Rows]] = {
        "ncei": lambda station: _ncei(http, station, first, last),
        "acis": lambda station: _acis(http, station, acis_first, last),
        "nws": lambda station: nws.daily(http, station, city.time_zone, nws_first, last),
    }
    failures: list[str] = []
    pulls: list[Pull] = []
    for service, ask in asks.items():
        try:
            pulls.append(_pull_service(http, city, service, ask))
        except LOST as error:
            failures.append(f"weather_{service} failed: {error}")
            http.notes.append(failures[-1])
    if not pulls:
        raise SourceUnavailable("No weather service answered. " + " ".join(failures))
    return _with_notes(pulls, failures)


def _with_notes(pulls: list[Pull], failures: list[str]) -> list[Pull]:
    head = pulls[0]
    noted = Pull(
        head.dataset, head.table, head.source_updated_at, head.provenance,
        (*head.notes, *failures),
    )  # fmt: skip
    return [noted, *pulls[1:]]


def _pull_service(
    http: HttpClient, city: City, service: str, ask: Callable[[Station], Rows]
) -> Pull:
    first_note = len(http.notes)
    rows = each_station(http, city, ask)
    frame = usable_values(
        http, service, pd.DataFrame(rows, columns=["station", "observed_on", *VALUES])
    )
    frame = frame.dropna(subset=VALUES, how="all")
    is_repeated = frame.duplicated(list(WEATHER_DAILY.key), keep="last")
    if is_repeated.any():
        http.notes.append(
            f"weather_{service}: {is_repeated.sum()} days came twice; the last counts"
        )
    table = WEATHER_DAILY.conform(frame[~is_repeated].assign(source=service))
    return Pull(f"weather_{service}", table, None, http.provenance, tuple(http.notes[first_note:]))


def _ncei(http: HttpClient, station: Station, first: date, last: date) -> Rows:
    rows: Rows = []
    if first > last:
        return rows
    for year in range(first.year, last.year + 1, NCEI_YEARS_A_CALL):
        end_year = year + NCEI_YEARS_A_CALL - 1
        params = {
            "dataset": "daily-summaries",
            "stations": station.ghcn_id,
            "startDate": max(first, date(year, 1, 1)).isoformat(),
            "endDate": min(last, date(end_year, 12, 31)).isoformat(),
            "dataTypes": ",".join(NCEI_NAMES),
            # Left out, the values would come in tenths.
            "units": "metric",
            "format": "json",
            "includeAttributes": "true",
        }
        answer = http.get_json(NCEI_URL, params, problem_in=_not_days)
        rows += days_of(http, station, answer, _ncei_day)
    return rows


def _ncei_day(row: dict[str, Any]) -> dict[str, Any]:
    values = {ours: _ncei_value(row, theirs) for theirs, ours in NCEI_NAMES.items()}
    return {"observed_on": date.fromisoformat(_text(row["DATE"])), **values}


def _ncei_value(row: dict[str, Any], name: str) -> str | None:
    """Return a value, or None where it is absent or its quality flag says that it failed a check.

    Attributes are written "measurement flag,quality flag,source flag,time".
    """
    flags = _text(row.get(f"{name}_ATTRIBUTES")).split(",")
    failed_a_check = len(flags) > 1 and flags[1].strip() != ""
    return None if failed_a_check else _text(row.get(name)) or None


def _text(value: Json) -> str:
    # Half of a pair that stands for one sign is no text that can be kept.
    return "" if value is None else str(value).encode(errors="replace").decode().strip()


def _not_days(answer: Json) -> str | None:
    is_days = isinstance(answer, list) and all(isinstance(row, dict) for row in answer)
    return None if is_days else "the answer is not a list of days"


def _acis(http: HttpClient, station: Station, first: date, last: date) -> Rows:
    if first > last:
        return []
    body = {
        "sid": f"{station.ghcn_id} 6",  # 6: the id is one of GHCN
        "sdate": first.isoformat(),
        "edate": last.isoformat(),
        "elems": list(ACIS_ELEMENTS),
        "meta": [],
    }
    answer = http.post_json(ACIS_URL, body, problem_in=_acis_problem)
    return days_of(http, station, answer.get("data") or [], _acis_day)


def _acis_day(row: Sequence[Json]) -> dict[str, Any]:
    day, *values = row
    named = dict(zip(VALUES, map(acis_value, values), strict=True))
    return {"observed_on": date.fromisoformat(_text(day)), **named}


def _acis_problem(answer: Json) -> str | None:
    """Name the error that ACIS puts into an answer of status 200; no data at all is none."""
    if not isinstance(answer, dict):
        return "the answer is not an object"
    error = str(answer.get("error", ""))
    if error:
        return None if ACIS_NO_DATA in error.lower() else f"200 with error {error!r}"
    return None if isinstance(answer.get("data"), list) else "the answer holds no list of days"


def acis_value(given: Json) -> str | float | None:
    """Return a value of ACIS: T is a trace of rain, M, S and a trailing A are no day's value."""
    text = _text(given)
    if text == "T":
        return 0.0
    return None if text in ("", "M", "S") or text.endswith("A") else text


def merge_weather(tables: Sequence[pa.Table], through: date) -> pa.Table:
    """Return one row per station and day up to `through`, of contract WEATHER_DAILY.

    Each value comes from the first of NCEI, ACIS and api.weather.gov that has it; of two tables of
    one service the later in the sequence counts. `source` is the first service that gives any.

    Args:
        tables: of contract WEATHER_DAILY; may be none.
        through: last day to keep.
    """
    if not tables:
        return WEATHER_DAILY.schema.empty_table()
    frame = pd.concat([table.to_pandas() for table in reversed(tables)], ignore_index=True)
    frame = frame[frame["observed_on"] <= through].dropna(subset=list(VALUES), how="all")
    frame["rank"] = frame["source"].map(PRECEDENCE.index)
    frame = frame.sort_values("rank", kind="stable").drop(columns="rank")
    days = frame.groupby(["station", "observed_on"], as_index=False).first()
    return WEATHER_DAILY.conform(days.sort_values(["station", "observed_on"]))


def pull_weather_forecast(
    http: HttpClient,
    settings: Settings,  # noqa: ARG001 - every pull is called alike
    city: City,
) -> Pull:
    """Return the newest forecast at the city's stations, of contract WEATHER_FORECAST.

    Raises:
        SourceUnavailable, DatasetMoved, SchemaDrift: it could not be had, or read, for any station.
    """
    first_note = len(http.notes)
    rows = each_station(http, city, lambda station: nws.forecast(http, station))
    # Of a period that comes twice the last counts.
    rows = list({tuple(row[name] for name in WEATHER_FORECAST.key): row for row in rows}.values())
    table = WEATHER_FORECAST.conform(pa.Table.from_pylist(rows, WEATHER_FORECAST.schema))
    issued = [datetime.fromisoformat(text) for text in set(table["issued_at"].to_pylist())]
    notes = tuple(http.notes[first_note:])
    return Pull("weather_forecast", table, max(issued, default=None), http.provenance, notes)
