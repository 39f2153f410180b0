"""The alert of a failed task: what failed, what it means for this week, what to do, and where."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from pipeline.domain.city import City
from pipeline.domain.errors import HotspotsError, InvalidRequest
from pipeline.domain.weeks import parse_date, resolve_week, target_week_of
from pipeline.masking import hidden
from pipeline.results.store.writer import ResultsStore
from pipeline.settings import Settings
from pipeline.workflow.operations.health import due_week
from pipeline.workflow.operations.retries import rule_of


@dataclass(frozen=True)
class Failure:
    """A task that failed for good.

    Attributes:
        dag, task, run: their ids.
        city: name of the city that the run is for.
        error: what came up.
        asked: the run's plan, or its params where it has none yet.
        moment: aware instant that a run without an issue date is for.
    """

    dag: str
    task: str
    run: str
    city: str
    error: BaseException
    asked: Mapping[str, Any] = field(default_factory=dict)
    moment: datetime | None = None


@dataclass(frozen=True)
class Alert:
    """A failure in words.

    Attributes:
        title: one line.
        body: the rest, in lines.
        key: the same for the same failure of the same run.
    """

    title: str
    body: str
    key: str


def make_alert(settings: Settings, failure: Failure, *, now: datetime) -> Alert:
    """Return what there is to say of a failure; it never raises for want of a store."""
    error = _cause(failure.error)
    kind = type(error).__name__
    facts = {
        "What failed": f"{kind}: {error}",
        "What it means": _meaning(settings, failure, now),
        "What to do": rule_of(error).to_do,
        "Source": _source(settings, failure.city),
        "Run": failure.run,
    }
    identity = "\n".join((failure.dag, failure.run, failure.task, kind))
    return Alert(
        title=f"{failure.city}: {failure.dag} failed at {failure.task}",
        body=hidden("\n".join(f"{name}: {value}" for name, value in facts.items())),
        key=hashlib.sha256(identity.encode()).hexdigest()[:16],
    )


def is_first(settings: Settings, alert: Alert) -> bool:
    """Note an alert under `home` and say whether it is the first of its key."""
    folder = settings.home / "alerts"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with (folder / f"{alert.key}.txt").open("x") as file:
            file.write(f"{alert.title}\n{alert.body}\n")
    except FileExistsError:
        return False
    return True


def _cause(error: BaseException) -> BaseException:
    """Return the named error that Airflow's own was raised from."""
    return error.__cause__ if isinstance(error.__cause__, Exception) else error


def _meaning(settings: Settings, failure: Failure, now: datetime) -> str:
    """Say what a failure means for the readers of the run's own week."""
    asked = failure.asked
    if not asked.get("publish", "issue_date" not in asked):
        return "Readers are not affected: this run publishes no forecast."
    try:
        city = settings.city(failure.city)
        store = ResultsStore(settings.results_database)
        status, weeks = store.status(city.name), _stored_weeks(store, city)
    except HotspotsError as error:
        return f"No forecast can be served ({error})"
    if status.latest is None:
        return f"{city.title} has no forecast at all."
    week = _own_week(failure, city) or due_week(city, now)
    newest = status.latest.record.weeks.target_week
    if week in weeks:
        return f"Readers are not affected: the forecast for the week of {week} stands."
    missing = f"There is no forecast for the week of {week}; "
    if week < newest:
        return f"{missing}newer weeks are not affected, the newest is that of {newest}."
    mark = "marked stale" if status.stale else "and is not marked"
    return f"{missing}the one for the week of {newest} keeps serving, {mark}."


def _own_week(failure: Failure, city: City) -> date | None:
    """Return the Sunday that a run forecasts; None for one without an issue date of its own."""
    asked = failure.asked
    if "target_week" in asked:
        return parse_date(asked["target_week"])
    if "issue_date" not in asked:
        return None
    try:
        return target_week_of(resolve_week(asked["issue_date"], failure.moment, city.time_zone))
    except InvalidRequest:
        return None


def _stored_weeks(store: ResultsStore, city: City) -> set[date]:
    return {run.record.weeks.target_week for run in store.weeks(city.name)}


def _source(settings: Settings, city_name: str) -> str:
    try:
        city: City = settings.city(city_name)
    except HotspotsError:
        return "unknown"
    pages = [f"{dataset.host}/d/{dataset.id}" for dataset in city.datasets if dataset.is_live]
    return " ".join(pages) or "files; no live source"
