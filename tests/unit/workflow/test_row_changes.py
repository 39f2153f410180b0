"""How two snapshots differ, row by row, by the week in which it occurred."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa

from pipeline.domain.city import load_city
from pipeline.lake.lake import Lake
from pipeline.sources.adapters import ADAPTERS
from pipeline.workflow.vintages import row_changes

BEFORE = datetime(2026, 11, 10, 15, tzinfo=UTC)


def snapshot(lake, pulled_at, rows):
    named = [dict(zip(("id", "date", "primary_type"), row, strict=True)) for row in rows]
    columns = ADAPTERS["chicago"].columns
    table = pa.table({c: pa.array([row.get(c) for row in named], pa.string()) for c in columns})
    return lake.add_snapshot(
        "chicago", "ijzp-q8t2", table,
        pulled_at=pulled_at, source_updated_at=None, provenance="recorded",
    )  # fmt: skip


def test_rows_are_counted_by_their_sundays(tmp_path):
    lake = Lake(tmp_path)
    alike = ("1", "2026-11-07T23:59:59.000", "THEFT")
    first = [
        alike,
        ("2", "2026-11-07T12:00:00.000", "THEFT"),
        ("3", "2026-11-08T00:00:00.000", "A"),
    ]
    last = [alike, ("3", "2026-11-08T00:00:00.000", "B"), ("4", "2026-11-14T23:00:00.000", "A")]
    last += [("5", "no day", "A"), ("6", "2026-11-15T00:00:00.000", "A")]
    snapshots = snapshot(lake, BEFORE, first), snapshot(lake, BEFORE + timedelta(days=14), last)
    changes = row_changes(lake, load_city("chicago"), *snapshots)
    assert (changes.gone, changes.new, changes.changed, changes.alike) == (1, 3, 1, 1)
    by_week = {str(week)[:10]: tuple(row) for week, row in zip(
        changes.weeks.index, changes.weeks[["gone", "new", "changed"]].to_numpy(), strict=True
    )}  # fmt: skip
    assert by_week == {
        "2026-11-01": (1, 0, 0),
        "2026-11-08": (0, 1, 1),
        "2026-11-15": (0, 1, 0),
        "NaT": (0, 1, 0),
    }
