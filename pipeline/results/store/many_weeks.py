"""Questions that span weeks: totals, outcomes, one cell's past, how forecasts came true."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Integer, Select, and_, case, cast, func, select
from sqlalchemy.orm import aliased

from pipeline.results.store.current import as_frame, is_counted, is_current
from pipeline.results.store.database import Connected
from pipeline.results.store.records import CellPast
from pipeline.results.store.tables import (
    CellForecast,
    CityState,
    Model,
    ObservedCell,
    ObservedWeek,
    Run,
    Score,
    TotalForecast,
)

FORECAST = "forecast"  # among the baselines, the stored forecast's own scores
RELIABILITY_BINS = 10
YEAR_WEEKS = 52
DIVISION_COLUMNS = ["division", "band", "cells", "expected", "reports"]
OBSERVED_COLUMNS = ["week_start", "observed_edge_week", "reports"]


class ManyWeeks(Connected):
    """What the store holds over many weeks; every forecast is the current one."""

    def version(self, city: str) -> str:
        """Return a text that changes whenever anything stored of a city does."""
        questions: list[Select[*tuple[Any, ...]]] = [
            select(func.count(), func.max(Run.id)).where(Run.city == city),
            select(func.count(), func.max(Score.scored_edge_week)).join(
                Run, Run.id == Score.run_pk
            ),
            select(CityState.stale_since, CityState.stale_reason).where(CityState.city == city),
            select(func.count(), func.max(ObservedWeek.observed_edge_week)).where(
                ObservedWeek.city == city
            ),
        ]
        with self._read() as session:
            return str([tuple(row) for q in questions for row in session.execute(q)])

    def city_totals(self, city: str) -> pd.DataFrame:
        """Return the city total of every week: target_week, mean, nb_size and the quantiles."""
        names = ("mean", "nb_size", "q05", "q10", "q25", "q50", "q75", "q90", "q95")
        columns = [Run.target_week, *(getattr(TotalForecast, name) for name in names)]
        query = select(*columns).join(Run, Run.id == TotalForecast.run_pk)
        query = query.where(TotalForecast.kind == "city", is_current(city))
        with self._read() as session:
            rows = list(session.execute(query.order_by(Run.target_week)))
        return pd.DataFrame(rows, columns=["target_week", *names])

    def totals_inside(self, city: str, last: date) -> tuple[int, int]:
        """Return how many weeks up to `last` are known, and in how many the 80 % band held."""
        is_inside = ObservedWeek.reports.between(TotalForecast.q10, TotalForecast.q90)
        known = and_(ObservedWeek.city == Run.city, ObservedWeek.week_start == Run.target_week)
        query = (
            select(func.count(), func.coalesce(func.sum(case((is_inside, 1), else_=0)), 0))
            .select_from(Run)
            .join(TotalForecast, TotalForecast.run_pk == Run.id)
            .join(ObservedWeek, known)
            .where(is_current(city), TotalForecast.kind == "city", Run.target_week <= last)
        )
        with self._read() as session:
            weeks, inside = session.execute(query).one()
        return weeks, inside

    def newest_pairs(
        self, city: str, score: str, baseline: str, last: date, most: int
    ) -> NDArray[np.float64]:
        """Return (n, 2): a score of the forecasts and of a baseline, of the weeks with both.

        Args:
            city: short name of the city.
            score: name of the score.
            baseline: name of the baseline.
            last: Sunday of the last week that counts.
            most: so many at most, the newest; they come oldest first.
        """
        ours, theirs = aliased(Score), aliased(Score)
        query = (
            select(ours.value, theirs.value)
            .join(Run, Run.id == ours.run_pk)
            .join(Model, and_(Model.id == Run.model_id, Model.name == ours.model))
            .join(theirs, and_(theirs.run_pk == Run.id, theirs.model == baseline))
            .where(is_current(city), Run.target_week <= last)
            .where(ours.score == score, theirs.score == score)
            .where(ours.value.is_not(None), theirs.value.is_not(None))
            .order_by(Run.target_week.desc())
            .limit(most)
        )
        with self._read() as session:
            rows = session.execute(query).all()
        return np.array(rows[::-1], np.float64).reshape(-1, 2)

    def current_scores(self, city: str, names: Sequence[str] = ()) -> pd.DataFrame:
        """Return scores, all unless named, of each week's current run.

        Columns: target_week, model, score, value, scored_edge_week.
        The model that made the forecast is named 'forecast'; a score that can't be computed is NaN.
        """
        model = case((Score.model == Model.name, FORECAST), else_=Score.model)
        query = (
            select(Run.target_week, model, Score.score, Score.value, Score.scored_edge_week)
            .join(Run, Run.id == Score.run_pk)
            .join(Model, Model.id == Run.model_id)
            .where(is_current(city))
        )
        query = query.where(Score.score.in_(names)) if names else query
        columns = ["target_week", "model", "score", "value", "scored_edge_week"]
        with self._read() as session:
            frame = as_frame(session.execute(query), columns)
        return frame.astype({"value": float})

    def scored_weeks(self, city: str) -> dict[date, date]:
        """Return the weeks whose forecast is scored, and the edge week each was scored at."""
        newest = func.max(Score.scored_edge_week)
        query = select(Run.target_week, newest).join(Run, Run.id == Score.run_pk)
        query = query.where(is_current(city)).group_by(Run.target_week)
        with self._read() as session:
            return {week: scored_edge_week for week, scored_edge_week in session.execute(query)}  # noqa: C416

    def observed_weeks(self, city: str) -> pd.DataFrame:
        """Return the known weeks, oldest first: week_start, observed_edge_week, reports."""
        columns = [getattr(ObservedWeek, name) for name in OBSERVED_COLUMNS]
        query = select(*columns).where(ObservedWeek.city == city)
        with self._read() as session:
            rows = list(session.execute(query.order_by(ObservedWeek.week_start)))
        return pd.DataFrame(rows, columns=OBSERVED_COLUMNS)

    def cell_past(self, city: str, row: int, col: int) -> dict[date, CellPast]:
        """Return each week of a cell that is forecast or known, by its Sunday; empty of no cell."""
        forecasts = (
            select(Run.target_week, CellForecast.mean, CellForecast.q10, CellForecast.q90)
            .join(Run, Run.id == CellForecast.run_pk)
            .where(is_current(city), CellForecast.row == row, CellForecast.col == col)
        )
        of_cell = and_(
            ObservedCell.city == city, ObservedCell.week_start == ObservedWeek.week_start,
            ObservedCell.row == row, ObservedCell.col == col,
        )  # fmt: skip
        counts = select(ObservedWeek.week_start, func.coalesce(ObservedCell.reports, 0))
        counts = counts.outerjoin(ObservedCell, of_cell).where(ObservedWeek.city == city)
        with self._read() as session:
            made = {week: values for week, *values in session.execute(forecasts)}
            reports = {w: n for w, n in session.execute(counts)} if made else {}  # noqa: C416
        none = (None, None, None)
        weeks = made.keys() | reports.keys()
        return {week: CellPast(reports.get(week), *made.get(week, none)) for week in weeks}

    def reliability(self, city: str) -> pd.DataFrame:
        """Return how often cells had any report, by the chance given them, over the last year.

        Columns: cells (forecasts in the bin), chance (mean probability of any), share (of them
        that had a report). Bins are tenths; one without a forecast has no row.
        """
        observed = self.observed_weeks(city)
        if observed.empty:
            return pd.DataFrame(columns=["cells", "chance", "share"])
        last = observed["week_start"].iloc[-1]
        place: ColumnElement[int] = cast(
            func.floor(CellForecast.p_any * RELIABILITY_BINS), Integer
        ).label("place")
        had_any = case((ObservedCell.reports > 0, 1.0), else_=0.0)
        query = (
            select(place, func.count(), func.avg(CellForecast.p_any), func.avg(had_any))
            .join(Run, Run.id == CellForecast.run_pk)
            .join(
                ObservedWeek,
                and_(ObservedWeek.city == Run.city, ObservedWeek.week_start == Run.target_week),
            )
            .outerjoin(ObservedCell, is_counted())
            .where(is_current(city), Run.target_week > last - timedelta(weeks=YEAR_WEEKS))
            .group_by(place)
            .order_by(place)
        )
        with self._read() as session:
            rows = list(session.execute(query))
        return pd.DataFrame(rows, columns=["bin", "cells", "chance", "share"]).drop(columns="bin")

    def sums_by_division(self, city: str) -> pd.DataFrame:
        """Return the cells of all weeks that are scored and known, summed by division and band.

        Columns: division, band, cells, expected, reports (as known now).
        """
        known = and_(ObservedWeek.city == Run.city, ObservedWeek.week_start == Run.target_week)
        by = (CellForecast.division, CellForecast.band)
        reports = func.coalesce(func.sum(ObservedCell.reports), 0)
        query = (
            select(*by, func.count(), func.sum(CellForecast.mean), reports)
            .select_from(Run)
            .join(CellForecast, CellForecast.run_pk == Run.id)
            .join(ObservedWeek, known)
            .outerjoin(ObservedCell, is_counted())
            .where(is_current(city), Run.id.in_(select(Score.run_pk)))
            .group_by(*by)
            .order_by(*by)
        )
        with self._read() as session:
            rows = list(session.execute(query))
        return pd.DataFrame(rows, columns=DIVISION_COLUMNS)
