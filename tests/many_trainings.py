"""Trainings of one city at the same time in one home, and readers meanwhile.

    python -m tests.many_trainings [--trainings 4] [--readers 2]

Each process runs another week of a small made-up city, whose model it trains anew; the readers ask
for the champion and for every stored week. Each week is then run by itself in a home of its own.
Prints, as JSON, what was stored, the longest week in seconds, and how often the readers read. Ends
with 1 where a model or forecast differs from that made alone, one is missing, or the champion is
not the one that knows most.
"""

import argparse
import json
import multiprocessing
import sys
import tempfile
import time
from datetime import UTC, date, datetime
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import NamedTuple

from pipeline.domain.weeks import WEEK
from pipeline.model.registry import Registry
from pipeline.replay.recorded import CHICAGO_FILE, RecordedData
from pipeline.replay.server import ReplayServer
from pipeline.results.store.reader import ResultsReader
from pipeline.results.store.writer import ResultsStore
from pipeline.settings import Settings
from pipeline.workflow.plan import Plan, make_plan
from pipeline.workflow.run import run_to_cube, run_week
from tests.integration.conftest import made_up_reports, small_settings

CITY = "chicago"
NOW = datetime(2018, 3, 1, 15, tzinfo=UTC)
LAST_ISSUE = date(2018, 1, 31)
SPAWN = multiprocessing.get_context("spawn")


class Made(NamedTuple):
    """What a week came to: hashes of its model and forecast, and the seconds that it took."""

    model: str
    forecast: str
    seconds: float


def train_week(settings: Settings, issue_date: date) -> Made:
    """Run a week whose model is trained anew."""
    since = time.monotonic()
    week = run_week(settings, _plan(settings, issue_date), now=NOW)
    took = time.monotonic() - since
    return Made(week.trained["sha256"], week.published["forecast_sha256"], took)


def read_on(settings: Settings, is_over: Event) -> int:
    """Read the champion and every stored week until it is over; return how often."""
    registry, reader, reads = Registry(settings, CITY), ResultsReader(settings.results_database), 0
    while not is_over.is_set():
        reads += registry.champion() is not None
        for run in reader.weeks(CITY):
            _, cells, _ = reader.week(CITY, run.record.weeks.target_week)
            reads += len(cells["row"]) > 0
    return reads


def race(folder: Path, trainings: int, readers: int) -> dict[str, object]:
    """Let them train and read at the same time, then each alone; return what came of it."""
    made_up_reports().to_parquet(folder / CHICAGO_FILE)
    days = [LAST_ISSUE - k * WEEK for k in range(trainings)]
    with ReplayServer(RecordedData(folder)) as server, SPAWN.Manager() as manager:
        together = small_settings(server.url, folder / "together")
        run_to_cube(together, _plan(together, days[-1]), now=NOW)
        ResultsStore(together.results_database).migrate()
        with SPAWN.Pool(trainings + readers) as pool:
            is_over = manager.Event()
            reading = [pool.apply_async(read_on, (together, is_over)) for _ in range(readers)]
            training = [pool.apply_async(train_week, (together, day)) for day in days]
            made = [each.get() for each in training]
            is_over.set()
            reads = sum(each.get() for each in reading)
        alone = [
            train_week(small_settings(server.url, folder / f"alone-{day}"), day) for day in days
        ]
    registry = Registry(together, CITY)
    champion = registry.champion()
    return {
        "models": len({version.sha256 for version in registry.listed()}),
        "weeks": len(ResultsReader(together.results_database).weeks(CITY)),
        "as_alone": sum(a[:2] == b[:2] for a, b in zip(made, alone, strict=True)),
        "champion_knows_most": champion is not None and champion.sha256 == made[0].model,
        "longest_s": round(max(each.seconds for each in made), 1),
        "alone_s": round(max(each.seconds for each in alone), 1),
        "reads": reads,
    }


def is_right(came_to: dict[str, object], trainings: int) -> bool:
    """Say whether nothing is missing or other than it is alone."""
    counted = (came_to["models"], came_to["weeks"], came_to["as_alone"])
    return counted == (trainings,) * 3 and came_to["champion_knows_most"] is True


def _plan(settings: Settings, issue_date: date) -> Plan:
    return make_plan(settings, city=CITY, issue_date=f"{issue_date}", training="retrain", now=NOW)


def main() -> int:
    """Race in a new home."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--trainings", type=int, default=4)
    parser.add_argument("--readers", type=int, default=2)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hotspots_trainings_") as folder:
        came_to = race(Path(folder), asked.trainings, asked.readers)
    sys.stdout.write(json.dumps(came_to) + "\n")
    return 0 if is_right(came_to, asked.trainings) else 1


if __name__ == "__main__":
    sys.exit(main())
