"""Figures about whole weeks: of all reports, and of each class."""

from collections.abc import Callable, Collection
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.domain.city import OTHER
from pipeline.domain.weeks import WEEK, last_whole_week
from pipeline.quality.completeness import FEWEST_A_WEEK, FEWEST_WEEKS_BEFORE, WEEKS_BEFORE
from pipeline.quality.evidence import NOT_APPLICABLE, Evidence, Measure

FEWEST_CLASS_WEEKS_BEFORE = 8
# A class is judged over the fewest newest weeks in which so many reports of it were to be expected.
FEWEST_OF_CLASS = 50
SPANS_WEEKS = (1, 2, 4, 8)
CLASS_WEEKS_BEFORE = 44
NEW_CODE_WEEKS = 4
NAMED_CODES = 5


def newest_week_pct(evidence: Evidence) -> Measure:
    """Measure the newest whole week's reports in percent of the 12 weeks before it."""
    return _week_pct(evidence, 0)


def week_before_newest_pct(evidence: Evidence) -> Measure:
    """Measure the week before the newest one's reports in percent of the 12 weeks before it."""
    return _week_pct(evidence, 1)


def lowest_target_class_pct(evidence: Evidence) -> Measure:
    """Measure the target class that fell most, in percent of its own weeks before.

    A class is held against its count and against its share of all reports before, and the higher of
    the two counts: a city may fall as a whole, and other classes may grow.
    """
    return _most_changed(evidence, evidence.city.offences.target, min, max)


def lowest_other_class_pct(evidence: Evidence) -> Measure:
    """Measure the other located class that fell most, in percent of its own weeks before."""
    offences = evidence.city.offences
    others = set(offences.class_of().values()).difference(offences.target, offences.citywide_only)
    return _most_changed(evidence, sorted(others), min, max)


def highest_target_class_pct(evidence: Evidence) -> Measure:
    """Measure the target class that grew most, in percent of its own weeks before.

    Of its count and its share the lower counts.
    """
    return _most_changed(evidence, evidence.city.offences.target, max, min)


def new_code_rows(evidence: Evidence) -> Measure:
    """Count the newest four weeks' reports under codes that the city's map lacks and nobody saw."""
    if evidence.weeks < NEW_CODE_WEEKS + FEWEST_WEEKS_BEFORE:
        return NOT_APPLICABLE
    new = _new_codes(evidence)
    rows = sum(new.values())
    named = ", ".join(f"{code} ({reports:,})" for code, reports in list(new.items())[:NAMED_CODES])
    return Measure(
        rows, f"{rows:,} reports of the newest {NEW_CODE_WEEKS} weeks: {named or 'none'}"
    )


_Pick = Callable[..., Any]


class _Change(NamedTuple):
    """How a class changed: in percent of its weeks before, and in words."""

    pct: float
    found: str


def _week_pct(evidence: Evidence, back: int) -> Measure:
    """Return a week's reports in percent of the mean of the 12 whole weeks before it."""
    counts = _weekly(evidence, np.ones(len(evidence.frame), dtype=bool))
    before = counts[back + 1 : back + 1 + WEEKS_BEFORE]
    if len(before) < FEWEST_WEEKS_BEFORE or before.mean() < FEWEST_A_WEEK:
        return NOT_APPLICABLE
    newest = last_whole_week(evidence.known_through)
    pct = 100 * counts[back] / before.mean()
    return Measure(
        float(pct),
        f"{pct:.0f} %: {counts[back]:,} reports in the week of {newest - back * WEEK}, mean "
        f"{before.mean():,.0f} and spread {before.std():,.0f} of the {len(before)} before",
    )


def _most_changed(
    evidence: Evidence, names: Collection[str], most: _Pick, of_two: _Pick
) -> Measure:
    """Return the named class that changed most; `of_two` picks its count's or share's change."""
    classes = evidence.frame["offence_class"]
    all_weekly = _weekly(evidence, np.ones(len(classes), dtype=bool))
    changes = []
    for name in names:
        weekly = _weekly(evidence, (classes == name).to_numpy())
        change = _change(name, weekly, all_weekly, of_two)
        if change is not None:
            changes.append(change)
    if not changes:
        return NOT_APPLICABLE
    pct, found = most(changes)
    return Measure(pct, found)


def _change(
    name: str, weekly: NDArray[np.int64], all_weekly: NDArray[np.int64], of_two: _Pick
) -> _Change | None:
    """Return how a class changed; None where too little of it was to be expected.

    Args:
        name: the class.
        weekly: (weeks,) reports of it, newest first.
        all_weekly: (weeks,) reports of all classes.
        of_two: see `_most_changed`.
    """
    for weeks in SPANS_WEEKS:
        before = slice(weeks, weeks + CLASS_WEEKS_BEFORE)
        if len(weekly[before]) < FEWEST_CLASS_WEEKS_BEFORE:
            return None
        expected = weeks * weekly[before].mean()
        if expected >= FEWEST_OF_CLASS:
            break
    else:
        return None
    found, reports = weekly[:weeks].sum(), all_weekly[:weeks].sum()
    by_count = found / expected
    by_share = by_count * weeks * all_weekly[before].mean() / max(reports, 1)
    pct = 100 * float(of_two([by_count, by_share]))
    return _Change(
        pct,
        f"{pct:.0f} %: {found:,} {name} in the newest {weeks} week(s), {expected:,.0f} expected by "
        f"its {len(weekly[before])} weeks before",
    )


def _new_codes(evidence: Evidence) -> dict[str, int]:
    """Return code -> reports of codes of class 'other' that only the newest weeks have, most first.

    What the weeks before hold a twentieth of is new too: a rename may begin with a few.
    """
    frame, back = evidence.frame, evidence.weeks_back
    codes = frame["offence_code"].cat
    number = codes.codes.to_numpy()
    is_other = (frame["offence_class"] == OTHER).to_numpy()
    is_new = (back >= 0) & (back < NEW_CODE_WEEKS)
    found, before = (
        np.bincount(number[is_other & of], minlength=len(codes.categories))
        for of in (is_new, back >= NEW_CODE_WEEKS)
    )
    new = [k for k in np.argsort(-found, kind="stable") if found[k] and before[k] <= found[k] / 20]
    return {_shown(codes.categories[k]): int(found[k]) for k in new}


def _shown(code: str) -> str:
    """Return a code as a source writes it, short, and without what commands a terminal."""
    return "".join(c if c.isprintable() else "?" for c in code)[:40]


def _weekly(evidence: Evidence, chosen: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return (weeks,) reports of the chosen rows in each whole week that is counted, newest first.

    Args:
        evidence: the rows and their weeks.
        chosen: (n,) the rows to count.
    """
    back = evidence.weeks_back
    return np.bincount(back[chosen & (back >= 0)], minlength=evidence.weeks)
