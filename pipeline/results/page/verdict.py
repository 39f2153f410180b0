"""Can a week's forecast be trusted? A verdict in a sentence, and what was lost where."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipeline.results.page.schemas import Check, Loss, Verdict
from pipeline.results.page.track_record import SkillKnown

ROWS_IN = "rows in"
# What the account of a run calls them -> words for those who only read.
LOST = {
    "quarantined": "set aside: a check found a fault in them",
    "not placed: missing": "in no cell: without usable coordinates",
    "not placed: out of box": "in no cell: outside the grid",
    "not placed: outside city": "in no cell: outside the city",
}
NOT_LOST = {
    "not placed: withheld": "in no cell, but in the city's total: the city withholds the place",
    "of these moved to the nearest in-city cell": "moved to the nearest cell of the city",
}
CARE_SHARE, LOUD_SHARE = 0.05, 0.2  # of rows lost
FEW_WEEKS = 13
BAND = 0.8
CHANCE = 0.99  # a right band's count of hits lies within limits that hold this share of chance


@dataclass(frozen=True)
class Evidence:
    """What a verdict rests on.

    Attributes:
        provenance: "live", "recorded" or "simulated".
        checks: of the week's data.
        tally: rows by what became of them.
        is_stale: whether a newer forecast was due and could not be made.
        is_backfill: whether it was made after the day it is dated.
        known_weeks: weeks whose count was known when it was made.
        weeks_inside: those of them with the count in the 80 % band.
        skill: against each cell's long-run mean over the last 26 weeks that were scored then.
    """

    provenance: str
    checks: Sequence[Check]
    tally: Mapping[str, int]
    is_stale: bool
    is_backfill: bool
    known_weeks: int
    weeks_inside: int
    skill: SkillKnown | None


def losses(tally: Mapping[str, int]) -> list[Loss]:
    """Return what was lost where, and what was moved; what did not occur is left out."""
    rows_in = max(tally.get(ROWS_IN, 0), 1)
    named = {**LOST, **NOT_LOST}
    return [
        Loss(what=what, rows=tally[label], share=tally[label] / rows_in)
        for label, what in named.items()
        if tally.get(label)
    ]


def verdict(found: Evidence) -> Verdict:
    """Return whether a forecast is fit for use, is to be used with care, or not at all."""
    against, care = _against(found), _care(found)
    if against:
        return Verdict(level="do not use", sentence=_say("Do not use", against), besides=care)
    if care:
        return Verdict(level="use with care", sentence=_say("Use with care", care), besides=[])
    sentence = (
        f"Fit for use: none of {len(found.checks)} checks of its data warns, few rows were lost, "
        f"and the 80 % band has held over {found.known_weeks} weeks."
    )
    return Verdict(level="fit for use", sentence=sentence, besides=[])


def _against(found: Evidence) -> list[str]:
    failed, share = _with_outcome(found.checks, "stop"), _lost_share(found.tally)
    return [
        *_if(found.provenance == "simulated", "the data are simulated, not those of a real city"),
        *_if(failed, f"{_count(failed, 'check')} of its data failed"),
        *_if(share >= LOUD_SHARE, _lost(share)),
    ]


def _care(found: Evidence) -> list[str]:
    from scipy.stats import binom

    warned, share = _with_outcome(found.checks, "warn"), _lost_share(found.tally)
    known, inside = found.known_weeks, found.weeks_inside
    low, high = binom.interval(CHANCE, known, BAND)
    return [
        *_if(found.provenance == "recorded", "the data are a recording, not the newest there are"),
        *_if(not found.checks, "no checks of its data are on record"),
        *_if(warned, f"{_count(warned, 'check')} of its data gave a warning"),
        *_if(CARE_SHARE <= share < LOUD_SHARE, _lost(share)),
        *_if(found.is_stale, "a newer forecast was due and could not be made"),
        *_if(found.is_backfill, "it was made later than it is dated"),
        *_if(
            known < FEW_WEEKS,
            f"there is hardly a track record: {_count(known, 'week')} counted so far, and it "
            f"takes {FEW_WEEKS}",
        ),
        *_if(
            known >= FEW_WEEKS and not low <= inside <= high,
            f"the 80 % band held the count in {inside} of {known} weeks, "
            f"{'fewer' if inside < low else 'more'} than chance explains",
        ),
        *_worse(found.skill),
    ]


def _worse(of: SkillKnown | None) -> list[str]:
    """Say that the forecasts were worse than simple averages, where chance doesn't explain it."""
    if of is None or not of.high < 0:
        return []
    worse = (
        f"over the last {_count(of.weeks, 'scored week')} its error was {-100 * of.skill:.1f} % "
        f"higher than that of each cell's long-run average (95 % interval {-100 * of.high:.1f} to "
        f"{-100 * of.low:.1f} %)"
    )
    return [worse]


def _lost_share(tally: Mapping[str, int]) -> float:
    return sum(tally.get(label, 0) for label in LOST) / max(tally.get(ROWS_IN, 0), 1)


def _lost(share: float) -> str:
    return f"{100 * share:.0f} % of the rows were lost"


def _with_outcome(checks: Sequence[Check], outcome: str) -> int:
    return sum(check.outcome == outcome for check in checks)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")


def _if(holds: object, reason: str) -> list[str]:
    return [reason] if holds else []


def _say(level: str, reasons: Sequence[str]) -> str:
    return f"{level}: {'; '.join(reasons)}."
