"""From the cube to a forecast: decide on training, train, forecast."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pipeline.domain.city import City
from pipeline.domain.errors import WeekNotReady
from pipeline.domain.weeks import WEEK, parse_date, weeks_between
from pipeline.evaluation.hotspots import share_in_top
from pipeline.grid.build import cube_from_tables
from pipeline.grid.cube import CubeView
from pipeline.lake import Lake, Ref
from pipeline.model.config import ModelConfig
from pipeline.model.saved import weeks_since_retraining
from pipeline.settings import Settings
from pipeline.workflow.artefact import write_forecast
from pipeline.workflow.card import write_card
from pipeline.workflow.drift import find_drift
from pipeline.workflow.plan import (
    Decision,
    Forecasted,
    Gridded,
    Plan,
    Trained,
    city_of,
    weeks_of,
)
from pipeline.workflow.training_job import Fit, Job, Progress, fit_here

if TYPE_CHECKING:
    from pipeline.model.registry import Registry
    from pipeline.model.saved import TrainedModel

FINE_TUNE_AFTER_WEEKS = 4
RETRAIN_AFTER_WEEKS = 26


def decide_training(settings: Settings, plan: Plan, grid: Gridded) -> Decision:
    """Decide how the model is come by; only models known at the edge week are considered.

    "auto" trains anew 26 weeks after it last did so, after a change of configuration, and where
    the forecasts since then have drifted; else it fine-tunes a champion of 4 weeks or more, and
    reuses a younger one.

    Raises:
        WeekNotReady: reuse or fine-tuning was asked for and there is no earlier model.
    """
    from pipeline.model.registry import Registry

    edge = parse_date(grid["edge_week"])
    champion = Registry(settings, plan["city"]).champion(known_before=edge)
    if champion is None:
        if plan["training"] in ("reuse", "fine_tune"):
            raise WeekNotReady(
                f"No model of {plan['city']} was trained on data up to {edge} or before, so there "
                f"is none to {plan['training']}. Run with training=retrain."
            )
        return Decision(mode="retrain", why="no earlier model")
    if plan["training"] != "auto":
        return Decision(mode=plan["training"], why="asked for")
    age = weeks_between(champion.trained_through, edge)
    since = age + weeks_since_retraining(champion)
    if champion.config != ModelConfig.from_settings(settings):
        return Decision(mode="retrain", why="the configuration has changed since the champion")
    if since >= RETRAIN_AFTER_WEEKS:
        return Decision(mode="retrain", why=f"the last training anew is {since} weeks old")
    drift = find_drift(settings, plan["city"], edge - since * WEEK, edge)
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
) -> Trained:
    """Bring a model in the decided way, and register it as champion if it knows the most."""
    from pipeline.model.registry import Registry

    registry = Registry(settings, plan["city"])
    if decision["mode"] == "reuse":
        champion = registry.champion(known_before=parse_date(grid["edge_week"]))
        if champion is not None:
            return _trained(champion, registry.version_of(champion.sha256), "reuse")
    return train_model(settings, plan, grid, decision["mode"], progress=progress, fit=fit)


def train_model(
    settings: Settings,
    plan: Plan,
    grid: Gridded,
    mode: str,
    *,
    alias: Literal["champion", "challenger"] = "champion",
    progress: Progress | None = None,
    fit: Fit = fit_here,
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
    """
    from pipeline.model.registry import Registry

    registry = Registry(settings, plan["city"])
    start = _start(registry, parse_date(grid["edge_week"])) if mode == "fine_tune" else None
    job = Job(
        city=plan["city"],
        cube=grid["ref"],
        edge_week=grid["edge_week"],
        config=ModelConfig.from_settings(settings).model_dump(),
        mode="fine_tune" if mode == "fine_tune" else "retrain",
        start_from=str(start.folder) if start else None,
    )
    models = settings.home / "models"
    models.mkdir(parents=True, exist_ok=True)
    # Each training has a folder of its own, so that runs side by side don't write over another's.
    with tempfile.TemporaryDirectory(dir=models) as folder:
        model = fit(settings, job, Path(folder) / "model", progress)
        newest = registry.champion(known_before=None)
        knows_most = newest is None or newest.trained_through <= model.trained_through
        version = registry.register(model, alias=alias if knows_most else "challenger")
    model = registry.fetch(version)
    view = read_view(settings, grid, city_of(settings, plan))
    write_card(settings, plan, grid, view, model, version=version, mode=mode)
    return _trained(model, version, mode)


def _start(registry: Registry, edge: date) -> TrainedModel | None:
    """Return the model to fine-tune: one that doesn't know the edge week, if there is one.

    So a step that is run again starts from where it did before, not from what it made then.
    """
    return registry.champion(known_before=edge - WEEK) or registry.champion(known_before=edge)


def forecast(settings: Settings, plan: Plan, grid: Gridded, trained: Trained) -> Forecasted:
    """Forecast the target week, re-run its history, and write the forecast to the lake."""
    from pipeline.model import training
    from pipeline.model.forecast import forecast_from, prepare
    from pipeline.model.reruns import rerun_rates

    model = training.load(Path(trained["folder"]), trained["sha256"])
    city, weeks = city_of(settings, plan), weeks_of(plan, grid)
    view = read_view(settings, grid, city)
    ready = prepare(model, view, city, weeks)
    made = forecast_from(ready)
    seed = settings.seed + weeks.target_week.toordinal()
    rerun = share_in_top(rerun_rates(ready, seed), settings.seed)
    ref = write_forecast(settings, plan, replace(made, p_top5=rerun))
    return Forecasted(ref=ref.to_json(), model_name=made.model_name, city_mean=made.city.mean)


def read_view(settings: Settings, grid: Gridded, city: City) -> CubeView:
    """Return the cube of a run as known at its edge week.

    The last is kept, as every step of a week reads the same.
    """
    return _view_of(settings.lake_root, grid["ref"], city, grid["edge_week"])


@lru_cache(maxsize=1)
def _view_of(root: Path | str, ref: str, city: City, edge_week: str) -> CubeView:
    tables = Lake(root).read(Ref.from_json(ref))
    return cube_from_tables(city, tables).as_of(parse_date(edge_week))


def _trained(model: TrainedModel, version: str, mode: str) -> Trained:
    return Trained(
        folder=str(model.folder),
        sha256=model.sha256,
        version=version,
        trained_through=model.trained_through.isoformat(),
        mode=mode,
    )
