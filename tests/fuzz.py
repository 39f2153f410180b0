"""Answers spoiled at random, for every client and parser: whatever comes, they end by name.

    python -m tests.fuzz CLIENT [--answers 10000] [--seed 1]

Prints, as JSON, how many answers were given, what each pull came to, the longest one in seconds and
the most memory in MB. Ends with 1 where an error is none of ours.
"""

import argparse
import json
import logging
import random
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable
from copy import deepcopy
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import Any

import requests
from urllib3 import HTTPResponse

from pipeline.domain.city import load_city
from pipeline.domain.errors import HotspotsError
from pipeline.settings import Settings
from pipeline.sources.crime import build_incidents, pull_crime
from pipeline.sources.http import HttpClient
from pipeline.sources.weather import merge_weather, pull_weather, pull_weather_forecast

CITY = load_city("los_angeles")
TODAY = date(2026, 11, 24)
ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1.5, 1e308, float("inf"), float("nan"), 10**30, -(2**63), "", " ",
    "²", "9" * 5000, "-0", "1e400", "NaN", "\ud83d", "\x00", "\x1b[31m", "<!channel>", "=1+1",
    "2026-02-30", "0019-03-02T00:00:00", "1800-01-01", "2062-01-01T00:00:00.000", "9999-12-31",
    "2026-11-20T25:61:00+99:00", "PT1H", "P9999999Y", "x" * 100_000, [], {}, [[]], [None], {"": {}},
    ["1", "2", "3", "4", "5"], "wmoUnit:K", "unit:degF", "-9999", "72.8", "T", "M", "2.5A",
)  # fmt: skip
STATUSES = (200,) * 24 + (204, 206, 301, 302, 400, 403, 404, 429, 500, 503, 599)
HEADERS = (
    {}, {}, {}, {}, {}, {"Retry-After": "-5"}, {"Retry-After": "1e400"}, {"Retry-After": "soon"},
    {"Content-Encoding": "gzip"}, {"Content-Encoding": "br"}, {"Location": "http://["},
    {"X-SODA2-Data-Out-Of-Date": "TRUE"}, {"X-Hotspots-Provenance": "\xe9"},
)  # fmt: skip


def legacy_rows(how_many: int) -> list[dict[str, str]]:
    return [
        {
            ":id": f"row-{k}", "dr_no": f"2300{k:05d}", "date_occ": "2023-03-01T00:00:00.000",
            "date_rptd": "2023-03-02T00:00:00.000", "time_occ": "2130", "area": "07",
            "crm_cd": "230", "lat": "34.0453", "lon": "-118.2518",
        }
        for k in range(how_many)
    ]  # fmt: skip


def nibrs_rows(how_many: int) -> list[dict[str, str]]:
    return [
        {
            ":id": f"row-{k}", "caseno": f"26{k:07d}", "uniquenibrno": f"26{k:07d}13A01",
            "date_occ": "2026-11-01T00:00:00.000", "date_rptd": "2026-11-02T10:11:12.000",
            "time_occ": "0030", "nibr_code": "13A", "status_desc": "Invest Cont", "area": "7",
            "hndrdth_lat": "34.0453", "hndrdth_lon": "-118.2518",
        }
        for k in range(how_many)
    ]  # fmt: skip


def portal(url: str, params: dict[str, Any] | None, rows: list[dict[str, str]]) -> Any:
    """Return what a portal answers."""
    if "/api/views/" in url:
        names = [name for name in rows[0] if name != ":id"]
        return {"rowsUpdatedAt": 1_790_709_516, "columns": [{"fieldName": n} for n in names]}
    if "count(" in str((params or {}).get("$select")):
        return [{"n": str(len(rows))}]
    return rows


def weather(url: str, _params: object, _rows: object) -> Any:
    """Return what the weather services answer."""
    value = {"value": 21.0, "unitCode": "wmoUnit:degC", "qualityControl": "V"}
    if "ncei" in url:
        day = {"STATION": "USW00023174", "TMAX": "21.0", "TMIN": "12.0", "PRCP": "0.0"}
        flags = {f"{name}_ATTRIBUTES": ",,W,2400" for name in ("TMAX", "TMIN", "PRCP")}
        return [{**day, **flags, "DATE": f"2026-11-{k:02d}"} for k in range(1, 20)]
    if "acis" in url:
        return {"meta": {}, "data": [[f"2026-11-{k:02d}", "21", "12", "T"] for k in range(1, 20)]}
    if "/observations" in url:
        reading = {
            "temperature": value,
            "precipitationLastHour": value | {"unitCode": "wmoUnit:mm"},
        }
        stamps = [f"2026-11-20T{hour:02d}:53:00+00:00" for hour in range(24)]
        return {"features": [{"properties": {"timestamp": s, **reading}} for s in stamps]}
    if "/points/" in url:
        return {"properties": {"gridId": "LOX", "gridX": 149, "gridY": 48}}
    starts = [f"2026-11-24T{hour:02d}:00:00+00:00/PT6H" for hour in (0, 6, 12, 18)]
    periods = [{"validTime": start, "value": 21.5} for start in starts]
    layer = {"uom": "wmoUnit:degC", "values": periods}
    made = {"updateTime": "2026-11-24T05:00:00+00:00"}
    return {"properties": {**made, "temperature": layer, "maxTemperature": layer}}


