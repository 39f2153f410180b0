"""What became of past weeks: reports by week, and by cell where there were any."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "observed_weeks",
        *_key(),
        sa.Column("as_of", sa.Date, nullable=False),
        sa.Column("reports", sa.Integer, nullable=False),
    )
    op.create_table(
        "observed_cells",
        *_key(),
        sa.Column("row", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("col", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("reports", sa.Integer, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("observed_cells")
    op.drop_table("observed_weeks")


def _key() -> list[sa.Column[Any]]:
    return [
        sa.Column("city", sa.String, primary_key=True),
        sa.Column("week_start", sa.Date, primary_key=True),
    ]
