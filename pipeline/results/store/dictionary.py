"""What each column of the results store means, its type, unit and the values it may hold."""

from datetime import date, datetime
from typing import Any

import pyarrow as pa

from pipeline.domain.columns import DAY, FLAG, INT, REAL, TEXT, Column, TableContract
from pipeline.results.store.tables import Base, CellForecast

ARROW = {
    bool: FLAG,
    int: INT,
    float: REAL,
    str: TEXT,
    date: DAY,
    datetime: pa.timestamp("us", "UTC"),
    object: TEXT,  # JSON
}


def columns_of_table(table: type[Base]) -> tuple[Column, ...]:
    """Return a table's columns by attribute name, in table order."""
    return tuple(_column(part.key, part.columns[0]) for part in table.__mapper__.column_attrs)


def _column(name: str, stored: Any) -> Column:  # noqa: ANN401 - SQLAlchemy leaves its type open
    kind = ARROW[stored.type.python_type]
    return Column(name, kind, stored.doc, **stored.info, is_nullable=stored.nullable)


# A row of cell_forecasts before it has its run.
CELL_ROWS = TableContract(
    CellForecast.__tablename__,
    tuple(column for column in columns_of_table(CellForecast) if column.name != "run_pk"),
    ("row", "col"),
)
