"""What a backtest comes to: weekly scores, pooled scores, and differences to the reference."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import pandas as pd
import pyarrow as pa

from pipeline.evaluation.baselines import REFERENCE
from pipeline.evaluation.bootstrap import compare, draw_weeks, interval
from pipeline.evaluation.outputs import BACKTEST_SCORES
from pipeline.evaluation.scores import metrics

KEY = ["week_start", "horizon", "model"]

Scores = dict[str, dict[str, Any]]  # model -> horizon -> what it says


def weekly_scores(sums: pd.DataFrame) -> pa.Table:
    """Return the scores of each week (contract backtest_scores).

    Args:
        sums: one row per week, horizon and model, with its statistics.
    """
    scores = pd.DataFrame({**sums[KEY], **metrics(_columns(sums))})
    long = scores.melt(KEY, var_name="score").sort_values([*KEY, "score"], ignore_index=True)
    return BACKTEST_SCORES.conform(long)


def pooled_scores(sums: pd.DataFrame) -> Scores:
    """Return model -> horizon -> score of all weeks together, from the sums of the statistics."""
    return {
        str(model): {
            str(horizon): {
                name: float(value) for name, value in metrics(_columns(weeks, pooled=True)).items()
            }
            for horizon, weeks in of_model.groupby("horizon")
        }
        for model, of_model in sums.groupby("model", sort=False)
    }


def differences(sums: pd.DataFrame, seed: int, reference: str = REFERENCE) -> Scores:
    """Return model -> horizon -> score -> difference to the reference over the same weeks."""
    found: Scores = {}
    for horizon, of_horizon in sums.sort_values("week_start").groupby("horizon"):
        models = {
            str(name): _columns(rows) for name, rows in of_horizon.groupby("model", sort=False)
        }
        for name in models.keys() - {reference}:
            compared = compare(models[name], models[reference], seed)
            by_score = {score: asdict(difference) for score, difference in compared.items()}
            found.setdefault(name, {})[str(horizon)] = by_score
    return {name: found[name] for name in sums["model"].unique() if name in found}


def against_rivals(sums: pd.DataFrame, model: str, rivals: Sequence[str], seed: int) -> Scores:
    """Return rival -> horizon -> score -> the model's difference to it over the same weeks."""
    found: Scores = {}
    for rival in rivals:
        pair = sums[sums["model"].isin([model, rival])]
        found[rival] = differences(pair, seed, rival)[model]
    return found


def attainable(
    sums: pd.DataFrame, model: str, truth: str, seed: int
) -> dict[str, dict[str, float]]:
    """Return, by horizon, how far a model goes from the long-run mean to the true rates.

    The share is of Poisson deviance, 1 where the model forecasts as well as the truth would, with
    the 95 % interval of a block bootstrap over weeks.

    Args:
        sums: one row per week, horizon and model, with its statistics.
        model: name of the model.
        truth: name of the true rates.
        seed: seed of the draws.
    """
    found = {}
    for horizon, rows in sums.groupby("horizon"):
        weekly = rows.pivot_table(index="week_start", columns="model", values="poisson_deviance")
        known, ours, best = (weekly[name].to_numpy() for name in (REFERENCE, model, truth))
        chosen = draw_weeks(len(weekly), seed)
        drawn = (known - ours)[chosen].sum(axis=1) / (known - best)[chosen].sum(axis=1)
        low, high = interval(drawn, len(weekly))
        share = (known - ours).sum() / (known - best).sum()
        found[str(horizon)] = {"share": float(share), "low": low, "high": high}
    return found


def _columns(sums: pd.DataFrame, *, pooled: bool = False) -> dict[str, Any]:
    columns = sums.drop(columns=KEY)
    return {
        str(name): values.sum() if pooled else values.to_numpy() for name, values in columns.items()
    }
