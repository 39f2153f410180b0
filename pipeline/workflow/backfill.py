"""Backfill: many past weeks in one process, which share what they read and check.

Nothing else knows of it: a week that is run alone reads through `Reads`, one of a backfill through
a `Session`.
"""

import multiprocessing
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from datetime import date, datetime, timedelta
from functools import cache, partial
from importlib import import_module

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.clock import going_on
from pipeline.domain.city import City
from pipeline.domain.errors import ProcessInterrupted
from pipeline.domain.weeks import EPOCH
from pipeline.lake.lake import Lake
from pipeline.quality.engine import Verdict
from pipeline.quality.gate import judge_incidents, judge_weather
from pipeline.quality.judged import Judged
from pipeline.settings import Settings
from pipeline.sources import crime, weather
from pipeline.workflow.archive import Archive
from pipeline.workflow.plan import Plan, make_plan
from pipeline.workflow.reads import Reads, Snapshots
from pipeline.workflow.run import run_to_cube
from pipeline.workflow.step_results import Gridded, Validated

AHEAD = 2  # cubes made before they are asked for, so that neither process waits for the other


class Session(Reads):
    """What the weeks of a backfill share: they are mostly made of the same snapshots."""

    def incidents(self, lake: Lake, city: City, snapshots: Snapshots) -> crime.IncidentBuild:
        """Return the incidents of these snapshots; the last are kept."""
        key = (lake.root, city, snapshots)
        return self._keep("incidents", key, partial(super().incidents, lake, city, snapshots))

    def archive(self, lake: Lake, city: City, snapshots: Snapshots, incidents: pa.Table) -> Archive:
        """Return the incidents of these snapshots as an archive; the last is kept."""
        make = partial(super().archive, lake, city, snapshots, incidents)
        return self._keep("archive", (lake.root, city, snapshots), make)

    def archived(self, lake: Lake, ref: str) -> pa.Table:
        """Return the incidents of an archive that the lake holds; the last are kept."""
        return self._keep("archived", (lake.root, ref), partial(super().archived, lake, ref))

    def weather(self, lake: Lake, snapshots: Snapshots) -> tuple[pa.Table, ...]:
        """Return the daily weather of these snapshots; the last are kept."""
        key = (lake.root, snapshots)
        return self._keep("weather", key, partial(super().weather, lake, snapshots))

    def judged(self, city: City, archive: Archive | None) -> Judged | None:
        """Return what the row checks say of all rows of an archive, found once for all weeks.

        None where a day is a pile: each week then checks its own rows.
        """
        if archive is None:
            return None
        last = EPOCH + timedelta(days=int(archive.known_on[-1]))
        make = partial(judge_incidents, city, archive.incidents, issue_date=last)
        judged = self._keep("judged", (city, archive.ref), make)
        # What a day is held against came to be known week by week.
        return judged if judged.verdicts["day_pile"].is_met else None

    def weather_verdicts(
        self, lake: Lake, city: City, snapshots: Snapshots
    ) -> Mapping[str, Verdict] | None:
        """Return check -> verdict on all daily weather of these snapshots, None if any row is bad.

        What holds for all rows holds for those of a week. It cannot identify bad rows, because a
        week's rows are not a prefix of the table.
        """

        def judge() -> Mapping[str, Verdict] | None:
            daily = weather.merge_weather(self.weather(lake, snapshots), date.max)
            last = pc.max(daily["observed_on"]).as_py() if daily.num_rows else EPOCH
            verdicts = judge_weather(city, daily, issue_date=last)
            return verdicts if all(verdict.is_met for verdict in verdicts.values()) else None

        return self._keep("weather_verdicts", (lake.root, city, snapshots), judge)


def plan_past_weeks(
    settings: Settings,
    issue_dates: Sequence[date],
    *,
    city: str,
    training: str,
    publish: bool = True,
    now: datetime,
) -> list[Plan]:
    """Return plans that write the results store alone; arguments and errors as `make_plan`."""
    return [
        make_plan(
            settings,
            city=city,
            issue_date=issued,
            training=training,
            publish=publish,
            files=False,
            occasion="backfill",
            now=now,
        )
        for issued in issue_dates
    ]


def cubes_ahead(
    settings: Settings, plans: Sequence[Plan], *, now: datetime
) -> Iterator[tuple[Plan, Callable[[], tuple[Validated, Gridded]]]]:
    """Yield each plan with what returns its cube, or raises why there is none.

    The cubes of the next weeks are made meanwhile, in another process: they depend on no forecast,
    and in a thread the two would wait for each other's Python.
    """
    present = going_on(now)
    # TensorFlow is not made to be forked.
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:

        def begin(plan: Plan) -> Future[tuple[Validated, Gridded]]:
            return process.submit(_to_cube, settings, plan, present)

        coming = [begin(plan) for plan in plans[:AHEAD]]
        import_module("pipeline.model.predict")  # TensorFlow takes as long as the first cube
        for number, plan in enumerate(plans, start=AHEAD):
            of_plan = coming.pop(0)
            coming += [begin(after) for after in plans[number : number + 1]]
            yield plan, partial(_made, of_plan)


def _to_cube(
    settings: Settings, plan: Plan, present: Callable[[], datetime]
) -> tuple[Validated, Gridded]:
    # When it begins, not when it was asked for: a pull of an hour may lie between.
    return run_to_cube(settings, plan, now=present(), reads=_session_of_this_process())


@cache
def _session_of_this_process() -> Session:
    return Session()


def _made(cube: Future[tuple[Validated, Gridded]]) -> tuple[Validated, Gridded]:
    try:
        return cube.result()
    except BrokenProcessPool as error:
        raise ProcessInterrupted(
            "The process that makes the weeks' cubes was killed, mostly for want of memory. What "
            "is stored stays. Free memory, some 3 GB per million reports, and go on from this week."
        ) from error
