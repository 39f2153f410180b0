"""api.weather.gov: the last days' observations, made into days, and the forecast at a point."""

from collections import defaultdict
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd

from pipeline.domain.city_parts import Station
from pipeline.domain.errors import SchemaDrift
from pipeline.sources.http import HttpClient, Json
from pipeline.sources.station_days import UNREADABLE

HOST = "https://api.weather.gov"
HEADERS = {"Accept": "application/geo+json"}
MOST_OBSERVATIONS = 500
# MADIS flags: failed a check (X), questioned by one (Q), rejected by hand (B).
REJECTED_FLAGS = frozenset("XQB")
# Fewer hours than this may have missed the warmest or the coldest one.
FEWEST_HOURS = 20
POSSIBLE_DEGC = (-60.0, 50.0)
KELVIN = 273.15
LONGEST_PERIOD_H = 400  # as WEATHER_FORECAST allows
FACTORS = {"degC": 1.0, "mm": 1.0, "m": 1000.0, "percent": 1.0}
LAYERS = (
    "temperature", "maxTemperature", "minTemperature", "probabilityOfPrecipitation",
    "quantitativePrecipitation",
)  # fmt: skip


def daily(
    http: HttpClient, station: Station, time_zone: str, first: date, last: date
) -> list[dict[str, Any]]:
    """Return the days from `first` to `last` at a station, as rows of WEATHER_DAILY.

    A day is one of local standard time, as in GHCN-Daily. It is asked for alone, because a station
    that reports every five minutes fills an answer in less than two days.

    An observation that can't be read is left out and counted in the notes.

    Raises:
        SourceUnavailable: the service failed, or does not know the station.
    """
    if station.icao is None:
        return []
    zone = standard_time(time_zone, last)
    days = [first + timedelta(days=k) for k in range((last - first).days + 1)]
    rows = []
    for day in days:
        observations = _observations(http, station.icao, day, zone)
        readable = [properties for properties in observations if _is_readable(properties)]
        if len(readable) < len(observations):
            http.notes.append(
                f"{station.name}: {len(observations) - len(readable)} of {len(observations)} "
                f"observations of {day} could not be read and are left out"
            )
        values = summarise(readable, day, zone)
        rows.append({"station": station.ghcn_id, "observed_on": day, **values})
    return rows


def standard_time(time_zone: str, day: date) -> timezone:
    """Return a zone's standard time in the year of `day`: its offset without summer time."""
    noon = datetime.combine(day, time(12), ZoneInfo(time_zone))
    return timezone((noon.utcoffset() or timedelta()) - (noon.dst() or timedelta()))


def _is_readable(properties: Json) -> bool:
    try:
        datetime.fromisoformat(properties["timestamp"])
        for name in ("temperature", "precipitationLastHour"):
            accepted(properties, name)
    except (*UNREADABLE, SchemaDrift):
        return False
    return True


def _observations(http: HttpClient, icao: str, day: date, zone: timezone) -> list[Json]:
    start = datetime.combine(day, time(), zone)
    params = {
        "start": _utc_text(start),
        "end": _utc_text(start + timedelta(days=1)),
        "limit": MOST_OBSERVATIONS,
    }
    url = f"{HOST}/stations/{icao}/observations"
    answer = http.get_json(url, params, HEADERS, problem_in=_lacks_features)
    return [
        feature.get("properties") if isinstance(feature, dict) else None
        for feature in answer["features"]
    ]


def _utc_text(moment: datetime) -> str:
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def _lacks_features(answer: Json) -> str | None:
    is_whole = isinstance(answer, dict) and isinstance(answer.get("features"), list)
    return None if is_whole else "the answer holds no list of observations"


def summarise(
    observations: list[dict[str, Any]], day: date, zone: timezone
) -> dict[str, float | None]:
    """Return a day's tmax_degc, tmin_degc and prcp_mm from its observations; None where unknown.

    Rain is the sum over clock hours of the most that an observation in the hour gives for the last
    hour: the routine report near the hour's end holds all of it, the special ones a part.
    """
    degc: dict[int, list[float]] = defaultdict(list)
    rain: dict[int, float] = {}
    for properties in observations:
        at = datetime.fromisoformat(properties["timestamp"]).astimezone(zone)
        if at.date() != day:
            continue
        if (value := accepted(properties, "temperature")) is not None:
            degc[at.hour].append(value)
        if (value := accepted(properties, "precipitationLastHour")) is not None:
            rain[at.hour] = max(value, rain.get(at.hour, 0.0))
    possible = [v for hour in degc.values() for v in hour]
    is_whole = len(degc) >= FEWEST_HOURS
    return {
        "tmax_degc": max(possible) if is_whole else None,
        "tmin_degc": min(possible) if is_whole else None,
        "prcp_mm": sum(rain.values()) if rain and is_whole else None,
    }


