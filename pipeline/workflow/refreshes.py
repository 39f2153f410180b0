"""How late a feed publishes, learned from the snapshots of its past refreshes."""

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from pipeline.domain.city import City
from pipeline.lake.lake import Lake, Snapshot
from pipeline.quality.completeness import (
    DAYS_TO_SETTLE,
    FEWEST_REFRESHES,
    MOST_REFRESHES,
    Refresh,
    learned_lag_days,
)
from pipeline.sources.adapters import ADAPTERS
from pipeline.sources.incidents import days_of_text
from pipeline.workflow.refusals import is_refused


def lag_days(lake: Lake, city: City, snapshot: Snapshot) -> int | None:
    """Return how many days after a day its reports were published, as older snapshots had it.

    Returns:
        The days; None where too few refreshes are held.
    """
    older = {}
    for held in lake.snapshots(city.name, snapshot.dataset):
        if held.pulled_at < snapshot.pulled_at and held.rows:
            older[refreshed_on(held, city)] = held  # of a day the last
    last = refreshed_on(snapshot, city) - timedelta(days=DAYS_TO_SETTLE)
    settled = [older[day] for day in sorted(older) if day <= last][-MOST_REFRESHES:]
    settled = [held for held in settled if not is_refused(lake, held)]
    if len(settled) < FEWEST_REFRESHES:  # before anything is read
        return None
    refreshes = [_refresh(lake, city, held) for held in settled]
    return learned_lag_days(refreshes, _refresh(lake, city, snapshot))


def refreshed_on(snapshot: Snapshot, city: City) -> date:
    """Return the day of the refresh that a snapshot shows, in the city's dates.

    It is the day of the pull where the source names none, or one after it.
    """
    moment = min(snapshot.source_updated_at or snapshot.pulled_at, snapshot.pulled_at)
    return moment.astimezone(ZoneInfo(city.time_zone)).date()


def _refresh(lake: Lake, city: City, snapshot: Snapshot) -> Refresh:
    """Return a snapshot's reports by day: of report where the feed gives it, else of occurrence."""
    adapter = ADAPTERS[city.dataset(snapshot.dataset).adapter]
    column = adapter.reported or adapter.occurred
    days = days_of_text(lake.read_snapshot(snapshot, [column])[column]).dropna()
    numbers = days.to_numpy("datetime64[D]").astype("int64")
    found, reports = np.unique(numbers, return_counts=True)
    by_day = dict(zip(found.tolist(), reports.tolist(), strict=True))
    return Refresh(refreshed_on(snapshot, city), by_day)
