"""Which revision of a forecast is current, and the questions that everything else is made of."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import pandas as pd
from sqlalchemy import ColumnElement, Result, Select, and_, func, select
from sqlalchemy.orm import Session, aliased

from pipeline.domain.errors import CorruptArtifact, WeekNotReady
from pipeline.domain.weeks import ForecastWeeks
from pipeline.results.store.records import RunRecord, StoredRun
from pipeline.results.store.seals import Columns, Key, group, hash_rows, sealed
from pipeline.results.store.tables import Base, CellForecast, Model, ObservedCell, Run, columns_of


def is_current(city: str) -> ColumnElement[bool]:
    """Return the condition that a run is its week's highest revision."""
    other = aliased(Run)
    highest = select(func.max(other.revision)).where(
        other.city == city, other.target_week == Run.target_week
    )
    return and_(Run.city == city, Run.revision == highest.scalar_subquery())


def is_counted() -> ColumnElement[bool]:
    """Return the condition that an observed cell is that of a run's cell and target week."""
    return and_(
        ObservedCell.city == Run.city,
        ObservedCell.week_start == Run.target_week,
        ObservedCell.row == CellForecast.row,
        ObservedCell.col == CellForecast.col,
    )


def runs_of(city: str) -> Select[Run, Model]:
    """Select a city's runs with their models, newest week first."""
    query = select(Run, Model).join(Model, Run.model_id == Model.id).where(Run.city == city)
    return query.order_by(Run.target_week.desc())


def current_runs(city: str) -> Select[Run, Model]:
    """Select the current run of each of a city's weeks, newest week first."""
    return runs_of(city).where(is_current(city))


def run_of_week(city: str, target_week: date, revision: int | None) -> Select[Run, Model]:
    """Select a week's current run, or one of its revisions."""
    wanted = is_current(city) if revision is None else Run.revision == revision
    return runs_of(city).where(Run.target_week == target_week, wanted)


def stored(session: Session, query: Select[Run, Model]) -> list[StoredRun]:
    """Return the runs that a query selects."""
    found: Sequence[Any] = session.execute(query).all()
    return [one_stored(run, model) for run, model in found]


def one_stored(run: Run, model: Model) -> StoredRun:
    """Return a run as the store gives it back."""
    return StoredRun(_record(run, model), run.revision, run.is_backfill)


def columns_of_run(session: Session, table: type[Base], run: Run) -> Columns:
    """Return all columns of the rows that a table holds of a run, by their key.

    Raises:
        CorruptArtifact: they were changed since they were stored.
    """
    columns = group(session, table, (run.id,))
    require_sealed(session, run, table, (run.id,), columns)
    return columns


def require_sealed(
    session: Session, run: Run, table: type[Base], key: Key, columns: Columns
) -> None:
    """Compare rows that a forecast consists of with the hash that was kept of them.

    Raises:
        CorruptArtifact: they were changed since they were stored.
    """
    if hash_rows(table, columns) != sealed(session, table, key):
        raise CorruptArtifact(
            f"The stored forecast of {run.city} for the week of {run.target_week}, revision "
            f"{run.revision}, was changed since it was published: its rows in "
            f"{table.__tablename__} don't match the hash that was kept of them. It is not shown. "
            "`hotspots verify` says what differs; put back a copy of the results store."
        )


def as_frame(found: Result[*tuple[Any, ...]], names: Sequence[str]) -> pd.DataFrame:
    """Return rows as a frame, by columns: pandas looks into each row for names of its own."""
    columns = list(zip(*found.all(), strict=True)) or [()] * len(names)
    return pd.DataFrame(dict(zip(names, columns, strict=True)))


def no_forecast(city: str, target_week: date, revision: int | None = None) -> WeekNotReady:
    """Return what is to be raised where a week has no such forecast."""
    name = "forecast" if revision is None else f"revision {revision} of the forecast"
    return missing(f"{city} has no {name} for the week of {target_week}")


def missing(problem: str) -> WeekNotReady:
    """Return what is to be raised where there is no such forecast."""
    return WeekNotReady(f"{problem}. Run that week first, or choose another.")


def _record(run: Run, model: Model) -> RunRecord:
    kept = columns_of(
        run, "id", "revision", "is_backfill", "model_id", "issue_date", "edge_week", "target_week"
    )
    return RunRecord(
        **{**kept, "notes": tuple(run.notes)},
        weeks=ForecastWeeks(run.issue_date, run.edge_week, run.target_week),
        model_name=model.name,
        model_version=model.version,
        model_sha256=model.sha256,
    )
