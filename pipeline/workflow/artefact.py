"""A forecast as it lies in the lake, written and read back."""

import numpy as np
import pandas as pd
import pyarrow as pa

from pipeline.domain.columns import FORECAST_CELLS, FORECAST_TOTALS
from pipeline.domain.distributions import CountDistribution, Forecast
from pipeline.domain.weeks import ForecastWeeks
from pipeline.evaluation.scores import probability_of_any
from pipeline.lake.lake import Lake, Ref
from pipeline.settings import Settings
from pipeline.workflow.plan import Plan, weeks_of
from pipeline.workflow.step_results import Forecasted, Gridded


def write_forecast(settings: Settings, plan: Plan, made: Forecast) -> Ref:
    """Write a forecast to the lake; the same forecast gives the same Ref."""
    return Lake(settings.lake_root).write(
        "forecasts",
        plan.city,
        {"cells": cells_table(made), "totals": totals_table(made)},
        {"model_name": made.model_name, "model_hash": made.model_hash},
    )


def cells_table(made: Forecast) -> pa.Table:
    """Return the forecast's in-city cells as a table of contract FORECAST_CELLS."""
    row, col = np.nonzero(np.isfinite(made.mean))
    mean, size = made.mean[row, col], made.nb_size[row, col]
    return FORECAST_CELLS.conform(
        pd.DataFrame(
            {
                **_keys(made.weeks),
                "row": row,
                "col": col,
                "mean": mean,
                "nb_size": size,
                "p_any": probability_of_any(mean, size),
                "p_top5": None if made.p_top5 is None else made.p_top5[row, col],
            }
        )
    )


def totals_table(made: Forecast) -> pa.Table:
    """Return the forecast's city and division totals as a table of contract FORECAST_TOTALS."""
    places = {"city": made.city, **made.divisions}
    return FORECAST_TOTALS.conform(
        pd.DataFrame(
            {
                **_keys(made.weeks),
                "place": list(places),
                "mean": [total.mean for total in places.values()],
                "nb_size": [total.size for total in places.values()],
            }
        )
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


def _keys(weeks: ForecastWeeks) -> dict[str, object]:
    return {
        "issue_date": weeks.issue_date,
        "week_start": weeks.target_week,
        "horizon": weeks.horizon,
    }
