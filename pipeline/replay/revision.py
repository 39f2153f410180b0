"""Two ways in which a portal changes a dataset under its readers."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.replay.source import KEYS, PublishedDataset

REVISED_ROWS = 200
_DAYS_BACK = (35, 70)
_RENAMED = {"date_occ": "occurred_date", "date": "occurred_date"}


def with_renamed_column(dataset: PublishedDataset) -> PublishedDataset:
    """Return the dataset with its date of occurrence under another name."""
    names = [_RENAMED.get(name, name) for name in dataset.table.column_names]
    return replace(dataset, table=dataset.table.rename_columns(names))


def with_late_revision(dataset: PublishedDataset) -> PublishedDataset:
    """Return the dataset with new reports of old days added, and its update time moved on.

    They repeat reports of five to ten weeks before the newest, under keys of their own; where the
    dataset gives a date of report, it is the newest there.
    """
    table = dataset.table
    occurred = "date" if dataset.adapter == "chicago" else "date_occ"
    if table.num_rows == 0:
        return dataset
    newest = pc.max(table[occurred]).as_py()
    old = pc.and_(
        pc.greater(table[occurred], newest - timedelta(days=_DAYS_BACK[1])),
        pc.less(table[occurred], newest - timedelta(days=_DAYS_BACK[0])),
    )
    late = table.filter(old).slice(0, REVISED_ROWS)
    for key in KEYS[dataset.adapter]:
        renamed = pc.binary_join_element_wise(pa.scalar("99"), late[key], "")
        late = late.set_column(late.column_names.index(key), key, renamed)
    if "date_rptd" in table.column_names:
        reported = pa.array(np.full(late.num_rows, pc.max(table["date_rptd"]).as_py()))
        at = late.column_names.index("date_rptd")
        late = late.set_column(at, "date_rptd", reported.cast(pa.timestamp("s")))
    moved_on = dataset.updated_at + timedelta(hours=1)
    return replace(dataset, table=pa.concat_tables([table, late]), updated_at=moved_on)
