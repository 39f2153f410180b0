"""Simulated weeks of which every fifth request goes wrong: each comes to the undisturbed cube.

    python -m tests.soak [--minutes 60] [--seed 1]

Prints, as JSON, how many weeks there were, what they came to, and how many requests they took.
Ends with 1 where a week came to another cube, or to an error that is none of ours.
"""

import argparse
import json
import logging
import random
import shutil
import sys
import tempfile
import time
import traceback
from collections import Counter
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path

from pipeline.domain.errors import HotspotsError
from pipeline.replay.answers import Request
from pipeline.replay.faults import Fault, FaultName, Faults
from pipeline.replay.server import ReplayServer
from pipeline.replay.simulator import simulate
from pipeline.settings import Settings
from pipeline.sources.http import TRIES, HttpClient
from pipeline.workflow import pull
from pipeline.workflow.plan import make_plan
from pipeline.workflow.run import run_to_cube

RATE = 0.2
PASSING = tuple(
    map(
        FaultName,
        ("throttled", "error_500", "error_503", "cut_body", "slow", "html_page", "deep_json"),
    )
)
NOW = datetime(2026, 11, 11, 20, tzinfo=UTC)


class OneInFive(Faults):
    """Hits requests by chance."""

    def __init__(self, seed: int, rate: float) -> None:
        super().__init__()
        self.chance, self.rate, self.asked = random.Random(seed), rate, 0

    def take(self, _request: Request) -> dict[FaultName, Fault]:
        """Return the fault that hits a request, if one does."""
        with self._lock:
            self.asked += 1
            if self.chance.random() >= self.rate:
                return {}
            name = self.chance.choice(PASSING)
            return {name: Fault(name, seconds=0.01)}


def a_week(server: ReplayServer) -> str:
    """Pull, check and grid a week in a new folder; return the hash of its cube, or the error."""
    home = Path(tempfile.mkdtemp(prefix="hotspots_soak_"))
    settings = Settings(_env_file=None, home=home, replay_url=server.url, page_rows=2_000)
    plan = make_plan(settings, city="los_angeles", issue_date="2026-11-11", now=NOW)
    try:
        return str(json.loads(run_to_cube(settings, plan, now=NOW)[1]["ref"])["sha256"])
    except HotspotsError as error:
        return type(error).__name__
    finally:
        shutil.rmtree(home)


def main() -> int:
    """Run weeks until the time is over."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    logging.getLogger("pipeline").setLevel(logging.CRITICAL)
    pull.HttpClient = partial(HttpClient, sleep=lambda _seconds: None)  # type: ignore[misc]
    city = simulate(7, date(2026, 6, 7), date(2026, 10, 31), date(2026, 11, 11))
    came_to, most, unforeseen = Counter[str](), 0, Counter[str]()
    with ReplayServer(city) as server:
        server.faults = OneInFive(asked.seed, 0)
        undisturbed, requests = a_week(server), server.faults.asked
        end = time.monotonic() + 60 * asked.minutes
        while time.monotonic() < end:
            server.faults = OneInFive(asked.seed + came_to.total(), RATE)
            try:
                came_to[a_week(server)] += 1
            except Exception:  # noqa: BLE001 - the very thing that is looked for
                unforeseen[traceback.format_exc(limit=-4)] += 1
            most = max(most, server.faults.asked)
    told = {
        "weeks": came_to.total(),
        "as_undisturbed": came_to.pop(undisturbed, 0),
        "came_to_else": dict(came_to),
        "requests_undisturbed": requests,
        "most_requests": most,
        "bound": TRIES * requests,
        "unforeseen": dict(unforeseen),
    }
    sys.stdout.write(json.dumps(told, indent=1) + "\n")
    is_well = not unforeseen and all(name.isalpha() for name in came_to) and most <= told["bound"]
    return 0 if is_well else 1


if __name__ == "__main__":
    sys.exit(main())