def accepted(properties: dict[str, Any], name: str) -> float | None:
    """Return a quantity in degC or mm, or None where it is missing, flagged or impossible.

    Raises:
        SchemaDrift: its unit is not known here.
    """
    quantity = properties.get(name) or {}
    value = quantity.get("value")
    if value is None or quantity.get("qualityControl") in REJECTED_FLAGS:
        return None
    unit = str(quantity.get("unitCode", ""))
    is_kelvin = unit.endswith(":K")
    number = float(value) - KELVIN if is_kelvin else float(value) * _factor(unit, name)
    low, high = POSSIBLE_DEGC if name == "temperature" else (0.0, 400.0)
    return number if low <= number <= high else None


def _factor(unit: str, name: str) -> float:
    """Return what a value must be multiplied by; units are written "wmoUnit:mm" or "unit:mm"."""
    bare = unit.rpartition(":")[2]
    if bare not in FACTORS:
        raise SchemaDrift(
            f"api.weather.gov gives {name} in {unit or 'no unit'}; known are {', '.join(FACTORS)}."
        )
    return FACTORS[bare]


def forecast(http: HttpClient, station: Station) -> list[dict[str, Any]]:
    """Return the forecast at a station's point, as rows of WEATHER_FORECAST.

    A layer that can't be read is left out and named in the notes.

    Raises:
        SourceUnavailable: the service failed or does not cover the point.
    """
    url = f"{HOST}/points/{station.lat:.4f},{station.lon:.4f}"
    point = http.get_json(url, headers=HEADERS, problem_in=_lacks_grid)["properties"]
    url = f"{HOST}/gridpoints/{point['gridId']}/{point['gridX']},{point['gridY']}"
    grid = http.get_json(url, headers=HEADERS, problem_in=_lacks_update)["properties"]
    issued_at = _utc_text(datetime.fromisoformat(grid["updateTime"]))
    rows = []
    for layer in LAYERS:
        try:
            periods = _periods(layer, grid.get(layer) or {})
        except (*UNREADABLE, SchemaDrift) as error:
            http.notes.append(f"{station.name}: the forecast's {layer} is left out: {error!r:.200}")
            continue
        keys = {"station": station.ghcn_id, "issued_at": issued_at, "layer": layer}
        rows += [{**keys, **period} for period in periods]
    return rows


def _lacks_grid(answer: Json) -> str | None:
    properties = answer.get("properties") if isinstance(answer, dict) else None
    if not isinstance(properties, dict):
        return "the answer names no grid cell"
    # They become part of an address.
    office, *cell = (str(properties.get(name)) for name in ("gridId", "gridX", "gridY"))
    is_whole = office.isalnum() and office.isascii() and all(map(str.isdecimal, cell))
    return None if is_whole else "the answer names no grid cell"


def _lacks_update(answer: Json) -> str | None:
    properties = answer.get("properties") if isinstance(answer, dict) else None
    is_whole = isinstance(properties, dict) and "updateTime" in properties
    return None if is_whole else "the forecast does not say when it was made"


def _periods(layer: str, content: dict[str, Any]) -> list[dict[str, Any]]:
    values = content.get("values") or []
    factor = _factor(str(content.get("uom", "")), layer) if values else 1.0
    periods = []
    for entry in values:
        start, _, length = entry["validTime"].partition("/")
        value, hours = entry.get("value"), pd.Timedelta(length) / pd.Timedelta(hours=1)
        if not 0 <= hours <= LONGEST_PERIOD_H:
            raise ValueError(f"a period of {length}")
        periods.append(
            {
                "valid_from": start,
                "valid_hours": hours,
                "value": None if value is None else float(value) * factor,
            }
        )
    return periods
