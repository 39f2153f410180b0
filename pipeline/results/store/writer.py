"""The results store: forecasts by week and revision, each written whole or not at all."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import delete, func, insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session

from pipeline.domain.cells import Cells
from pipeline.domain.distributions import Forecast
from pipeline.domain.errors import ForecastLocked, InvalidRequest, WeekNotReady
from pipeline.evaluation.hotspots import Hotspots
from pipeline.results.store.current import is_current
from pipeline.results.store.database import (
    migration_of,
    require_not_newer,
    sqlite_file,
    transaction,
)
from pipeline.results.store.reader import ResultsReader
from pipeline.results.store.records import RunRecord
from pipeline.results.store.rows import (
    Row,
    cell_rows,
    health_rows,
    observed_cell_rows,
    observed_week_rows,
    run_row,
    score_rows,
    total_rows,
)
from pipeline.results.store.seals import OF_EACH_RUN, seal, seal_all
from pipeline.results.store.tables import (
    NEWEST,
    Base,
    CellForecast,
    CityState,
    DataHealth,
    Model,
    ModelCard,
    ObservedCell,
    ObservedWeek,
    Run,
    Score,
    TotalForecast,
)

SEALED_SINCE = "0008"  # the migration from which on rows have hashes


class ResultsStore(ResultsReader):
    """Stored forecasts, which may be added to and, once their week has begun, not changed."""

    def migrate(self) -> None:
        """Bring the tables to this version of the code; doing it again changes nothing.

        Raises:
            InvalidRequest: there is something to do, and the database role may not do it.
            StoreOutdated: a newer version of the code has migrated them.
        """
        file = sqlite_file(self._engine)
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
        try:
            with transaction(self._engine, is_write=True) as session:
                _lock(session, "schema")
                before = migration_of(session)
                if before == NEWEST:
                    return
                require_not_newer(before or "")
                from pipeline.results.store.schema import upgrade  # Alembic is slow to import

                upgrade(session.connection())
                if (before or "") < SEALED_SINCE:
                    seal_all(session)
        except ProgrammingError as error:
            raise InvalidRequest(
                f"The tables of {self._engine.url.render_as_string(hide_password=True)} are older "
                f"than this code, and this role may not change them ({error.orig}). Run "
                "`hotspots migrate` with the URL of the role that owns them."
            ) from error

    def publish(
        self,
        run: RunRecord,
        forecast: Forecast,
        hotspots: Hotspots,
        health: Sequence[Mapping[str, Any]],
        cells: Cells,
        *,
        today: date,
        long_run_mean: NDArray[np.floating] | None = None,
    ) -> int:
        """Store a forecast in one transaction and return its revision.

        The same forecast as the current one adds nothing. A changed one adds a revision, until
        its target week begins. A first forecast made after that is kept as a backfill.

        Args:
            run: the run, with the hash of its forecast.
            forecast: the forecast; every in-city cell has a rate.
            hotspots: its ranks, bands and clusters, (rows, cols) each.
            health: outcomes of the checks: table, name, outcome, found, expected, rows.
            cells: the in-city cells.
            today: the city's date now.
            long_run_mean: (rows, cols) mean weekly reports of each cell over all known weeks.

        Raises:
            ForecastLocked: the target week has begun and holds another forecast.
            ModelRejected: an in-city cell has no rate.
        """
        week = run.weeks.target_week
        # All that takes long is made before the transaction: others wait for its end.
        rows, totals = cell_rows(forecast, hotspots, cells, long_run_mean), total_rows(forecast)
        checks = health_rows(health)
        with transaction(self._engine, is_write=True) as session:
            _lock(session, f"{run.city} {week}")
            current = _current_run(session, run.city, week)
            is_backfill = today >= week
            if current is not None and current.forecast_sha256 == run.forecast_sha256:
                return current.revision
            if current is not None and is_backfill:
                raise _locked(current, run)
            revision = current.revision + 1 if current else 1
            model_id, is_new = _add_model(session, run)
            run_pk = _added(session, run_row(run, model_id, revision, is_backfill=is_backfill))
            _insert(session, CellForecast, [{"run_pk": run_pk, **row} for row in rows])
            _add(session, TotalForecast, run_pk, totals)
            _add(session, DataHealth, run_pk, checks)
            if is_new:  # one that lay there before keeps the hash it has
                seal(session, Model, (model_id,))
            for table in (Run, *OF_EACH_RUN):
                seal(session, table, (run_pk,))
        return revision

    def save_scores(
        self,
        city: str,
        target_week: date,
        revision: int,
        scores: Mapping[str, Mapping[str, float]],
        scored_edge_week: date,
    ) -> None:
        """Store the scores of a forecast and of its baselines, model -> score -> value.

        Scores from a later date replace those from an earlier one, never the other way round.

        Raises:
            WeekNotReady: there is no such forecast.
        """
        with transaction(self._engine, is_write=True) as session:
            key = {"city": city, "target_week": target_week, "revision": revision}
            run_pk = session.scalar(select(Run.id).filter_by(**key))
            if run_pk is None:
                raise WeekNotReady(
                    f"{city} has no revision {revision} of a forecast for the week of "
                    f"{target_week}, so its scores can't be stored. Publish it first."
                )
            added = _upsert(session, Score)
            session.execute(
                added.on_conflict_do_update(
                    index_elements=["run_pk", "model", "score"],
                    set_={
                        "value": added.excluded.value,
                        "scored_edge_week": added.excluded.scored_edge_week,
                    },
                    where=Score.scored_edge_week <= added.excluded.scored_edge_week,
                ),
                score_rows(run_pk, scores, scored_edge_week),
            )
            seal(session, Score, (run_pk,))

    def save_observed(
        self, city: str, weeks: Sequence[date], counts: NDArray[np.floating], edge_week: date
    ) -> None:
        """Keep the target reports of past weeks, each as the newest edge week knows it.

        Args:
            city: short name of the city.
            weeks: Sundays of the weeks.
            counts: (weeks, rows, cols) target reports, 0 outside the city.
            edge_week: Sunday of the edge week at which they were known.
        """
        known = select(ObservedWeek.week_start).where(
            ObservedWeek.city == city, ObservedWeek.observed_edge_week >= edge_week
        )
        with transaction(self._engine, is_write=True) as session:
            _lock(session, f"{city} observed")
            newer = set(session.scalars(known))
            pairs = zip(weeks, counts, strict=True)
            _replace_observed(session, city, {w: c for w, c in pairs if w not in newer}, edge_week)

    def save_card(self, city: str, version: str, sha256: str, card: str) -> None:
        """Keep the card of a registered model, in place of one of the same version."""
        values = {"sha256": sha256, "card": card}
        with transaction(self._engine, is_write=True) as session:
            added = _upsert(session, ModelCard).values(city=city, version=version, **values)
            keys = ["city", "version"]
            session.execute(added.on_conflict_do_update(index_elements=keys, set_=values))
            seal(session, ModelCard, (city, version))

    def mark_stale(self, city: str, reason: str, issue_date: date) -> None:
        """Say that the forecast that was to be issued on `issue_date` could not be made.

        The city is stale until a forecast of that week or a later one is stored. The reason starts
        with the error's name; it is for operators.
        """
        values = {"stale_since": issue_date, "stale_reason": reason}
        with transaction(self._engine, is_write=True) as session:
            added = _upsert(session, CityState).values(city=city, **values)
            session.execute(added.on_conflict_do_update(index_elements=["city"], set_=values))
            seal(session, CityState, (city,))


def _lock(session: Session, name: str) -> None:
    """Let one writer at a time pass until its transaction ends; SQLite does that by itself."""
    if session.get_bind().dialect.name == "postgresql":
        digest = hashlib.sha256(f"hotspots {name}".encode()).digest()
        key = int.from_bytes(digest[:8], "big", signed=True)
        session.execute(select(func.pg_advisory_xact_lock(key)))


def _upsert(session: Session, table: type[Base]) -> postgresql.Insert | sqlite.Insert:
    """Return the dialect's own insert, which knows what to do with a row that is there."""
    if session.get_bind().dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)


