"""A forecast as it lies in the lake, written and read back."""

import numpy as np

from pipeline.domain.distributions import CountDistribution, Forecast
from pipeline.evaluation.forecast_tables import cells_table, totals_table
from pipeline.lake.lake import Lake, Ref
from pipeline.settings import Settings
from pipeline.workflow.plan import Plan, weeks_of
from pipeline.workflow.step_results import Forecasted, Gridded


def write_forecast(settings: Settings, plan: Plan, made: Forecast) -> Ref:
    """Write a forecast to the lake; the same forecast gives the same Ref."""
    in_city = np.nonzero(np.isfinite(made.mean))
    return Lake(settings.lake_root).write(
        "forecasts",
        plan.city,
        {"cells": cells_table(made, *in_city), "totals": totals_table(made)},
        {"model_name": made.model_name, "model_hash": made.model_hash},
    )


def read_forecast(settings: Settings, plan: Plan, grid: Gridded, made: Forecasted) -> Forecast:
    """Return a forecast from the lake."""
    lake, ref = Lake(settings.lake_root), Ref.from_json(made["ref"])
    tables, info = lake.read(ref), lake.info(ref)
    cells, totals = tables["cells"].to_pandas(), tables["totals"].to_pandas()
    shape = settings.city(plan.city).grid.shape
    place = (cells["row"], cells["col"])
    mean, size, p_top5 = np.full((3, *shape), np.nan)
    mean[place], size[place] = cells["mean"], cells["nb_size"]
    p_top5[place] = cells.get("p_top5", np.nan)
    places = {
        place: CountDistribution(m, s)
        for place, m, s in zip(totals["place"], totals["mean"], totals["nb_size"], strict=True)
    }
    city_total = places.pop("city")
    return Forecast(
        weeks=weeks_of(plan, grid),
        mean=mean,
        nb_size=size,
        city=city_total,
        divisions=places,
        model_name=str(info["model_name"]),
        model_hash=str(info["model_hash"]),
        p_top5=None if np.isnan(p_top5).all() else p_top5,
    )
