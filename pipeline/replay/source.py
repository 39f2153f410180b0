"""What a replay server needs of its data, recorded or simulated."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Protocol

import pandas as pd
import pyarrow as pa

from pipeline.domain.city_parts import Station

REFRESH_TIME = time(19, 18, 36, tzinfo=UTC)  # hour at which the portal's refreshes were seen
GONE_DATASETS = frozenset({"y8y3-fqfu"})  # merged into k7nn-b2ep; the portal answers 403

LEGACY_COLUMNS = pa.schema(
    [
        ("dr_no", pa.string()),
        ("date_rptd", pa.timestamp("s")),
        ("date_occ", pa.timestamp("s")),
        ("time_occ", pa.string()),
        ("area", pa.string()),
        ("area_name", pa.string()),
        ("rpt_dist_no", pa.string()),
        ("part_1_2", pa.int64()),
        ("crm_cd", pa.string()),
        ("crm_cd_desc", pa.string()),
        ("status", pa.string()),
        ("lat", pa.float64()),
        ("lon", pa.float64()),
    ]
)
NIBRS_COLUMNS = pa.schema(
    [
        ("caseno", pa.string()),
        ("uniquenibrno", pa.string()),
        ("date_rptd", pa.timestamp("s")),
        ("date_occ", pa.timestamp("s")),
        ("time_occ", pa.string()),
        ("area", pa.string()),
        ("area_name", pa.string()),
        ("rpt_dist_no", pa.string()),
        ("group", pa.string()),
        ("nibr_code", pa.string()),
        ("nibr_description", pa.string()),
        ("crime_against", pa.string()),
        ("status_desc", pa.string()),
        ("hndrdth_lat", pa.float64()),
        ("hndrdth_lon", pa.float64()),
    ]
)
CHICAGO_COLUMNS = pa.schema(
    [
        ("id", pa.string()),
        ("date", pa.timestamp("s")),
        ("primary_type", pa.string()),
        ("latitude", pa.float64()),
        ("longitude", pa.float64()),
    ]
)
COLUMNS = {"lapd_legacy": LEGACY_COLUMNS, "lapd_nibrs": NIBRS_COLUMNS, "chicago": CHICAGO_COLUMNS}
OCCURRED = {"lapd_legacy": "date_occ", "lapd_nibrs": "date_occ", "chicago": "date"}
KEYS = {
    "lapd_legacy": ("dr_no",),
    "lapd_nibrs": ("caseno", "uniquenibrno"),
    "chicago": ("id",),
}
TITLES = {
    "63jg-8b9z": "Crime Data from 2010 to 2019",
    "2nrs-mtv8": "Crime Data from 2020 to 2024",
    "k7nn-b2ep": "LAPD NIBRS Offenses Dataset",
    "ijzp-q8t2": "Crimes - 2001 to Present",
}


@dataclass(frozen=True)
class PublishedDataset:
    """One dataset as its portal shows it.

    Attributes:
        id: four-by-four id.
        adapter: kind of columns, a key of COLUMNS.
        title: name in the metadata; starts with "SIMULATED" where it is.
        table: all rows, typed, in the order of their `:id`.
        updated_at: when the rows last changed, aware.
    """

    id: str
    adapter: str
    title: str
    table: pa.Table
    updated_at: datetime


class ReplaySource(Protocol):
    """Data behind the server: datasets as they stand on `shown_day`, and daily weather.

    `daily_weather` has columns station (GHCN id), observed_on (datetime64, day), tmax_degc,
    tmin_degc, prcp_mm. Days after `shown_day` are used for forecasts only.
    """

    @property
    def provenance(self) -> str:
        """Say "recorded" or "simulated"."""

    @property
    def shown_day(self) -> date:
        """Return the day on which the server pretends to be asked."""

    @property
    def stations(self) -> tuple[Station, ...]:
        """Return the weather stations that are known."""

    @property
    def datasets(self) -> Mapping[str, PublishedDataset]:
        """Return the datasets by id, as published on `shown_day`."""

    @property
    def daily_weather(self) -> pd.DataFrame:
        """Return daily weather of the stations."""


def refresh_moment(day: date) -> datetime:
    """Return the moment of that day at which a portal's refresh is done, UTC."""
    return datetime.combine(day, REFRESH_TIME)
