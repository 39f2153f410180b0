"""Forecast: the target week's distribution in every cell, with its re-runs of history."""

from dataclasses import replace
from pathlib import Path

from pipeline.evaluation.hotspots import share_in_top
from pipeline.lake.lake import Lake
from pipeline.settings import Settings
from pipeline.workflow.artefact import write_forecast
from pipeline.workflow.plan import Plan, weeks_of
from pipeline.workflow.reads import Reads
from pipeline.workflow.step_results import Forecasted, Gridded, Trained


def forecast(
    settings: Settings,
    plan: Plan,
    grid: Gridded,
    trained: Trained,
    *,
    reads: Reads | None = None,
) -> Forecasted:
    """Forecast the target week, re-run its history, and write the forecast to the lake."""
    from pipeline.model import training
    from pipeline.model.predict import forecast_from, prepare
    from pipeline.model.reruns import rerun_rates

    model = training.load(Path(trained["folder"]), trained["sha256"])
    city, weeks = settings.city(plan.city), weeks_of(plan, grid)
    view = (reads or Reads()).view(Lake(settings.lake_root), city, grid)
    ready = prepare(model, view, city, weeks)
    made = forecast_from(ready)
    seed = settings.seed + weeks.target_week.toordinal()
    rerun = share_in_top(rerun_rates(ready, seed), settings.seed)
    ref = write_forecast(settings, plan, replace(made, p_top5=rerun))
    return Forecasted(ref=ref.to_json(), model_name=made.model_name, city_mean=made.city.mean)
