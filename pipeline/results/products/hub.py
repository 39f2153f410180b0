"""A week's forecast in the column order of the hubverse's model output, as Parquet.

Source: hubverse documentation, "Model output": one row per target, location and output type.
"""

from datetime import timedelta

import pandas as pd
import pyarrow as pa

from pipeline.domain.city import City
from pipeline.domain.columns import DAY, HORIZON, REAL, TEXT, Column
from pipeline.domain.weeks import WEEK
from pipeline.files import parquet_bytes
from pipeline.results.store.quantiles import QUANTILES
from pipeline.results.store.records import StoredRun

TARGET = "weekly violent-crime reports"
HUB_COLUMNS = (
    Column("reference_date", DAY, "Saturday that ends the edge week"),
    Column("target", TEXT, "what is forecast"),
    HORIZON,
    Column("location", TEXT, "city, division:NAME or cell:ID"),
    Column("target_end_date", DAY, "Saturday that ends the target week"),
    Column("output_type", TEXT, "mean or quantile"),
    Column("output_type_id", REAL, "level of a quantile; empty for a mean"),
    Column("value", REAL, "the mean, or the quantile", "reports"),
)
SCHEMA = pa.schema([(column.name, column.type) for column in HUB_COLUMNS])


def hub_file(city: City, run: StoredRun, cells: pd.DataFrame, totals: pd.DataFrame) -> bytes:
    """Return means and quantiles of city, divisions and cells, with the provenance as metadata.

    `reference_date` is the Saturday that ends the edge week, so that it lies `horizon` weeks
    before `target_end_date`. A location is "city", "division:NAME" or "cell:ID".
    """
    weeks = run.record.weeks
    numbers = city.grid.cell_id(cells["row"].to_numpy(), cells["col"].to_numpy())
    kinds = totals["kind"] + ":" + totals["name"]
    places = pd.concat(
        [
            totals.assign(location=kinds.where(totals["kind"] != "city", "city")),
            cells.assign(location=[f"cell:{number}" for number in numbers]),
        ]
    )
    parts = [_part(places, "mean", None, "mean")]
    parts += [_part(places, "quantile", level, name) for name, level in QUANTILES.items()]
    frame = pd.concat(parts, ignore_index=True).assign(
        reference_date=weeks.edge_week + timedelta(days=6),
        target=TARGET,
        horizon=weeks.horizon,
        target_end_date=weeks.target_week + WEEK - timedelta(days=1),
    )
    facts = {"provenance": run.record.provenance, "issue_date": weeks.issue_date.isoformat()}
    table = pa.Table.from_pandas(frame[SCHEMA.names], schema=SCHEMA, preserve_index=False)
    return parquet_bytes(table.replace_schema_metadata(facts))


def _part(places: pd.DataFrame, kind: str, level: float | None, column: str) -> pd.DataFrame:
    rows = {"location": places["location"], "output_type": kind, "value": places[column]}
    return pd.DataFrame({**rows, "output_type_id": float("nan") if level is None else level})
