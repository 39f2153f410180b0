"""Runs the migrations on the connection that the results store hands over."""

from alembic import context

from pipeline.results.tables import Base

# Named apart from the usual table, so that other software may keep its own in the same database.
VERSION_TABLE = "hotspots_schema_version"

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    version_table=VERSION_TABLE,
)
with context.begin_transaction():
    context.run_migrations()
