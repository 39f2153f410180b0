"""Answers of api.weather.gov: points, hourly observations of the last days, forecast layers."""

import math
import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pandas as pd

from pipeline.domain.city_parts import Station
from pipeline.replay.answers import Answer, Request, json_answer, problem
from pipeline.replay.source import ReplaySource

RETENTION_DAYS = 7
FORECAST_DAYS = 7
MAX_OBSERVATIONS = 500
_GRID_KM = 2.5
_KM_PER_DEGREE = 111.195
_OFFICES = {  # forecast office -> a known point: latitude, longitude, gridX, gridY, hours from UTC
    "LOX": (34.0522, -118.2437, 154, 44, -8),
    "LOT": (41.8781, -87.6298, 76, 73, -6),
}
_POINT = re.compile(r"/points/(-?\d+(?:\.\d{1,4})?),(-?\d+(?:\.\d{1,4})?)")
_OBSERVATIONS = re.compile(r"/stations/([A-Z0-9]{4})/observations")
_GRIDPOINT = re.compile(r"/gridpoints/([A-Z]{3})/(\d+),(\d+)")


def answer_weather_gov(source: ReplaySource, request: Request) -> Answer:
    """Answer one request; 403 without a User-Agent, problem+json for errors."""
    if not request.headers.get("user-agent"):
        return Answer(403, b"<html><body>Access Denied</body></html>", "text/html")
    if point := _POINT.fullmatch(request.path):
        return _point(float(point[1]), float(point[2]))
    if station := _OBSERVATIONS.fullmatch(request.path):
        return _observations(source, station[1], request.query)
    if grid := _GRIDPOINT.fullmatch(request.path):
        return _gridpoint(source, grid[1], int(grid[2]), int(grid[3]))
    return problem(404, "NotFound", f"Not found: {request.path}")


def local_noon(source: ReplaySource) -> datetime:
    """Return the moment at which the server pretends to be asked: noon Pacific time, UTC."""
    return datetime.combine(source.shown_day, datetime.min.time(), UTC) + timedelta(hours=20)


def _point(lat: float, lon: float) -> Answer:
    office = min(_OFFICES, key=lambda name: math.dist(_OFFICES[name][:2], (lat, lon)))
    lat0, lon0, x0, y0, _ = _OFFICES[office]
    per_degree = _KM_PER_DEGREE / _GRID_KM
    x = x0 + round((lon - lon0) * per_degree * math.cos(math.radians(lat0)))
    y = y0 + round((lat - lat0) * per_degree)
    if not (0 <= x <= 400 and 0 <= y <= 400):
        return problem(404, "InvalidPoint", f"Unable to provide data for {lat},{lon}")
    url = f"https://api.weather.gov/gridpoints/{office}/{x},{y}"
    properties = {"gridId": office, "gridX": x, "gridY": y, "forecastGridData": url}
    return _feature(properties)


def _feature(properties: dict[str, Any]) -> Answer:
    answer = json_answer({"type": "Feature", "properties": properties})
    return Answer(200, answer.body, "application/geo+json")


def _observations(source: ReplaySource, icao: str, query: dict[str, str]) -> Answer:
    station = next((s for s in source.stations if s.icao == icao), None)
    if station is None:
        return problem(404, "NotFound", f"Station {icao} not found")
    strange = set(query) - {"start", "end", "limit"}
    if strange:
        return problem(400, "BadRequest", f"Unknown query parameters: {sorted(strange)}")
    now = local_noon(source)
    try:
        start = _moment(query.get("start"), now - timedelta(days=RETENTION_DAYS))
        end = _moment(query.get("end"), now)
        limit = int(query.get("limit", MAX_OBSERVATIONS))
    except ValueError as error:
        return problem(400, "BadRequest", f"Bad parameter: {error}")
    if not 1 <= limit <= MAX_OBSERVATIONS:
        return problem(400, "BadRequest", f"limit must be 1 to {MAX_OBSERVATIONS}")
    start = max(start, now - timedelta(days=RETENTION_DAYS))
    features = _hourly(source, station, start, min(end, now))[:limit]
    answer = json_answer({"type": "FeatureCollection", "features": features})
    return Answer(200, answer.body, "application/geo+json")


def _moment(text: str | None, default: datetime) -> datetime:
    if text is None:
        return default
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text} has no offset")
    return moment.astimezone(UTC)


def _hours_from_utc(station: Station) -> int:
    """Return the local standard time of a station, in hours from UTC."""
    return min(_OFFICES.values(), key=lambda o: abs(o[1] - station.lon))[4]


