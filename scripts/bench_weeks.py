"""Time what `hotspots backfill` does a week, in one process without retraining: `make bench-weeks`.

A SIMULATED Los Angeles of full size, two years of history before the first week; one small
training, then every week with the model of then. `make bench-weeks WEEKS=40` takes fewer.
"""

import collections
import os
import resource
import sys
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from rich.table import Table

from pipeline.clock import going_on
from pipeline.console import Terminal
from pipeline.domain.weeks import WEEK
from pipeline.replay.server import ReplayServer
from pipeline.replay.simulator import simulate
from pipeline.settings import Settings
from pipeline.workflow.backfill import cubes_ahead, plan_past_weeks
from pipeline.workflow.plan import make_plan
from pipeline.workflow.run import run_week

WEEKS = int(sys.argv[1]) if len(sys.argv) > 1 else 200
LAST_ISSUE = date(2026, 10, 28)
HISTORY = timedelta(days=2 * 365)
CITY = "los_angeles"


def main() -> None:
    """Load, train once, backfill, and print what each step of a week cost."""
    first = LAST_ISSUE - (WEEKS - 1) * WEEK
    console = Terminal()
    now = datetime.combine(LAST_ISSUE + WEEK, datetime.min.time(), UTC)
    present = going_on(now)
    source = simulate(7, first - HISTORY, LAST_ISSUE + WEEK)
    with tempfile.TemporaryDirectory() as home, ReplayServer(source) as server:
        settings = Settings(
            home=Path(home),
            replay_url=server.url,
            history_start=f"{first - HISTORY}",
            train_epochs=2,
        )
        before = make_plan(
            settings, city=CITY, issue_date=first - WEEK, training="retrain", now=now
        )
        run_week(settings, before, now=present())
        clock = Clock()
        began = time.perf_counter()
        weeks = [first + week * WEEK for week in range(WEEKS)]
        plans = plan_past_weeks(settings, weeks, city=CITY, training="reuse", now=now)
        for plan, to_cube in cubes_ahead(settings, plans, now=present()):
            done = run_week(settings, plan, now=present(), watch=clock.start, to_cube=to_cube)
        clock.stop()
        seconds = time.perf_counter() - began
    table = Table(title=f"{WEEKS} weeks in one process, {done.validated['rows_in']:,} reports")
    table.add_column("step")
    table.add_column("s a week", justify="right")
    for step, spent in clock.seconds.items():
        table.add_row(step, f"{spent / WEEKS:.2f}")
    table.add_row("all", f"{seconds / WEEKS:.2f}")
    console.print(table)
    whose = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    own, beside = (resource.getrusage(who).ru_maxrss / 2**20 for who in whose)
    console.print(
        f"{seconds:.0f} s; {os.cpu_count()} cores; peak memory {own:.1f} GiB, and {beside:.1f} GiB "
        "of the process that makes cubes"
    )


class Clock:
    """The seconds that went into each step."""

    def __init__(self) -> None:
        """Start with none."""
        self.seconds: dict[str, float] = collections.defaultdict(float)
        self._step, self._since = "", 0.0

    def start(self, step: str) -> None:
        """Say that a step begins, and so that the one before is done."""
        self.stop()
        self._step, self._since = step, time.perf_counter()

    def stop(self) -> None:
        """Say that the present step is done."""
        if self._step:
            self.seconds[self._step] += time.perf_counter() - self._since
        self._step = ""


if __name__ == "__main__":
    main()