def _current_run(session: Session, city: str, week: date) -> Run | None:
    return session.scalar(select(Run).where(is_current(city), Run.target_week == week))


def _locked(current: Run, run: RunRecord) -> ForecastLocked:
    return ForecastLocked(
        f"The week of {current.target_week} has begun, and {current.city} holds forecast "
        f"{current.forecast_sha256[:12]} for it (revision {current.revision}); this run made "
        f"{run.forecast_sha256[:12]}. A forecast isn't changed once its week has begun: the "
        "stored one stands. To look at the new one, run it unpublished."
    )


def _add_model(session: Session, run: RunRecord) -> tuple[int, bool]:
    """Store which model made a run, unless it is known; return its id, and whether it is new."""
    key = {"name": run.model_name, "version": run.model_version, "sha256": run.model_sha256}
    query = select(Model.id).filter_by(**key)
    known = session.scalar(query)
    if known is not None:
        return known, False
    session.execute(_upsert(session, Model).values(key).on_conflict_do_nothing())
    return session.scalars(query).one(), True


def _added(session: Session, row: Run) -> int:
    session.add(row)
    session.flush()
    return row.id


def _replace_observed(
    session: Session, city: str, counts: Mapping[date, NDArray[np.floating]], edge_week: date
) -> None:
    """Store weeks anew, and the cells of those whose counts are others than the stored ones."""
    weeks = observed_week_rows(city, counts, edge_week)
    of_weeks = (ObservedWeek.city == city) & ObservedWeek.week_start.in_(counts)
    query = select(ObservedWeek.week_start, ObservedWeek.sha256).where(of_weeks)
    stored = {row.week_start: row.sha256 for row in session.execute(query)}
    changed = [w["week_start"] for w in weeks if w["sha256"] != stored.get(w["week_start"])]
    of_cells = (ObservedCell.city == city) & ObservedCell.week_start.in_(changed)
    session.execute(delete(ObservedWeek).where(of_weeks))
    session.execute(delete(ObservedCell).where(of_cells))
    _insert(session, ObservedWeek, weeks)
    cells = [row for week in changed for row in observed_cell_rows(city, week, counts[week])]
    _insert(session, ObservedCell, cells)
    seal(session, ObservedWeek, *((city, week) for week in counts))
    seal(session, ObservedCell, *((city, week) for week in changed))


def _add(session: Session, table: type[Base], run_pk: int, rows: list[Row]) -> None:
    if rows:
        session.execute(insert(table), [{"run_pk": run_pk, **row} for row in rows])


def _insert(session: Session, table: type[Base], rows: list[Row]) -> None:
    """Insert many rows, whose keys are columns; as mapped objects they would take twice as long."""
    if rows:
        session.execute(insert(Base.metadata.tables[table.__tablename__]), rows)
