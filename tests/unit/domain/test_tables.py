from datetime import date

import pandas as pd
import pyarrow as pa
import pytest

from pipeline.domain import columns as tables
from pipeline.domain.columns import Column, TableContract
from pipeline.domain.errors import SchemaDrift

CONTRACT = TableContract(
    "readings",
    (
        Column("day", tables.DAY, "local day"),
        Column("rain_mm", tables.REAL, "precipitation", "mm", 0, 500, is_nullable=True),
        Column("source", tables.TEXT, "service", allowed=("a", "b")),
        Column("low_only", tables.INT, "count", low=1),
    ),
    ("day", "source"),
)
DAY = date(2023, 1, 1)
ROW = {"day": DAY, "rain_mm": 1.5, "source": "a", "low_only": 1}
CONTRACTS = [value for value in vars(tables).values() if isinstance(value, TableContract)]


def frame(*changes):
    return pd.DataFrame([{**ROW, **change} for change in changes])


def test_a_frame_becomes_a_table_of_the_contract():
    table = CONTRACT.conform(frame({}, {"source": "b", "rain_mm": None}).assign(extra=1))
    assert table.schema.equals(CONTRACT.schema, check_metadata=True)
    assert table.to_pylist() == [ROW, {**ROW, "source": "b", "rain_mm": None}]


def test_a_table_is_reordered_cast_and_cleared_of_other_columns():
    columns = {"source": ["a"], "low_only": pa.array([3], pa.int64()), "extra": [0]}
    given = pa.table({**columns, "rain_mm": [0.0], "day": pa.array([DAY])})
    table = CONTRACT.conform(given)
    assert table.column_names == ["day", "rain_mm", "source", "low_only"]
    assert table.schema.equals(CONTRACT.schema, check_metadata=True)


def test_conforming_twice_changes_nothing():
    table = CONTRACT.conform(frame({}))
    assert CONTRACT.conform(table).equals(table, check_metadata=True)


def test_the_schema_carries_units_and_meanings():
    field = CONTRACT.schema.field("rain_mm")
    assert field.metadata == {b"unit": b"mm", b"meaning": b"precipitation"}
    assert field.nullable
    assert not CONTRACT.schema.field("day").nullable
    assert CONTRACT.schema.metadata == {b"table": b"readings", b"key": b"day,source"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rain_mm": -0.1}, "column rain_mm: values from -0.1 to -0.1, allowed 0 to 500 mm"),
        ({"rain_mm": 501}, "values from 501.0 to 501.0"),
        ({"low_only": 0}, "values from 0 to 0, allowed 1 to None"),
        ({"source": "c"}, r"column source: found \['c'\], allowed \['a', 'b'\]"),
        ({"source": None}, "does not fit its types: .*source.*null"),
        ({"day": "soon"}, "does not fit its types"),
        ({"low_only": "many"}, "does not fit its types"),
    ],
)
def test_a_broken_rule_is_named(change, message):
    with pytest.raises(SchemaDrift, match=f"Table readings.*({message})"):
        CONTRACT.conform(frame(change))


def test_nulls_of_a_table_are_found_too():
    given = pa.Table.from_pylist([{**ROW, "low_only": None}], schema=pa.schema(
        [pa.field(f.name, f.type) for f in CONTRACT.schema]
    ))  # fmt: skip
    with pytest.raises(SchemaDrift, match="low_only"):
        CONTRACT.conform(given)


def test_a_column_of_nulls_keeps_to_any_range():
    assert CONTRACT.conform(frame({"rain_mm": None})).num_rows == 1


def test_a_missing_column_is_named_with_what_is_there():
    with pytest.raises(SchemaDrift, match="lacks rain_mm, source; found day, low_only"):
        CONTRACT.conform(frame({}).drop(columns=["rain_mm", "source"]))


def test_a_repeated_key_is_counted():
    with pytest.raises(SchemaDrift, match=r"2 of 3 rows repeat the key \(day, source\)"):
        CONTRACT.conform(frame({}, {}, {"rain_mm": 9}))


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda c: c.name)
def test_every_contract_holds_together(contract):
    names = [column.name for column in contract.columns]
    assert len(set(names)) == len(names)
    assert set(contract.key) <= set(names)
    assert all(column.meaning for column in contract.columns)
    assert not any(c.is_nullable for c in contract.columns if c.name in contract.key)
    assert contract.conform(contract.schema.empty_table()).num_rows == 0


def test_contracts_have_names_of_their_own():
    assert len(CONTRACTS) >= 9
    assert len({contract.name for contract in CONTRACTS}) == len(CONTRACTS)
