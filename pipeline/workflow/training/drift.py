"""Drift: the stored forecasts have done worse than the long-run mean, by more than chance."""

from datetime import date

import numpy as np

from pipeline.domain.errors import WeekNotReady
from pipeline.evaluation.baselines import REFERENCE
from pipeline.evaluation.bootstrap import INTERVAL, draw_weeks
from pipeline.results.page.track_record import DEVIANCE
from pipeline.results.store.many_weeks import FORECAST
from pipeline.results.store.reader import ResultsReader
from pipeline.settings import Settings

DRIFT_WEEKS = 13


def find_drift(settings: Settings, city: str, retrained_through: date, edge: date) -> str | None:
    """Return how a city's forecasts have drifted, in words, or None where they haven't.

    They have where, over the last 13 target weeks with scores, the whole 95 % interval of the mean
    difference in Poisson deviance from the long-run mean lies above 0 (paired by week, moving
    blocks of four weeks). Only forecasts made since the last training anew count, so that a new
    model is judged by its own; fewer than 13 say nothing.

    Args:
        settings: the installation.
        city: short name.
        retrained_through: edge week of the last training anew.
        edge: edge week of the run; no score that became known later is looked at.
    """
    differences = _differences(settings, city, retrained_through, edge)[-DRIFT_WEEKS:]
    if len(differences) < DRIFT_WEEKS:
        return None
    means = differences[draw_weeks(DRIFT_WEEKS, settings.seed)].mean(axis=1)
    low, high = np.percentile(means, INTERVAL)
    if low <= 0:
        return None
    return (
        f"drift: over {DRIFT_WEEKS} weeks the deviance was {differences.mean():.4f} above the "
        f"long-run mean's ({low:.4f} to {high:.4f})"
    )


def _differences(settings: Settings, city: str, retrained_through: date, edge: date) -> np.ndarray:
    """Return each week's deviance of the forecast minus the long-run mean's, oldest first."""
    store = ResultsReader(settings.results_database)
    try:
        runs = store.weeks(city)
    except WeekNotReady:  # nothing was ever published
        return np.array([])
    ours = {
        run.record.weeks.target_week
        for run in runs
        if run.record.weeks.edge_week >= retrained_through
    }
    table = store.current_scores(city, [DEVIANCE])
    is_known = table["target_week"].isin(ours) & (table["scored_edge_week"] <= edge)
    values = table[is_known].pivot_table(index="target_week", columns="model", values="value")
    if not {FORECAST, REFERENCE} <= set(values):
        return np.array([])
    return (values[FORECAST] - values[REFERENCE]).dropna().sort_index().to_numpy()
