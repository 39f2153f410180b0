"""How the stored forecasts came true, beside their baselines."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.evaluation.baselines import REFERENCE
from pipeline.evaluation.bootstrap import RECENT_WEEKS, recent_skill, skill
from pipeline.results.page.score_schemas import (
    Comparison,
    RecentSkill,
    ReliabilityBin,
    Scores,
    TotalOutcome,
)
from pipeline.results.store.many_weeks import FORECAST
from pipeline.results.store.quantiles import quantiles
from pipeline.results.store.reader import ResultsReader

DEVIANCE = "poisson_deviance"
SHOWN_SCORES = (DEVIANCE, "crps", "hit_rate_1", "hit_rate_2", "hit_rate_5", "hit_rate_10",
                "hit_rate_20", "pei_star_5", "mae", "bias")  # fmt: skip
SEED = 1
NOT_STORED = {"q025": 0.025, "q975": 0.975}
OF_TOTALS = ("mean", "q025", "q10", "q25", "q75", "q90", "q975")
SKILL_DIGITS = 5


class SkillKnown(NamedTuple):
    """Skill against the reference over some weeks, and its 95 % interval, NaN for too few."""

    weeks: int
    skill: float
    low: float
    high: float


def scores(store: ResultsReader, city: str) -> Scores:
    """Return how the current forecasts came true, beside every baseline."""
    scored, values = _weekly(store.current_scores(city, SHOWN_SCORES))
    totals = _total_outcomes(store, city)
    inside = _inside(totals)
    return Scores(
        weeks=scored,
        scores=values,
        comparisons=_comparisons(values.get(DEVIANCE, {}), scored),
        totals=totals,
        coverage_80=float(np.mean(inside)) if inside else None,
        reliability=[
            ReliabilityBin(cells=n, chance=chance, share=share)
            for n, chance, share in store.reliability(city).itertuples(index=False)
        ],
    )


def skill_known(store: ResultsReader, city: str, last: date) -> SkillKnown | None:
    """Return the skill over the last 26 scored weeks up to `last`; None without any."""
    ours, theirs = store.newest_pairs(city, DEVIANCE, REFERENCE, last, RECENT_WEEKS).T
    if not theirs.sum() > 0:
        return None
    return SkillKnown(len(ours), *skill(ours, theirs, SEED))


def _inside(totals: Sequence[TotalOutcome]) -> list[bool]:
    return [t.q10 <= t.observed <= t.q90 for t in totals if t.observed is not None]


def _total_outcomes(store: ResultsReader, city: str) -> list[TotalOutcome]:
    observed = store.observed_weeks(city).set_index("week_start")["reports"]
    totals = store.city_totals(city)
    totals = totals.assign(**quantiles(totals["mean"], totals["nb_size"], NOT_STORED))
    return [
        TotalOutcome(
            name="city", week=t["target_week"], observed=observed.get(t["target_week"]),
            **{name: t[name] for name in OF_TOTALS},
        )
        for t in totals.to_dict("records")
    ]  # fmt: skip


def _comparisons(deviance: dict[str, list[float | None]], weeks: list[date]) -> list[Comparison]:
    """Return the skill against each baseline over the weeks that have it, the reference first."""
    if FORECAST not in deviance:
        return []
    found = []
    for name in sorted(deviance.keys() - {FORECAST}, key=lambda n: (n != REFERENCE, n)):
        ours, theirs = (np.array(deviance[of], dtype=float) for of in (FORECAST, name))
        both = np.isfinite(ours - theirs)
        if both.any() and (theirs[both] > 0).all():
            of_weeks = [week for week, is_in in zip(weeks, both, strict=True) if is_in]
            found.append(_comparison(name, of_weeks, ours[both], theirs[both]))
    return found


def _comparison(
    name: str, weeks: list[date], ours: NDArray[np.float64], theirs: NDArray[np.float64]
) -> Comparison:
    value, low, high = skill(ours, theirs, SEED)
    along = recent_skill(ours, theirs, SEED).round(SKILL_DIGITS)
    known = np.isfinite(along[:, 0])
    return Comparison(
        baseline=name,
        skill=value,
        low=low if low == low else None,  # NaN where too few weeks give no interval
        high=high if high == high else None,
        weeks_won=int((ours < theirs).sum()),
        weeks=len(weeks),
        recent=RecentSkill(
            weeks=[week for week, is_in in zip(weeks, known, strict=True) if is_in],
            skill=along[known, 0].tolist(),
            low=along[known, 1].tolist(),
            high=along[known, 2].tolist(),
        ),
    )


def _weekly(table: pd.DataFrame) -> tuple[list[date], dict[str, dict[str, list[float | None]]]]:
    """Return the scored weeks, and score -> model -> value of each; None where there is none."""
    weeks = sorted(set(table["target_week"]))
    values: dict[str, dict[str, list[float | None]]] = {}
    for (score, model), rows in table.groupby(["score", "model"]):
        pairs = zip(rows["target_week"], rows["value"].tolist(), strict=True)
        known = {week: value for week, value in pairs if value == value}
        values.setdefault(score, {})[model] = [known.get(week) for week in weeks]
    return weeks, values
