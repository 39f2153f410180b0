"""Incidents to weekly counts by week, reporting delay, offence class and cell."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from pipeline.domain.cells import Cells
from pipeline.domain.city import City
from pipeline.domain.columns import CUBE_COUNTS
from pipeline.domain.errors import WeekNotReady
from pipeline.domain.grid_spec import GridSpec
from pipeline.domain.timeline import days_of, sundays, week_numbers

MOVE_AT_MOST_CELLS = 2.0
# Above this many (week, delay, class, cell) slots, sorting the index is cheaper than its histogram.
DENSE_SLOTS = 20_000_000


@dataclass(frozen=True)
class Tally:
    """Where each row went; `rows` is the sum of the others but `moved`.

    Attributes:
        rows: incidents that came in.
        placed: located in a cell of the city.
        moved: those of the placed whose own cell is not in the city, put into the nearest that is.
        missing: without a location at the source.
        withheld: counted for the whole city and never placed.
        out_of_box: located outside the grid's bounds.
        outside_city: located too far from any cell of the city.
    """

    rows: int
    placed: int
    moved: int
    missing: int
    withheld: int
    out_of_box: int
    outside_city: int


@dataclass(frozen=True)
class _Places:
    """Each incident's cell id (-1 city-wide) and whether it is counted, (n,) each; the tally."""

    cell: NDArray[np.int64]
    is_counted: NDArray[np.bool_]
    tally: Tally


def in_city_cells(city: City, incidents: pa.Table) -> Cells:
    """Return the city's listed cells, or where it lists none, those with any located report.

    Raises:
        WeekNotReady: there is neither a list nor a located report.
    """
    listed = city.listed_cells()
    if listed is not None:
        return listed
    row, col, inside = _locate(city.grid, incidents)
    inside &= _is(incidents, "located")
    if not inside.any():
        raise WeekNotReady(
            f"{city.title} lists no cells, and none of {incidents.num_rows} reports is located in "
            "its bounds. Pull its reports, or check the bounds in its TOML file."
        )
    return Cells.with_any(city.grid.shape, row[inside], col[inside])


def count_reports(city: City, cells: Cells, incidents: pa.Table) -> tuple[pa.Table, Tally]:
    """Count incidents (INCIDENTS) by week, delay, class and cell.

    Classes that the city counts city-wide only, and withheld locations, get row = col = -1. A point
    in the bounds whose own cell is not in the city goes to the nearest cell that is, if their
    centres are at most two cells apart (sqrt(rows**2 + cols**2) of the step), else nowhere.

    Returns:
        A table of contract CUBE_COUNTS sorted by its key, and the tally.
    """
    places = _place(city, cells, incidents)
    names, offence = _sorted_codes(incidents["offence_class"])
    fours = (*weeks_and_delays(incidents), offence, places.cell + 1)
    counted = [column[places.is_counted] for column in fours]
    return _count(counted, names, city.grid), places.tally


def weeks_and_delays(incidents: pa.Table) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return each incident's week of occurrence, and its reporting delay in weeks, (n,) each.

    Weeks are numbered as by `week_numbers`. A report without a date, or dated before its
    occurrence, counts as made in the same week.
    """
    reported_on = pc.coalesce(incidents["reported_on"], incidents["occurred_on"])
    week = week_numbers(days_of(incidents["occurred_on"]))
    return week, np.maximum(week_numbers(days_of(reported_on)) - week, 0)


def _is(incidents: pa.Table, status: str) -> NDArray[np.bool_]:
    return pc.equal(incidents["location_status"], status).to_numpy()


def _locate(
    grid: GridSpec, incidents: pa.Table
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    return grid.locate(incidents["lat"].to_numpy(), incidents["lon"].to_numpy())


def _place(city: City, cells: Cells, incidents: pa.Table) -> _Places:
    """Find each incident's cell."""
    citywide = pa.array(city.offences.citywide_only, pa.string())
    withheld = pc.is_in(incidents["offence_class"], value_set=citywide).to_numpy()
    withheld = withheld | _is(incidents, "withheld")
    missing = _is(incidents, "missing") & ~withheld
    row, col, inside = _locate(city.grid, incidents)
    located = ~withheld & ~missing
    own = np.where(inside, city.grid.cell_id(row, col), 0)
    nearest = _nearest_in_city(cells)[own]
    placed = located & inside & (nearest >= 0)
    tally = Tally(
        rows=incidents.num_rows,
        placed=int(placed.sum()),
        moved=int((placed & (nearest != own)).sum()),
        missing=int(missing.sum()),
        withheld=int(withheld.sum()),
        out_of_box=int((located & ~inside).sum()),
        outside_city=int((located & inside & (nearest < 0)).sum()),
    )
    return _Places(np.where(placed, nearest, -1), placed | withheld, tally)


def _nearest_in_city(cells: Cells) -> NDArray[np.int64]:
    """Return (rows * cols,) the id of each cell's nearest in-city cell; -1 where too far."""
    distance, (row, col) = distance_transform_edt(~cells.mask, return_indices=True)
    nearest = np.where(distance <= MOVE_AT_MOST_CELLS, row * cells.shape[1] + col, -1)
    return nearest.ravel().astype(np.int64)


def _count(fours: Sequence[NDArray[np.integer]], names: list[str], grid: GridSpec) -> pa.Table:
    """Count equal fours by one index that fuses them.

    Args:
        fours: (n,) each: week, delay, place of the class among the names, and slot, which is 0 for
            no cell and k + 1 for the cell with id k.
        names: classes in alphabetical order.
        grid: gives rows and columns of a cell.
    """
    week, delay, offence, slot = fours
    if not len(week):
        return CUBE_COUNTS.schema.empty_table()
    first = week.min()
    sizes = (
        int(week.max() - first) + 1,
        int(delay.max()) + 1,
        len(names),
        grid.rows * grid.cols + 1,
    )
    keys = np.ravel_multi_index((week - first, delay, offence, slot), sizes)
    keys, reports = _distinct(keys, sizes)
    week, delay, offence, slot = np.unravel_index(keys, sizes)
    cell = slot - 1
    columns = {
        "week_start": pa.array(sundays(first + week)),
        "delay_weeks": delay,
        "offence_class": pa.array(names).take(pa.array(offence)),
        "row": np.where(cell < 0, -1, cell // grid.cols),
        "col": np.where(cell < 0, -1, cell % grid.cols),
        "reports": reports,
    }
    # Keys are distinct and values in range by how they are made; checking would double the time.
    return pa.table(columns).cast(CUBE_COUNTS.schema)


def _sorted_codes(offence: pa.ChunkedArray) -> tuple[list[str], NDArray[np.int32]]:
    """Return the classes in alphabetical order, and each row's place among them."""
    encoded = offence.dictionary_encode().combine_chunks()
    found = encoded.dictionary.to_pylist()
    names = sorted(found)
    place = np.array([names.index(name) for name in found], dtype=np.int32)
    return names, place[encoded.indices.to_numpy()]


def _distinct(
    keys: NDArray[np.int64], sizes: tuple[int, ...]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the distinct keys in order, and how often each occurs."""
    slots = np.prod(sizes, dtype=np.float64)
    if slots > DENSE_SLOTS:
        # Short numbers are sorted in half the time.
        short = keys.astype(np.uint32) if slots <= 2**32 else keys
        distinct, reports = np.unique(short, return_counts=True)
        return distinct.astype(np.int64), reports
    histogram = np.bincount(keys)
    distinct = np.flatnonzero(histogram)
    return distinct, histogram[distinct]
