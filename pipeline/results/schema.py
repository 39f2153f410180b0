"""The tables' migrations: which one a store is at, and bringing it to the newest."""

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from pipeline.results.tables import VERSION_TABLE

MIGRATIONS = Path(__file__).resolve().parent / "migrations"


def upgrade(connection: Connection) -> None:
    """Run every migration that is missing, in the connection's transaction."""
    found, needed = revisions(connection)
    if found == needed:
        return  # every publish asks; finding that out is dear to Alembic, which reads them all
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def revisions(connection: Connection) -> tuple[str | None, str | None]:
    """Return the migration that the tables are at, and the one that this code needs."""
    found = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
    return found.get_current_revision(), _newest()


@cache
def _newest() -> str | None:
    return ScriptDirectory.from_config(_config()).get_current_head()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config
