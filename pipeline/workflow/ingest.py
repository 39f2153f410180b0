"""From the sources to the cube: pull, validate, grid."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.domain.city import City
from pipeline.domain.errors import (
    DatasetMoved,
    InvalidRequest,
    SchemaDrift,
    SourceUnavailable,
    WeekNotReady,
)
from pipeline.domain.weeks import WEEK, forecast_weeks, parse_date, week_range, week_start_of
from pipeline.grid.build import build_cube, cube_tables
from pipeline.lake import Lake, Ref, Snapshot
from pipeline.quality.gate import GateReport, check_incidents, check_weather, health_rows
from pipeline.settings import Settings
from pipeline.sources import crime, weather
from pipeline.sources.calendar import weekly_calendar
from pipeline.sources.http import HttpClient
from pipeline.sources.pull import Pull
from pipeline.workflow.ability import wanted_datasets
from pipeline.workflow.accounting import account
from pipeline.workflow.as_published import (
    Archive,
    as_published,
    incidents_of,
    weather_tables,
    weather_verdicts,
)
from pipeline.workflow.checked import read_checked, write_checked
from pipeline.workflow.plan import (
    Gridded,
    Plan,
    Pulled,
    Stored,
    Validated,
    city_of,
    end_of_day,
    issue_date_of,
)
from pipeline.workflow.staleness import marks_stale

WEATHER_SOURCES = ("weather_ncei", "weather_acis", "weather_nws")
WEATHER_FORECAST_SOURCE = "weather_forecast"
CALENDAR_WEEKS_AHEAD = 6
WEATHER_KNOWN_AFTER = timedelta(days=1)


@marks_stale
def pull_crime(settings: Settings, plan: Plan, *, now: datetime) -> Pulled:
    """Bring every crime dataset up to date, or keep what a past week can be rebuilt from.

    Raises:
        SourceUnavailable, DatasetMoved, SchemaDrift: as the source fails.
        InvalidRequest: the lake holds data of another origin (simulated, say, beside live ones).
    """
    city, lake = city_of(settings, plan), Lake(settings.lake_root)
    datasets = wanted_datasets(city, settings)
    names = [dataset.id for dataset in datasets]
    http = HttpClient(settings)
    stored: dict[str, Stored] = {}
    if not _is_past_and_held(lake, city, plan, names, now):
        for dataset in datasets:
            held = lake.snapshots(city.name, dataset.id)
            if http.provenance == "live":  # before it takes an hour
                _refuse_to_mix(lake, held, "live")
            last = held[-1].source_updated_at if held else None
            pull = crime.pull_crime(http, settings, city, dataset, last)
            if pull is not None:
                stored[dataset.id] = _stored(store_pull(lake, city, pull, now))
    return _pulled(lake, city, plan, names, stored, list(http.notes))


def pull_weather(settings: Settings, plan: Plan, *, now: datetime) -> Pulled:
    """Bring station weather up to date and archive today's forecast; never stop a week for it."""
    city, lake = city_of(settings, plan), Lake(settings.lake_root)
    http = HttpClient(settings)
    notes: list[str] = []
    stored: dict[str, Stored] = {}
    if city.stations and not _is_past_and_held(lake, city, plan, WEATHER_SOURCES, now):
        first = min(dataset.occurred_from for dataset in wanted_datasets(city, settings))
        today = min(issue_date_of(plan), now.astimezone(ZoneInfo(city.time_zone)).date())
        try:
            for pull in weather.pull_weather(http, settings, city, first, today):
                stored[pull.dataset] = _stored(store_pull(lake, city, pull, now))
            store_pull(lake, city, weather.pull_weather_forecast(http, settings, city), now)
        except (SourceUnavailable, DatasetMoved, SchemaDrift) as error:
            notes.append(f"weather: {error}")
    held = [name for name in WEATHER_SOURCES if lake.snapshots(city.name, name)]
    return _pulled(lake, city, plan, held, stored, [*http.notes, *notes])


@marks_stale
def validate(settings: Settings, plan: Plan, crime_pull: Pulled, weather_pull: Pulled) -> Validated:
    """Make incidents and daily weather of the snapshots, as known on the issue date, and check.

    Raises:
        QualityGateFailed, StaleData: a check that stops the week failed.
    """
    city, lake, issued = city_of(settings, plan), Lake(settings.lake_root), issue_date_of(plan)
    snapshots = tuple(crime_pull["snapshots"].items())
    build = incidents_of(lake.root, city, snapshots)
    incidents, known_through, archive = as_published(lake, city, plan, snapshots, build.incidents)
    gate, weather_gate = _check(settings, plan, incidents, archive, weather_pull)
    health = [*health_rows(gate), *health_rows(weather_gate)]
    info = {"issue_date": plan["issue_date"], "snapshots": crime_pull["snapshots"]}
    ref = write_checked(lake, city.name, gate, weather_gate, archive, info)
    return Validated(
        ref=ref.to_json(),
        known_through=known_through.isoformat(),
        provenance=crime_pull["provenance"],
        snapshot_age_days=(issued - known_through).days,
        rows_in=build.rows_in,
        dropped=build.dropped,
        not_yet_known=build.incidents.num_rows - incidents.num_rows,
        accepted=gate.accepted.num_rows,
        quarantined_rows=len(gate.left_out),
        quarantined=_by_reason(gate),
        health=health,
        data_docs=str(gate.docs_path) if gate.docs_path else None,
        notes=[*crime_pull["notes"], *weather_pull["notes"]],
    )


