"""Questions about one week: its run, cells, totals, checks and outcome."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import pandas as pd
from sqlalchemy import func, select

from pipeline.domain.errors import WeekNotReady
from pipeline.results.store.current import (
    Columns,
    columns_of_run,
    is_counted,
    is_current,
    no_forecast,
    one_stored,
    run_of_week,
    stored,
)
from pipeline.results.store.database import Connected
from pipeline.results.store.records import StoredRun
from pipeline.results.store.tables import (
    Base,
    CellForecast,
    DataHealth,
    ObservedCell,
    ObservedWeek,
    Run,
    TotalForecast,
)


class OneWeek(Connected):
    """What the store holds of one week; without a revision, of its current run."""

    def run(self, city: str, target_week: date, revision: int | None = None) -> StoredRun:
        """Return a week's current run, or one of its revisions.

        Raises:
            WeekNotReady: there is none.
        """
        with self._read() as session:
            found = stored(session, run_of_week(city, target_week, revision))
        if not found:
            raise no_forecast(city, target_week, revision)
        return found[0]

    def week(
        self, city: str, target_week: date, of_cells: Sequence[str]
    ) -> tuple[StoredRun, Columns, Columns]:
        """Return a week's current run, its in-city cells and its totals, at one moment.

        Args:
            city: short name of the city.
            target_week: Sunday of the week.
            of_cells: the columns wanted of the cells, out of those of `cells_frame`.

        Raises:
            WeekNotReady: the week has no forecast.
        """
        with self._read() as session:
            found = session.execute(run_of_week(city, target_week, None)).first()
            if found is None:
                raise no_forecast(city, target_week)
            run, model = found
            cells = columns_of_run(session, CellForecast, run.id, of_cells)
            return one_stored(run, model), cells, columns_of_run(session, TotalForecast, run.id)

    def cells_frame(
        self, city: str, target_week: date, revision: int | None = None
    ) -> pd.DataFrame:
        """Return a week's in-city cells, one row each, in row-major order.

        Columns: row, col, division, mean, nb_size, p_any, rank, band, cluster, long_run_mean and
        p_top5 (NaN where they were not given), and the quantiles q05 to q95.

        Raises:
            WeekNotReady: the week has no such forecast.
        """
        frame = pd.DataFrame(self._rows(CellForecast, city, target_week, revision))
        return frame.astype({"long_run_mean": float, "p_top5": float})

    def totals(self, city: str, target_week: date, revision: int | None = None) -> pd.DataFrame:
        """Return a week's totals: kind ("city" or "division"), name, mean, nb_size, quantiles.

        The city comes first, then the divisions with the most expected reports.

        Raises:
            WeekNotReady: the week has no such forecast.
        """
        rows = pd.DataFrame(self._rows(TotalForecast, city, target_week, revision))
        by = ["kind", "mean", "name"]  # "city" comes before "division"
        return rows.sort_values(by, ascending=[True, False, True], ignore_index=True)

    def health(
        self, city: str, target_week: date, revision: int | None = None
    ) -> list[dict[str, Any]]:
        """Return the outcomes of a run's checks: table, name, outcome, found, expected, rows.

        Raises:
            WeekNotReady: the week has no such forecast.
        """
        rows = self._rows(DataHealth, city, target_week, revision)
        del rows["position"]
        return [dict(zip(rows, row, strict=True)) for row in zip(*rows.values(), strict=True)]

    def observed_week(self, city: str, week: date) -> tuple[date, int]:
        """Return the edge week that a week is known as of, and its reports.

        Raises:
            WeekNotReady: what happened in that week isn't known yet.
        """
        query = select(ObservedWeek.observed_edge_week, ObservedWeek.reports)
        query = query.where(ObservedWeek.city == city, ObservedWeek.week_start == week)
        with self._read() as session:
            found = session.execute(query).first()
        if found is None:
            raise WeekNotReady(
                f"What happened in {city} in the week of {week} isn't known yet. The city "
                "publishes its reports weeks late; ask again when a later week has been run."
            )
        return found.observed_edge_week, found.reports

    def observed_cells(self, city: str, week: date) -> pd.DataFrame:
        """Return the cells with reports in a known week: row, col, reports.

        Raises:
            WeekNotReady: what happened in that week isn't known yet.
        """
        self.observed_week(city, week)
        query = select(ObservedCell.row, ObservedCell.col, ObservedCell.reports)
        query = query.where(ObservedCell.city == city, ObservedCell.week_start == week)
        with self._read() as session:
            rows = list(session.execute(query.order_by(ObservedCell.row, ObservedCell.col)))
        return pd.DataFrame(rows, columns=["row", "col", "reports"])

    def counts(self, city: str, week: date) -> list[int]:
        """Return a known week's reports of each cell of its forecast, in row-major order.

        Raises:
            WeekNotReady: the week has no forecast.
        """
        query = select(func.coalesce(ObservedCell.reports, 0)).select_from(Run)
        query = query.join(CellForecast, CellForecast.run_pk == Run.id)
        query = query.outerjoin(ObservedCell, is_counted())
        query = query.where(is_current(city), Run.target_week == week)
        with self._read() as session:
            counts = list(session.scalars(query.order_by(CellForecast.row, CellForecast.col)))
        if not counts:
            raise no_forecast(city, week)
        return counts

    def _rows(
        self, table: type[Base], city: str, target_week: date, revision: int | None
    ) -> dict[str, Sequence[Any]]:
        with self._read() as session:
            run_pk = session.scalar(
                run_of_week(city, target_week, revision).with_only_columns(Run.id)
            )
            if run_pk is None:
                raise no_forecast(city, target_week, revision)
            return dict(columns_of_run(session, table, run_pk))
