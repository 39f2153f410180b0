"""A small city of six cells in two divisions, with forecasts and runs of it."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
from alembic import command
from alembic.config import Config

from pipeline.domain.cells import Cells
from pipeline.domain.city import City, Offences
from pipeline.domain.distributions import CountDistribution, Forecast
from pipeline.domain.grid_spec import GridSpec
from pipeline.domain.weeks import ForecastWeeks
from pipeline.evaluation.hotspots import Hotspots, find_hotspots
from pipeline.results.store.database import transaction
from pipeline.results.store.reader import ResultsReader
from pipeline.results.store.records import RunRecord
from pipeline.results.store.rows import cell_rows, run_row, total_rows
from pipeline.results.store.schema import MIGRATIONS
from pipeline.results.store.tables import CellForecast, TotalForecast
from pipeline.results.store.writer import ResultsStore, _add, _add_model, _added

TARGET = date(2026, 1, 4)
BEFORE = date(2026, 1, 1)
NAN = float("nan")


def small_city() -> City:
    """Three rows of 0.5 degrees, four columns of 0.25."""
    return City(
        name="smallville",
        title="Smallville",
        time_zone="UTC",
        grid=GridSpec(south=10.0, north=11.5, west=20.0, east=21.0, rows=3, cols=4),
        offences=Offences(target=("robbery",)),
    )


def small_cells() -> Cells:
    """Six of the twelve cells; the north-west belongs to division Up."""
    return Cells(
        (3, 4),
        np.array([0, 0, 1, 1, 2, 2]),
        np.array([1, 2, 1, 2, 0, 1]),
        ("Down", "Down", "Down", "Down", "Up", "Up"),
    )


def make_forecast(scale: float = 1.0, target: date = TARGET) -> Forecast:
    mean = np.array([[NAN, 0.5, 2.0, NAN], [NAN, 0.25, 1.0, NAN], [4.0, 0.125, NAN, NAN]])
    size = np.where(np.isfinite(mean), 2.0, NAN)
    return Forecast(
        weeks=make_weeks(target),
        mean=mean * scale,
        nb_size=size,
        city=CountDistribution(7.875 * scale, 30.0),
        divisions={
            "Down": CountDistribution(3.75 * scale, 20.0),
            "Up": CountDistribution(4.125 * scale, 20.0),
        },
        model_name="dual_branch_cnn",
        model_hash="m" * 64,
        p_top5=np.array([[NAN, 0.0, 0.25, NAN], [NAN, 0.0, 0.0, NAN], [0.75, 0.0, NAN, NAN]]),
    )


def make_weeks(target: date = TARGET) -> ForecastWeeks:
    return ForecastWeeks(target - timedelta(days=4), target - timedelta(days=21), target)


def make_run(**changes: object) -> RunRecord:
    run = RunRecord(
        run_id="weekly_forecast/scheduled-1",
        city="smallville",
        weeks=make_weeks(),
        provenance="live",
        input_ref='{"path": "cubes/smallville/1", "sha256": "1"}',
        input_sha256="c" * 64,
        snapshot_age_days=12,
        model_name="dual_branch_cnn",
        model_version="3",
        model_sha256="m" * 64,
        training_mode="reuse",
        code_version="0.1.0",
        config_sha256="f" * 64,
        forecast_sha256="a" * 64,
        tally={"rows": 10, "placed": 9, "missing": 1},
        notes=("one retry",),
        created_at=datetime(2025, 12, 31, 6, 0, tzinfo=UTC),
    )
    return replace(run, **changes)


def make_hotspots(forecast: Forecast) -> Hotspots:
    return find_hotspots(forecast.mean, 1)


HEALTH = (
    {"table": "incidents", "name": "unique_key", "outcome": "pass", "found": "0 repeated",
     "expected": "none", "rows": 0},
    {"table": "weather_daily", "name": "fresh", "outcome": "warn", "found": "9 days",
     "expected": "7 at most", "rows": 2},
)  # fmt: skip


def publish(
    store: ResultsStore,
    cells: Cells,
    *,
    scale: float = 1.0,
    today: date = BEFORE,
    target: date = TARGET,
    **changes: object,
) -> int:
    forecast = make_forecast(scale, target)
    changes.setdefault("weeks", make_weeks(target))
    run = make_run(**changes)
    long_run = np.where(np.isfinite(forecast.mean), 0.75, NAN)
    hotspots = make_hotspots(forecast)
    return store.publish(
        run, forecast, hotspots, HEALTH, cells, today=today, long_run_mean=long_run
    )


def publish_as_first_version(store: ResultsStore, cells: Cells) -> None:
    """Make the tables of the first migration only, and store a forecast as was done then."""
    forecast = make_forecast()
    later = {c.name for c in CellForecast.__table__.columns if c.nullable}
    rows = [
        {name: value for name, value in row.items() if name not in later}
        for row in cell_rows(forecast, make_hotspots(forecast), cells, None)
    ]
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with transaction(store._engine, is_write=True) as session:
        config.attributes["connection"] = session.connection()
        command.upgrade(config, "0001")
        model_id, _ = _add_model(session, make_run())
        run_pk = _added(session, run_row(make_run(), model_id, 1, is_backfill=False))
        _add(session, CellForecast, run_pk, rows)
        _add(session, TotalForecast, run_pk, total_rows(forecast))


def scores_of(store: ResultsStore, *names: str) -> pd.DataFrame:
    """Return these scores of Smallville's current forecasts."""
    url = store._engine.url.render_as_string(hide_password=False)
    return ResultsReader(url).current_scores("smallville", names)
