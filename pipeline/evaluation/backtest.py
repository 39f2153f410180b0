"""A backtest: every past week forecast from what was known then, scored, and written down."""

import hashlib
import json
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.domain.city import City
from pipeline.domain.columns import FORECAST_CELLS, WEATHER_DAILY
from pipeline.domain.errors import InvalidRequest, WeekNotReady
from pipeline.domain.weeks import HORIZONS
from pipeline.evaluation.calibration import calibration, noise_floor
from pipeline.evaluation.event_files import (
    check_events,
    events_to_incidents,
    read_events,
    without_strays,
)
from pipeline.evaluation.origins import Origins, plan_origins
from pipeline.evaluation.outputs import make_folder, write_backtest
from pipeline.evaluation.rolling import (
    TRUE_RATE,
    MakeForecaster,
    Progress,
    Rolling,
    TrainedModels,
    TrueRate,
    say_nothing,
)
from pipeline.evaluation.summary import (
    against_rivals,
    attainable,
    differences,
    pooled_scores,
    weekly_scores,
)
from pipeline.grid.cube import Cube
from pipeline.model.config import ModelConfig
from pipeline.settings import Settings
from pipeline.version import code_version

REFIT_WEEKS = 13
MODELS_PREFIX = ".models-"


def run_backtest(
    city: City,
    cube: Cube,
    *,
    last_weeks: int,
    horizons: Sequence[int],
    out: Path,
    settings: Settings,
    make_forecaster: MakeForecaster | None = None,
    progress: Progress = say_nothing,
    refit_weeks: int = REFIT_WEEKS,
    source: Mapping[str, Any] | None = None,
    true_rate: TrueRate | None = None,
) -> dict[str, Any]:
    """Forecast the last whole weeks of a cube at every horizon, score them, write it all down.

    A forecast is made from the cube as of its edge week, by a model trained as of that week or an
    earlier one. Weeks are scored against all that the cube holds of them. Models are kept in `out`
    until all is written, so that the same call goes on from the last training where one was
    stopped.

    Args:
        city: whose target offences are forecast.
        cube: counts by delay, weather and calendar.
        last_weeks: whole weeks to forecast.
        horizons: weeks from edge to target, each 1 to 5.
        out: folder for forecasts.parquet, scores.parquet and summary.json.
        settings: length of the window and of training, and the seed.
        make_forecaster: trains on a view and returns what forecasts; None for the project's model.
        progress: told the stage, and how much of it is done.
        refit_weeks: weeks of edges that one model serves.
        source: what the summary says of the input.
        true_rate: where the city is simulated, the rates that it was drawn from.

    Returns:
        What summary.json holds.

    Raises:
        InvalidRequest: weeks or horizons are out of range, or history is too short.
    """
    started = time.perf_counter()
    make_folder(out)
    origins = origins_of(cube, settings, last_weeks, horizons)
    rolling = Rolling(city, cube, origins, settings.seed, refit_weeks, progress, true_rate)
    config_sha256 = _config_hash(city, settings, origins, refit_weeks)
    models = out / _models_folder(config_sha256, source or {})
    config = ModelConfig.from_settings(settings)
    rolling.run(make_forecaster or TrainedModels(city, config, models, progress))
    sums = pd.DataFrame(rolling.sums)
    in_order = [(name, "ascending") for name in FORECAST_CELLS.key]
    forecasts = FORECAST_CELLS.conform(pa.concat_tables(rolling.forecasts).sort_by(in_order))
    own = str(sums["model"].iloc[0])
    rivals = [name for name in sums["model"].unique() if name != own]
    pits = {horizon: np.array(weekly) for horizon, weekly in rolling.pits.items()}
    summary = {
        **_request(city, cube, origins),
        "model": own,
        "pooled": pooled_scores(sums),
        "difference_to_long_run_mean": differences(sums, settings.seed),
        "model_against": against_rivals(sums, own, rivals, settings.seed),
        "calibration": calibration(
            pd.DataFrame(rolling.totals), pits, pd.DataFrame(rolling.checks), settings.seed
        ),
        "noise_floor": noise_floor(forecasts.to_pandas(), settings.seed),
        "attainable": attainable(sums, own, TRUE_RATE, settings.seed) if true_rate else None,
        "trainings": rolling.trainings,
        "input": dict(source or {}),
        "config_sha256": config_sha256,
        "code_version": code_version(),
        "seconds": round(time.perf_counter() - started, 1),
    }
    written = write_backtest(out, forecasts, weekly_scores(sums), summary)
    for kept in out.glob(f"{MODELS_PREFIX}*"):
        shutil.rmtree(kept)
    return written


