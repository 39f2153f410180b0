"""Whether all is well with a city, told from outside of Airflow."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import requests

from pipeline.domain.city import City
from pipeline.domain.city_parts import Dataset
from pipeline.domain.errors import (
    CorruptArtifact,
    HotspotsError,
    SourceUnavailable,
    StaleData,
    WeekNotReady,
)
from pipeline.domain.weeks import week_start_of
from pipeline.lake.lake import Lake
from pipeline.masking import hidden
from pipeline.model.registry_client import (
    RESTORE_REGISTRY,
    integrity_of_registry,
    place_of,
    registry_file,
)
from pipeline.results.store.tables import NEWEST
from pipeline.results.store.writer import ResultsStore
from pipeline.settings import Settings

# A forecast is due on the Thursday before its week, at noon in the city.
DUE_BEFORE = timedelta(days=2, hours=12)
LONGEST_BEAT = timedelta(minutes=2)


@dataclass(frozen=True)
class Finding:
    """What one check found.

    Attributes:
        name: of the check.
        said: what was found, in words.
        error: why it fails; None when it passes or could not be made.
        is_known: whether the check could be made.
    """

    name: str
    said: str
    error: HotspotsError | None = None
    is_known: bool = True


def examine(settings: Settings, city: City, *, now: datetime) -> list[Finding]:
    """Return every check of a city: scheduler, store, registry, forecast, feed.

    Args:
        settings: the installation; `airflow_url` says where the scheduler is asked after.
        city: the city.
        now: the present instant.
    """
    store = ResultsStore(settings.results_database)
    checks: dict[str, Callable[[], str | None]] = {
        "scheduler": lambda: _scheduler(settings, now),
        "store": lambda: _store(store, city),
        "registry": lambda: _registry(settings),
        "forecast": lambda: _forecast(store, city, now),
        "feed": lambda: _feed(Lake(settings.lake_root), city, now),
    }
    return [_find(name, check) for name, check in checks.items()]


def require_forecast(settings: Settings, city_name: str, *, now: datetime) -> str:
    """Return the forecast that stands, in words.

    Raises:
        StaleData: there is none for the week that one is due for.
        WeekNotReady: there is none at all.
        SourceUnavailable: the store does not answer.
    """
    city = settings.city(city_name)
    return _forecast(ResultsStore(settings.results_database), city, now)


def due_week(city: City, now: datetime) -> date:
    """Return the Sunday of the last week that a forecast is due for.

    That is the coming week from Thursday noon on, in the city's time, and the present one before.
    """
    local = now.astimezone(ZoneInfo(city.time_zone)).replace(tzinfo=None)
    return week_start_of((local + DUE_BEFORE).date())


def _find(name: str, check: Callable[[], str | None]) -> Finding:
    try:
        said = check()
    except HotspotsError as error:
        return Finding(name, hidden(f"{type(error).__name__}: {error}"), error)
    if said is None:
        return Finding(name, "unknown; set HOTSPOTS_AIRFLOW_URL to ask it", is_known=False)
    return Finding(name, said)


def _scheduler(settings: Settings, now: datetime) -> str | None:
    if settings.airflow_url is None:
        return None
    url = f"{settings.airflow_url.rstrip('/')}/api/v2/monitor/health"  # with a password, perhaps
    try:
        answer = requests.get(url, timeout=settings.connect_timeout_s)
        answer.raise_for_status()
        found = answer.json()["scheduler"]
        beat = datetime.fromisoformat(found["latest_scheduler_heartbeat"])
    except (requests.RequestException, ValueError, KeyError, TypeError) as error:
        raise SourceUnavailable(
            f"{hidden(url)} does not say how the scheduler is ({hidden(str(error))}). See whether "
            "the API server runs."
        ) from None
    if found["status"] != "healthy" or now - beat > LONGEST_BEAT:
        raise SourceUnavailable(
            f"The scheduler is {found['status']}, its last heartbeat at {beat:%Y-%m-%d %H:%M} UTC. "
            "Start it again."
        )
    return f"alive, heartbeat {max((now - beat).seconds, 0)} s ago"


def _store(store: ResultsStore, city: City) -> str:
    store.require_integrity()
    weeks = store.status(city.name).weeks_stored
    return f"answers, at migration {NEWEST}; {weeks} weeks of {city.title}"


def _registry(settings: Settings) -> str:
    file = registry_file(settings.mlflow_database)
    if file is None:
        return _registry_server(settings)
    if said := integrity_of_registry(file):
        raise CorruptArtifact(f"The registry {file} is damaged: {said[0]}. {RESTORE_REGISTRY}")
    return "its file is whole"


def _registry_server(settings: Settings) -> str:
    url, place = settings.mlflow_database, place_of(settings.mlflow_database)
    if not url.startswith("http"):
        return f"{place} looks after itself"
    try:
        answer = requests.get(f"{url.rstrip('/')}/health", timeout=settings.connect_timeout_s)
        answer.raise_for_status()
    except requests.RequestException as error:
        raise SourceUnavailable(
            f"The model registry at {place} does not answer ({hidden(str(error))}). Check that it "
            "runs."
        ) from None
    return f"{place} answers"


def _forecast(store: ResultsStore, city: City, now: datetime) -> str:
    due, status = due_week(city, now), store.status(city.name)
    latest = status.latest.record.weeks.target_week if status.latest else None
    if latest is None or latest < due:
        raise StaleData(
            f"{city.title} has no forecast for the week of {due}, due by Thursday noon before it; "
            f"the last is for {latest or 'no week'}. "
            + (f"{status.stale.sentence} " if status.stale else "")
            + "Run weekly_forecast."
        )
    mark = f", but {status.stale.sentence}" if status.stale else ""
    return f"stands for the week of {latest}{mark}"


def _feed(lake: Lake, city: City, now: datetime) -> str:
    live = [dataset for dataset in city.datasets if dataset.is_live]
    return "; ".join(_feed_age(lake, city, dataset, now) for dataset in live) or "no live dataset"


def _feed_age(lake: Lake, city: City, dataset: Dataset, now: datetime) -> str:
    held = lake.snapshots(city.name, dataset.id)
    if not held:
        raise WeekNotReady(f"The lake holds no snapshot of {dataset.id}. Run a week first.")
    updated = held[-1].source_updated_at or held[-1].pulled_at
    days = (now - updated).days
    if days > dataset.expected_every_days:
        raise StaleData(
            f"{dataset.id} was last refreshed {updated:%Y-%m-%d}, {days} days ago; at most "
            f"{dataset.expected_every_days} are expected. Look at {dataset.host}/d/{dataset.id}; "
            "if it is newer there, run weekly_forecast."
        )
    return f"{dataset.id} refreshed {days} days ago"
