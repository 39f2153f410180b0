"""How often a re-run of history puts a cell in the top 5 %; unknown for what was stored before."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("cell_forecasts", sa.Column("p_top5", sa.Double))


def downgrade() -> None:
    op.drop_column("cell_forecasts", "p_top5")
