"""Train: decide how the model is come by, and bring it."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Literal

from pipeline.domain.errors import WeekNotReady
from pipeline.domain.weeks import WEEK, parse_date, weeks_between
from pipeline.files import temporary_folder
from pipeline.lake.lake import Lake
from pipeline.model.config import ModelConfig
from pipeline.model.identity import features_sha256
from pipeline.model.saved import weeks_since_retraining
from pipeline.settings import Settings
from pipeline.workflow.card import write_card
from pipeline.workflow.plan import Plan
from pipeline.workflow.reads import Reads
from pipeline.workflow.step_results import Decision, Gridded, Trained
from pipeline.workflow.training.drift import find_drift
from pipeline.workflow.training.job import Fit, Job, Progress, fit_here

if TYPE_CHECKING:
    from pipeline.model.registry import Registry
    from pipeline.model.saved import TrainedModel

FINE_TUNE_AFTER_WEEKS = 4
RETRAIN_AFTER_WEEKS = 26


def decide_training(settings: Settings, plan: Plan, grid: Gridded) -> Decision:
    """Decide how the model is come by; only models known at the edge week are considered.

    "auto" trains anew 26 weeks after it last did so, after a change of features or configuration,
    and where the forecasts since then have drifted; else it fine-tunes a champion of 4 weeks or
    more, and reuses a younger one.

    Raises:
        WeekNotReady: reuse or fine-tuning was asked for and there is no earlier model.
    """
    from pipeline.model.registry import Registry

    edge = parse_date(grid["edge_week"])
    champion = Registry(settings, plan.city).champion(known_before=edge)
    if champion is None:
        if plan.training in ("reuse", "fine_tune"):
            raise WeekNotReady(
                f"No model of {plan.city} was trained on data up to {edge} or before, so there "
                f"is none to {plan.training}. Run with training=retrain."
            )
        return Decision(mode="retrain", why="no earlier model of these features")
    if plan.training != "auto":
        return Decision(mode=plan.training, why="asked for")
    age = weeks_between(champion.trained_through, edge)
    since = age + weeks_since_retraining(champion)
    if champion.config != ModelConfig.from_settings(settings):
        return Decision(mode="retrain", why="the configuration has changed since the champion")
    if since >= RETRAIN_AFTER_WEEKS:
        return Decision(mode="retrain", why=f"the last training anew is {since} weeks old")
    drift = find_drift(settings, plan.city, edge - since * WEEK, edge)
    if drift is not None:
        return Decision(mode="retrain", why=drift)
    mode: Literal["reuse", "fine_tune"] = "reuse" if age < FINE_TUNE_AFTER_WEEKS else "fine_tune"
    return Decision(mode=mode, why=f"the champion is {age} weeks old")


def train(
    settings: Settings,
    plan: Plan,
    grid: Gridded,
    decision: Decision,
    progress: Progress | None = None,
    fit: Fit = fit_here,
    reads: Reads | None = None,
) -> Trained:
    """Bring a model in the decided way, and register it as champion if it knows the most."""
    from pipeline.model.registry import Registry

    registry = Registry(settings, plan.city)
    if decision["mode"] == "reuse":
        champion = registry.champion(known_before=parse_date(grid["edge_week"]))
        if champion is not None:
            return _trained(champion, registry.version_of(champion.sha256), "reuse")
    return train_model(
        settings, plan, grid, decision["mode"], progress=progress, fit=fit, reads=reads
    )


def train_model(
    settings: Settings,
    plan: Plan,
    grid: Gridded,
    mode: str,
    *,
    alias: Literal["champion", "challenger"] = "champion",
    progress: Progress | None = None,
    fit: Fit = fit_here,
    reads: Reads | None = None,
) -> Trained:
    """Train a model, register it and write its card.

    It becomes champion only if none knows later weeks.

    Args:
        settings: the installation.
        plan: names the city.
        grid: what is learned from.
        mode: "fine_tune" starts from the champion; any other anew.
        alias: what the model is to be called.
        progress: told (done, total).
        fit: trains in this process or in another.
        reads: what the run has read.
    """
    from pipeline.model.registry import Registry

    registry = Registry(settings, plan.city)
    start = _start(registry, parse_date(grid["edge_week"])) if mode == "fine_tune" else None
    job = Job(
        city=plan.city,
        cube=grid["ref"],
        edge_week=grid["edge_week"],
        config=ModelConfig.from_settings(settings).model_dump(),
        features=features_sha256(),
        mode="fine_tune" if mode == "fine_tune" else "retrain",
        start_from=start.folder.relative_to(settings.home).as_posix() if start else None,
    )
    # Each training has a folder of its own, so that runs side by side don't write over another's.
    with temporary_folder(settings.home / "models") as folder:
        model = fit(settings, job, folder / "model", progress)
        version = registry.register(model, alias=alias)
    model = registry.fetch(version)
    view = (reads or Reads()).view(Lake(settings.lake_root), settings.city(plan.city), grid)
    write_card(settings, plan, grid, view, model, version=version, mode=mode)
    return _trained(model, version, mode)


def _start(registry: Registry, edge: date) -> TrainedModel | None:
    """Return the model to fine-tune: one that doesn't know the edge week, if there is one.

    So a step that is run again starts from where it did before, not from what it made then.
    """
    return registry.champion(known_before=edge - WEEK) or registry.champion(known_before=edge)


def _trained(model: TrainedModel, version: str, mode: str) -> Trained:
    return Trained(
        folder=str(model.folder),
        sha256=model.sha256,
        version=version,
        trained_through=model.trained_through.isoformat(),
        mode=mode,
    )
