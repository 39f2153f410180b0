"""From a forecast to what people read: the results store, files, a map."""

from datetime import date, datetime
from importlib.metadata import version
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from pipeline.domain.cells import Cells
from pipeline.domain.city import City
from pipeline.domain.weeks import parse_date
from pipeline.evaluation.baselines import BASELINES, REFERENCE
from pipeline.evaluation.hotspots import find_hotspots
from pipeline.grid.cube import CubeView
from pipeline.lake import Ref
from pipeline.model.config import ModelConfig
from pipeline.results.exports import export_week
from pipeline.results.files import write_file
from pipeline.results.history import HistoryReader
from pipeline.results.records import RunRecord
from pipeline.results.report import report_page
from pipeline.results.store import ResultsStore
from pipeline.settings import Settings
from pipeline.workflow.accounting import account, unplaced
from pipeline.workflow.artefact import read_forecast
from pipeline.workflow.card import renew_cards
from pipeline.workflow.difference import difference
from pipeline.workflow.modelling import read_view
from pipeline.workflow.plan import (
    Forecasted,
    Gridded,
    Plan,
    Published,
    Reported,
    Scored,
    Trained,
    Validated,
    city_of,
    weeks_of,
)
from pipeline.workflow.scoring import observed_week

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
) -> Published:
    """Store the forecast, its hotspots and the week's data health in one transaction.

    A dry run stores nothing, and says how the forecast differs from the one that is stored.

    Raises:
        ForecastLocked: another forecast of this week is stored and the week has begun.
    """
    sha256 = Ref.from_json(made["ref"]).sha256
    city, weeks = city_of(settings, plan), weeks_of(plan, grid)
    forecast = read_forecast(settings, plan, grid, made)
    store = ResultsStore(settings.results_database)
    change = difference(store, city.name, weeks.target_week, forecast, sha256, settings.seed)
    if not plan["publish"]:
        return Published(revision=0, cells=0, forecast_sha256=sha256, difference=change)
    view = read_view(settings, grid, city)
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


def report(
    settings: Settings, plan: Plan, grid: Gridded, scored: Scored, published: Published
) -> Reported:
    """Write the week's map, page and exports; show the outcome of weeks that came true.

    Their maps and pages are written anew, and the cards of the models that forecast them.

    A dry run has published nothing, and so writes nothing. A run without files of its own writes
    anew only what lies there.
    """
    city = city_of(settings, plan)
    folder = settings.home / "reports" / city.name
    week = folder / plan["target_week"]
    if not published["revision"]:
        return Reported(folder=str(week), files=[])
    store = ResultsStore(settings.results_database)
    view, target = read_view(settings, grid, city), parse_date(plan["target_week"])
    reader = HistoryReader(settings.results_database)
    files: list[Path] = []
    if plan["files"]:
        files += export_week(store, city, target, week)
        files.append(_draw(store, city, view.cells, target, week, None))
        files.append(_write_page(reader, city, target, week))
        files += renew_cards(settings, city, scored["weeks"])
    for past in map(parse_date, scored["weeks"]):
        of_past = folder / past.isoformat()
        if plan["files"] or of_past.is_dir():
            observed = observed_week(view, city, past)
            files.append(_draw(store, city, view.cells, past, of_past, observed))
            files.append(_write_page(reader, city, past, of_past))
    return Reported(folder=str(week), files=[str(file) for file in files])


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
    notes = [plan["notes"], unplaced(grid["tally"]), *validated["notes"]]
    return RunRecord(
        run_id=plan.get("run") or f"{plan['city']} {plan['issue_date']} {now:%Y%m%dT%H%M%SZ}",
        city=plan["city"],
        weeks=weeks_of(plan, grid),
        provenance=validated["provenance"],
        input_ref=grid["ref"],
        input_sha256=cube.sha256,
        snapshot_age_days=validated["snapshot_age_days"],
        model_name=made["model_name"],
        model_version=trained["version"],
        model_sha256=trained["sha256"],
        training_mode=trained["mode"],
        code_version=version("la-hotspots"),
        config_sha256=ModelConfig.from_settings(settings).sha256,
        forecast_sha256=forecast.sha256,
        tally={line.label: line.rows for line in account(validated, grid)},
        notes=tuple(note for note in notes if note),
        created_at=now,
    )


def _write_page(reader: HistoryReader, city: City, week: date, folder: Path) -> Path:
    return write_file(folder / "report.html", report_page(reader, city, week).encode())


def _draw(
    store: ResultsStore,
    city: City,
    cells: Cells,
    week: date,
    folder: Path,
    observed: NDArray[np.float32] | None,
) -> Path:
    from pipeline.results.maps import draw_week

    path = folder / ("forecast.png" if observed is None else "forecast_and_outcome.png")
    draw_week(
        path, city, cells, store.cells_frame(city.name, week), store.run(city.name, week),
        observed=observed,
    )  # fmt: skip
    return path
