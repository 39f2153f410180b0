"""Who bears the errors, where the flags fall, and whether they would feed themselves.

An audit only: nothing here is an input of the model, and nothing demographic is read. A cell is
flagged in a week if it is one of the week's hotspots, the top 5 % of cells.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from pipeline.evaluation.hotspots import BANDS
from pipeline.evaluation.ranking import flagged_cells, rank_cells
from pipeline.evaluation.scores import poisson_deviance

MOST_FLAGGED = 0.01
STAND_IN_WEEKS = 52
STAND_IN = f"mean of each cell's last {STAND_IN_WEEKS} weeks"
LIFTS = (0.0, 0.10, 0.25)
LOOP_WEEKS = 52
LOOP_RUNS = 20
END_WEEKS = 13
TINY = 1e-12  # a Poisson of rate 0 has no quantiles


@dataclass(frozen=True)
class Concentration:
    """How the flags of many weeks are spread over the cells.

    Attributes:
        weeks, cells: how many of each there are.
        ever: share of the cells that were flagged at least once.
        most_weeks: mean number of weeks that the most-flagged 1 % of cells were flagged.
        gini: Gini coefficient of weeks flagged over cells: 0 if all are flagged equally often,
            near 1 if few cells take all flags; NaN without a flag.
    """

    weeks: int
    cells: int
    ever: float
    most_weeks: float
    gini: float


def by_division(cells: pd.DataFrame, totals: pd.DataFrame) -> pd.DataFrame:
    """Return how each division fared, the one with the most reports first.

    Columns: division, cells, reports, bias (forecast over reported, minus 1; NaN without reports),
    deviance (mean Poisson deviance of a cell and week), covered (share of weeks whose reports lay
    in the division's 80 % interval; NaN without totals), flagged_share and reports_share (the
    division's part of all flags and of all reports, NaN where there are none).

    Args:
        cells: one row per week and cell: week, division, row, col, mean, flagged, reports.
        totals: one row per week and division: week, division, q10, q90.
    """
    cells = cells.assign(
        error=poisson_deviance(cells["mean"].to_numpy()[:, None], cells[["reports"]].to_numpy())
    )
    grouped = cells.groupby("division")
    found = grouped[["mean", "reports", "flagged"]].sum().astype(float)
    reported = cells.groupby(["week", "division"])["reports"].sum().rename("reports").reset_index()
    known = totals.merge(reported, on=["week", "division"])
    inside = known["reports"].between(known["q10"], known["q90"])
    table = pd.DataFrame(
        {
            "cells": grouped[["row", "col"]].apply(lambda part: len(part.drop_duplicates())),
            "reports": found["reports"].astype(int),
            "bias": (found["mean"] / found["reports"].where(found["reports"] > 0)) - 1,
            "deviance": grouped["error"].mean(),
            "covered": inside.groupby(known["division"]).mean().reindex(found.index),
            "flagged_share": _shares(found["flagged"]),
            "reports_share": _shares(found["reports"]),
        }
    )
    table = table.rename_axis("division").reset_index()
    return table.sort_values(["reports", "division"], ascending=[False, True], ignore_index=True)


def concentration(flagged: NDArray[np.bool_]) -> Concentration:
    """Return how (weeks, cells) flags are spread over the cells."""
    weeks = np.sort(flagged.sum(axis=0))
    cells = len(weeks)
    most = weeks[-flagged_cells(cells, MOST_FLAGGED) :]
    return Concentration(
        weeks=len(flagged),
        cells=cells,
        ever=float((weeks > 0).mean()),
        most_weeks=float(most.mean()),
        gini=gini(weeks),
    )


def gini(values: ArrayLike) -> float:
    """Return the Gini coefficient of values of 0 or more; NaN where all are 0."""
    ordered = np.sort(np.asarray(values, dtype=float))
    total, n = ordered.sum(), len(ordered)
    if not total:
        return float("nan")
    return float(2 * (np.arange(1, n + 1) * ordered).sum() / (n * total) - (n + 1) / n)


def feedback_loop(rate: NDArray[np.float64], horizon: int, seed: int) -> pd.DataFrame:
    """Simulate a year in which a flag raises reporting, and the next flags are made from that.

    Every figure is of simulated reports. What truly happens stays the same: each cell's reports are
    Poisson of `rate`. While a cell is flagged, `lift` more are reported there. The forecast is a
    cheap stand-in for the model, the STAND_IN, and knows the weeks up to `horizon` before its own.
    All lifts share the same chance, so that they differ by the lift alone.

    Columns: lift; flagged_reports (share of all reports that the flagged cells hold) and
    forecast_share (their share of all that the stand-in expects), flagged_truth (share of what
    truly happens there), all in the last END_WEEKS weeks; and ever and gini, as Concentration, over
    the whole year. Means of LOOP_RUNS runs.

    Args:
        rate: (cells,) expected true reports of a week.
        horizon: weeks from the last known week to the forecast one, 1 or more.
        seed: of all chance.
    """
    rows = [
        {"lift": lift, **_one_year(rate, horizon, lift, seed + run)}
        for run in range(LOOP_RUNS)
        for lift in LIFTS
    ]
    return pd.DataFrame(rows).groupby("lift", as_index=False).mean()


def _one_year(rate: NDArray[np.float64], horizon: int, lift: float, seed: int) -> dict[str, float]:
    from scipy.stats import poisson  # slow to import, and most steps have no need of it

    chance, more = np.random.default_rng([seed, 0]), np.random.default_rng([seed, 1])
    before = STAND_IN_WEEKS + horizon - 1  # weeks known or passed before the first forecast
    weeks = before + LOOP_WEEKS
    reports = chance.poisson(rate, (weeks, len(rate))).astype(float)
    # One uniform draw per week and cell, so that a larger lift only ever adds reports.
    luck = more.random((LOOP_WEEKS, len(rate)))
    flags, expected = np.zeros((2, LOOP_WEEKS, len(rate)))
    count = flagged_cells(len(rate), BANDS[-1] / 100)
    for k in range(LOOP_WEEKS):
        expected[k] = reports[k : k + STAND_IN_WEEKS].mean(axis=0)
        top = rank_cells(expected[k], seed + k) <= count
        flags[k, top] = 1
        reports[before + k, top] += poisson.ppf(luck[k, top], np.maximum(lift * rate[top], TINY))
    end = slice(-END_WEEKS, None)
    spread = concentration(flags > 0)
    return {
        "flagged_reports": _part(flags[end], reports[end]),
        "forecast_share": _part(flags[end], expected[end]),
        "flagged_truth": _part(flags[end], np.broadcast_to(rate, flags[end].shape)),
        "ever": spread.ever,
        "gini": spread.gini,
    }


def _part(flags: NDArray[np.float64], values: NDArray[np.float64]) -> float:
    total = values.sum()
    return float((flags * values).sum() / total) if total else float("nan")


def _shares(values: "pd.Series[float]") -> "pd.Series[float]":
    total = values.sum()
    return values / (total if total else np.nan)
