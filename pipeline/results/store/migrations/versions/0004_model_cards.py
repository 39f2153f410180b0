"""The card of every registered model."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "model_cards",
        sa.Column("city", sa.String, primary_key=True),
        sa.Column("version", sa.String, primary_key=True),
        sa.Column("sha256", sa.String, nullable=False),
        sa.Column("card", sa.Text, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("model_cards")
