"""Snapshots that the gate refused, and those that a person accepted after it."""

from collections.abc import Iterable
from typing import Literal

from pipeline.lake.lake import Lake, Ref, Snapshot

Verdict = Literal["refused", "accepted"]


def note_refused(lake: Lake, city_name: str, snapshots: Iterable[tuple[str, str]]) -> None:
    """Keep that the gate refused what these snapshots hold; they don't count as held."""
    for dataset, ref in snapshots:
        _note(lake, "refused", city_name, dataset, Ref.from_json(ref))


def note_accepted(lake: Lake, snapshot: Snapshot) -> None:
    """Keep that a person accepts what a snapshot holds, however it differs from the one before."""
    _note(lake, "accepted", snapshot.city, snapshot.dataset, snapshot.ref)


def is_refused(lake: Lake, snapshot: Snapshot) -> bool:
    """Say whether the gate refused what a snapshot holds, and nobody accepted it."""
    return _is_noted(lake, "refused", snapshot) and not is_accepted(lake, snapshot)


def is_accepted(lake: Lake, snapshot: Snapshot) -> bool:
    """Say whether a person accepted what a snapshot holds."""
    return _is_noted(lake, "accepted", snapshot)


def _note(lake: Lake, verdict: Verdict, city_name: str, dataset: str, ref: Ref) -> None:
    # By its hash: the same data pulled again are the same.
    lake.write(verdict, f"{city_name}/{dataset}", {}, {"data_sha256": ref.sha256})


def _is_noted(lake: Lake, verdict: Verdict, snapshot: Snapshot) -> bool:
    refs = lake.refs(verdict, f"{snapshot.city}/{snapshot.dataset}")
    return any(lake.info(ref)["data_sha256"] == snapshot.ref.sha256 for ref in refs)
