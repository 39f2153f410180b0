"""Points on a grid by this package, pandas, DuckDB and geopandas: a part of `make bench-data`."""

import time
from collections.abc import Callable
from datetime import date
from functools import partial

import duckdb
import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
from shapely import box

from pipeline.domain.city import City, load_city
from pipeline.domain.columns import INCIDENTS
from pipeline.domain.weeks import EPOCH
from pipeline.grid.counts import count_reports, in_city_cells
from scripts.bench import listed_cells

POINTS, WEEKS = 3_000_000, 830
FIRST_SUNDAY = date(2010, 1, 3)
CLASSES = ("robbery", "aggravated_assault", "homicide", "burglary", "theft", "vandalism")
KEY = ["week", "delay", "offence", "row", "col"]
Rows = list[tuple[str, str]]


def timed(call: Callable[[], object], times: int = 3) -> tuple[float, object]:
    """Return the least CPU seconds of a call, and what it returned."""
    least, made = float("inf"), None
    for _ in range(times):
        started = time.process_time()
        made = call()
        least = min(least, time.process_time() - started)
    return least, made


def made_up_incidents(city: City, weeks: int, points: int) -> pa.Table:
    """Return random reports in the city's cells, some cells far busier than others."""
    random, grid = np.random.default_rng(1), city.grid
    rows, cols = listed_cells(city)
    weight = random.gamma(0.6, size=len(rows))
    cell = random.choice(len(rows), points, p=weight / weight.sum())
    day = random.integers(0, weeks * 7, points)
    day[:2] = 0, weeks * 7 - 1
    delay = np.minimum(random.geometric(0.6, points) - 1, 60)
    first = np.datetime64(FIRST_SUNDAY)
    row, col = rows[cell] + random.random(points), cols[cell] + random.random(points)
    known = {
        "incident_id": np.arange(points).astype(str),
        "occurred_on": first + day,
        "reported_on": first + day + delay,
        "offence_class": np.array(CLASSES)[random.integers(0, len(CLASSES), points)],
        "lat": grid.south + row * (grid.north - grid.south) / grid.rows,
        "lon": grid.west + col * (grid.east - grid.west) / grid.cols,
        "location_status": np.full(points, "located"),
    }
    for field in INCIDENTS.schema:
        unknown = pa.nulls(points, field.type) if field.nullable else np.full(points, "nibrs")
        known.setdefault(field.name, unknown)
    return INCIDENTS.conform(pa.table(known))


def by_pandas(city: City, frame: pd.DataFrame) -> pd.DataFrame:
    """Count points as an analyst would with pandas."""
    grid = city.grid
    row = np.floor((frame["lat"] - grid.south) / (grid.north - grid.south) * grid.rows)
    col = np.floor((frame["lon"] - grid.west) / (grid.east - grid.west) * grid.cols)
    week = frame["occurred"] // 7
    delay = frame["reported"] // 7 - week
    keys = frame.assign(row=row, col=col, week=week, delay=delay)
    return keys.groupby(KEY, observed=True).size().rename("reports").reset_index()


def by_duckdb(city: City, frame: pd.DataFrame) -> pd.DataFrame:
    """Count points by one SQL statement."""
    grid = city.grid
    with duckdb.connect(config={"threads": 1}) as database:
        database.register("points", frame)
        return database.execute(
            "SELECT occurred // 7 AS week, reported // 7 - occurred // 7 AS delay, offence,"
            " floor((lat - $south) / $height * $rows) AS row,"
            " floor((lon - $west) / $width * $cols) AS col, count(*) AS reports"
            " FROM points GROUP BY ALL",
            {
                "south": grid.south, "height": grid.north - grid.south, "rows": grid.rows,
                "west": grid.west, "width": grid.east - grid.west, "cols": grid.cols,
            },
        ).df()  # fmt: skip


def by_geopandas(city: City, frame: pd.DataFrame) -> pd.DataFrame:
    """Count points by a spatial join with the cells as polygons."""
    rows, cols = listed_cells(city)
    bounds = [city.grid.bounds(int(row), int(col)) for row, col in zip(rows, cols, strict=True)]
    polygons = gpd.GeoDataFrame({"row": rows, "col": cols}, geometry=[box(*b) for b in bounds])
    points = gpd.GeoDataFrame(frame, geometry=gpd.points_from_xy(frame["lon"], frame["lat"]))
    joined = points.sjoin(polygons, predicate="within")
    joined = joined.assign(week=joined["occurred"] // 7)
    joined["delay"] = joined["reported"] // 7 - joined["week"]
    return joined.groupby(KEY, observed=True).size().rename("reports").reset_index()


def gridding() -> tuple[Rows, dict[str, float]]:
    """Count the same points four ways, and see that all counts agree."""
    city = load_city("los_angeles")
    incidents = made_up_incidents(city, WEEKS, POINTS)
    cells = in_city_cells(city, incidents)
    days = (np.datetime64(FIRST_SUNDAY) - np.datetime64(EPOCH)).astype(int)
    frame = pd.DataFrame(
        {
            "occurred": incidents["occurred_on"].cast(pa.int32()).to_numpy() - days,
            "reported": incidents["reported_on"].cast(pa.int32()).to_numpy() - days,
            "offence": pd.Categorical(incidents["offence_class"].to_pandas()),
            "lat": incidents["lat"].to_numpy(),
            "lon": incidents["lon"].to_numpy(),
        }
    )
    own_s, made = timed(lambda: count_reports(city, cells, incidents)[0])
    own = made.to_pandas().rename(columns={"delay_weeks": "delay", "offence_class": "offence"})
    own["week"] = (pd.to_datetime(own["week_start"]) - pd.Timestamp(FIRST_SUNDAY)).dt.days // 7
    locate = partial(city.grid.locate, frame["lat"].to_numpy(), frame["lon"].to_numpy())
    locate_s, _ = timed(locate)
    rows = [_points_row("week, delay, class and cell", own_s), _points_row("cell alone", locate_s)]
    figures = {"grid_s": own_s, "locate_s": locate_s}
    for name, count, times in (
        ("pandas", by_pandas, 2), ("DuckDB", by_duckdb, 2), ("geopandas", by_geopandas, 1)
    ):  # fmt: skip
        seconds, counted = timed(partial(count, city, frame), times)
        rows.append(_points_row(f"the former by {name}, {_same(own, counted)}", seconds))
        figures[f"{name}_s"] = seconds
    return rows, figures


def _points_row(what: str, seconds: float) -> tuple[str, str]:
    return f"{POINTS:,} points by {what}", f"{seconds:.2f} s, {POINTS / seconds / 1e6:.1f} M a s"


def _same(own: pd.DataFrame, other: pd.DataFrame) -> str:
    """Say in how many keys two counts differ."""
    both = own.assign(offence=own["offence"].astype(str)).merge(
        other.assign(offence=other["offence"].astype(str)), on=KEY, how="outer"
    )
    differ = int((both["reports_x"] != both["reports_y"]).sum())
    return "equal counts" if not differ else f"{differ} of {len(both)} counts differ"
