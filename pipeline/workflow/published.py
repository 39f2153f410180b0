"""What had been published by an issue date: through which day, and of which archive."""

from dataclasses import dataclass
from datetime import date, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.domain.city import City
from pipeline.domain.errors import WeekNotReady
from pipeline.domain.weeks import last_whole_week
from pipeline.lake.lake import Lake
from pipeline.quality.completeness import complete_through
from pipeline.workflow.archive import Archive
from pipeline.workflow.plan import Plan, end_of_day
from pipeline.workflow.reads import Reads, Snapshots
from pipeline.workflow.refreshes import refreshed_on


@dataclass(frozen=True)
class Published:
    """What was public on an issue date.

    Attributes:
        incidents: columns of INCIDENTS, not yet checked; those that were known.
        known_through: the last day through which they are complete.
        archive: what the incidents are the first of; None where the snapshots are of that time.
        notes: how `known_through` departs from the city's publication rule, in words.
    """

    incidents: pa.Table
    known_through: date
    archive: Archive | None
    notes: tuple[str, ...] = ()


def as_published(
    lake: Lake,
    city: City,
    plan: Plan,
    snapshots: Snapshots,
    incidents: pa.Table,
    reads: Reads,
) -> Published:
    """Return what was public on the issue date.

    Snapshots that existed then are what had been published. Before the first one the city's
    publication rule decides which reports were. The rule's lag is learned from the snapshots where
    there are enough; the reports of each day may move the last complete day, and always say so.

    Raises:
        WeekNotReady: no report occurred by the issue date.
    """
    issued, rule = plan.issue_date, city.publication
    occurred = incidents["occurred_on"]
    if not pc.any(pc.less_equal(occurred, issued)).as_py():
        raise WeekNotReady(f"No report of {city.title} occurred on or before {issued}.")
    known_at = end_of_day(issued, city)
    held = [lake.snapshot_as_of(city.name, name, known_at) for name, _ in snapshots]
    if None in held:
        archive = reads.archive(lake, city, snapshots, incidents)
        by_rule = rule.known_through(issued)
        known = archive.through(by_rule)
        return _judged(known, by_rule, by_rule, archive)
    newest = max((s for s in held if s), key=lambda s: (bool(s.rows), refreshed_on(s, city)))
    refreshed = refreshed_on(newest, city)
    learned = reads.lag_days(lake, city, newest)
    lag = rule.lag_days if learned is None else learned
    found = _judged(incidents, refreshed - timedelta(days=lag), refreshed, None)
    if learned in (None, rule.lag_days):
        return found
    note = (
        f"The feed publishes a day after {learned} days, by its own past refreshes; the city's "
        f"file says {rule.lag_days}."
    )
    return Published(found.incidents, found.known_through, None, (note, *found.notes))


def _judged(
    incidents: pa.Table, by_rule: date, seen_on: date, archive: Archive | None
) -> Published:
    through = complete_through(incidents, published_through=by_rule, seen_on=seen_on)
    if last_whole_week(through) == last_whole_week(by_rule):
        return Published(incidents, through, archive)
    note = (
        f"The reports are complete through {through}, not through {by_rule} as the publication "
        "rule has it: the days after it hold too few of them. The forecast is made from the last "
        "week that is whole."
    )
    return Published(incidents, through, archive, (note,))
