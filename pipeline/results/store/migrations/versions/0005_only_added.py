"""Forecasts are only ever added: no role but the owner may change or delete one.

SQLite has no roles, and keeps to it by the code alone.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

LOG = ("forecast_models", "forecast_runs", "cell_forecasts", "total_forecasts", "data_health")
GRANTED = sa.text(
    "select distinct table_name, grantee from information_schema.role_table_grants "
    "where table_schema = current_schema() and table_name = any(:tables) "
    "and privilege_type = 'INSERT' and grantee <> current_user"
)


def upgrade() -> None:
    for table, role in _others_who_insert():
        op.execute(f"REVOKE UPDATE, DELETE ON {table} FROM {role}")


def downgrade() -> None:
    for table, role in _others_who_insert():
        op.execute(f"GRANT UPDATE, DELETE ON {table} TO {role}")


def _others_who_insert() -> list[tuple[str, str]]:
    """Return (table, role) of everybody but the owner who may add to the forecast log."""
    bind = op.get_bind()
    if bind.dialect.name != "postgresql":
        return []
    quote = bind.dialect.identifier_preparer.quote
    found = bind.execute(GRANTED, {"tables": list(LOG)})
    return [(quote(table), "PUBLIC" if role == "PUBLIC" else quote(role)) for table, role in found]
