"""Where every row went, from the sources to the grid."""

from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.domain.errors import CorruptArtifact
from pipeline.workflow.step_results import Gridded, Validated

LOUD_SHARE = 0.2
UNPLACED = {
    "out_of_box": "outside the grid's box",
    "outside_city": "outside the city",
    "missing": "without usable coordinates",
}


@dataclass(frozen=True)
class AccountLine:
    """One line of the account: a label, how deep it stands, and its rows."""

    label: str
    depth: int
    rows: int


def account(validated: Validated, grid: Gridded) -> list[AccountLine]:
    """Return the account of a week's rows, from what came in to what was placed.

    Raises:
        CorruptArtifact: the rows of a part don't add up to the whole.
    """
    dropped, quarantined, tally = validated["dropped"], validated["quarantined"], grid["tally"]
    quarantined_rows = validated["quarantined_rows"]
    parts = sum(dropped.values()) + validated["not_yet_known"] + quarantined_rows
    _must_equal("rows in", validated["rows_in"], parts + validated["accepted"])
    unplaced = {k: tally[k] for k in ("missing", "withheld", "out_of_box", "outside_city")}
    _must_equal("accepted rows", validated["accepted"], tally["placed"] + sum(unplaced.values()))
    return [
        AccountLine("rows in", 0, validated["rows_in"]),
        *(AccountLine(f"dropped: {_words(k)}", 1, v) for k, v in dropped.items() if v),
        AccountLine("not yet published on the issue date", 1, validated["not_yet_known"]),
        AccountLine("quarantined", 1, quarantined_rows),
        *(AccountLine(_words(reason), 2, rows) for reason, rows in quarantined.items()),
        AccountLine("accepted", 1, validated["accepted"]),
        AccountLine("placed on the grid", 2, tally["placed"]),
        AccountLine("of these moved to the nearest in-city cell", 3, tally["moved"]),
        *(AccountLine(f"not placed: {_words(k)}", 2, v) for k, v in unplaced.items()),
        *_if_any("of all accepted, of days before the history begins", 2, tally["early"]),
    ]


def unplaced(tally: Mapping[str, int]) -> str | None:
    """Return a warning where a fifth or more of the reports that could be mapped are in no cell.

    Args:
        tally: as `Tally`; what is never mapped does not count.
    """
    lost = {words: tally[name] for name, words in UNPLACED.items()}
    mappable = tally["placed"] + sum(lost.values())
    share = sum(lost.values()) / max(mappable, 1)
    if share < LOUD_SHARE:
        return None
    parts = ", ".join(f"{rows:,} {words}" for words, rows in lost.items() if rows)
    return (
        f"{share:.0%} of the reports ({sum(lost.values()):,} of {mappable:,}) are in no cell, and "
        f"so in no forecast: {parts}. Check [grid] in the city's file, and the coordinates."
    )


def _if_any(label: str, depth: int, rows: int) -> list[AccountLine]:
    return [AccountLine(label, depth, rows)] if rows else []


def _must_equal(what: str, found: int, expected: int) -> None:
    if found != expected:
        raise CorruptArtifact(
            f"The account of {what} does not add up: {found} rows, but its parts hold {expected}. "
            "Rows were lost or counted twice; report this as a bug."
        )


def _words(name: str) -> str:
    return name.replace("_", " ")
