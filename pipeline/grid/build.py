"""The cube, put together from incidents, weather and calendar, and its form in the lake."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.domain.cells import Cells
from pipeline.domain.city import City
from pipeline.domain.columns import CELLS, CUBE_WEEKS
from pipeline.domain.errors import InvalidRequest, WeekNotReady
from pipeline.domain.timeline import days_of, week_numbers
from pipeline.domain.weeks import EPOCH, WEEK, last_whole_week, week_range, week_start_of
from pipeline.grid.counts import Tally, count_reports, in_city_cells, weeks_and_delays
from pipeline.grid.cube import Cube
from pipeline.grid.gridded_weather import StationWeather, station_weather

CALENDAR_WEEKS_AHEAD = 6
TRACE_SHARE, QUARTER_WEEKS = 0.02, 13
_CALENDAR = ("holiday_days", "holidays", "daylight_hours")


def build_cube(
    city: City,
    incidents: pa.Table,
    daily_weather: pa.Table,
    calendar: pd.DataFrame,
    *,
    known_through: date,
) -> tuple[Cube, Tally]:
    """Lay incidents and weather on the grid, over the weeks that `cube_weeks` gives.

    Reports of days before the first whole week are in the tally, but in no week of the cube.

    Args:
        city: gives grid, cells, offences and stations.
        incidents: table of contract INCIDENTS.
        daily_weather: table of contract WEATHER_DAILY; may be empty.
        calendar: columns week_start, holiday_days, holidays, daylight_hours; holds every week of
            the cube.
        known_through: last day whose reports were published.

    Raises:
        WeekNotReady: there is not one whole week of incidents.
        InvalidRequest: the calendar lacks a week of the cube.
    """
    starts = cube_weeks(incidents, known_through)
    cells = in_city_cells(city, incidents)
    counts, tally = count_reports(city, cells, incidents)
    week = counts["week_start"]
    held = pc.and_(pc.greater_equal(week, starts[0]), pc.less_equal(week, starts[-1]))
    cube = Cube(
        cells,
        counts.filter(held),
        station_weather(city, cells, daily_weather, starts),
        _weeks(incidents, calendar, starts, last_whole_week(known_through)),
    )
    return cube, tally


def cube_weeks(incidents: pa.Table, known_through: date) -> list[date]:
    """Return the weeks of a cube: from the first whole one to six past the last whole one.

    A week is whole if it starts on or after the first day with a report, wrong dates aside, and
    ends on or before `known_through`.

    Raises:
        WeekNotReady: there are no incidents, or not one whole week of them.
    """
    first_day = _first_day(incidents)
    if first_day is None:
        raise WeekNotReady("There are no reports at all, so no week of them. Pull them first.")
    first = week_start_of(first_day + timedelta(days=6))
    last = last_whole_week(known_through)
    if last < first:
        raise WeekNotReady(
            f"Reports from {first_day}, known through {known_through}, hold no whole week (Sunday "
            "to Saturday). Pull more history, or wait for the next refresh."
        )
    return week_range(first, last + WEEK * CALENDAR_WEEKS_AHEAD)


def _first_day(incidents: pa.Table) -> date | None:
    """Return the first day of the reports, but for a few whose date is wrong; None without any.

    It lies in the first week from which half of a quarter's weeks hold more than a trace of the
    reports that a week has, as seen by the median report.
    """
    if not incidents.num_rows:
        return None
    days = days_of(incidents["occurred_on"])
    week = week_numbers(days)
    counts = np.bincount(week - week.min())
    usual = np.median(counts[week - week.min()])
    is_dense = counts > TRACE_SHARE * usual
    ahead = np.lib.stride_tricks.sliding_window_view(
        np.pad(is_dense, (0, QUARTER_WEEKS - 1), mode="edge"), QUARTER_WEEKS
    )
    starts = np.flatnonzero(is_dense & (2 * ahead.sum(axis=1) >= QUARTER_WEEKS))
    first = week.min() + (starts[0] if len(starts) else 0)
    return EPOCH + timedelta(days=int(days[week >= first].min()))


def cube_tables(cube: Cube) -> dict[str, pa.Table]:
    """Return a cube as tables for the lake: cells, counts, stations, station_weeks, weeks."""
    cells = {"row": cube.cells.row, "col": cube.cells.col, "division": list(cube.cells.division)}
    return {
        "cells": CELLS.conform(pa.table(cells)),
        "counts": cube.counts_table,
        "stations": cube.station_weather.stations,
        "station_weeks": cube.station_weather.weeks,
        "weeks": cube.weeks_table,
    }


def cube_from_tables(city: City, tables: Mapping[str, pa.Table]) -> Cube:
    """Return the cube that `cube_tables` gave, on the city's grid.

    Raises:
        InvalidRequest: it is a cube of a release that stored other tables.
    """
    if "station_weeks" not in tables:
        raise InvalidRequest(
            f"This cube holds {', '.join(sorted(tables))}, as releases up to 0.2.0 stored it; "
            "expected station_weeks. Run the week again from its step build_grid."
        )
    row, col, division = (tables["cells"][name] for name in ("row", "col", "division"))
    cells = Cells(
        city.grid.shape,
        row.to_numpy().astype(np.int64),
        col.to_numpy().astype(np.int64),
        tuple(division.to_pylist()),
    )
    weather = StationWeather.of(city.grid, cells, tables["stations"], tables["station_weeks"])
    return Cube(cells, tables["counts"], weather, tables["weeks"])


def _weeks(
    incidents: pa.Table, calendar: pd.DataFrame, starts: Sequence[date], last_whole: date
) -> pa.Table:
    """Return CUBE_WEEKS; reports of days outside the weeks are passed over."""
    index = pd.DatetimeIndex(list(starts))
    days = calendar.set_index(pd.DatetimeIndex(calendar["week_start"]))
    lacking = index.difference(days.index)
    if len(lacking):
        raise InvalidRequest(
            f"The calendar lacks {len(lacking)} weeks of the cube, {lacking[0].date()} first. Give "
            f"it every Sunday from {starts[0]} to {starts[-1]}."
        )
    week, delay = weeks_and_delays(incidents)
    place = week - week_numbers(days_of(pa.array([starts[0]])))
    is_held = (place >= 0) & (place < len(starts))
    # Late reports would change a share that an earlier view has seen; these are known at once.
    is_prompt = is_held & (delay == 0)
    is_nibrs = is_prompt & pc.equal(incidents["era"], "nibrs").to_numpy()
    reports, prompt, nibrs = (
        np.bincount(place[chosen], minlength=len(starts))
        for chosen in (is_held, is_prompt, is_nibrs)
    )
    frame = days.loc[index, list(_CALENDAR)].reset_index(drop=True)
    frame["week_start"] = list(starts)
    frame["is_whole"] = [start <= last_whole for start in starts]
    frame["reports"] = reports
    frame["nibrs_share"] = nibrs / np.maximum(prompt, 1)
    return CUBE_WEEKS.conform(frame)
