"""The columns of files for others: what each means, how far it is rounded, empty where none is."""

import csv
import io
from collections.abc import Iterable
from dataclasses import replace
from itertools import chain

import pandas as pd
import pyarrow as pa

from pipeline.domain.columns import HORIZON, INT, REAL, TEXT, Column
from pipeline.results.products.hub import HUB_COLUMNS
from pipeline.results.store.dictionary import columns_of_table
from pipeline.results.store.tables import CellForecast, Run, Score, TotalForecast

DICTIONARY = "data_dictionary.csv"
YEAR = "target_year"  # names folders, which pandas and DuckDB read as a column
DIGITS = 4
DEGREE_DECIMALS = 6
DEGREES = ("lat", "lon")
ROUNDING = (
    f"Figures have {DIGITS} significant digits, two more than a forecast carries: its interval is "
    "wider than 1 % of it. Counts are exact. The results store and the API keep all digits."
)
KINDS = {pa.int64(): "integer", INT: "integer", REAL: "real", TEXT: "text", pa.date32(): "date",
         pa.bool_(): "true or false"}  # fmt: skip
_STORED = {column.name: column for column in columns_of_table(CellForecast)}
# Where there is none the store holds 0, and a file nothing: a 0 would be summed and averaged.
IN_FILES = (
    Column("cell_id", INT, "number of the cell: row * columns of the grid + col"),
    Column("lat", REAL, "latitude of the cell's centre", "deg"),
    Column("lon", REAL, "longitude of the cell's centre", "deg"),
    Column("neighbourhood", TEXT, "neighbourhood of the cell's centre"),
    Column(YEAR, INT, "year of the target week's Sunday; part of the folder's name"),
    Column("counted", INT, "reports counted in the week, as known now; empty where not yet",
           "reports"),
    replace(_STORED["band"],
            meaning="1, 2 or 5 for the top 1, 2, 5 % of in-city cells, else empty"),
    replace(_STORED["cluster"],
            meaning="number of the group of touching hotspots; empty for a cell in none"),
)  # fmt: skip


def for_files(rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows as files hold them: figures rounded; band and cluster empty where there is none.

    Degrees stay as they are.
    """
    rows = rows.copy()
    for name in rows.select_dtypes("float").columns.difference(DEGREES):
        rows[name] = [float(f"{value:.{DIGITS}g}") for value in rows[name]]
    for name in rows.columns.intersection(["band", "cluster"]):
        rows[name] = rows[name].astype("Int32").where(rows[name] > 0)
    return rows


def dictionary(names: Iterable[str]) -> dict[str, dict[str, str]]:
    """Return the type, unit, rounding and meaning of columns of files, by name."""
    stored = [columns_of_table(table) for table in (Score, Run, TotalForecast, CellForecast)]
    known = {c.name: c for c in (*chain(*stored), HORIZON, *HUB_COLUMNS, *IN_FILES)}
    return {name: _said(known[name]) for name in dict.fromkeys(names)}


def dictionary_file(names: Iterable[str]) -> bytes:
    """Return what `dictionary` says as a CSV, one line a column."""
    sink = io.StringIO()
    writer = csv.writer(sink, lineterminator="\n")
    writer.writerow(("column", "type", "unit", "rounded_to", "meaning"))
    writer.writerows((name, *said.values()) for name, said in dictionary(names).items())
    return sink.getvalue().encode()


def _said(column: Column) -> dict[str, str]:
    is_degrees, is_real = column.name in DEGREES, column.type == REAL
    rounded = f"{DEGREE_DECIMALS} decimals" if is_degrees else f"{DIGITS} significant digits"
    return {
        "type": KINDS[column.type],
        "unit": column.unit,
        "rounded_to": rounded if is_real else "",
        "meaning": column.meaning,
    }
