"""The contract of every table that is written: columns, types, units, ranges, key."""

from dataclasses import dataclass

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.domain.errors import SchemaDrift

DAY = pa.date32()
TEXT = pa.string()
REAL = pa.float64()
INT = pa.int32()
FLAG = pa.bool_()


@dataclass(frozen=True)
class Column:
    """One column: its Arrow type, what it means, its unit, and the values it may hold."""

    name: str
    type: pa.DataType
    meaning: str
    unit: str = ""
    low: float | None = None
    high: float | None = None
    is_nullable: bool = False
    allowed: tuple[str, ...] | None = None


@dataclass(frozen=True)
class TableContract:
    """A table's columns and key, and the one place that says whether data keep to them."""

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]

    @property
    def schema(self) -> pa.Schema:
        """The Arrow schema, with each column's unit and meaning in its metadata."""
        fields = [
            pa.field(c.name, c.type, c.is_nullable, {"unit": c.unit, "meaning": c.meaning})
            for c in self.columns
        ]
        return pa.schema(fields, {"table": self.name, "key": ",".join(self.key)})

    def conform(self, data: pa.Table | pd.DataFrame) -> pa.Table:
        """Return `data` with exactly this contract's columns, types and order, checked.

        Raises:
            SchemaDrift: a column is missing, can't be read as its type, or breaks its rules.
        """
        names = data.column_names if isinstance(data, pa.Table) else list(data.columns)
        missing = [c.name for c in self.columns if c.name not in names]
        if missing:
            raise SchemaDrift(
                f"Table {self.name} lacks {', '.join(missing)}; found {', '.join(map(str, names))}."
            )
        wanted = [c.name for c in self.columns]
        try:
            if isinstance(data, pa.Table):
                table = data.select(wanted).cast(self.schema)
            else:
                table = pa.Table.from_pandas(data[wanted], schema=self.schema, preserve_index=False)
        except (pa.ArrowInvalid, pa.ArrowTypeError, ValueError) as error:
            raise SchemaDrift(f"Table {self.name} does not fit its types: {error}") from error
        table = table.replace_schema_metadata(self.schema.metadata)
        self._check(table)
        return table

    def _check(self, table: pa.Table) -> None:
        for column in self.columns:
            problem = _problem(column, table[column.name])
            if problem:
                raise SchemaDrift(f"Table {self.name}, column {column.name}: {problem}")
        if table.num_rows and self.key:
            distinct = table.group_by(list(self.key)).aggregate([]).num_rows
            if distinct != table.num_rows:
                raise SchemaDrift(
                    f"Table {self.name}: {table.num_rows - distinct} of {table.num_rows} rows "
                    f"repeat the key ({', '.join(self.key)}), which must be unique."
                )


def _problem(column: Column, values: pa.ChunkedArray) -> str | None:
    """Say how values break their column's rules, or None."""
    if column.low is not None or column.high is not None:
        found = pc.min_max(values).as_py()
        low = column.low if column.low is not None else float("-inf")
        high = column.high if column.high is not None else float("inf")
        if found["min"] is not None and (found["min"] < low or found["max"] > high):
            return (
                f"values from {found['min']} to {found['max']}, allowed {column.low} to "
                f"{column.high} {column.unit}".rstrip()
                + "."
            )
    if column.allowed is not None:
        strange = sorted(set(pc.unique(values).to_pylist()) - {*column.allowed, None})
        if strange:
            return f"found {strange[:5]}, allowed {list(column.allowed)}."
    return None


ERAS = ("legacy", "nibrs", "other")
LOCATION_STATUSES = ("located", "missing", "withheld")

INCIDENTS = TableContract(
    "incidents",
    (
        Column("incident_id", TEXT, "scheme and case number, one row per case"),
        Column("dataset", TEXT, "id of the source dataset"),
        Column("era", TEXT, "records system the case was entered in", allowed=ERAS),
        Column("occurred_on", DAY, "local date of occurrence"),
        Column("reported_on", DAY, "local date of report; null where not published",
               is_nullable=True),
        Column("offence_code", TEXT, "code of the most serious offence, prefixed by scheme"),
        Column("offence_class", TEXT, "class the code maps to, or 'other'"),
        Column("area", INT, "police division number", is_nullable=True, low=1),
        Column("lat", REAL, "latitude of the hundred-block; null unless located", "deg",
               -90, 90, is_nullable=True),
        Column("lon", REAL, "longitude of the hundred-block; null unless located", "deg",
               -180, 180, is_nullable=True),
        Column("location_status", TEXT,
               "located; missing at the source; or withheld by us (sex offences)",
               allowed=LOCATION_STATUSES),
    ),
    ("incident_id",),
)  # fmt: skip

QUARANTINE = TableContract(
    "quarantine",
    (
        Column("table_name", TEXT, "contract the row was meant for"),
        Column("row_key", TEXT, "the row's key"),
        Column("reason", TEXT, "name of the check that it failed"),
        Column("row_json", TEXT, "the row as it came, as JSON"),
    ),
    ("table_name", "row_key", "reason"),
)

WEATHER_DAILY = TableContract(
    "weather_daily",
    (
        Column("station", TEXT, "GHCN-Daily id"),
        Column("observed_on", DAY, "local standard-time day"),
        Column("tmax_degc", REAL, "maximum temperature", "degC", -60, 60, is_nullable=True),
        Column("tmin_degc", REAL, "minimum temperature", "degC", -70, 50, is_nullable=True),
        Column("prcp_mm", REAL, "precipitation", "mm", 0, 2000, is_nullable=True),
        Column("source", TEXT, "service the day came from", allowed=("ncei", "acis", "nws")),
    ),
    ("station", "observed_on"),
)

