"""Answers of the two climate services: NCEI daily summaries and ACIS."""

import json
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any

import pandas as pd

from pipeline.replay.answers import Answer, Request, json_answer
from pipeline.replay.source import ReplaySource

NCEI_DELAY_DAYS = 4  # daily summaries reach NCEI a few days late; ACIS has yesterday
ACIS_DELAY_DAYS = 1
_INCH_MM = 25.4
_TRACE_MM = 0.254
_COLUMNS = {"TMAX": "tmax_degc", "TMIN": "tmin_degc", "PRCP": "prcp_mm"}
_ACIS_NAMES = {"maxt": "TMAX", "mint": "TMIN", "pcpn": "PRCP"}
_NCEI_UNITS: dict[str | None, Callable[[str, float], str]] = {
    "metric": lambda _, value: f"{value:.1f}",
    "standard": lambda name, value: _in_us_units(name, value),
    None: lambda _, value: f"{round(value * 10)}",
}


def answer_ncei(source: ReplaySource, request: Request) -> Answer:
    """Answer the Access Data Service: daily summaries as JSON, every value a padded string."""
    query = request.query
    if request.path != "/access/services/data/v1":
        return json_answer({"errorCode": 404, "errorMessage": f"No service {request.path}"}, 404)
    units = query.get("units")
    try:
        first, last = date.fromisoformat(query["startDate"]), date.fromisoformat(query["endDate"])
        stations = query["stations"].split(",")
        write = _NCEI_UNITS[units]
    except (KeyError, ValueError) as error:
        return json_answer({"errorCode": 400, "errorMessage": f"Invalid parameter: {error}"}, 400)
    if query.get("format") != "json":
        return json_answer({"errorCode": 400, "errorMessage": "Only format=json is replayed"}, 400)
    if query.get("dataset") != "daily-summaries":
        return json_answer([])
    names = [n for n in query.get("dataTypes", "TMAX,TMIN,PRCP").split(",") if n in _COLUMNS]
    last = min(last, source.shown_day - timedelta(days=NCEI_DELAY_DAYS))
    rows = []
    for station in stations:
        for day, values in _days(source, station, first, last):
            row = {"DATE": day.isoformat(), "STATION": station}
            row |= {n: f"{write(n, values[n]):>5}" for n in names if n in values}
            rows.append(row)
    return json_answer(rows)


def _days(
    source: ReplaySource, station: str, first: date, last: date
) -> Iterator[tuple[date, dict[str, float]]]:
    """Yield each observed day with the values it has, in degC and mm."""
    frame = source.daily_weather
    chosen = frame[
        (frame["station"] == station)
        & (frame["observed_on"] >= pd.Timestamp(first))
        & (frame["observed_on"] <= pd.Timestamp(last))
    ].sort_values("observed_on")
    columns = [chosen[column] for column in _COLUMNS.values()]
    for day, *values in zip(chosen["observed_on"], *columns, strict=True):
        named = zip(_COLUMNS, values, strict=True)
        yield day.date(), {name: value for name, value in named if pd.notna(value)}


def answer_acis(source: ReplaySource, request: Request) -> Answer:
    """Answer ACIS StnData: strings, °F and inches unless units are given, errors inside a 200."""
    try:
        ask = _acis_parameters(request)
        station = _station_id(source, str(ask["sid"]))
        first = date.fromisoformat(ask.get("sdate") or ask["date"])
        last = date.fromisoformat(ask.get("edate") or ask.get("date") or ask["sdate"])
        elements = [_element(part) for part in _as_list(ask["elems"])]
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        return json_answer({"error": f"bad request: {error}"})
    if station is None:
        return json_answer({"error": "unknown sid"})
    observed = dict(
        _days(source, station, first, min(last, source.shown_day - timedelta(days=ACIS_DELAY_DAYS)))
    )
    data = []
    for k in range((last - first).days + 1):
        day = first + timedelta(days=k)
        values = observed.get(day, {})
        cells = [_acis_text(name, units, values.get(name)) for name, units in elements]
        data.append([day.isoformat(), *cells])
    return json_answer({"meta": {"sids": [f"{station} 6"]}, "data": data})


def acis_error() -> Answer:
    """Return ACIS's way of failing: status 200 with an error inside."""
    return json_answer({"error": "internal error, please try again"})


def _acis_parameters(request: Request) -> dict[str, Any]:
    if request.path != "/StnData":
        raise ValueError(f"only StnData is replayed, not {request.path}")
    text = request.body.decode() if request.method == "POST" else request.query["params"]
    return dict(json.loads(text))


def _as_list(elements: str | list[str | dict[str, str]]) -> list[str | dict[str, str]]:
    return [*elements.split(",")] if isinstance(elements, str) else elements


def _element(part: str | dict[str, str]) -> tuple[str, str | None]:
    """Return (NCEI's name, units or None) of one element asked for."""
    if isinstance(part, str):
        return _ACIS_NAMES[part], None
    return _ACIS_NAMES[part["name"]], part.get("units")


def _station_id(source: ReplaySource, sid: str) -> str | None:
    """Return the GHCN id behind "KLAX 5", "USW00023174 6", "23174 1" or a bare id."""
    bare = sid.split()[0]
    for station in source.stations:
        if bare in (station.ghcn_id, station.icao, station.ghcn_id[-5:]):
            return station.ghcn_id
    return None


def _acis_text(name: str, units: str | None, value: float | None) -> str:
    if value is None:
        return "M"
    if name == "PRCP" and 0 < value < _TRACE_MM:
        return "T"
    if units in ("degreeC", "mm"):
        return f"{value:.1f}"
    return _in_us_units(name, value)


def _in_us_units(name: str, value: float) -> str:
    return f"{value / _INCH_MM:.2f}" if name == "PRCP" else f"{value * 9 / 5 + 32:.0f}"
