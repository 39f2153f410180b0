"""Questions about one week: its run, cells, totals, checks and outcome."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import pandas as pd
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from pipeline.domain.errors import WeekNotReady
from pipeline.results.store.current import (
    columns_of_run,
    is_counted,
    is_current,
    no_forecast,
    one_stored,
    require_sealed,
    run_of_week,
)
from pipeline.results.store.database import Connected
from pipeline.results.store.records import StoredRun
from pipeline.results.store.seals import Columns
from pipeline.results.store.tables import (
    Base,
    CellForecast,
    DataHealth,
    Model,
    ObservedCell,
    ObservedWeek,
    Run,
    TotalForecast,
    columns_of,
)


class OneWeek(Connected):
    """What the store holds of one week; without a revision, of its current run."""

    def run(self, city: str, target_week: date, revision: int | None = None) -> StoredRun:
        """Return a week's current run, or one of its revisions.

        Raises:
            WeekNotReady: there is none.
            CorruptArtifact: it was changed since it was published.
        """
        with self._read() as session:
            return one_stored(*_sound_run(session, city, target_week, revision))

    def week(self, city: str, target_week: date) -> tuple[StoredRun, Columns, Columns]:
        """Return a week's current run, its in-city cells and its totals, at one moment.

        Raises:
            WeekNotReady: the week has no forecast.
            CorruptArtifact: it was changed since it was published.
        """
        with self._read() as session:
            run, model = _sound_run(session, city, target_week, None)
            cells = columns_of_run(session, CellForecast, run)
            return one_stored(run, model), cells, columns_of_run(session, TotalForecast, run)

    def cells_frame(
        self, city: str, target_week: date, revision: int | None = None
    ) -> pd.DataFrame:
        """Return a week's in-city cells, one row each, in row-major order.

        Columns: row, col, division, mean, nb_size, p_any, rank, band, cluster, long_run_mean and
        p_top5 (NaN where they were not given), and the quantiles q05 to q95.

        Raises:
            WeekNotReady: the week has no such forecast.
            CorruptArtifact: it was changed since it was published.
        """
        frame = pd.DataFrame(self._rows(CellForecast, city, target_week, revision))
        return frame.astype({"long_run_mean": float, "p_top5": float})

    def totals(self, city: str, target_week: date, revision: int | None = None) -> pd.DataFrame:
        """Return a week's totals: kind ("city" or "division"), name, mean, nb_size, quantiles.

        The city comes first, then the divisions with the most expected reports.

        Raises:
            WeekNotReady: the week has no such forecast.
            CorruptArtifact: it was changed since it was published.
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
            CorruptArtifact: it was changed since it was published.
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
            run, _ = _sound_run(session, city, target_week, revision)
            return {n: c for n, c in columns_of_run(session, table, run).items() if n != "run_pk"}


def _sound_run(
    session: Session, city: str, target_week: date, revision: int | None
) -> tuple[Run, Model]:
    """Return a run and its model, as they were stored."""
    found = session.execute(run_of_week(city, target_week, revision)).first()
    if found is None:
        raise no_forecast(city, target_week, revision)
    run, model = found
    for row, key in ((run, run.id), (model, run.model_id)):
        columns = {name: [value] for name, value in columns_of(row).items()}
        require_sealed(session, run, type(row), (key,), columns)
    return run, model
