"""The ridge under the total branch: season, holidays, and a level that may shift.

A large lasting shift (an epidemic, a new records system) would be taken for season by a
regression. So two kinds of step are given to it: the share of reports entered in
the NIBRS system, which is published, and steps found in the residuals, at most three.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.model.config import HORIZON_COUNT
from pipeline.model.totals import Totals

RIDGE = (0.0, 0.5, 0.5, 5.0)  # intercept, sine, cosine, holiday days: few holidays, so held back
STEP_RIDGE = 0.05
SEASON_HALF_LIFE = 156.0  # weeks
LEVEL_HALF_LIFE = 4.0
FIRST_RIDGE_WEEKS = 20
FIRST_SHIFT_WEEKS = 26
MOST_SHIFTS = 3
LEAST_SHIFT_WEEKS = 4
SHIFT_SIDE_WEEKS = 26
SHIFT_SEARCH_WEEKS = 156
SHIFT_THRESHOLD = 9.0  # standard errors: smaller ones the level follows by itself
MAD_TO_DEVIATION = 1.4826


@dataclass(frozen=True)
class Season:
    """The regression of log city totals as known at one origin.

    Attributes:
        residuals: (origin + 1,) what season, holidays and steps leave of log totals.
        ahead: (horizons,) log totals of the target weeks by the regression alone.
        shifts: weeks at which a step was found, the most telling first.
    """

    residuals: NDArray[np.float64]
    ahead: NDArray[np.float64]
    shifts: tuple[int, ...]

    def base(self) -> NDArray[np.float64]:
        """Return (horizons,) log city totals: the regression, and the recent level."""
        weight = 0.5 ** (np.arange(len(self.residuals) - 1, -1, -1) / LEVEL_HALF_LIFE)
        level = (weight @ self.residuals) / weight.sum()
        return self.ahead + level


def fit_season(totals: Totals, origin: int, *, handles_breaks: bool = True) -> Season:
    """Fit log totals as known at the origin, by ridge regression on season, holidays and steps.

    A week counts half as much for every SEASON_HALF_LIFE of age.
    """
    log_total = np.log(totals.city_as_of(origin) + 0.5)
    last = origin + 1 + HORIZON_COUNT
    steps = [totals.nibrs_share_as_of(origin)] if handles_breaks else []
    shifts: list[int] = []
    while True:
        design = np.column_stack([totals.season[:last], *steps])
        fitted = design @ _ridge(design[: origin + 1], log_total)
        residuals = log_total - fitted[: origin + 1]
        shift = find_shift(residuals) if handles_breaks and len(shifts) < MOST_SHIFTS else None
        if shift is None or shift in shifts:
            return Season(residuals, fitted[origin + 1 :], tuple(shifts))
        shifts.append(shift)
        steps.append((np.arange(last) >= shift).astype(float))


def _ridge(design: NDArray[np.float64], log_total: NDArray[np.float64]) -> NDArray[np.floating]:
    penalty = np.full(design.shape[1], STEP_RIDGE)
    penalty[: len(RIDGE)] = RIDGE
    weight = 0.5 ** (np.arange(len(design) - 1, -1, -1) / SEASON_HALF_LIFE)
    weighted = design * weight[:, None]
    return np.linalg.solve(weighted.T @ design + np.diag(penalty), weighted.T @ log_total)


def find_shift(residuals: NDArray[np.number]) -> int | None:
    """Return the week of the most telling step of (weeks,) residuals, None if none is telling.

    A step is a difference of the means of up to half a year before and after it, in standard
    errors; the noise is measured on week-to-week changes, which a step hardly touches.
    """
    first = max(len(residuals) - SHIFT_SEARCH_WEEKS, 0)
    recent = residuals[first:]
    if len(residuals) < FIRST_SHIFT_WEEKS:
        return None
    change = np.diff(recent)
    noise = MAD_TO_DEVIATION * np.median(np.abs(change - np.median(change))) / np.sqrt(2)
    sums = np.concatenate([[0.0], recent.cumsum()])
    at = np.arange(LEAST_SHIFT_WEEKS, len(recent) - LEAST_SHIFT_WEEKS + 1)
    before = np.minimum(at, SHIFT_SIDE_WEEKS)
    after = np.minimum(len(recent) - at, SHIFT_SIDE_WEEKS)
    step = (sums[at + after] - sums[at]) / after - (sums[at] - sums[at - before]) / before
    telling = np.abs(step) / np.maximum(noise * np.sqrt(1 / before + 1 / after), 1e-6)
    best = int(telling.argmax())
    return first + int(at[best]) if telling[best] > SHIFT_THRESHOLD else None
