"""The hash of a known week's cells, by which they are left alone while nothing new is known."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("observed_weeks", sa.Column("sha256", sa.String))


def downgrade() -> None:
    op.drop_column("observed_weeks", "sha256")
