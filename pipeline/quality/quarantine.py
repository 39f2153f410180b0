"""The rows that a check takes out of a table: which they are, and what is kept of each."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.domain.columns import QUARANTINE, TableContract


def positions_of(failures: Mapping[str, frozenset[int]]) -> list[int]:
    """Return the positions of all rows that failed any check, rising."""
    return sorted(set().union(*failures.values()))


def leave_out(table: pa.Table, positions: NDArray[np.int64]) -> pa.Table:
    """Return the table without the rows at these positions."""
    if not len(positions):
        return table
    goes_on = np.ones(table.num_rows, dtype=bool)
    goes_on[positions] = False
    return table.filter(goes_on)


def copies_among(table: pa.Table, positions: Iterable[int], key: Sequence[str]) -> frozenset[int]:
    """Return those of the positions whose key an earlier one of them has."""
    ordered = np.array(sorted(positions), np.int64)
    rows = table.select(list(key)).take(pa.array(ordered)).to_pandas()
    return frozenset(ordered[rows.duplicated().to_numpy()].tolist())


def quarantine(
    contract: TableContract, table: pa.Table, failures: Mapping[str, frozenset[int]]
) -> pa.Table:
    """Return contract QUARANTINE: every failed check of every row that failed any."""
    positions = positions_of(failures)
    rows = table.take(pa.array(positions, pa.int64())).to_pylist()
    keys = dict(zip(positions, _row_keys(contract, positions, rows), strict=True))
    texts = [json.dumps(row, default=str, sort_keys=True) for row in rows]
    text_of = dict(zip(positions, texts, strict=True))
    entries = [
        {
            "table_name": contract.name,
            "row_key": keys[position],
            "reason": reason,
            "row_json": text_of[position],
        }
        for reason, bad in failures.items()
        for position in sorted(bad)
    ]
    return QUARANTINE.conform(pa.Table.from_pylist(entries, schema=QUARANTINE.schema))


def _row_keys(
    contract: TableContract, positions: Sequence[int], rows: Sequence[Mapping[str, Any]]
) -> list[str]:
    """Return a key for each row, with its number where the key alone does not name it."""
    keys = pd.Series(["|".join(str(row[name]) for name in contract.key) for row in rows], dtype=str)
    has_gap = [any(row[name] is None for name in contract.key) for row in rows]
    is_unclear = keys.duplicated(keep=False) | pd.Series(has_gap, dtype=bool)
    return [
        f"{key} (row {position})" if unclear else key
        for key, position, unclear in zip(keys, positions, is_unclear, strict=True)
    ]