def read_cube(city: City, events: Path) -> tuple[Cube, dict[str, Any]]:
    """Return a file of events on the grid, and the file's hash and what became of its rows.

    Raises:
        InvalidRequest: the file can't be used; the message says why.
    """
    incidents = events_to_incidents(city, read_events(events))
    check_events(city, incidents)
    cube, facts = cube_of_events(city, incidents)
    sha256 = hashlib.sha256(events.read_bytes()).hexdigest()
    return cube, {"file": events.name, "sha256": sha256, **facts}


def origins_of(cube: Cube, settings: Settings, last_weeks: int, horizons: Sequence[int]) -> Origins:
    """Return the origins of a backtest, as `plan_origins`, with history enough for a training."""
    needed = settings.window_weeks + HORIZONS[-1] + 1
    return plan_origins(cube, last_weeks, horizons, needed)


def cube_of_events(city: City, incidents: pa.Table) -> tuple[Cube, dict[str, Any]]:
    """Return events (INCIDENTS) on the grid without weather, and what became of them.

    Raises:
        InvalidRequest: they hold no whole week.
    """
    from pipeline.grid.build import build_cube, cube_weeks
    from pipeline.sources.calendar import weekly_calendar

    kept = without_strays(incidents)
    days = pc.min_max(kept["occurred_on"]).as_py()
    try:
        calendar = weekly_calendar(city, cube_weeks(kept, days["max"]))
    except WeekNotReady as error:
        raise InvalidRequest(str(error)) from error
    no_weather = WEATHER_DAILY.schema.empty_table()
    cube, tally = build_cube(city, kept, no_weather, calendar, known_through=days["max"])
    return cube, {
        "events": incidents.num_rows,
        "stray_dates": incidents.num_rows - kept.num_rows,
        "first_day": days["min"].isoformat(),
        "last_day": days["max"].isoformat(),
        "tally": asdict(tally),
    }


def _request(city: City, cube: Cube, origins: Origins) -> dict[str, Any]:
    return {
        "city": city.name,
        "target": list(city.offences.target),
        "grid": list(cube.cells.shape),
        "cells": len(cube.cells),
        "first_week": origins.targets[0].isoformat(),
        "last_week": origins.targets[-1].isoformat(),
        "weeks": len(origins.targets),
        "horizons": list(origins.horizons),
    }


def _models_folder(config_sha256: str, source: Mapping[str, Any]) -> str:
    """Return a name that only the same request on the same input by the same code has."""
    request = [config_sha256, dict(source), code_version()]
    content = json.dumps(request, sort_keys=True, default=str).encode()
    return MODELS_PREFIX + hashlib.sha256(content).hexdigest()[:16]


def _config_hash(city: City, settings: Settings, origins: Origins, refit_weeks: int) -> str:
    """Return the hash of everything but the data that the forecasts follow from."""
    knobs = {"window_weeks", "train_epochs", "train_members", "seed"}
    config = {
        "city": city.model_dump(mode="json", exclude={"folder", "neighbourhoods"}),
        "settings": settings.model_dump(mode="json", include=knobs),
        "origins": asdict(origins),
        "refit_weeks": refit_weeks,
    }
    return hashlib.sha256(json.dumps(config, sort_keys=True, default=str).encode()).hexdigest()