WEATHER_FORECAST = TableContract(
    "weather_forecast",
    (
        Column("station", TEXT, "GHCN-Daily id of the station the point belongs to"),
        Column("issued_at", TEXT, "when the service updated the forecast, ISO 8601 UTC"),
        Column("valid_from", TEXT, "start of the period, ISO 8601"),
        Column("valid_hours", REAL, "length of the period", "h", 0, 400),
        Column("layer", TEXT, "name of the forecast layer"),
        Column("value", REAL, "degC for temperatures, mm for rain, % for probability",
               is_nullable=True),
    ),
    ("station", "issued_at", "layer", "valid_from"),
)  # fmt: skip

# The words of a column are part of the hash of a cube or forecast that has it.
ROW = Column("row", INT, "grid row, 0 in the south", low=0)
COL = Column("col", INT, "grid column, 0 in the west", low=0)
DIVISION = Column("division", TEXT, "police division of the cell's centre, or 'city'")

CELLS = TableContract(
    "cells",
    (ROW, COL, DIVISION),
    ("row", "col"),
)

CUBE_COUNTS = TableContract(
    "cube_counts",
    (
        Column("week_start", DAY, "Sunday of the week of occurrence"),
        Column("delay_weeks", INT, "week of report minus week of occurrence", "weeks", 0),
        Column("offence_class", TEXT, "offence class"),
        Column("row", INT, "grid row; -1 where counted city-wide only", low=-1),
        Column("col", INT, "grid column; -1 where counted city-wide only", low=-1),
        Column("reports", INT, "number of reports", "reports", 1),
    ),
    ("week_start", "delay_weeks", "offence_class", "row", "col"),
)

GRID_ROW = Column("row", INT, "grid row", low=0)
GRID_COL = Column("col", INT, "grid column", low=0)

CUBE_STATIONS = TableContract(
    "cube_stations",
    (
        Column("station", TEXT, "GHCN-Daily id"),
        Column("lat", REAL, "latitude", "degrees", -90, 90),
        Column("lon", REAL, "longitude", "degrees", -180, 180),
    ),
    ("station",),
)

WEEKLY_WEATHER = (
    Column("tmean_degc", REAL, "mean of daily (max + min) / 2", "degC", -60, 60, is_nullable=True),
    Column("prcp_mm", REAL, "precipitation in the week", "mm", 0, 14_000, is_nullable=True),
    Column("warm_days", REAL, "days with a maximum of the city's warm threshold or more",
           "days", 0, 7, is_nullable=True),
    Column("missing_days", REAL, "days without an observation, interpolated like the rest",
           "days", 0, 7),
)  # fmt: skip

CUBE_STATION_WEEKS = TableContract(
    "cube_station_weeks",
    (
        Column("week_start", DAY, "Sunday of the week"),
        Column("station", TEXT, "GHCN-Daily id of a station that counts in the week"),
        *WEEKLY_WEATHER,
    ),
    ("week_start", "station"),
)

CUBE_WEATHER = TableContract(
    "cube_weather",
    (Column("week_start", DAY, "Sunday of the week"), GRID_ROW, GRID_COL, *WEEKLY_WEATHER),
    ("week_start", "row", "col"),
)

CUBE_WEEKS = TableContract(
    "cube_weeks",
    (
        Column("week_start", DAY, "Sunday of the week"),
        Column("is_whole", FLAG, "all seven days lie within what was published"),
        Column("reports", INT, "reports of all classes that occurred in the week", "reports", 0),
        Column("nibrs_share", REAL,
               "share of those reported within the week that were entered in the NIBRS system",
               "", 0, 1),
        Column("holiday_days", INT, "public holidays in the week", "days", 0, 7),
        Column("holidays", TEXT, "their names, separated by '; '"),
        Column("daylight_hours", REAL, "length of daylight on the Wednesday", "h", 0, 24),
    ),
    ("week_start",),
)  # fmt: skip

ISSUE_DATE = Column("issue_date", DAY, "when the forecast is made")
TARGET_WEEK = Column("week_start", DAY, "Sunday of the target week")
HORIZON = Column("horizon", INT, "weeks from edge to target", "weeks", 1, 5)
MEAN = Column("mean", REAL, "expected count", "reports", 0)
NB_SIZE = Column("nb_size", REAL, "size of the negative binomial", "", 0)
P_ANY = Column("p_any", REAL, "probability of one or more", "", 0, 1)
P_TOP5 = Column(
    "p_top5", REAL, "share of re-runs of history in which the cell is in the top 5 % of in-city "
    "cells; null where none were made", "", 0, 1, is_nullable=True,
)  # fmt: skip

FORECAST_CELLS = TableContract(
    "forecast_cells",
    (ISSUE_DATE, TARGET_WEEK, HORIZON, GRID_ROW, GRID_COL, MEAN, NB_SIZE, P_ANY, P_TOP5),
    ("issue_date", "week_start", "horizon", "row", "col"),
)

FORECAST_TOTALS = TableContract(
    "forecast_totals",
    (
        ISSUE_DATE,
        TARGET_WEEK,
        HORIZON,
        Column("place", TEXT, "'city', or the name of a police division"),
        MEAN,
        NB_SIZE,
    ),
    ("issue_date", "week_start", "horizon", "place"),
)
