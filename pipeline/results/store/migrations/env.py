"""Runs the migrations on the connection that the results store hands over."""

from alembic import context

from pipeline.results.store.tables import VERSION_TABLE, Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    version_table=VERSION_TABLE.name,
)
with context.begin_transaction():
    context.run_migrations()
