"""The first tables: runs, forecasts of cells and totals, scores, health, models."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

QUANTILES = ("q05", "q10", "q25", "q50", "q75", "q90", "q95")


def upgrade() -> None:
    op.create_table(
        "forecast_models",
        sa.Column("id", sa.Integer, primary_key=True),
        *_columns(sa.String, "name", "version", "sha256"),
        sa.UniqueConstraint("name", "version", "sha256"),
    )
    op.create_table(
        "forecast_runs",
        sa.Column("id", sa.Integer, primary_key=True),
        *_columns(sa.String, "city"),
        *_columns(sa.Date, "target_week"),
        *_columns(sa.Integer, "revision"),
        *_columns(sa.Boolean, "is_backfill"),
        *_columns(sa.String, "run_id"),
        *_columns(sa.Date, "issue_date", "edge_week"),
        *_columns(sa.String, "provenance", "input_ref", "input_sha256"),
        *_columns(sa.Integer, "snapshot_age_days"),
        sa.Column("model_id", sa.Integer, sa.ForeignKey("forecast_models.id"), nullable=False),
        *_columns(sa.String, "training_mode", "code_version", "config_sha256", "forecast_sha256"),
        *_columns(sa.JSON, "tally", "notes"),
        *_columns(sa.DateTime(timezone=True), "created_at"),
        sa.UniqueConstraint("city", "target_week", "revision"),
    )
    op.create_table(
        "cell_forecasts",
        _run_key(),
        *_keys(sa.Integer, "row", "col"),
        *_columns(sa.String, "division"),
        *_columns(sa.Double, "mean", "nb_size", "p_any"),
        *_columns(sa.Integer, "rank", "band", "cluster"),
        sa.Column("long_run_mean", sa.Double),
        *_columns(sa.Integer, *QUANTILES),
    )
    op.create_table(
        "total_forecasts",
        _run_key(),
        *_keys(sa.String, "kind", "name"),
        *_columns(sa.Double, "mean", "nb_size"),
        *_columns(sa.Integer, *QUANTILES),
    )
    op.create_table(
        "forecast_scores",
        _run_key(),
        *_keys(sa.String, "model", "score"),
        sa.Column("value", sa.Double),
        *_columns(sa.Date, "scored_as_of"),
    )
    op.create_table(
        "data_health",
        _run_key(),
        *_keys(sa.Integer, "position"),
        *_columns(sa.String, "table_name", "name", "outcome", "found", "expected"),
        *_columns(sa.Integer, "row_count"),
    )
    op.create_table(
        "city_states",
        *_keys(sa.String, "city"),
        *_columns(sa.Date, "stale_since"),
        *_columns(sa.String, "stale_reason"),
    )


def downgrade() -> None:
    for table in (
        "city_states",
        "data_health",
        "forecast_scores",
        "total_forecasts",
        "cell_forecasts",
        "forecast_runs",
        "forecast_models",
    ):
        op.drop_table(table)


def _columns(kind: sa.types.TypeEngine[Any] | type, *names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, kind, nullable=False) for name in names]


def _keys(kind: type, *names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, kind, primary_key=True, autoincrement=False) for name in names]


def _run_key() -> sa.Column[Any]:
    run = sa.ForeignKey("forecast_runs.id")
    return sa.Column("run_pk", sa.Integer, run, primary_key=True, autoincrement=False)
