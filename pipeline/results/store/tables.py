"""The tables of the results store. A run is a revision of its city's and week's forecast.

What a column is stands here once: SQL, files, API and reference pages are made from it. What the
model's own output shares with it stands in domain/columns.py.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    DateTime,
    ForeignKey,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy import Column as SqlColumn
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

from pipeline.domain import columns
from pipeline.domain.columns import Column


class UtcInstant(TypeDecorator[datetime]):
    """An aware instant, kept in UTC; SQLite keeps no zone, so it is given back here."""

    impl = DateTime(timezone=True)
    cache_ok = True
    python_type = datetime

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Turn an aware instant into UTC."""
        return value and value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Return the instant as aware UTC."""
        is_naive = value is not None and value.tzinfo is None
        return value and (value.replace(tzinfo=UTC) if is_naive else value.astimezone(UTC))


# Named apart from alembic's usual table, so that other software may keep its own in the same
# database.
VERSION_TABLE = Table(
    "hotspots_schema_version", MetaData(), SqlColumn("version_num", String(32), primary_key=True)
)
NEWEST = "0008"  # the last of migrations/versions


class Base(DeclarativeBase):
    """Root of the store's tables."""

    type_annotation_map = {dict[str, int]: JSON, list[str]: JSON}  # noqa: RUF012


def _is(
    meaning: str,
    unit: str = "",
    low: float | None = None,
    high: float | None = None,
    *,
    sql: Sequence[Any] = (),
    is_key: bool = False,
) -> Any:  # noqa: ANN401 - SQLAlchemy takes it for what is annotated
    """Return a column that knows what it means, its unit and the values it may hold."""
    said = {"unit": unit, "low": low, "high": high}
    return mapped_column(*sql, primary_key=is_key, doc=meaning, info=said)


def _as(column: Column, *, is_key: bool = False) -> Any:  # noqa: ANN401
    """Return a column that is what a column of the lake is."""
    return _is(column.meaning, column.unit, column.low, column.high, is_key=is_key)


def _of_run() -> Any:  # noqa: ANN401
    return _is("id of the run", sql=[ForeignKey("forecast_runs.id")], is_key=True)


class _Quantiles:
    """Columns of a distribution's quantiles, in reports."""

    q05: Mapped[int] = _is("5 % quantile: the smallest count that reaches it", "reports", 0)
    q10: Mapped[int] = _is("10 % quantile, lower end of the 80 % interval", "reports", 0)
    q25: Mapped[int] = _is("25 % quantile, lower end of the 50 % interval", "reports", 0)
    q50: Mapped[int] = _is("median", "reports", 0)
    q75: Mapped[int] = _is("75 % quantile, upper end of the 50 % interval", "reports", 0)
    q90: Mapped[int] = _is("90 % quantile, upper end of the 80 % interval", "reports", 0)
    q95: Mapped[int] = _is("95 % quantile", "reports", 0)


class Model(Base):
    """A model that made at least one stored forecast."""

    __tablename__ = "forecast_models"
    __table_args__ = (UniqueConstraint("name", "version", "sha256"),)

    id: Mapped[int] = _is("number of the row", is_key=True)
    name: Mapped[str] = _is("kind of model, such as dual_branch_cnn")
    version: Mapped[str] = _is("its version in the model registry")
    sha256: Mapped[str] = _is("hash of the model's files")


class Run(Base):
    """One forecast of one city and target week; the highest revision is the current one."""

    __tablename__ = "forecast_runs"
    __table_args__ = (UniqueConstraint("city", "target_week", "revision"),)

    id: Mapped[int] = _is("number of the row", is_key=True)
    city: Mapped[str] = _is("short name of the city")
    target_week: Mapped[date] = _is("Sunday that the forecast week starts on")
    revision: Mapped[int] = _is("1, or more where the forecast was changed in time", low=1)
    is_backfill: Mapped[bool] = _is("stored only after its week had begun")
    run_id: Mapped[str] = _is("DAG/RUN in Airflow, or the command that made it")
    issue_date: Mapped[date] = _is("day the forecast was made on")
    edge_week: Mapped[date] = _is("last complete week known then, by its Sunday")
    provenance: Mapped[str] = _is("live, recorded or simulated")
    input_ref: Mapped[str] = _is("the cube it was made from, as JSON: where it lies in the lake")
    input_sha256: Mapped[str] = _is("hash of that cube")
    snapshot_age_days: Mapped[int] = _is(
        "from the last day through which reports are complete to the issue date", "days"
    )
    model_id: Mapped[int] = _is("the model, by its id", sql=[ForeignKey("forecast_models.id")])
    training_mode: Mapped[str] = _is("reuse, fine_tune or retrain")
    code_version: Mapped[str] = _is("version of the code that ran, with its commit where known")
    config_sha256: Mapped[str] = _is("hash of the city and the settings that shape the result")
    forecast_sha256: Mapped[str] = _is("hash of the forecast; equal hashes: the same forecast")
    tally: Mapped[dict[str, int]] = _is("rows by what became of them", "rows")
    notes: Mapped[list[str]] = _is("what the run had to recover from")
    created_at: Mapped[datetime] = _is("instant the forecast was stored, UTC", sql=[UtcInstant()])


