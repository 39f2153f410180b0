"""Publish: the forecast, its hotspots and the health of its data, into the results store."""

from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from pipeline.domain.city import City
from pipeline.evaluation.baselines import BASELINES, REFERENCE
from pipeline.evaluation.hotspots import find_hotspots
from pipeline.grid.cube import CubeView
from pipeline.lake.lake import Lake, Ref
from pipeline.model.config import ModelConfig
from pipeline.results.store.records import RunRecord
from pipeline.results.store.writer import ResultsStore
from pipeline.settings import Settings
from pipeline.version import code_version
from pipeline.workflow.accounting import account, unplaced
from pipeline.workflow.artefact import read_forecast
from pipeline.workflow.clock_floor import require_clock
from pipeline.workflow.difference import difference
from pipeline.workflow.plan import Plan, weeks_of
from pipeline.workflow.reads import Reads
from pipeline.workflow.step_results import Forecasted, Gridded, Published, Trained, Validated

OBSERVED_WEEKS = 60  # a year and the weeks that a forecast lies ahead


def publish(
    settings: Settings,
    plan: Plan,
    validated: Validated,
    grid: Gridded,
    trained: Trained,
    made: Forecasted,
    *,
    now: datetime,
    reads: Reads | None = None,
) -> Published:
    """Store the forecast, its hotspots and the week's data health in one transaction.

    A dry run stores nothing, and says how the forecast differs from the one that is stored.

    Raises:
        ForecastLocked: another forecast of this week is stored and the week has begun.
        ClockSetBack: `now` lies before what is stored.
    """
    sha256 = Ref.from_json(made["ref"]).sha256
    city, weeks = settings.city(plan.city), weeks_of(plan, grid)
    forecast = read_forecast(settings, plan, grid, made)
    store = ResultsStore(settings.results_database)
    change = difference(store, city.name, weeks.target_week, forecast, sha256, settings.seed)
    if not plan.publish:
        return Published(revision=0, cells=0, forecast_sha256=sha256, difference=change)
    require_clock(settings, city.name, now)
    view = (reads or Reads()).view(Lake(settings.lake_root), city, grid)
    store.migrate()
    revision = store.publish(
        run_record(settings, plan, validated, grid, trained, made, now=now),
        forecast,
        find_hotspots(forecast.mean, settings.seed),
        validated["health"],
        view.cells,
        today=now.astimezone(ZoneInfo(city.time_zone)).date(),
        long_run_mean=long_run_mean(view, city),
    )
    _keep_observed(store, city, view)
    count = int(view.cells.mask.sum())
    return Published(revision=revision, cells=count, forecast_sha256=sha256, difference=change)


def _keep_observed(store: ResultsStore, city: City, view: CubeView) -> None:
    """Store the reports of the last known weeks beside the forecasts, for those who look back."""
    counts = view.counts(city.offences.target)[-OBSERVED_WEEKS:]
    weeks, in_city = view.week_starts[-OBSERVED_WEEKS:], np.where(view.cells.mask, counts, 0)
    store.save_observed(city.name, weeks, in_city, view.edge_week)


def long_run_mean(view: CubeView, city: City) -> NDArray[np.float64]:
    """Return the (rows, cols) mean weekly target reports of each cell over all known weeks."""
    return BASELINES[REFERENCE](view.counts(city.offences.target), view.cells.mask, 1)


def run_record(
    settings: Settings,
    plan: Plan,
    validated: Validated,
    grid: Gridded,
    trained: Trained,
    made: Forecasted,
    *,
    now: datetime,
) -> RunRecord:
    """Return all that tells how a forecast came about."""
    cube, forecast = Ref.from_json(grid["ref"]), Ref.from_json(made["ref"])
    notes = [plan.notes, unplaced(grid["tally"]), *validated["notes"]]
    return RunRecord(
        run_id=plan.run or f"{plan.city} {plan.issue_date} {now:%Y%m%dT%H%M%SZ}",
        city=plan.city,
        weeks=weeks_of(plan, grid),
        provenance=validated["provenance"],
        input_ref=grid["ref"],
        input_sha256=cube.sha256,
        snapshot_age_days=validated["snapshot_age_days"],
        model_name=made["model_name"],
        model_version=trained["version"],
        model_sha256=trained["sha256"],
        training_mode=trained["mode"],
        code_version=code_version(),
        config_sha256=ModelConfig.from_settings(settings).sha256,
        forecast_sha256=forecast.sha256,
        tally={line.label: line.rows for line in account(validated, grid)},
        notes=tuple(note for note in notes if note),
        created_at=now,
    )
