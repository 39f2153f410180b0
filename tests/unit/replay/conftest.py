"""A tiny source with known rows, and a server over it."""

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime

import pandas as pd
import pyarrow as pa
import pytest
import requests

from pipeline.domain.city import load_city
from pipeline.replay.server import ReplayServer
from pipeline.replay.simulator import simulate
from pipeline.replay.source import COLUMNS, PublishedDataset

LAX, VAN_NUYS = "USW00023174", "USW00023130"
UPDATED = datetime(2026, 11, 24, 19, 18, 36, tzinfo=UTC)
ROWS = 25
LEGACY, NIBRS, CHICAGO = "2nrs-mtv8", "k7nn-b2ep", "ijzp-q8t2"


@dataclass(frozen=True)
class TinySource:
    datasets: dict
    daily_weather: pd.DataFrame
    provenance: str = "recorded"
    shown_day: date = date(2026, 11, 25)
    stations: tuple = field(default_factory=lambda: load_city("los_angeles").stations)


def legacy_rows():
    """25 reports: number k on 1 March + k days, the third without a status."""
    days = pd.date_range("2023-03-01", periods=ROWS)
    frame = pd.DataFrame({"dr_no": [f"23{k:07d}" for k in range(ROWS)], "date_rptd": days})
    frame = frame.assign(
        date_occ=days, time_occ="0930", area="03", area_name="Southwest", rpt_dist_no="0396",
        part_1_2=1, crm_cd=["230" if k % 5 == 0 else "510" for k in range(ROWS)],
        crm_cd_desc='SO-CALLED "CODE"', status=[None if k == 2 else "IC" for k in range(ROWS)],
        lat=34.01, lon=-118.2811,
    )  # fmt: skip
    schema = COLUMNS["lapd_legacy"]
    return pa.Table.from_pandas(frame[schema.names], schema=schema, preserve_index=False)


def weather_rows():
    """Ten days to 26 November at the airport: day k has 20 + k degC, k mm; day 3 no maximum."""
    days = pd.date_range("2026-11-17", periods=10)
    frame = pd.DataFrame({"station": LAX, "observed_on": days})
    frame["tmax_degc"] = [None if k == 3 else 20.0 + k for k in range(10)]
    frame["tmin_degc"] = 10.0
    frame["prcp_mm"] = [0.1 if k == 1 else float(k) for k in range(10)]
    return frame


@pytest.fixture(scope="session")
def tiny_source():
    tables = {
        LEGACY: ("lapd_legacy", legacy_rows()),
        NIBRS: ("lapd_nibrs", COLUMNS["lapd_nibrs"].empty_table()),
    }
    datasets = {
        key: PublishedDataset(key, adapter, f"Title of {key}", table, UPDATED)
        for key, (adapter, table) in tables.items()
    }
    return TinySource(datasets, weather_rows())


@pytest.fixture(scope="session")
def _running(tiny_source):
    with ReplayServer(tiny_source) as server:
        yield server


@pytest.fixture
def server(_running, tiny_source):
    _running.clear_faults()
    _running.source = tiny_source
    return _running


@pytest.fixture(scope="session")
def session():
    with requests.Session() as session:
        yield session


@pytest.fixture
def get(server, session):
    def get(path, **params):
        return session.get(server.url + path, params=params, timeout=10)

    return get


@pytest.fixture
def rows(get):
    def rows(**params):
        return get(f"/data.lacity.org/resource/{LEGACY}.json", **params)

    return rows


@pytest.fixture(scope="session")
def short_city():
    """Ten weeks around the start of the new records system."""
    return simulate(3, date(2024, 2, 25), date(2024, 5, 4))


@pytest.fixture
def on_another_day(server):
    def move(shown_day):
        server.source = replace(server.source, shown_day=shown_day)

    return move
