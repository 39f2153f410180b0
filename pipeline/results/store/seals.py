"""Hashes kept of stored rows when they are written, by which a later change of them is seen.

A seal is kept of each group of rows that is written together: a run, its cells, its totals, its
checks, its scores, a known week and its cells, a card, a city's state.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sqlalchemy import Select, delete, insert, select
from sqlalchemy.orm import Session

from pipeline.results.store.tables import (
    Base,
    CellForecast,
    CityState,
    DataHealth,
    Model,
    ModelCard,
    ObservedCell,
    ObservedWeek,
    Run,
    Score,
    Seal,
    TotalForecast,
)

Columns = Mapping[str, Sequence[Any]]  # name -> the value of every row
Key = tuple[Any, ...]
# By which columns a table's rows are grouped.
GROUPED_BY: dict[type[Base], tuple[str, ...]] = {
    Model: ("id",),
    Run: ("id",),
    CellForecast: ("run_pk",),
    TotalForecast: ("run_pk",),
    DataHealth: ("run_pk",),
    Score: ("run_pk",),
    ObservedWeek: ("city", "week_start"),
    ObservedCell: ("city", "week_start"),
    ModelCard: ("city", "version"),
    CityState: ("city",),
}
SEALS = Base.metadata.tables[Seal.__tablename__]
OF_EACH_RUN = (CellForecast, TotalForecast, DataHealth)
NUMBERS = {float: "<f8", int: "<i8", bool: "<i8"}


def hash_rows(table: type[Base], columns: Columns) -> str:
    """Return the sha256 over rows of a table, whatever order they come in.

    Args:
        table: of the store.
        columns: all its columns by attribute name.
    """
    kinds = {part.key: part.columns[0].type.python_type for part in table.__mapper__.column_attrs}
    digest = hashlib.sha256(table.__tablename__.encode())
    for name, values in sorted(_sorted(table, columns).items()):
        digest.update(f"\0{name}\0{len(values)}\0".encode() + _content(values, kinds[name]))
    return digest.hexdigest()


def seal(session: Session, table: type[Base], *keys: Key) -> None:
    """Keep the hash of groups of rows as they lie in the store now, in place of an earlier one."""
    name = table.__tablename__
    rows = [
        {
            "table_name": name,
            "group_key": key_text(key),
            "sha256": hash_rows(table, group(session, table, key)),
        }
        for key in keys
    ]
    earlier = SEALS.c.group_key.in_([row["group_key"] for row in rows])
    session.execute(delete(SEALS).where(SEALS.c.table_name == name, earlier))
    if rows:
        session.execute(insert(SEALS), rows)


def seal_all(session: Session) -> None:
    """Keep the hash of all that lies in the store."""
    for table in GROUPED_BY:
        seal(session, table, *keys_of(session, table))


def keys_of(session: Session, table: type[Base]) -> list[Key]:
    """Return the keys of all groups of a table, in order.

    Each run has one of its cells, totals and checks, of no rows where there are none.
    """
    queries: list[Select[Any]] = [select(*(getattr(table, name) for name in GROUPED_BY[table]))]
    queries += [select(Run.id)] if table in OF_EACH_RUN else []
    return sorted({tuple(row) for query in queries for row in session.execute(query.distinct())})


def group(session: Session, table: type[Base], key: Key) -> Columns:
    """Return the rows of a group by columns, all of them, in the order of their primary key."""
    # By plain columns: as mapped ones a thousand rows would take three milliseconds longer.
    stored = {part.key: part.columns[0] for part in table.__mapper__.column_attrs}
    is_of_group = (stored[n] == k for n, k in zip(GROUPED_BY[table], key, strict=True))
    query = select(*stored.values()).where(*is_of_group).order_by(*table.__table__.primary_key)
    rows = session.execute(query).all()
    return dict(zip(stored, list(zip(*rows, strict=True)) or [()] * len(stored), strict=True))


def sealed(session: Session, table: type[Base], key: Key) -> str | None:
    """Return the hash kept of a group; None where none is."""
    query = select(SEALS.c.sha256).where(
        SEALS.c.table_name == table.__tablename__, SEALS.c.group_key == key_text(key)
    )
    return session.scalar(query)


def key_text(key: Key) -> str:
    """Return a group's key as it is stored."""
    return " ".join(map(str, key))


def _sorted(table: type[Base], columns: Columns) -> Columns:
    """Return rows in the order of their texts among the key; each database has its own for those.

    Rows without any come by the numbers of their key.
    """
    texts = [
        part.key
        for part in table.__mapper__.column_attrs
        if part.columns[0].primary_key and part.columns[0].type.python_type is str
    ]
    texts = [name for name in texts if name not in GROUPED_BY[table]]
    if not texts:
        return columns
    keys = [tuple(map(str, row)) for row in zip(*(columns[name] for name in texts), strict=True)]
    order = sorted(range(len(keys)), key=keys.__getitem__)
    return {name: [values[row] for row in order] for name, values in columns.items()}


def _content(values: Sequence[Any], kind: type) -> bytes:
    """Return values of a column as bytes; what isn't of the column's kind is told as it is."""
    number = NUMBERS.get(kind)
    if number and set(map(type, values)) <= {kind}:
        return np.array(values, number).tobytes()
    return json.dumps(list(values), default=str, sort_keys=True).encode()