def _check(
    settings: Settings,
    plan: Plan,
    incidents: pa.Table,
    archive: Archive | None,
    weather_pull: Pulled,
) -> tuple[GateReport, GateReport]:
    """Return what came of the checks of incidents, and of the weather known on the issue date.

    Data Docs tell of the week's own rows; without them weeks of an archive share one check of all.
    """
    city, root, issued = city_of(settings, plan), settings.lake_root, issue_date_of(plan)
    docs = settings.data_docs_dir(city.name, issued) if plan["files"] else None
    shared = archive if docs is None else None
    gate = check_incidents(
        city,
        incidents,
        as_of=issued,
        docs_dir=docs and docs / "incidents",
        judged=shared.judged if shared else None,
    )
    snapshots = tuple(weather_pull["snapshots"].items())
    weather_gate = check_weather(
        city,
        weather.merge_weather(weather_tables(root, snapshots), issued - WEATHER_KNOWN_AFTER),
        as_of=issued,
        docs_dir=docs and docs / "weather",
        verdicts=weather_verdicts(root, city, snapshots) if shared else None,
    )
    return gate, weather_gate


@marks_stale
def build_grid(settings: Settings, plan: Plan, validated: Validated) -> Gridded:
    """Lay the checked incidents and weather on the grid and find the edge and target weeks.

    Raises:
        StaleData: the last whole week is too old for the target week.
    """
    city, lake = city_of(settings, plan), Lake(settings.lake_root)
    known_through = parse_date(validated["known_through"])
    incidents, weather_daily = read_checked(lake, Ref.from_json(validated["ref"]))
    first = week_start_of(pc.min(incidents["occurred_on"]).as_py())
    last = week_start_of(known_through) + WEEK * CALENDAR_WEEKS_AHEAD
    calendar = weekly_calendar(city, week_range(first, last))
    cube, tally = build_cube(city, incidents, weather_daily, calendar, known_through=known_through)
    weeks = forecast_weeks(issue_date_of(plan), known_through)
    grid = Gridded(
        ref="",
        edge_week=weeks.edge_week.isoformat(),
        horizon=weeks.horizon,
        tally=asdict(tally),
    )
    rows = {line.label: line.rows for line in account(validated, grid)}
    ref = lake.write(
        "cubes", city.name, cube_tables(cube), {"rows": rows, "origin": validated["provenance"]}
    )
    return Gridded(**{**grid, "ref": ref.to_json()})


def _is_past_and_held(
    lake: Lake, city: City, plan: Plan, names: Sequence[str], now: datetime
) -> bool:
    """Say whether a week lies in the past and the lake already holds all that it needs.

    Such a week is rebuilt from what is held: a new pull could only add what was not known then.
    """
    is_past = end_of_day(issue_date_of(plan), city) < now
    return is_past and all(lake.snapshots(city.name, name) for name in names)


def store_pull(lake: Lake, city: City, pull: Pull, now: datetime) -> Snapshot:
    """Store a pull as a snapshot.

    Raises:
        InvalidRequest: the lake holds snapshots of another origin.
    """
    _refuse_to_mix(lake, lake.snapshots(city.name, pull.dataset), pull.provenance)
    return lake.add_snapshot(
        city.name,
        pull.dataset,
        pull.table,
        pulled_at=now,
        source_updated_at=pull.source_updated_at,
        provenance=pull.provenance,
        notes=pull.notes,
    )


def _refuse_to_mix(lake: Lake, held: list[Snapshot], provenance: str) -> None:
    if held and held[-1].provenance != provenance:
        raise InvalidRequest(
            f"{lake.root} holds {held[-1].provenance} snapshots of {held[-1].dataset}, and this "
            f"pull is {provenance}. They must not mix: set HOTSPOTS_HOME to another folder, such "
            "as var/live for live data, or HOTSPOTS_LAKE_URL to another place."
        )


def _chosen(lake: Lake, city: City, plan: Plan, name: str) -> Snapshot:
    """Return the snapshot that a run reads: the newest it could have had, else the first."""
    as_of = end_of_day(issue_date_of(plan), city)
    chosen = lake.snapshot_as_of(city.name, name, as_of) or lake.first_snapshot(city.name, name)
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
    origins = {snapshot.provenance for snapshot in chosen.values()}
    # One simulated part makes the whole run simulated; a recorded one makes it recorded.
    provenance = next((p for p in ("simulated", "recorded") if p in origins), "live")
    refs = {name: snapshot.ref.to_json() for name, snapshot in chosen.items()}
    return Pulled(snapshots=refs, stored=stored, provenance=provenance, notes=notes)


def _by_reason(gate: GateReport) -> dict[str, int]:
    counts = gate.quarantined.group_by("reason").aggregate([("reason", "count")])
    return dict(zip(counts["reason"].to_pylist(), counts["reason_count"].to_pylist(), strict=True))
