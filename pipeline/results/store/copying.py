"""A results store copied row by row, from one database to another of either kind."""

from sqlalchemy import Table, func, insert, select
from sqlalchemy.orm import Session

from pipeline.domain.errors import InvalidRequest
from pipeline.results.store.database import make_engine, require_newest, transaction
from pipeline.results.store.tables import Base
from pipeline.results.store.writer import ResultsStore

ROWS_AT_ONCE = 5_000


def copy_store(source_url: str, target_url: str) -> None:
    """Copy every row as it is at one moment, whoever writes meanwhile.

    Raises:
        InvalidRequest: the target holds rows already, or its role may not make its tables.
        WeekNotReady: the source has no tables yet.
        StoreOutdated: the source's tables are those of another version of the code.
        SourceUnavailable: a database did not answer.
    """
    source = make_engine(source_url)
    if source.dialect.name == "postgresql":
        source = source.execution_options(isolation_level="REPEATABLE READ")
    ResultsStore(target_url).migrate()
    tables = Base.metadata.sorted_tables
    with transaction(source) as old, transaction(make_engine(target_url), is_write=True) as new:
        require_newest(old)
        held = [table.name for table in tables if new.execute(select(table).limit(1)).first()]
        if held:
            raise InvalidRequest(
                f"The results store to be filled holds rows already, in {', '.join(held)}. "
                "Give an empty database."
            )
        for table in tables:
            _copy(table, old, new)


def _copy(table: Table, old: Session, new: Session) -> None:
    found = old.execute(select(table), execution_options={"yield_per": ROWS_AT_ONCE})
    for rows in found.mappings().partitions():
        new.execute(insert(table), [dict(row) for row in rows])
    numbered = table.autoincrement_column
    if numbered is not None and new.get_bind().dialect.name == "postgresql":
        sequence = func.pg_get_serial_sequence(table.name, numbered.name)
        highest = select(func.max(numbered)).scalar_subquery()
        new.execute(select(func.setval(sequence, highest)))
