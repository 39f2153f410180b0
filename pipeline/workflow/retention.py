"""What the snapshots of a city were used for, and which of them nothing needs any more."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from pipeline.domain.city import City
from pipeline.domain.weeks import parse_date
from pipeline.lake.lake import Lake, Ref, Snapshot
from pipeline.results.store.records import StoredRun
from pipeline.workflow.plan import end_of_day
from pipeline.workflow.pull import WEATHER_FORECAST_SOURCE, WEATHER_SOURCES, choose
from pipeline.workflow.refreshes import refreshed_on
from pipeline.workflow.refusals import is_refused


@dataclass(frozen=True)
class CheckedWeek:
    """A run's checked rows in the lake: when it was issued, and the snapshots it was made from."""

    issue_date: date
    snapshots: tuple[Ref, ...]


def datasets_of(lake: Lake, city: City) -> list[str]:
    """Return the datasets that a city reads, and those that the lake holds snapshots of."""
    held = {path.split("/")[2] for path in lake.sizes(city.name)}
    named = [*(dataset.id for dataset in city.datasets), *WEATHER_SOURCES, WEATHER_FORECAST_SOURCE]
    return [*named, *sorted(held - set(named))]


def target_weeks(
    lake: Lake, city: City, dataset: str, runs: Sequence[StoredRun]
) -> dict[str, list[date]]:
    """Return path of a snapshot -> target weeks of the stored forecasts that were made from it."""
    found: dict[str, list[date]] = {}
    if dataset == WEATHER_FORECAST_SOURCE:
        return found  # kept for later models; no forecast reads it
    held = lake.snapshots(city.name, dataset)
    for run in runs:
        made = run.record
        chosen = choose(held, min(end_of_day(made.weeks.issue_date, city), made.created_at))
        if chosen:
            found.setdefault(chosen.ref.path, []).append(made.weeks.target_week)
    return found


def prunable(
    lake: Lake, city: City, runs: Sequence[StoredRun], pulled_before: datetime
) -> list[Snapshot]:
    """Return the snapshots that were pulled before an instant and that nothing needs.

    Needed is what a stored forecast, a training or any run whose rows passed the checks was made
    from, or would be again; what past weeks are rebuilt from; of each of a feed's refreshes the
    last, as its delay is learned from them; the newest; and every archived weather forecast.
    """
    weeks, found = checked_weeks(lake, city), []
    for dataset in (*(dataset.id for dataset in city.datasets), *WEATHER_SOURCES):
        held = lake.snapshots(city.name, dataset)
        needed = {ref.path for week in weeks for ref in week.snapshots}
        needed |= set(target_weeks(lake, city, dataset, runs))
        issued = {week.issue_date for week in weeks} | {r.record.weeks.issue_date for r in runs}
        rebuilt = [choose(held, end_of_day(day, city)) for day in issued]
        first = next((s for s in held if s.rows), None)
        newest = [s for s in held if s.rows and not is_refused(lake, s)][-1:]
        kept = [*rebuilt, first, *newest, *held[-1:], *_last_of_refreshes(lake, city, held)]
        needed |= {snapshot.ref.path for snapshot in kept if snapshot}
        found += [s for s in held if s.pulled_at < pulled_before and s.ref.path not in needed]
    return [snapshot for snapshot in found if snapshot.pruned_at is None]


def checked_weeks(lake: Lake, city: City) -> list[CheckedWeek]:
    """Return every run of a city whose rows passed the checks.

    Raises:
        CorruptArtifact: one can't be read.
    """
    infos = [lake.info(ref) for ref in lake.refs("validated", city.name)]
    return [_checked_week(info) for info in infos]


def _checked_week(info: Mapping[str, Any]) -> CheckedWeek:
    texts = [*info["snapshots"].values(), *info.get("weather", {}).values()]
    refs = tuple(Ref.from_json(text) for text in texts)
    return CheckedWeek(parse_date(info["issue_date"]), refs)


def _last_of_refreshes(lake: Lake, city: City, held: Sequence[Snapshot]) -> list[Snapshot]:
    """Return of each refresh of a feed the last snapshot, unless the gate refused it."""
    if not held or held[0].dataset in WEATHER_SOURCES:
        return []
    last = {refreshed_on(snapshot, city): snapshot for snapshot in held if snapshot.rows}
    return [snapshot for snapshot in last.values() if not is_refused(lake, snapshot)]
