"""A challenger is trained, tried against the champion on the same weeks, and promoted or not."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

import pandas as pd

from pipeline.domain.city import City
from pipeline.evaluation.backtest import origins_of
from pipeline.evaluation.baselines import REFERENCE
from pipeline.evaluation.origins import Origins
from pipeline.evaluation.rolling import MakeForecaster, Rolling, TrainedModels, say_nothing
from pipeline.evaluation.summary import against_rivals, pooled_scores
from pipeline.grid.cube import Cube
from pipeline.lake.lake import Lake
from pipeline.model.config import ModelConfig
from pipeline.settings import Settings
from pipeline.workflow.plan import Plan
from pipeline.workflow.reads import Reads
from pipeline.workflow.step_results import Gridded, Trained
from pipeline.workflow.train import train_model
from pipeline.workflow.training.job import Fit, Progress, fit_here

if TYPE_CHECKING:
    from pipeline.model.saved import TrainedModel

TRIAL_WEEKS = 26
JUDGED_BY = "poisson_deviance"
CHAMPION, CHALLENGER = "champion", "challenger"


class Verdict(TypedDict):
    """How a challenger did beside the champion, and what that means.

    `difference`, `low` and `high` are the challenger's deviance minus the champion's, with its
    95 % interval; 0 where there is no champion. `table` is Markdown.
    """

    version: str
    champion: str | None
    is_worse: bool
    difference: float
    low: float
    high: float
    table: str


class Promoted(TypedDict):
    """The version that is champion now, and the one that was before."""

    champion: str
    previous: str | None


def train_challenger(
    settings: Settings,
    plan: Plan,
    grid: Gridded,
    progress: Progress | None = None,
    fit: Fit = fit_here,
) -> Trained:
    """Train a model anew on all that is known, and register it as the challenger."""
    return train_model(
        settings, plan, grid, "retrain", alias="challenger", progress=progress, fit=fit
    )


def compare(settings: Settings, plan: Plan, grid: Gridded, challenger: Trained) -> Verdict:
    """Try challenger and champion on the last weeks that are known, each as of its edge week.

    Neither side may know the weeks it is tried on. For the challenger stands its configuration,
    trained anew as of the first edge week of the trial; for the champion the champion itself, or
    where it knows later weeks the newest version that doesn't, or where there is none its
    configuration, trained anew likewise. The challenger is worse if the whole 95 % interval of the
    difference in deviance lies above 0 (paired by week, moving-block bootstrap).

    Raises:
        InvalidRequest: the history is too short for a trial.
    """
    from pipeline.model.registry import Registry

    registry, city = Registry(settings, plan.city), settings.city(plan.city)
    champion = registry.champion()
    if champion is None:
        return _unopposed(challenger)
    cube = Reads().cube(Lake(settings.lake_root), city, grid)
    origins = origins_of(cube, settings, TRIAL_WEEKS, [grid["horizon"]])
    number = registry.version_of(champion.sha256)
    with tempfile.TemporaryDirectory(dir=_models(settings)) as folder:
        ours = _trained_anew(city, ModelConfig.from_settings(settings), Path(folder))
        early = registry.champion(known_before=origins.edges[0])
        if early is None:
            theirs, stand_in = _trained_anew(city, champion.config, Path(folder)), "trained anew"
        else:
            theirs, stand_in = (
                _as_it_is(city, early),
                f"version {registry.version_of(early.sha256)}",
            )
        sums = pd.concat(
            [
                _walk(settings, city, cube, origins, ours, CHALLENGER),
                _walk(settings, city, cube, origins, theirs, CHAMPION),
            ]
        )
    pooled = pooled_scores(sums)
    found = against_rivals(sums, CHALLENGER, [CHAMPION], settings.seed)
    gap = found[CHAMPION][str(grid["horizon"])][JUDGED_BY]
    is_worse = bool(gap["low"] > 0)
    return Verdict(
        version=challenger["version"],
        champion=number,
        is_worse=is_worse,
        difference=gap["difference"],
        low=gap["low"],
        high=gap["high"],
        table=_table(challenger["version"], number, stand_in, origins, pooled, gap),
    )


def promote_challenger(settings: Settings, plan: Plan, verdict: Verdict) -> Promoted:
    """Make the challenger of a verdict the champion."""
    from pipeline.model.registry import Registry

    Registry(settings, plan.city).promote(verdict["version"])
    return Promoted(champion=verdict["version"], previous=verdict["champion"])


def _models(settings: Settings) -> Path:
    folder = settings.home / "models"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _trained_anew(city: City, config: ModelConfig, folder: Path) -> MakeForecaster:
    # Equal configurations share a folder, and so one training.
    return TrainedModels(city, config, folder / config.sha256[:16], say_nothing)


def _as_it_is(city: City, model: TrainedModel) -> MakeForecaster:
    from pipeline.model.predict import forecast

    return lambda _trained_on: lambda view, weeks: forecast(model, view, city, weeks)


def _walk(
    settings: Settings,
    city: City,
    cube: Cube,
    origins: Origins,
    make_forecaster: MakeForecaster,
    name: str,
) -> pd.DataFrame:
    """Return the sums of one side's weeks under its name; the challenger's with the reference."""
    rolling = Rolling(city, cube, origins, settings.seed, len(origins.edges), say_nothing)
    rolling.run(make_forecaster)
    sums = pd.DataFrame(rolling.sums)
    own = sums["model"].iloc[0]
    wanted = [own, REFERENCE] if name == CHALLENGER else [own]
    return sums[sums["model"].isin(wanted)].replace({"model": {own: name}})


def _unopposed(challenger: Trained) -> Verdict:
    return Verdict(
        version=challenger["version"],
        champion=None,
        is_worse=False,
        difference=0.0,
        low=0.0,
        high=0.0,
        table=f"There is no champion yet; version {challenger['version']} needs no trial.",
    )


def _table(
    version: str,
    champion: str,
    stand_in: str,
    origins: Origins,
    pooled: Mapping[str, Any],
    gap: Mapping[str, Any],
) -> str:
    """Return what a person needs to decide, as Markdown."""
    names = {
        CHALLENGER: f"challenger, version {version} (its configuration, trained anew)",
        CHAMPION: f"champion, version {champion} ({stand_in})",
        REFERENCE: "long-run mean of the cell",
    }
    horizon = str(origins.horizons[0])
    first, seen = origins.targets[0], origins.edges[0]
    text = (
        f"{gap['weeks']} weeks from {first}, {horizon} weeks ahead; neither model knew a week "
        f"after {seen}.\n\n"
        "| | deviance | reports in top 5 % | in top 20 % | bias |\n|---|---|---|---|---|\n"
    )
    for name, words in names.items():
        scores = pooled[name][horizon]
        text += (
            f"| {words} | {scores[JUDGED_BY]:.4f} | {scores['hit_rate_5']:.1%} | "
            f"{scores['hit_rate_20']:.1%} | {scores['bias']:+.1%} |\n"
        )
    verdict = "worse" if gap["low"] > 0 else "not worse"
    return text + (
        f"\nChallenger minus champion: {gap['difference']:+.4f}, 95 % between {gap['low']:+.4f} "
        f"and {gap['high']:+.4f}; better in {gap['weeks_won']} of {gap['weeks']} weeks. "
        f"The challenger is **{verdict}**."
    )