def _hourly(
    source: ReplaySource, station: Station, start: datetime, end: datetime
) -> list[dict[str, Any]]:
    """Return hourly features, newest first, whose daily extremes are the station's."""
    frame = source.daily_weather
    days = frame[frame["station"] == station.ghcn_id].set_index("observed_on")
    shift = timedelta(hours=_hours_from_utc(station))
    moment = end.replace(minute=0, second=0, microsecond=0)
    features = []
    while moment >= start:
        local = moment + shift
        day = pd.Timestamp(local.date())
        if day in days.index:
            features.append(_observation(station, moment, local.hour, days.loc[day]))
        moment -= timedelta(hours=1)
    return features


def _observation(
    station: Station, moment: datetime, hour: int, day: "pd.Series[float]"
) -> dict[str, Any]:
    """Return one hour of a day: coldest at 3, warmest at 15 local time, rain spread evenly."""
    middle = (day["tmax_degc"] + day["tmin_degc"]) / 2
    swing = (day["tmax_degc"] - day["tmin_degc"]) / 2
    temperature = middle - swing * math.cos(math.radians((hour - 3) * 15))
    stamp = moment.isoformat()
    properties = {
        "station": f"https://api.weather.gov/stations/{station.icao}",
        "timestamp": stamp,
        "temperature": _quantity(temperature, "wmoUnit:degC"),
        "precipitationLastHour": _quantity(day["prcp_mm"] / 24, "wmoUnit:mm", digits=4),
    }
    return {"id": f"{properties['station']}/observations/{stamp}", "type": "Feature",
            "properties": properties}  # fmt: skip


def _quantity(value: float, unit: str, digits: int = 1) -> dict[str, Any]:
    shown = None if pd.isna(value) else round(float(value), digits)
    return {"value": shown, "unitCode": unit, "qualityControl": "Z" if shown is None else "V"}


def _gridpoint(source: ReplaySource, office: str, x: int, y: int) -> Answer:
    if office not in _OFFICES:
        return problem(404, "InvalidGridpoint", f"Unknown forecast office {office}")
    lat0, lon0, x0, y0, offset = _OFFICES[office]
    per_degree = _KM_PER_DEGREE / _GRID_KM
    lon = lon0 + (x - x0) / per_degree / math.cos(math.radians(lat0))
    lat = lat0 + (y - y0) / per_degree
    station = min(source.stations, key=lambda s: math.dist((s.lat, s.lon), (lat, lon)))
    days = _expected_days(source, station.ghcn_id)
    starts = [datetime.combine(d, datetime.min.time(), UTC) - timedelta(hours=offset) for d in days]
    rain = [v["prcp_mm"] for v in days.values()]
    layers = {
        "maxTemperature": _layer(starts, [v["tmax_degc"] for v in days.values()], "wmoUnit:degC"),
        "minTemperature": _layer(starts, [v["tmin_degc"] for v in days.values()], "wmoUnit:degC"),
        "quantitativePrecipitation": _layer(starts, rain, "wmoUnit:mm"),
        "probabilityOfPrecipitation": _layer(
            starts, [80.0 if v >= 1 else 10.0 for v in rain], "wmoUnit:percent"
        ),
    }
    updated = datetime.combine(source.shown_day, datetime.min.time(), UTC) + timedelta(hours=12)
    return _feature({"updateTime": updated.isoformat(), "gridId": office} | layers)


def _layer(starts: list[datetime], values: list[float], unit: str) -> dict[str, Any]:
    rows = [
        {"validTime": f"{start.isoformat()}/P1D", "value": None if pd.isna(v) else round(v, 1)}
        for start, v in zip(starts, values, strict=True)
    ]
    return {"uom": unit, "values": rows}


def _expected_days(source: ReplaySource, ghcn_id: str) -> dict[date, dict[str, float]]:
    """Return what is forecast for the coming days: half the coming day, half the usual one.

    The usual one is the mean of the same calendar days (15 either side) in all years; it stands
    alone where the data end. A station without data gets no forecast.
    """
    frame = source.daily_weather
    days = frame[frame["station"] == ghcn_id].set_index("observed_on")
    forecast: dict[date, dict[str, float]] = {}
    for k in range(FORECAST_DAYS if len(days) else 0):
        day = pd.Timestamp(source.shown_day + timedelta(days=k))
        apart = (days.index.day_of_year.to_numpy() - day.day_of_year) % 366
        usual = days.loc[(apart <= 15) | (apart >= 351)].drop(columns="station").mean()
        if day in days.index:
            usual = (usual + days.loc[day, usual.index].astype(float)) / 2
        forecast[day.date()] = {str(name): float(value) for name, value in usual.items()}
    return forecast
