"""What had been published on a past day, from snapshots taken then or later."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.domain.city import City
from pipeline.domain.errors import WeekNotReady
from pipeline.domain.weeks import EPOCH
from pipeline.lake import Lake, Ref
from pipeline.quality.engine import Verdict
from pipeline.quality.gate import judge_incidents, judge_weather
from pipeline.quality.judged import Judged
from pipeline.sources import crime, weather
from pipeline.workflow.plan import Plan, end_of_day, issue_date_of

Snapshots = tuple[tuple[str, str], ...]  # dataset and Ref as JSON, of each


@lru_cache(maxsize=1)
def incidents_of(root: Path | str, city: City, snapshots: Snapshots) -> crime.IncidentBuild:
    """Return the incidents of these snapshots.

    The last are kept, since the weeks of a backfill are mostly made of the same snapshots.
    """
    lake = Lake(root)
    raw = {name: lake.read(Ref.from_json(ref))[name] for name, ref in snapshots}
    return crime.build_incidents(city, raw)


@dataclass(frozen=True)
class Archive:
    """Incidents in the order in which they became known, for past weeks to read the first of.

    Attributes:
        root: of the lake that it is made from.
        city: whose incidents.
        incidents: contract INCIDENTS.
        known_on: (n,) days since 1970 on which each was known at the latest, never falling.
    """

    root: Path | str
    city: City
    incidents: pa.Table
    known_on: NDArray[np.int32]

    def through(self, day: date) -> pa.Table:
        """Return the incidents that were known on a day."""
        rows = np.searchsorted(self.known_on, (day - EPOCH).days, side="right")
        return self.incidents.slice(0, int(rows))

    @cached_property
    def ref(self) -> Ref:
        """Where the lake holds the incidents, written there when first asked."""
        return Lake(self.root).write(
            "archives", self.city.name, {"incidents": self.incidents}, info={}
        )

    @cached_property
    def judged(self) -> Judged:
        """What row checks say of all rows, made once for the weeks of a backfill."""
        last = EPOCH + timedelta(days=int(self.known_on[-1]))
        return judge_incidents(self.city, self.incidents, as_of=last)


@lru_cache(maxsize=1)
def _archive(root: Path | str, city: City, snapshots: Snapshots) -> Archive:
    """Return the incidents of these snapshots as an archive to look back in."""
    incidents = incidents_of(root, city, snapshots).incidents
    reported = pc.coalesce(incidents["reported_on"], incidents["occurred_on"])
    known_on = pc.max_element_wise(reported, incidents["occurred_on"])
    order = pc.array_sort_indices(known_on)
    days = known_on.take(order).cast(pa.int32()).to_numpy()
    return Archive(root, city, incidents.take(order), days)


def as_published(
    lake: Lake, city: City, plan: Plan, snapshots: Snapshots, incidents: pa.Table
) -> tuple[pa.Table, date, Archive | None]:
    """Return the incidents published by the issue date, their last day, and the archive asked.

    Snapshots that existed then are what had been published, and no archive is asked. Before the
    first snapshot the city's publication rule decides: a report is known once the day it was
    reported on has been published, one without a report date once its day of occurrence has.
    """
    issued = issue_date_of(plan)
    as_of = end_of_day(issued, city)
    possible = incidents["occurred_on"].filter(pc.less_equal(incidents["occurred_on"], issued))
    if not len(possible):
        raise WeekNotReady(f"No report of {city.title} occurred on or before {issued}.")
    newest: date = pc.max(possible).as_py()
    if all(lake.snapshot_as_of(city.name, name, as_of) for name, _ in snapshots):
        return incidents, newest, None
    through = min(newest, city.publication.known_through(issued))
    archive = _archive(lake.root, city, snapshots)
    return archive.through(through), through, archive


@lru_cache(maxsize=1)
def weather_tables(root: Path | str, snapshots: Snapshots) -> tuple[pa.Table, ...]:
    """Return the daily weather of these snapshots, one table each; the last are kept."""
    lake = Lake(root)
    return tuple(lake.read(Ref.from_json(ref))[name] for name, ref in snapshots)


@lru_cache(maxsize=1)
def weather_verdicts(
    root: Path | str, city: City, snapshots: Snapshots
) -> Mapping[str, Verdict] | None:
    """Return check -> verdict on all daily weather of these snapshots, None if any row is bad.

    Made once for the weeks of a backfill: what holds for all rows holds for those of a week. Which
    rows are bad it can't say, as a week's rows are not the first of all.
    """
    daily = weather.merge_weather(weather_tables(root, snapshots), date.max)
    last = pc.max(daily["observed_on"]).as_py() if daily.num_rows else EPOCH
    verdicts = judge_weather(city, daily, as_of=last)
    return verdicts if all(verdict.is_met for verdict in verdicts.values()) else None
