"""Ten years of weeks, one after another, while the source revises its rows and fails at times.

    python -m tests.soak_weeks [--weeks 520] [--seed 7] [--home DIR]

A SIMULATED Los Angeles, whose whole history is pulled at first, as by who begins today. Its weeks
are backfilled year by year. Between two years a week goes by: the portal shows late reports and
revised rows, and is pulled again. One request in five fails. Each year's weeks are forecast again,
and must come to what is stored. Prints, as JSON, by year: memory in use, size of the home, seconds.
Ends with 1 where a second pass differs, or a week came to an error. Given the home of a run that
was ended, it goes on with the first year of which a week is not stored.
"""

import argparse
import json
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from pipeline.domain.errors import HotspotsError, WeekNotReady
from pipeline.domain.weeks import WEEK
from pipeline.replay.server import ReplayServer
from pipeline.replay.simulator import simulate
from pipeline.results.store.reader import ResultsReader
from pipeline.settings import Settings
from pipeline.sources.http import HttpClient
from pipeline.workflow import pull
from pipeline.workflow.backfill import cubes_ahead, plan_past_weeks
from pipeline.workflow.plan import make_plan
from pipeline.workflow.run import run_to_cube, run_week
from tests.soak import RATE, OneInFive

CITY = "los_angeles"
LAST_ISSUE = date(2026, 10, 28)
YEAR_WEEKS = 52
BETWEEN_YEARS = WEEK  # by the portal's clock
HISTORY = timedelta(days=366)
NOON = time_of_day(20)  # in UTC, of a winter's day in Los Angeles
AT_ONCE = partial(HttpClient, sleep=lambda _seconds: None)  # asks again without a wait
SAME, ERROR = "same as revision ", "came to"


def memory_mb() -> float:
    """Return the memory that this process holds now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def size_mb(folder: Path) -> float:
    """Return the bytes of all files under a folder, in MB."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 2**20


def at_noon_of(day: date) -> datetime:
    """Return noon of an issue date: for a week of an earlier day nothing is pulled."""
    return datetime.combine(day, NOON, UTC)


def forecast_weeks(
    settings: Settings, weeks: list[date], training: str, now: datetime
) -> Iterator[tuple[date, str]]:
    """Backfill weeks; yield each with how it differs from what is stored, or its error."""
    plans = plan_past_weeks(settings, weeks, city=CITY, training=training, now=now)
    for plan, to_cube in cubes_ahead(settings, plans, now=now):
        try:
            week = run_week(settings, plan, now=now, to_cube=to_cube)
        except HotspotsError as error:
            yield plan.issue_date, f"{ERROR} {type(error).__name__}: {error}"
        else:
            yield plan.issue_date, week.published["difference"]


def stored_weeks(settings: Settings) -> set[date]:
    """Return the issue dates whose forecast a home holds."""
    try:
        runs = ResultsReader(settings.results_database).runs(CITY)
    except WeekNotReady:
        return set()
    return {run.record.weeks.issue_date for run in runs}


def serve(seed: int, first: date, last: date, days: Connection) -> None:
    """Serve the portal as of each day that is sent; answer with how often it was asked so far."""
    source = partial(simulate, seed, first, last)
    with ReplayServer(source(LAST_ISSUE)) as server:
        server.faults = OneInFive(seed, RATE)
        days.send(server.url)
        while True:
            server.source = source(days.recv())
            days.send(server.faults.asked)


@contextmanager
def portal(seed: int, first: date, last: date) -> Iterator[tuple[str, Callable[[date], int]]]:
    """Give the address of a portal in a process of its own, and what moves it to a day."""
    spawn = multiprocessing.get_context("spawn")
    here, there = spawn.Pipe()
    process = spawn.Process(target=serve, args=(seed, first, last, there), daemon=True)
    process.start()

    def move_to(day: date) -> int:
        here.send(day)
        return here.recv()

    try:
        yield here.recv(), move_to
    finally:
        process.terminate()


def soak(home: Path, weeks: int, seed: int) -> dict[str, Any]:
    """Run all weeks twice; return what was found."""
    first = LAST_ISSUE - weeks * WEEK
    issued = [first + week * WEEK for week in range(weeks)]
    years = [issued[k : k + YEAR_WEEKS] for k in range(0, weeks, YEAR_WEEKS)]
    found: dict[str, Any] = {"years": [], "errors": {}, "second_pass": {"same": 0, "differs": {}}}
    with portal(seed, first - HISTORY, LAST_ISSUE + len(years) * BETWEEN_YEARS) as (url, move_to):
        settings = Settings(
            _env_file=None, home=home, replay_url=url, train_epochs=1,
            history_start=f"{first - HISTORY}",
        )  # fmt: skip
        stored = stored_weeks(settings)
        for number, year in enumerate(years):
            if stored.issuperset(year):
                continue
            began, today = time.monotonic(), LAST_ISSUE + number * BETWEEN_YEARS
            now = at_noon_of(today)
            move_to(today)
            plan = make_plan(settings, city=CITY, issue_date=None, data_interval_end=now, now=now)
            run_to_cube(settings, plan, now=now)
            training = "retrain" if number == 0 else "reuse"
            said = dict(forecast_weeks(settings, year[:1], training, now))
            said |= dict(forecast_weeks(settings, year[1:], "reuse", now))
            again = dict(forecast_weeks(settings, year, "reuse", now))
            _note(found, said, again)
            found["years"].append(
                {
                    "to": f"{year[-1]}",
                    "weeks": len(year),
                    "errors": len(found["errors"]),
                    "differ": len(found["second_pass"]["differs"]),
                    "memory_mb": round(memory_mb()),
                    "home_mb": round(size_mb(home), 1),
                    "seconds": round(time.monotonic() - began),
                }
            )
            sys.stderr.write(json.dumps(found["years"][-1]) + "\n")
        found["requests"] = move_to(LAST_ISSUE)
    return found


def _note(found: dict[str, Any], said: dict[date, str], again: dict[date, str]) -> None:
    found["errors"] |= {f"{day}": text for day, text in said.items() if text.startswith(ERROR)}
    for day, text in again.items():
        if text.startswith(SAME):
            found["second_pass"]["same"] += 1
        else:
            found["second_pass"]["differs"][f"{day}"] = text


def main() -> int:
    """Run the weeks and print what was found."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--weeks", type=int, default=520)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--home", type=Path)
    asked = parser.parse_args()
    pull.HttpClient = AT_ONCE  # type: ignore[misc]
    with tempfile.TemporaryDirectory(prefix="hotspots_soak_") as folder:
        found = soak(asked.home or Path(folder), asked.weeks, asked.seed)
    sys.stdout.write(json.dumps(found, indent=1) + "\n")
    return 1 if found["errors"] or found["second_pass"]["differs"] else 0


if __name__ == "__main__":
    sys.exit(main())
