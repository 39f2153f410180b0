"""Time what data cost before they are learnt from: `make bench-data`.

Reports on the grid, beside pandas, DuckDB and geopandas on the same points, each on one core; the
steps of a week of half a million simulated rows, and again without training; and how the cost grows
with history and grid. SIMULATED or random throughout: this measures speed and memory, never skill.
"""

import multiprocessing
import resource
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from queue import Queue

import duckdb
import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
from shapely import box

from pipeline.domain.city import City, load_city
from pipeline.domain.columns import INCIDENTS, WEATHER_DAILY
from pipeline.domain.weeks import EPOCH
from pipeline.grid.build import build_cube
from pipeline.grid.counts import count_reports, in_city_cells
from pipeline.model.channels import CHANNELS, log_rates
from pipeline.model.inputs import read_history
from pipeline.model.windows import TARGET
from pipeline.replay.server import ReplayServer
from pipeline.replay.simulator import simulate
from pipeline.settings import Settings
from pipeline.sources.calendar import weekly_calendar
from pipeline.workflow.plan import make_plan
from pipeline.workflow.run import run_week
from scripts.bench import listed_cells
from scripts.bench_record import show, tell

POINTS, WEEKS = 3_000_000, 830
FIRST_SUNDAY = date(2010, 1, 3)
CLASSES = ("robbery", "aggravated_assault", "homicide", "burglary", "theft", "vandalism")
WEEK_FIRST, WEEK_LAST = date(2024, 1, 7), date(2025, 12, 31)  # some half a million rows
HISTORY_YEARS = (1, 5, 15)
FINER = (1, 2, 4)  # times as many rows and columns
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


def _serve(addresses: Queue, source_days: tuple[date, date]) -> None:
    with ReplayServer(simulate(1, *source_days)) as server:
        addresses.put(server.url)
        time.sleep(3600)


def a_week() -> tuple[Rows, dict[str, float]]:
    """Run a week of half a million rows, then the next one without training."""
    context = multiprocessing.get_context("spawn")
    addresses = context.Queue()
    serving = context.Process(target=_serve, args=(addresses, (WEEK_FIRST, WEEK_LAST)), daemon=True)
    serving.start()
    try:
        with tempfile.TemporaryDirectory() as home:
            settings = Settings(
                home=Path(home), replay_url=addresses.get(timeout=300),
                history_start=f"{WEEK_FIRST}", train_epochs=2,
            )  # fmt: skip
            return _two_weeks(settings)
    finally:
        serving.terminate()


def _two_weeks(settings: Settings) -> tuple[Rows, dict[str, float]]:
    now = datetime.combine(WEEK_LAST + timedelta(days=14), datetime.min.time(), UTC)
    seconds: dict[str, float] = {}
    peak: dict[str, float] = {}
    step, since = "", time.perf_counter()

    def watch(name: str) -> None:
        nonlocal step, since
        seconds[step], peak[step] = time.perf_counter() - since, _peak_mb()
        step, since = name, time.perf_counter()

    first = make_plan(settings, city="los_angeles", issue_date=None, data_interval_end=now, now=now)
    done = run_week(settings, first, now=now, watch=watch)
    rows_in = done.validated["rows_in"]
    pull_s, check_s = seconds["pull_crime"], seconds["validate"]
    later = now + timedelta(weeks=1)
    again = make_plan(
        settings, city="los_angeles", issue_date=None, data_interval_end=later,
        training="reuse", now=later,
    )  # fmt: skip
    started = time.perf_counter()
    run_week(settings, again, now=later)
    week_s = time.perf_counter() - started
    return [
        (f"{rows_in:,} replayed rows pulled", f"{pull_s:.1f} s, {peak['pull_crime']:.0f} MB"),
        ("the same checked", f"{check_s:.1f} s, {check_s / rows_in * 1e6:.1f} s a million"),
        ("a week without training", f"{week_s:.1f} s"),
    ], {"pull_s": pull_s, "check_s_per_million": check_s / rows_in * 1e6, "week_s": week_s}


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def growth() -> tuple[Rows, dict[str, float]]:
    """Measure how cost grows with years of history, and with cells of the grid."""
    rows, figures = [], {}
    city = load_city("los_angeles")
    spent = [_steps_s(city, years * 52) for years in HISTORY_YEARS]
    for name in spent[0]:
        power = _power(HISTORY_YEARS, [one[name] for one in spent])
        cost = ", ".join(f"{one[name]:.2f}" for one in spent)
        rows.append((f"{name}: 1, 5, 15 years of history", f"{cost} s; years ^ {power:.2f}"))
    figures["as_of_15_years_s"] = spent[-1]["counts as of a week"]
    finer = [_steps_s(_finer(city, times), 104) for times in FINER]
    for name in finer[0]:
        power = _power([times**2 for times in FINER], [one[name] for one in finer])
        cost = ", ".join(f"{one[name]:.2f}" for one in finer)
        rows.append((f"{name}: grid of 1, 4, 16 times the cells", f"{cost} s; cells ^ {power:.2f}"))
    return rows, figures


def _finer(city: City, times: int) -> City:
    rows, cols = city.grid.rows * times, city.grid.cols * times
    grid = city.grid.model_copy(update={"rows": rows, "cols": cols})
    return city.model_copy(update={"grid": grid, "cells_file": None})


def _steps_s(city: City, weeks: int) -> dict[str, float]:
    """Return CPU seconds of a cube, of its counts as of a week, and of a forecast's channels."""
    coarse = load_city("los_angeles")
    incidents = made_up_incidents(coarse, weeks, weeks * 4_000)
    last = FIRST_SUNDAY + timedelta(weeks=weeks, days=-1)
    starts = [FIRST_SUNDAY + timedelta(weeks=k) for k in range(weeks + 12)]
    calendar = weekly_calendar(city, starts)
    no_weather = WEATHER_DAILY.schema.empty_table()
    make = partial(build_cube, city, incidents, no_weather, calendar, known_through=last)
    cube_s, (cube, _) = timed(make, 1)  # type: ignore[misc]
    edge = cube.whole_weeks[-1]
    as_of_s, _ = timed(lambda: cube.as_of(edge).counts(city.offences.target))
    view = cube.as_of(edge)
    history = read_history(view, city, ())
    others = history.kinds.others
    rates = partial(
        log_rates, {TARGET: history.target, **others}, view.cells.mask, history.newest, CHANNELS
    )
    rates_s, _ = timed(rates)
    return {"cube": cube_s, "counts as of a week": as_of_s, "channels of a forecast": rates_s}


def _power(sizes: list[int] | tuple[int, ...], seconds: list[float]) -> float:
    """Return the slope of log seconds on log size."""
    return float(np.polyfit(np.log(sizes), np.log(np.maximum(seconds, 1e-4)), 1)[0])


def main() -> None:
    """Measure everything, print it and keep it."""
    rows, figures = [], {}
    for part in (gridding, a_week, growth):
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
            more_rows, more_figures = process.submit(part).result()  # its peak memory is its own
        rows += more_rows
        figures |= more_figures
    show("Data", rows)
    tell("data", figures)


if __name__ == "__main__":
    main()
