"""Pull: bring the snapshots of crime reports and weather up to date."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from zoneinfo import ZoneInfo

from pipeline.domain.city import City
from pipeline.domain.errors import (
    DatasetMoved,
    InvalidRequest,
    SchemaDrift,
    SourceUnavailable,
    WeekNotReady,
)
from pipeline.lake.lake import Lake, Ref, Snapshot
from pipeline.settings import Settings
from pipeline.sources import crime, weather
from pipeline.sources.http import HttpClient
from pipeline.sources.pulled import Pull
from pipeline.workflow.ability import wanted_datasets
from pipeline.workflow.clock_floor import require_clock
from pipeline.workflow.operations.staleness import marks_stale
from pipeline.workflow.plan import Plan, end_of_day
from pipeline.workflow.refusals import is_refused
from pipeline.workflow.step_results import Pulled, Stored

WEATHER_SOURCES = ("weather_ncei", "weather_acis", "weather_nws")
WEATHER_FORECAST_SOURCE = "weather_forecast"


@marks_stale
def pull_crime(settings: Settings, plan: Plan, *, now: datetime) -> Pulled:
    """Bring every crime dataset up to date, or keep what a past week can be rebuilt from.

    Raises:
        SourceUnavailable, DatasetMoved, SchemaDrift: as the source fails.
        InvalidRequest: the lake holds data of another origin (simulated, say, beside live ones).
        ClockSetBack: `now` lies before what is stored.
    """
    require_clock(settings, plan.city, now)
    city, lake = settings.city(plan.city), Lake(settings.lake_root)
    datasets = wanted_datasets(city, settings)
    names = [dataset.id for dataset in datasets]
    http = HttpClient(settings)
    stored: dict[str, Stored] = {}
    holds_any = any(_holds(lake, lake.snapshots(city.name, name)) for name in names)
    if not (holds_any and _is_past_and_held(lake, city, plan, names, now)):
        if http.provenance == "live":  # before it takes an hour
            _refuse_to_mix(lake, city, "live")
        for dataset in datasets:
            held = lake.snapshots(city.name, dataset.id)
            last = held[-1].source_updated_at if _holds(lake, held) else None
            pull = crime.pull_crime(http, settings, city, dataset, last)
            if pull is not None:
                stored[dataset.id] = _stored(store_pull(lake, city, pull, now))
    return _pulled(lake, city, plan, names, stored, list(http.notes))


def pull_weather(settings: Settings, plan: Plan, *, now: datetime) -> Pulled:
    """Archive today's weather forecast and bring station weather up to date.

    A week is never stopped for want of weather.

    Raises:
        ClockSetBack: `now` lies before what is stored.
    """
    require_clock(settings, plan.city, now)
    city, lake = settings.city(plan.city), Lake(settings.lake_root)
    http = HttpClient(settings)
    notes: list[str] = []
    stored: dict[str, Stored] = {}
    beside: tuple[Ref, ...] = ()
    if city.stations and not _is_past_and_held(lake, city, plan, WEATHER_SOURCES, now):
        first = min(dataset.occurred_from for dataset in wanted_datasets(city, settings))
        today = min(plan.issue_date, now.astimezone(ZoneInfo(city.time_zone)).date())
        # The forecast first: where the rest is held, a past week is not pulled for again.
        with _noted(notes):
            pull = weather.pull_weather_forecast(http, settings, city)
            beside = (store_pull(lake, city, pull, now).ref,)
        with _noted(notes):
            for pull in weather.pull_weather(http, settings, city, first, today):
                stored[pull.dataset] = _stored(store_pull(lake, city, pull, now, beside))
    held = [name for name in WEATHER_SOURCES if lake.snapshots(city.name, name)]
    return _pulled(lake, city, plan, held, stored, [*http.notes, *notes])


@contextmanager
def _noted(notes: list[str]) -> Iterator[None]:
    """Note that a source of weather failed, and go on."""
    try:
        yield
    except (SourceUnavailable, DatasetMoved, SchemaDrift) as error:
        notes.append(f"weather: {error}")


def _is_past_and_held(
    lake: Lake, city: City, plan: Plan, names: Sequence[str], now: datetime
) -> bool:
    """Say whether a week lies in the past and the lake already holds all that it needs.

    Such a week is rebuilt from what is held: a new pull could only add what was not known then.
    """
    is_past = end_of_day(plan.issue_date, city) < now
    return is_past and all(lake.snapshots(city.name, name) for name in names)


def _holds(lake: Lake, held: list[Snapshot]) -> bool:
    """Say whether the newest snapshot counts: not an empty one, nor one that the gate refused."""
    return bool(held) and held[-1].rows > 0 and not is_refused(lake, held[-1])


def store_pull(
    lake: Lake, city: City, pull: Pull, now: datetime, beside: tuple[Ref, ...] = ()
) -> Snapshot:
    """Store a pull as a snapshot; it names those `beside` it, which are missed if they go.

    Raises:
        InvalidRequest: the lake holds snapshots of another origin.
    """
    _refuse_to_mix(lake, city, pull.provenance, pull.dataset)
    return lake.add_snapshot(
        city.name,
        pull.dataset,
        pull.table,
        pulled_at=now,
        source_updated_at=pull.source_updated_at,
        provenance=pull.provenance,
        notes=pull.notes,
        beside=beside,
    )


def _refuse_to_mix(lake: Lake, city: City, provenance: str, *datasets: str) -> None:
    """Refuse a pull where these datasets, or any reports of the city, are of another origin."""
    names = [dataset.id for dataset in city.datasets]
    newest = [held for name in (*names, *datasets) for held in lake.snapshots(city.name, name)[-1:]]
    other = next((held for held in newest if held.provenance != provenance), None)
    if other is not None:
        raise InvalidRequest(
            f"{lake.root} holds {other.provenance} snapshots of {other.dataset}, and this "
            f"pull is {provenance}. They must not mix: set HOTSPOTS_HOME to another folder, such "
            "as var/live for live data, or HOTSPOTS_LAKE_URL to another place."
        )


def choose(held: Sequence[Snapshot], known_at: datetime) -> Snapshot | None:
    """Return the one of a dataset's snapshots, oldest first, that a run at a moment reads.

    The newest that it could have had, else the first with rows, else the first; None of none.
    """
    known = [snapshot for snapshot in held if snapshot.pulled_at <= known_at]
    return next(iter(known[-1:] or [s for s in held if s.rows] or held), None)


def _chosen(lake: Lake, city: City, plan: Plan, name: str) -> Snapshot:
    """Return the snapshot that a run reads.

    Raises:
        WeekNotReady: there is none.
    """
    chosen = choose(lake.snapshots(city.name, name), end_of_day(plan.issue_date, city))
    if chosen is None:
        raise WeekNotReady(f"The lake holds no snapshot of {name} for {city.title}; pull it first.")
    return chosen


def _stored(snapshot: Snapshot) -> Stored:
    return Stored(rows=snapshot.rows, sha256=snapshot.ref.sha256)


def _pulled(
    lake: Lake,
    city: City,
    plan: Plan,
    names: Sequence[str],
    stored: dict[str, Stored],
    notes: list[str],
) -> Pulled:
    chosen = {name: _chosen(lake, city, plan, name) for name in names}
    breaks = [broken for name in names for broken in lake.check_chain(city.name, name)]
    gone = [f"{b.path} is gone from the lake" for b in breaks if b.kind == "removed"]
    origins = {snapshot.provenance for snapshot in chosen.values()}
    # One simulated part makes the whole run simulated; a recorded one makes it recorded.
    provenance = next((p for p in ("simulated", "recorded") if p in origins), "live")
    refs = {name: snapshot.ref.to_json() for name, snapshot in chosen.items()}
    return Pulled(snapshots=refs, stored=stored, provenance=provenance, notes=[*notes, *gone])