class Spoiler:
    """Sends answers that are whole, or spoiled in a few places, in the place of the network."""

    def __init__(self, chance: random.Random, answer: Callable[..., Any], rows: Any) -> None:
        self.chance, self.answer, self.rows, self.given = chance, answer, rows, 0

    def request(self, _method: str, url: str, *, params: Any = None, **_: Any) -> requests.Response:
        self.given += 1
        whole = self.answer(url, params, self.rows)
        if self.chance.random() < 0.3:
            return respond(json.dumps(whole).encode(), 200, {})
        spoiled = json.loads(json.dumps(whole))
        for _ in range(self.chance.choice((0, 1, 1, 2, 5))):
            spoiled = self.spoil(spoiled)
        body = json.dumps(spoiled).encode()
        if self.chance.random() < 0.15:
            body = self.spoil_bytes(body)
        return respond(body, self.chance.choice(STATUSES), self.chance.choice(HEADERS))

    def spoil(self, whole: Any) -> Any:
        """Return JSON with one of its parts replaced, left out or repeated."""
        if not isinstance(whole, list | dict) or not whole or self.chance.random() < 0.1:
            return deepcopy(self.chance.choice(ODD))
        at = self.chance.choice(range(len(whole)) if isinstance(whole, list) else list(whole))
        if self.chance.random() < 0.7:
            whole[at] = self.spoil(whole[at])
        elif isinstance(whole, list) and self.chance.random() < 0.5:
            whole.append(deepcopy(whole[at]))
        else:
            del whole[at]
        return whole

    def spoil_bytes(self, body: bytes) -> bytes:
        cut = self.chance.randrange(len(body) + 1)
        odd = self.chance.choice((b"", b"\xff\xfe", b"[" * 50_000, b"<html>", b"\x00" * 9))
        return self.chance.choice((body[:cut], body[:cut] + odd + body[cut:], odd))


def respond(body: bytes, status: int, headers: dict[str, str]) -> requests.Response:
    response = requests.Response()
    response.status_code, response.url = status, "https://host.example/path"
    response.raw = HTTPResponse(BytesIO(body), headers, status, preload_content=False)
    response.headers.update(headers)
    return response


def crime(dataset_id: str) -> Callable[[HttpClient, Settings], None]:
    def pull(http: HttpClient, settings: Settings) -> None:
        pulled = pull_crime(http, settings, CITY, CITY.dataset(dataset_id), None)
        if pulled is not None:
            build_incidents(CITY, {dataset_id: pulled.table})

    return pull


def daily(http: HttpClient, settings: Settings) -> None:
    pulls = pull_weather(http, settings, CITY, date(2026, 11, 1), TODAY)
    merge_weather([pull.table for pull in pulls], TODAY)


def forecast(http: HttpClient, settings: Settings) -> None:
    pull_weather_forecast(http, settings, CITY)


CLIENTS: dict[str, tuple[Callable[[HttpClient, Settings], None], Callable[..., Any], Any]] = {
    "legacy": (crime("2nrs-mtv8"), portal, legacy_rows(6)),
    "nibrs": (crime("k7nn-b2ep"), portal, nibrs_rows(6)),
    "daily": (daily, weather, None),
    "forecast": (forecast, weather, None),
}


class Run:
    """One client against spoiled answers, until enough were given."""

    def __init__(self, client: str) -> None:
        self.pull, self.answer, self.rows = CLIENTS[client]
        self.given, self.longest_s, self.came_to = 0, 0.0, Counter[str]()

    def once(self, data: bytes) -> None:
        """Pull once; raise what is none of our errors."""
        settings = Settings(_env_file=None, replay_url="http://127.0.0.1:9", deadline_s=5)
        http = HttpClient(settings, sleep=lambda _seconds: None)
        spoiler = Spoiler(random.Random(data), self.answer, self.rows)
        http._session = spoiler
        begun = time.monotonic()
        try:
            self.pull(http, settings)
            came_to = "pulled"
        except HotspotsError as error:
            came_to = type(error).__name__
        self.came_to[came_to] += 1
        self.given += spoiler.given
        self.longest_s = max(self.longest_s, time.monotonic() - begun)


def peak_mb() -> int:
    """Return the most memory of this program; getrusage tells that of the one it came from too."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) // 1024


def main() -> int:
    """Fuzz one client."""
    parser = argparse.ArgumentParser()
    parser.add_argument("client", choices=CLIENTS)
    parser.add_argument("--answers", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    run, chance, unforeseen = Run(asked.client), random.Random(asked.seed), Counter[str]()
    while run.given < asked.answers:
        try:
            run.once(chance.randbytes(16))
        except Exception:  # noqa: BLE001 - the very thing that is looked for
            unforeseen[traceback.format_exc(limit=-4)] += 1
    told = {
        "answers": run.given,
        "came_to": dict(run.came_to),
        "longest_s": round(run.longest_s, 2),
        "peak_mb": peak_mb(),
        "unforeseen": dict(unforeseen),
    }
    sys.stdout.write(json.dumps(told, indent=1) + "\n")
    return 1 if unforeseen else 0


if __name__ == "__main__":
    logging.getLogger("pipeline").setLevel(logging.CRITICAL)
    sys.exit(main())