class CellForecast(_Quantiles, Base):
    """The forecast of one in-city cell."""

    __tablename__ = "cell_forecasts"

    run_pk: Mapped[int] = _of_run()
    row: Mapped[int] = _as(columns.ROW, is_key=True)
    col: Mapped[int] = _as(columns.COL, is_key=True)
    division: Mapped[str] = _as(columns.DIVISION)
    mean: Mapped[float] = _as(columns.MEAN)
    nb_size: Mapped[float] = _as(columns.NB_SIZE)
    p_any: Mapped[float] = _as(columns.P_ANY)
    rank: Mapped[int] = _is("1 for the highest mean", low=1)
    band: Mapped[int] = _is("1, 2 or 5 for the top 1, 2, 5 % of in-city cells, else 0", "", 0, 5)
    cluster: Mapped[int] = _is("number of the group of hotspots around one peak, 0 for none", low=0)
    long_run_mean: Mapped[float | None] = _is("mean of all weeks known then", "reports a week", 0)
    p_top5: Mapped[float | None] = _as(columns.P_TOP5)


class TotalForecast(_Quantiles, Base):
    """The forecast of the whole city (kind 'city') or of one division (kind 'division')."""

    __tablename__ = "total_forecasts"

    run_pk: Mapped[int] = _of_run()
    kind: Mapped[str] = _is("city or division", is_key=True)
    name: Mapped[str] = _is("'city', or the name of the division", is_key=True)
    mean: Mapped[float] = _as(columns.MEAN)
    nb_size: Mapped[float] = _as(columns.NB_SIZE)


class Score(Base):
    """One score of one model, ours or a baseline, for the week of a run."""

    __tablename__ = "forecast_scores"

    run_pk: Mapped[int] = _of_run()
    model: Mapped[str] = _is("the model's name, or a baseline's", is_key=True)
    score: Mapped[str] = _is("name of the score", is_key=True)
    value: Mapped[float | None] = _is("the score; none where it can't be computed")
    scored_edge_week: Mapped[date] = _is("edge week at which it was scored, by its Sunday")


class DataHealth(Base):
    """The outcome of one check of a run's input."""

    __tablename__ = "data_health"

    run_pk: Mapped[int] = _of_run()
    position: Mapped[int] = _is("place of the check among the run's, from 0", is_key=True)
    table: Mapped[str] = _is("table that was checked", sql=["table_name"])
    name: Mapped[str] = _is("name of the check")
    outcome: Mapped[str] = _is("pass, warn, or what else the rules of the gate say")
    found: Mapped[str] = _is("what it found")
    expected: Mapped[str] = _is("what it expected")
    rows: Mapped[int] = _is("rows it set aside", "rows", sql=["row_count"])


class ObservedWeek(Base):
    """A past week whose target reports are known, as the newest edge week tells of it."""

    __tablename__ = "observed_weeks"

    city: Mapped[str] = _is("short name of the city", is_key=True)
    week_start: Mapped[date] = _is("Sunday of the week", is_key=True)
    observed_edge_week: Mapped[date] = _is("edge week at which that was known, by its Sunday")
    reports: Mapped[int] = _is("reports counted in the city's cells", "reports", 0)
    sha256: Mapped[str | None] = _is(
        "hash of its cells' reports; none if older than migration 0006"
    )


class ObservedCell(Base):
    """The target reports of one in-city cell in a known week; a cell without any has no row."""

    __tablename__ = "observed_cells"

    city: Mapped[str] = _is("short name of the city", is_key=True)
    week_start: Mapped[date] = _is("Sunday of the week", is_key=True)
    row: Mapped[int] = _as(columns.ROW, is_key=True)
    col: Mapped[int] = _as(columns.COL, is_key=True)
    reports: Mapped[int] = _is("reports counted in the cell", "reports", 1)


class ModelCard(Base):
    """What a registered model is, learned from and is good for, as Markdown."""

    __tablename__ = "model_cards"

    city: Mapped[str] = _is("short name of the city", is_key=True)
    version: Mapped[str] = _is("its version in the model registry", is_key=True)
    sha256: Mapped[str] = _is("hash of the model's files")
    card: Mapped[str] = _is("the card, as Markdown", sql=[Text()])


class CityState(Base):
    """The last run that should have made a city's forecast and could not: issue date, and why.

    A forecast of that run's week, or a later one, outdates it.
    """

    __tablename__ = "city_states"

    city: Mapped[str] = _is("short name of the city", is_key=True)
    stale_since: Mapped[date] = _is("issue date of the run that could not make its forecast")
    stale_reason: Mapped[str] = _is("why, as the error says")


class Seal(Base):
    """The hash of a group of rows of another table, as they were written."""

    __tablename__ = "row_seals"

    table: Mapped[str] = _is("the table", is_key=True, sql=["table_name"])
    key: Mapped[str] = _is("the values the rows have in common", is_key=True, sql=["group_key"])
    sha256: Mapped[str] = _is("hash of the rows")


def column_names(table: type[Base]) -> list[str]:
    """Return a table's columns by attribute name, in table order."""
    return [prop.key for prop in table.__mapper__.column_attrs]


def columns_of(row: Base, *leave_out: str) -> dict[str, Any]:
    """Return a row's columns by attribute name, in table order."""
    return {n: getattr(row, n) for n in column_names(type(row)) if n not in leave_out}
