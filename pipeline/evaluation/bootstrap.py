"""Paired comparison of two forecasts over the same weeks, by a moving-block bootstrap."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from pipeline.evaluation.scores import metrics

BLOCK_WEEKS = 4
DRAWS = 2_000
INTERVAL = (2.5, 97.5)  # percentiles
LOWER_IS_BETTER = ("poisson_deviance", "nb_log_score", "crps", "brier_any", "rmse", "mae")
HIGHER_IS_BETTER = (
    "information", "capture_area", "hit_rate_1", "hit_rate_2", "hit_rate_5", "hit_rate_20",
    "pei_star_1", "pei_star_2", "pei_star_5", "pei_star_20",
)  # fmt: skip

RECENT_WEEKS = 26  # together in a point of skill along time
LEAST_WEEKS = 13  # fewer give no interval: their blocks are too few to differ

Weekly = Mapping[str, NDArray[np.number]]


@dataclass(frozen=True)
class Difference:
    """A model's pooled score minus the reference's.

    Attributes:
        difference: over all weeks.
        low, high: 95 % interval of the bootstrap; NaN for fewer than LEAST_WEEKS weeks.
        weeks_won: weeks in which the model's score is the better one.
        weeks: weeks compared.
    """

    difference: float
    low: float
    high: float
    weeks_won: int
    weeks: int


def draw_weeks(
    weeks: int, seed: int, block: int = BLOCK_WEEKS, draws: int = DRAWS
) -> NDArray[np.int64]:
    """Return (draws, weeks) indices of weeks, drawn in blocks of `block` consecutive ones.

    Blocks keep the likeness of neighbouring weeks; a week's errors aren't independent of the
    next one's. Source: Kunsch 1989.
    """
    block = min(block, weeks)
    starts = np.random.default_rng(seed).integers(
        0, weeks - block + 1, size=(draws, -(-weeks // block))
    )
    return (starts[..., None] + np.arange(block)).reshape(draws, -1)[:, :weeks]


def interval(drawn: NDArray[np.number], weeks: int) -> tuple[float, float]:
    """Return the 95 % interval of a figure's draws; NaN twice where too few weeks are behind it.

    Args:
        drawn: (draws,) the figure of each draw.
        weeks: weeks that were drawn from.
    """
    if weeks < LEAST_WEEKS:
        return np.nan, np.nan
    low, high = np.percentile(drawn, INTERVAL)
    return float(low), float(high)


def compare(model: Weekly, reference: Weekly, seed: int) -> dict[str, Difference]:
    """Return the difference in every score that has a better side.

    Args:
        model: statistic -> (weeks,) sums of each week.
        reference: likewise, of the same weeks in the same order.
        seed: seed of the draws.
    """
    weeks = len(model["cells"])
    chosen = draw_weeks(weeks, seed)
    drawn = _difference(_sums(model, chosen), _sums(reference, chosen))
    pooled = _difference(_sums(model, np.arange(weeks)), _sums(reference, np.arange(weeks)))
    weekly = _difference(model, reference)
    result = {}
    for score in (*LOWER_IS_BETTER, *HIGHER_IS_BETTER):
        sign = 1 if score in HIGHER_IS_BETTER else -1
        low, high = interval(drawn[score], weeks)  # NaN too if a draw has no such score
        won = int((sign * weekly[score] > 0).sum())
        result[score] = Difference(float(pooled[score]), low, high, won, weeks)
    return result


def skill(
    ours: NDArray[np.number], theirs: NDArray[np.number], seed: int
) -> tuple[float, float, float]:
    """Return 1 - ours / theirs of summed scores, and its 95 % `interval` over paired weeks.

    Args:
        ours: (weeks,) scores, lower is better.
        theirs: (weeks,) the reference's of the same weeks, in the same order.
        seed: seed of the draws.
    """
    times = _times_drawn(len(ours), seed)
    skills = 1 - (times @ ours) / (times @ theirs)
    return float(1 - ours.sum() / theirs.sum()), *interval(skills, len(ours))


def recent_skill(
    ours: NDArray[np.number], theirs: NDArray[np.number], seed: int
) -> NDArray[np.float64]:
    """Return (weeks, 3): `skill` of the RECENT_WEEKS up to each week, NaN before LEAST_WEEKS.

    Args: as `skill`.
    """
    found = np.full((len(ours), 3), np.nan)
    for last in range(LEAST_WEEKS, len(ours) + 1):
        recent = slice(max(0, last - RECENT_WEEKS), last)
        found[last - 1] = skill(ours[recent], theirs[recent], seed)
    return found


@lru_cache(maxsize=2 * RECENT_WEEKS)
def _times_drawn(weeks: int, seed: int) -> NDArray[np.float64]:
    """Return (draws, weeks) how often each week is in each draw."""
    drawn = draw_weeks(weeks, seed)
    times = np.zeros((len(drawn), weeks))
    np.add.at(times, (np.arange(len(drawn))[:, None], drawn), 1)
    times.setflags(write=False)
    return times


def _sums(weekly: Weekly, chosen: NDArray[np.integer]) -> dict[str, NDArray[np.float64]]:
    return {name: values[chosen].sum(axis=-1) for name, values in weekly.items()}


def _difference(model: Weekly, reference: Weekly) -> dict[str, NDArray[np.float64]]:
    ours, theirs = metrics(model), metrics(reference)
    return {score: ours[score] - theirs[score] for score in ours}
