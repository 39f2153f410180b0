"""The tables of the results store. A run is a revision of its city's and week's forecast."""

from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    DateTime,
    ForeignKey,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator


class UtcInstant(TypeDecorator[datetime]):
    """An aware instant, kept in UTC; SQLite keeps no zone, so it is given back here."""

    impl = DateTime(timezone=True)
    cache_ok = True

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
    "hotspots_schema_version", MetaData(), Column("version_num", String(32), primary_key=True)
)
NEWEST = "0006"  # the last of migrations/versions


class Base(DeclarativeBase):
    """Root of the store's tables."""

    type_annotation_map = {dict[str, int]: JSON, list[str]: JSON}  # noqa: RUF012


class _Quantiles:
    """Columns of a distribution's quantiles, in reports."""

    q05: Mapped[int]
    q10: Mapped[int]
    q25: Mapped[int]
    q50: Mapped[int]
    q75: Mapped[int]
    q90: Mapped[int]
    q95: Mapped[int]


class Model(Base):
    """A model that made at least one stored forecast."""

    __tablename__ = "forecast_models"
    __table_args__ = (UniqueConstraint("name", "version", "sha256"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    version: Mapped[str]
    sha256: Mapped[str]


class Run(Base):
    """One forecast of one city and target week; the highest revision is the current one."""

    __tablename__ = "forecast_runs"
    __table_args__ = (UniqueConstraint("city", "target_week", "revision"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    city: Mapped[str]
    target_week: Mapped[date]
    revision: Mapped[int]
    is_backfill: Mapped[bool]
    run_id: Mapped[str]
    issue_date: Mapped[date]
    edge_week: Mapped[date]
    provenance: Mapped[str]
    input_ref: Mapped[str]
    input_sha256: Mapped[str]
    snapshot_age_days: Mapped[int]
    model_id: Mapped[int] = mapped_column(ForeignKey("forecast_models.id"))
    training_mode: Mapped[str]
    code_version: Mapped[str]
    config_sha256: Mapped[str]
    forecast_sha256: Mapped[str]
    tally: Mapped[dict[str, int]]
    notes: Mapped[list[str]]
    created_at: Mapped[datetime] = mapped_column(UtcInstant())


class CellForecast(_Quantiles, Base):
    """The forecast of one in-city cell."""

    __tablename__ = "cell_forecasts"

    run_pk: Mapped[int] = mapped_column(ForeignKey("forecast_runs.id"), primary_key=True)
    row: Mapped[int] = mapped_column(primary_key=True)
    col: Mapped[int] = mapped_column(primary_key=True)
    division: Mapped[str]
    mean: Mapped[float]
    nb_size: Mapped[float]
    p_any: Mapped[float]
    rank: Mapped[int]
    band: Mapped[int]
    cluster: Mapped[int]
    long_run_mean: Mapped[float | None]
    p_top5: Mapped[float | None]


class TotalForecast(_Quantiles, Base):
    """The forecast of the whole city (kind 'city') or of one division (kind 'division')."""

    __tablename__ = "total_forecasts"

    run_pk: Mapped[int] = mapped_column(ForeignKey("forecast_runs.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    mean: Mapped[float]
    nb_size: Mapped[float]


class Score(Base):
    """One score of one model, ours or a baseline, for the week of a run."""

    __tablename__ = "forecast_scores"

    run_pk: Mapped[int] = mapped_column(ForeignKey("forecast_runs.id"), primary_key=True)
    model: Mapped[str] = mapped_column(primary_key=True)
    score: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[float | None]
    scored_as_of: Mapped[date]


class DataHealth(Base):
    """The outcome of one check of a run's input."""

    __tablename__ = "data_health"

    run_pk: Mapped[int] = mapped_column(ForeignKey("forecast_runs.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    table: Mapped[str] = mapped_column("table_name")
    name: Mapped[str]
    outcome: Mapped[str]
    found: Mapped[str]
    expected: Mapped[str]
    rows: Mapped[int] = mapped_column("row_count")


class ObservedWeek(Base):
    """A past week whose target reports are known, as of the newest edge week that told of it.

    `sha256` is that of the cells' reports; none where they were stored before it was kept.
    """

    __tablename__ = "observed_weeks"

    city: Mapped[str] = mapped_column(primary_key=True)
    week_start: Mapped[date] = mapped_column(primary_key=True)
    as_of: Mapped[date]
    reports: Mapped[int]
    sha256: Mapped[str | None]


class ObservedCell(Base):
    """The target reports of one in-city cell in a known week; a cell without any has no row."""

    __tablename__ = "observed_cells"

    city: Mapped[str] = mapped_column(primary_key=True)
    week_start: Mapped[date] = mapped_column(primary_key=True)
    row: Mapped[int] = mapped_column(primary_key=True)
    col: Mapped[int] = mapped_column(primary_key=True)
    reports: Mapped[int]


class ModelCard(Base):
    """What a registered model is, learned from and is good for, as Markdown."""

    __tablename__ = "model_cards"

    city: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[str] = mapped_column(primary_key=True)
    sha256: Mapped[str]
    card: Mapped[str] = mapped_column(Text)


class CityState(Base):
    """The last run that should have made a city's forecast and could not: issue date, and why.

    A forecast of that run's week, or a later one, outdates it.
    """

    __tablename__ = "city_states"

    city: Mapped[str] = mapped_column(primary_key=True)
    stale_since: Mapped[date]
    stale_reason: Mapped[str]


def column_names(table: type[Base]) -> list[str]:
    """Return a table's columns by attribute name, in table order."""
    return [prop.key for prop in table.__mapper__.column_attrs]


def columns_of(row: Base, *leave_out: str) -> dict[str, Any]:
    """Return a row's columns by attribute name, in table order."""
    return {n: getattr(row, n) for n in column_names(type(row)) if n not in leave_out}
