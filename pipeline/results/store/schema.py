"""Bringing the tables to the newest migration."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

MIGRATIONS = Path(__file__).resolve().parent / "migrations"


def upgrade(connection: Connection) -> None:
    """Run every migration that is missing, in the connection's transaction."""
    config = config_of_migrations()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def config_of_migrations() -> Config:
    """Return what Alembic has to know of the migrations."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config
