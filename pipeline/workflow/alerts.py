"""The alert of a failed task: what failed, what it means for this week, what to do, and where."""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from pipeline.domain.city import City, load_city
from pipeline.domain.errors import HotspotsError
from pipeline.results.store import ResultsStore
from pipeline.settings import Settings
from pipeline.workflow.health import due_week
from pipeline.workflow.retries import rule_of


@dataclass(frozen=True)
class Failure:
    """A task that failed for good.

    Attributes:
        dag, task, run: their ids.
        city: name of the city that the run is for.
        error: what came up.
    """

    dag: str
    task: str
    run: str
    city: str
    error: BaseException


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
        "What it means": _meaning(settings, failure.city, now),
        "What to do": rule_of(error).to_do,
        "Source": _source(failure.city),
        "Run": failure.run,
    }
    identity = "\n".join((failure.dag, failure.run, failure.task, kind))
    return Alert(
        title=f"{failure.city}: {failure.dag} failed at {failure.task}",
        body="\n".join(f"{name}: {value}" for name, value in facts.items()),
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


def _meaning(settings: Settings, city_name: str, now: datetime) -> str:
    try:
        city = load_city(city_name)
        status = ResultsStore(settings.results_database).status(city_name)
    except HotspotsError as error:
        return f"No forecast can be served ({error})"
    if status.latest is None:
        return f"{city.title} has no forecast at all."
    week, due = status.latest.record.weeks.target_week, due_week(city, now)
    if week >= due:
        return f"Readers are not affected: the forecast for the week of {week} stands."
    mark = "marked stale" if status.stale_since else "and is not marked"
    return (
        f"There is no forecast for the week of {due}; the one for the week of {week} keeps "
        f"serving, {mark}."
    )


def _source(city_name: str) -> str:
    try:
        city: City = load_city(city_name)
    except HotspotsError:
        return "unknown"
    pages = [f"{dataset.host}/d/{dataset.id}" for dataset in city.datasets if dataset.is_live]
    return " ".join(pages) or "files; no live source"
