"""Hashes of stored rows; what was stored before is given its hash by whoever runs the migration."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "row_seals",
        sa.Column("table_name", sa.String, primary_key=True),
        sa.Column("group_key", sa.String, primary_key=True),
        sa.Column("sha256", sa.String, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("row_seals")
