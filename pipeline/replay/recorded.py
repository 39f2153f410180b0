"""Recorded reports and weather from Parquet files, as the portals would show them."""

from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.domain.city import City, load_city
from pipeline.domain.city_parts import Station
from pipeline.domain.errors import InvalidRequest
from pipeline.replay.source import COLUMNS, TITLES, PublishedDataset, refresh_moment

LOS_ANGELES_FILES = ("crime_2023q1_partial.parquet", "crime_west_la_2020_2021.parquet")
CHICAGO_FILE = "crime_2016_2017.parquet"
WEATHER_FILE = "weather_daily_2009_2025.parquet"
_WEATHER_COLUMNS = ["station", "observed_on", "tmax_degc", "tmin_degc", "prcp_mm"]
_FIRST_CHICAGO_ID = 10_000_000
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


class RecordedData:
    """The files of one folder.

    Datasets that it holds no file for answer with their metadata and no rows.
    """

    provenance = "recorded"

    def __init__(
        self, folder: Path, shown_day: date | None = None, city: City | None = None
    ) -> None:
        """Read nothing yet.

        Args:
            folder: holds the files of a city, or folders los_angeles/ and chicago/ that do.
            shown_day: day that the weather services pretend it is; when not given, the day on which
                the city's publication rule has the newest report published. Reports are all shown,
                whatever the day.
            city: one of the reader's own, whose datasets show the files of their adapter.

        Raises:
            InvalidRequest: the folder holds none of the files.
        """
        names = (*LOS_ANGELES_FILES, CHICAGO_FILE, WEATHER_FILE)
        places = (folder, folder / "los_angeles", folder / "chicago")
        self._files = {p.name: p for f in places for p in (f / n for n in names) if p.is_file()}
        if not self._files:
            raise InvalidRequest(
                f"{folder} holds none of {', '.join(names)}. Give the folder that they lie in, or "
                "the one above los_angeles/ and chicago/."
            )
        self._shown_day = shown_day
        shipped = (load_city("los_angeles"), load_city("chicago"))
        self._own = city if city not in shipped else None
        self._cities = (*shipped, self._own) if self._own else shipped

    @cached_property
    def shown_day(self) -> date:
        """Return the day on which the server pretends to be asked."""
        newest = max(d.updated_at for d in self.datasets.values())
        return self._shown_day or newest.date()

    @cached_property
    def stations(self) -> tuple[Station, ...]:
        """Return the stations of all cities."""
        return tuple(station for city in self._cities for station in city.stations)

    @cached_property
    def datasets(self) -> dict[str, PublishedDataset]:
        """Return the datasets of all cities, those without a file empty."""
        return {
            dataset.id: self._published(city, dataset.id)
            for city in self._cities
            for dataset in city.datasets
        }

    @cached_property
    def daily_weather(self) -> pd.DataFrame:
        """Return the recorded daily weather; empty where there is no file of it."""
        if WEATHER_FILE not in self._files:
            return pd.DataFrame({name: [] for name in _WEATHER_COLUMNS}).astype(
                {"station": str, "observed_on": "datetime64[us]"}
            )
        frame = pd.read_parquet(self._files[WEATHER_FILE])
        frame = frame.rename(
            columns={"tmax": "tmax_degc", "tmin": "tmin_degc", "prcp": "prcp_mm"}
        ).assign(observed_on=pd.to_datetime(frame["date"]))
        return frame[_WEATHER_COLUMNS]

    def _published(self, city: City, dataset_id: str) -> PublishedDataset:
        adapter = city.dataset(dataset_id).adapter
        table = self._rows(city, dataset_id, adapter)
        newest, lag = _newest_day(table), max(city.publication.lag_days, 1)
        updated = refresh_moment(newest + timedelta(days=lag)) if newest else _NEVER
        title = TITLES.get(dataset_id, f"Reports of {city.title}")
        return PublishedDataset(dataset_id, adapter, title, table, updated)

    def _rows(self, city: City, dataset_id: str, adapter: str) -> pa.Table:
        is_own = city == self._own
        if dataset_id == "2nrs-mtv8" or (is_own and adapter == "lapd_legacy"):
            paths = [self._files[name] for name in LOS_ANGELES_FILES if name in self._files]
            return _legacy_rows(paths) if paths else COLUMNS[adapter].empty_table()
        if adapter == "chicago" and CHICAGO_FILE in self._files:
            return _chicago_rows(self._files[CHICAGO_FILE])
        return COLUMNS[adapter].empty_table()


def _newest_day(table: pa.Table) -> date | None:
    names = [n for n in ("date_rptd", "date") if n in table.column_names]
    newest = pc.max(table[names[0]]).as_py()
    return newest.date() if newest else None


def _legacy_rows(paths: list[Path]) -> pa.Table:
    """Return the union of legacy files, each report once, in the order of its number."""
    frame = pd.concat([pd.read_parquet(path) for path in paths])
    frame = frame.drop_duplicates("dr_no").sort_values("dr_no")
    frame["area"] = frame["area"].astype(str).str.zfill(2)
    frame["crm_cd"] = frame["crm_cd"].astype(str)
    return _as_table(frame, "lapd_legacy")


def _chicago_rows(path: Path) -> pa.Table:
    """Return Chicago's rows, sorted, with ids made up from their order."""
    frame = pq.read_table(path).to_pandas()
    frame = frame.rename(columns={"occurred_at": "date"})
    frame = frame.sort_values(["date", "primary_type", "latitude", "longitude"], kind="stable")
    frame["id"] = [str(_FIRST_CHICAGO_ID + k) for k in range(len(frame))]
    return _as_table(frame, "chicago")


def _as_table(frame: pd.DataFrame, adapter: str) -> pa.Table:
    names = COLUMNS[adapter].names
    return pa.Table.from_pandas(frame[names], schema=COLUMNS[adapter], preserve_index=False)
