"""Writers of one store at the same time, and readers meanwhile.

    python -m tests.many_writers [--writers 8] [--weeks 5] [--readers 4] [--url postgresql+psycopg://...]

Each writer publishes forecasts of the same city's weeks, 2,600 cells each, and what became of 60
weeks. Prints, as JSON, what is stored, the longest and the median wait of a publish, in seconds,
and how often the readers read. Ends with 1 where a week is missing or a reader met half a forecast.
"""

import argparse
import json
import multiprocessing
import sys
import tempfile
import time
from datetime import date, timedelta
from multiprocessing.synchronize import Event
from pathlib import Path
from statistics import median

import numpy as np

from pipeline.domain.cells import Cells
from pipeline.domain.distributions import CountDistribution, Forecast
from pipeline.evaluation.hotspots import find_hotspots
from pipeline.results.store.reader import ResultsReader
from pipeline.results.store.writer import ResultsStore
from tests.unit.results.samples import TARGET, make_run, make_weeks

SHAPE = (52, 50)
CELLS = Cells(
    SHAPE, np.repeat(np.arange(52), 50), np.tile(np.arange(50), 52), ("Down",) * (52 * 50)
)
SPAWN = multiprocessing.get_context("spawn")
OBSERVED_WEEKS = 60


def publish_weeks(url: str, writer: int, weeks: int) -> list[float]:
    """Publish the writer's weeks; return the seconds that each took."""
    store, seconds = ResultsStore(url), []
    rng = np.random.default_rng(writer)
    for number in range(weeks):
        target = TARGET + timedelta(weeks=writer * weeks + number)
        mean = rng.gamma(0.5, 0.4, SHAPE)
        total = CountDistribution(float(mean.sum()), 30.0)
        forecast = Forecast(
            weeks=make_weeks(target), mean=mean, nb_size=np.full(SHAPE, 2.0), city=total,
            divisions={"Down": total}, model_name="dual_branch_cnn", model_hash="m" * 64,
            p_top5=np.zeros(SHAPE),
        )  # fmt: skip
        run = make_run(weeks=make_weeks(target), forecast_sha256=f"{writer:032x}{number:032x}")
        past = [target - timedelta(weeks=k) for k in range(4, 4 + OBSERVED_WEEKS)]
        counts = rng.poisson(0.1, (OBSERVED_WEEKS, *SHAPE)).astype(float)
        hotspots, since = find_hotspots(mean, 1), time.monotonic()
        today = target - timedelta(days=3)
        store.publish(run, forecast, hotspots, [], CELLS, today=today)
        store.save_observed("smallville", past, counts, make_weeks(target).edge_week)
        seconds.append(time.monotonic() - since)
    return seconds


def read_on(url: str, is_over: Event) -> tuple[int, int]:
    """Read every stored week until it is over; return reads, and those of half a forecast."""
    reader, reads, half = ResultsReader(url), 0, 0
    while not is_over.is_set():
        for week in _stored(reader):
            _, cells, _ = reader.week("smallville", week)
            reads += 1
            half += len(cells["row"]) != len(CELLS)
    return reads, half


def _stored(reader: ResultsReader) -> list[date]:
    return [run.record.weeks.target_week for run in reader.weeks("smallville")]


def race(url: str, writers: int, weeks: int, readers: int) -> dict[str, object]:
    """Let them write and read at the same time; return what came of it."""
    ResultsStore(url).migrate()
    with SPAWN.Manager() as manager, SPAWN.Pool(writers + readers) as pool:
        is_over = manager.Event()
        reading = [pool.apply_async(read_on, (url, is_over)) for _ in range(readers)]
        writing = [pool.apply_async(publish_weeks, (url, k, weeks)) for k in range(writers)]
        seconds = [second for each in writing for second in each.get()]
        is_over.set()
        reads, half = (sum(parts) for parts in zip(*(r.get() for r in reading), strict=True))
    return {
        "weeks": len(_stored(ResultsReader(url))),
        "longest_s": round(max(seconds), 2),
        "median_s": round(median(seconds), 2),
        "reads": reads,
        "half": half,
    }


def main() -> int:
    """Race on a new SQLite file, or on the database of a URL."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--writers", type=int, default=8)
    parser.add_argument("--weeks", type=int, default=5)
    parser.add_argument("--readers", type=int, default=4)
    parser.add_argument("--url")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hotspots_race_") as folder:
        url = asked.url or f"sqlite:///{Path(folder) / 'results.db'}"
        came_to = race(url, asked.writers, asked.weeks, asked.readers)
    sys.stdout.write(json.dumps(came_to) + "\n")
    return 0 if came_to["weeks"] == asked.writers * asked.weeks and not came_to["half"] else 1


if __name__ == "__main__":
    sys.exit(main())
