"""The cube: weekly counts by reporting delay, with weather and calendar; and its as-of views.

A view is the only way to read a cube: no other room touches its tables.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.domain.cells import Cells
from pipeline.domain.errors import InvalidRequest, WeekNotReady
from pipeline.domain.weeks import EPOCH, WEEK, week_range
from pipeline.grid.gridded_weather import StationWeather

WEATHER_NAMES = ("tmean_degc", "prcp_mm", "warm_days", "missing_days")


@dataclass(frozen=True)
class Cube:
    """Everything a model may learn from, at every delay it became known with.

    Attributes:
        cells: the in-city cells.
        counts_table: contract CUBE_COUNTS (sparse: only cells with reports).
        station_weather: weekly weather at the stations, for these cells.
        weeks_table: contract CUBE_WEEKS, one row per week, without gaps, sorted; it runs past
            the newest data as far as calendars are needed.
    """

    cells: Cells
    counts_table: pa.Table
    station_weather: StationWeather
    weeks_table: pa.Table

    @cached_property
    def weather_table(self) -> pa.Table:
        """The weekly weather of every cell: contract CUBE_WEATHER; may be empty."""
        return self.station_weather.on_cells(self.cells)

    @cached_property
    def whole_weeks(self) -> list[date]:
        """The weeks of which all reports may be known, oldest first."""
        weeks = self.weeks_table
        return sorted(weeks.filter(weeks["is_whole"])["week_start"].to_pylist())

    def outcome(self, classes: Sequence[str], weeks: Sequence[date]) -> NDArray[np.float64]:
        """Return (weeks, in-city cells) reports of these classes, by all that is known of them.

        It is what forecasts of these weeks are scored by; no forecast may see it.
        """
        table = self.counts_table
        is_wanted = pc.and_(
            pc.is_in(table["week_start"], pa.array(weeks, pa.date32())),
            pc.and_(
                pc.is_in(table["offence_class"], pa.array(classes)),
                pc.greater_equal(table["row"], 0),
            ),
        )
        frame = table.filter(is_wanted).to_pandas()
        grids = np.zeros((len(weeks), *self.cells.shape))
        week = pd.Index(weeks).get_indexer(frame["week_start"])
        np.add.at(grids, (week, frame["row"], frame["col"]), frame["reports"])
        counts: NDArray[np.float64] = grids[:, self.cells.row, self.cells.col]
        return counts

    def as_of(self, edge_week: date) -> "CubeView":
        """Return what was known once `edge_week` had been published.

        Raises:
            WeekNotReady: the edge week isn't in the cube, or isn't whole there.
        """
        weeks = self.weeks_table.to_pandas()
        row = weeks[weeks["week_start"] == edge_week]
        if row.empty or not bool(row["is_whole"].iloc[0]):
            state = "not there" if row.empty else "not whole"
            raise WeekNotReady(
                f"Week {edge_week} is {state} in the cube, which holds whole weeks "
                f"{weeks['week_start'].min()} to "
                f"{weeks.loc[weeks['is_whole'], 'week_start'].max()}. "
                "Take an earlier edge week, or pull newer data."
            )
        return CubeView(self, edge_week)


@dataclass(frozen=True)
class CubeView:
    """The cube as it was known once its edge week had been published.

    A report counts if the week it was reported in is the edge week or an earlier one.
    """

    _cube: Cube
    edge_week: date

    @property
    def cells(self) -> Cells:
        """The in-city cells."""
        return self._cube.cells

    @cached_property
    def week_starts(self) -> list[date]:
        """Every week from the first in the cube to the edge week, oldest first."""
        first = pc.min(self._cube.weeks_table["week_start"]).as_py()
        return week_range(first, self.edge_week)

    @property
    def first_whole_week(self) -> date:
        """The first week of which all reports may be known."""
        return self._cube.whole_weeks[0]

    def earlier(self, edge_week: date) -> "CubeView":
        """Return what was known at an earlier edge.

        Raises:
            InvalidRequest: it is no earlier one.
            WeekNotReady: it isn't in the cube, or isn't whole there.
        """
        if edge_week > self.edge_week:
            raise InvalidRequest(f"Week {edge_week} lies after {self.edge_week}, the view's edge.")
        return self._cube.as_of(edge_week)

    def without_delays(self) -> "CubeView":
        """Return a view that takes what is known as all there is, each report known at once.

        Weeks that are still being reported look quiet in it, as they do to a model that knows
        nothing of late reports.
        """
        counts = self._cube.counts_table.filter(self._is_known)
        at_once = pa.array(np.zeros(counts.num_rows, np.int32))
        place = counts.column_names.index("delay_weeks")
        kind = counts["delay_weeks"].type
        known = counts.set_column(place, "delay_weeks", at_once.cast(kind))
        return replace(self._cube, counts_table=known).as_of(self.edge_week)

    @cached_property
    def _is_known(self) -> pa.ChunkedArray:
        """Whether each row of the counts is known at the edge: the as-of filter, once."""
        table = self._cube.counts_table
        days = table["week_start"].cast(pa.int32())
        known_from = pc.add(days, pc.multiply(table["delay_weeks"], WEEK.days))
        return pc.less_equal(known_from, (self.edge_week - EPOCH).days)

    @cached_property
    def reports(self) -> pa.Table:
        """The reports known at the edge: contract CUBE_COUNTS with `week`, 0 for the first."""
        known = self._cube.counts_table.filter(self._is_known)
        first = (self.week_starts[0] - EPOCH).days
        days = pc.subtract(known["week_start"].cast(pa.int32()), first)
        return known.append_column("week", pc.divide(days, WEEK.days))

    def counts(
        self, classes: Sequence[str], known_within_weeks: int | None = None
    ) -> NDArray[np.float32]:
        """Return (weeks, rows, cols) reports of these classes, as known at the edge; read-only.

        They are counted once, as the steps of a week ask for the same.

        Args:
            classes: offence classes to add up.
            known_within_weeks: count only reports made within this many weeks of occurrence;
                None means all that is known.
        """
        asked = (tuple(classes), known_within_weeks)
        if asked not in self._counted:
            self._counted[asked] = self._count(*asked)
        return self._counted[asked]

    @cached_property
    def _counted(self) -> dict[tuple[tuple[str, ...], int | None], NDArray[np.float32]]:
        return {}

    def _count(
        self, classes: tuple[str, ...], known_within_weeks: int | None
    ) -> NDArray[np.float32]:
        known = self.reports
        is_one = pc.is_in(known["offence_class"], pa.array(classes, pa.string()))
        known = known.filter(pc.and_(is_one, pc.greater_equal(known["row"], 0)))
        if known_within_weeks is not None:
            known = known.filter(pc.less_equal(known["delay_weeks"], known_within_weeks))
        week, row, col = (known[name].to_numpy() for name in ("week", "row", "col"))
        rows, cols = self.cells.shape
        index = (week.astype(np.int64) * rows + row) * cols + col
        size = len(self.week_starts) * rows * cols
        flat = np.bincount(index, weights=known["reports"].to_numpy(), minlength=size)
        counts = flat.reshape(-1, rows, cols).astype(np.float32)
        counts.setflags(write=False)
        return counts

    @cached_property
    def weather_rows(self) -> pa.Table:
        """The weekly weather up to the edge: contract CUBE_WEATHER."""
        table = self._cube.weather_table
        return table.filter(pc.less_equal(table["week_start"], pa.scalar(self.edge_week)))

    def weather(self) -> NDArray[np.float32]:
        """Return (weeks, rows, cols, 4) weather up to the edge, in the order of WEATHER_NAMES.

        NaN where nothing is known: outside the city, and in weeks without observations.
        """
        rows, cols = self.cells.shape
        grid = np.full((len(self.week_starts), rows, cols, len(WEATHER_NAMES)), np.nan, np.float32)
        frame = self.weather_rows.to_pandas()
        week = (
            pd.to_datetime(frame["week_start"]) - pd.Timestamp(self.week_starts[0])
        ).dt.days // WEEK.days
        known = (week >= 0).to_numpy()
        place = (week[known], frame["row"][known], frame["col"][known])
        grid[place] = frame.loc[known, list(WEATHER_NAMES)].to_numpy(np.float32)
        return grid

    def calendar(self, weeks_past_edge: int = 0) -> pd.DataFrame:
        """Return the rows of CUBE_WEEKS from the first week to some weeks past the edge.

        `reports` are those known at the edge, placed or counted city-wide. Weeks past the edge have
        only what is known in advance: holidays and daylight.

        Raises:
            InvalidRequest: the cube's calendar does not reach that far.
        """
        last = self.edge_week + WEEK * weeks_past_edge
        table = self._cube.weeks_table
        known = table.filter(pc.less_equal(table["week_start"], pa.scalar(last)))
        frame = known.to_pandas()
        if frame["week_start"].iloc[-1] != last:
            raise InvalidRequest(
                f"The cube's calendar ends {frame['week_start'].iloc[-1]}, before {last}."
            )
        week, number = (self.reports[name].to_numpy() for name in ("week", "reports"))
        reports = np.bincount(week, weights=number, minlength=len(frame))
        frame["reports"] = reports.astype(np.int32)
        past = frame["week_start"] > self.edge_week
        frame.loc[past, ["reports", "nibrs_share", "is_whole"]] = [0, 0.0, False]
        return frame
