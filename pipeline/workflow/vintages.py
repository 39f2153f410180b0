"""How a snapshot differs from the one that was held before it."""

from dataclasses import dataclass

import pandas as pd
import pyarrow as pa

from pipeline.domain.city import City
from pipeline.lake.lake import Lake, Ref, Snapshot
from pipeline.quality.history import Vintage
from pipeline.sources.adapters import ADAPTERS, classes_of, codes_of
from pipeline.sources.incidents import days_of_text
from pipeline.workflow.refreshes import refreshed_on
from pipeline.workflow.refusals import is_accepted, is_refused


@dataclass(frozen=True)
class RowChanges:
    """Rows of two snapshots of one dataset, by the key that names a row.

    `weeks` has the columns gone, new and changed by the Sunday of the week of occurrence, of those
    weeks where any is; NaT where a row names no day.
    """

    gone: int
    new: int
    changed: int
    alike: int
    weeks: pd.DataFrame


def vintage(lake: Lake, city: City, snapshot: Snapshot) -> Vintage:
    """Return a snapshot counted by day of occurrence and class; dates that are none left out."""
    adapter = ADAPTERS[city.dataset(snapshot.dataset).adapter]
    table = lake.read_snapshot(snapshot, [adapter.occurred, adapter.code])
    frame = pd.DataFrame(
        {
            "day": days_of_text(table[adapter.occurred]),
            "offence_class": classes_of(city, codes_of(adapter, table)),
        }
    ).dropna()
    frame["day"] = frame["day"].to_numpy("datetime64[D]").astype("int64")
    reports = frame.groupby(["day", "offence_class"], as_index=False).size()
    reports = reports.rename(columns={"size": "rows"})
    return Vintage(
        snapshot.dataset, refreshed_on(snapshot, city), reports.rename(columns={"size": "rows"})
    )


def changed_vintages(
    lake: Lake, city: City, snapshots: tuple[tuple[str, str], ...]
) -> tuple[tuple[Vintage, Vintage], ...]:
    """Return (the one held before, itself) of every snapshot that has one and differs from it.

    Snapshots that the gate refused were not held, and of those that were pruned nothing is left.
    One whose data a person accepted is not compared.
    """
    pairs = []
    for dataset, text in snapshots:
        ref, held = Ref.from_json(text), lake.snapshots(city.name, dataset)
        chosen = next(s for s in held if s.ref == ref)
        before = [
            s
            for s in held
            if s.pulled_at < chosen.pulled_at
            and s.rows
            and s.pruned_at is None
            and not is_refused(lake, s)
        ]
        is_same = bool(before) and before[-1].ref.sha256 == ref.sha256
        if before and not is_same and not is_accepted(lake, chosen):
            pairs.append((vintage(lake, city, before[-1]), vintage(lake, city, chosen)))
    return tuple(pairs)


def row_changes(lake: Lake, city: City, before: Snapshot, after: Snapshot) -> RowChanges:
    """Return how many rows are gone, new, changed and alike from one snapshot to another."""
    adapter = ADAPTERS[city.dataset(before.dataset).adapter]
    key = adapter.row_key
    first, last = (
        lake.read_snapshot(s).to_pandas().dropna(subset=[key]).drop_duplicates(key).set_index(key)
        for s in (before, after)
    )
    both = first.index.intersection(last.index)
    is_alike = (first.loc[both].fillna("") == last.loc[both, first.columns].fillna("")).all(axis=1)
    parts = {
        "gone": first.loc[first.index.difference(both)],
        "new": last.loc[last.index.difference(both)],
        "changed": last.loc[both[~is_alike]],
    }
    weeks = {name: _rows_by_week(part[adapter.occurred]) for name, part in parts.items()}
    return RowChanges(
        **{name: len(part) for name, part in parts.items()},
        alike=int(is_alike.sum()),
        weeks=pd.DataFrame(weeks).fillna(0).astype(int),
    )


def _rows_by_week(occurred: pd.Series) -> pd.Series:
    days = days_of_text(pa.chunked_array([pa.array(occurred, pa.string())]))
    sundays = days - pd.to_timedelta((days.dt.day_of_week + 1) % 7, unit="D")
    return sundays.value_counts(dropna=False).sort_index()
