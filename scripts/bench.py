"""Time what a week costs, on a made-up Los Angeles of 104 weeks: `make bench`.

Medians, first calls left out, one thread per operation throughout. The reports are random: this
measures speed and memory, never skill. `make bench WEEKS=780` takes 15 years.
"""

import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.domain.city import City, load_city
from pipeline.domain.errors import InvalidRequest
from pipeline.domain.weeks import ForecastWeeks
from pipeline.evaluation.backtest import cube_of_events
from pipeline.evaluation.event_files import events_to_incidents
from pipeline.grid.cube import Cube
from pipeline.model.config import ModelConfig
from scripts.bench_record import show, tell

WEEKS = int(sys.argv[1]) if len(sys.argv) > 1 else 104
REPORTS_A_WEEK = 550
FIRST_SUNDAY = pd.Timestamp("2023-01-01")
STEPS = 10


def made_up_cube(city: City) -> tuple[Cube, float]:
    """Return a cube of random reports, some cells far busier than others, and its seconds."""
    random = np.random.default_rng(1)
    row, col = listed_cells(city)
    weight = random.gamma(0.6, size=len(row))
    number = WEEKS * REPORTS_A_WEEK
    cell = random.choice(len(row), number, p=weight / weight.sum())
    day = random.integers(0, WEEKS * 7, number)
    day[:2] = 0, WEEKS * 7 - 1
    grid = city.grid
    events = pd.DataFrame(
        {
            "occurred_at": FIRST_SUNDAY + pd.to_timedelta(day, unit="D"),
            "offence": "robbery",
            "latitude": grid.south + (row[cell] + 0.5) * (grid.north - grid.south) / grid.rows,
            "longitude": grid.west + (col[cell] + 0.5) * (grid.east - grid.west) / grid.cols,
        }
    )
    incidents = events_to_incidents(city, events)
    started = time.perf_counter()
    cube, _ = cube_of_events(city, incidents)
    return cube, time.perf_counter() - started


def listed_cells(city: City) -> tuple[NDArray, NDArray]:
    """Return the rows and columns of the in-city cells."""
    cells = city.listed_cells()
    if cells is None:
        raise InvalidRequest(f"{city.name} lists no cells; the bench needs a city that does.")
    return cells.row, cells.col


def seconds_of(call: Callable[[], object], times: int = STEPS) -> float:
    """Return the median seconds of a call, the first of them left out."""
    call()
    spans = []
    for _ in range(times):
        started = time.perf_counter()
        call()
        spans.append(time.perf_counter() - started)
    return statistics.median(spans)


def step_seconds(city: City, cube: Cube) -> dict[str, float]:
    """Return seconds of one gradient step on a batch of eight: a branch of ours, the prototype."""
    from pipeline.model import fitting
    from pipeline.model import network as net
    from pipeline.model.inputs import read_history
    from pipeline.model.prototype import BATCH_WINDOWS, CHANNELS, prototype_network
    from pipeline.model.training import read_lessons

    config, view = ModelConfig(), cube.as_of(last_week(cube))
    lessons = read_lessons(view, read_history(view, city), config)
    branch = net.crime_branch(config, view.cells.shape, "bench")
    fitting.compile_member(branch, config, STEPS, "retrain")
    chosen = np.arange(config.batch_origins)
    batch = fitting.map_batch(lessons.inputs, lessons.counts, chosen, (False, False))
    prototype = prototype_network(config.window_weeks, view.cells.shape)
    random = np.random.default_rng(1)
    lead = (BATCH_WINDOWS, config.window_weeks, *view.cells.shape)
    windows = [random.random((*lead, channels), np.float32) for channels in CHANNELS]
    target = random.random((BATCH_WINDOWS, *view.cells.shape, 1), np.float32)
    return {
        "step_s": seconds_of(lambda: branch.train_on_batch(*batch)),
        "prototype_step_s": seconds_of(lambda: prototype.train_on_batch(windows, target), 3),
    }


def training_figures(city: City, cube: Cube) -> dict[str, float]:
    """Return seconds of a retraining, a fine-tuning and a forecast, and the peak memory."""
    from pipeline.model.predict import forecast
    from pipeline.model.training import train

    edge = last_week(cube)
    view, target = cube.as_of(edge), edge + timedelta(weeks=3)
    weeks = ForecastWeeks(target - timedelta(days=1), edge, target)
    with tempfile.TemporaryDirectory() as home:
        started = time.perf_counter()
        model = train(view, city, ModelConfig(), mode="retrain", folder=Path(home) / "first")
        trained = time.perf_counter()
        train(
            view, city, ModelConfig(), mode="fine_tune", start_from=model.folder,
            folder=Path(home) / "second",
        )  # fmt: skip
        tuned = time.perf_counter()
        forecast_s = seconds_of(lambda: forecast(model, cube.as_of(edge), city, weeks))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    return {
        "retrain_s": trained - started,
        "fine_tune_s": tuned - trained,
        "forecast_s": forecast_s,
        "peak_memory_gb": peak,
    }


def last_week(cube: Cube) -> date:
    """Return the Sunday that starts the last whole week."""
    weeks = cube.weeks_table.to_pandas()
    return max(weeks.loc[weeks["is_whole"], "week_start"])


def main() -> None:
    """Measure everything and print it."""
    city = load_city("los_angeles")
    cube, cube_s = made_up_cube(city)
    # the network of 64.9 million weights comes last, so that it isn't in the memory of a training
    figures = {"cube_s": cube_s, **training_figures(city, cube), **step_seconds(city, cube)}
    show(
        f"{WEEKS} weeks",
        [
            ("cube of all reports", f"{figures['cube_s']:.2f} s"),
            ("retraining", f"{figures['retrain_s']:.1f} s"),
            ("fine-tuning", f"{figures['fine_tune_s']:.1f} s"),
            ("one week's forecast", f"{1000 * figures['forecast_s']:.0f} ms"),
            ("peak memory of these", f"{figures['peak_memory_gb']:.2f} GB"),
            ("gradient step, one crime branch", f"{1000 * figures['step_s']:.0f} ms"),
            (
                "gradient step, the prototype's network",
                f"{1000 * figures['prototype_step_s']:.0f} ms",
            ),
            (
                "the latter in steps of ours",
                f"{figures['prototype_step_s'] / figures['step_s']:.0f}",
            ),
        ],
    )
    tell(f"model_{WEEKS}_weeks", figures)


if __name__ == "__main__":
    main()
