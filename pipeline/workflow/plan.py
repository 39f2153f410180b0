"""What a run is for, and what its steps hand to one another: small, JSON-able, never a frame."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal, NotRequired, TypedDict
from zoneinfo import ZoneInfo

from pipeline.domain.city import City
from pipeline.domain.errors import InvalidRequest
from pipeline.domain.weeks import ForecastWeeks, parse_date, resolve_week, target_week_of
from pipeline.settings import Settings
from pipeline.workflow.ability import require_weekly
from pipeline.workflow.request import check_issue_date, day_meant, present_day

TrainingType = Literal["auto", "reuse", "fine_tune", "retrain"]
TRAINING_TYPES: tuple[TrainingType, ...] = ("auto", "reuse", "fine_tune", "retrain")
Occasion = Literal["scheduled", "manual", "backfill"]  # as Airflow names the kinds of runs


class Plan(TypedDict):
    """What a run is for, resolved before anything is pulled."""

    city: str
    issue_date: str
    target_week: str
    training: TrainingType
    publish: bool
    notes: str
    files: bool  # map, page, exports and Data Docs; without them the results store alone
    is_current: bool  # the city waits for its forecast, and is stale if that can't be made
    run: NotRequired[str]  # Airflow's name for it; a run of the command line has none


class Stored(TypedDict):
    """A snapshot that was added to the lake."""

    rows: int
    sha256: str


class Pulled(TypedDict):
    """Snapshots a run reads (dataset -> Ref as JSON), where they are from, and how it went.

    `stored` has those that this pull added to the lake.
    """

    snapshots: dict[str, str]
    stored: dict[str, Stored]
    provenance: str
    notes: list[str]


class Validated(TypedDict):
    """Checked incidents and weather, with every row accounted for."""

    ref: str
    known_through: str
    provenance: str
    snapshot_age_days: int
    rows_in: int
    dropped: dict[str, int]
    not_yet_known: int
    accepted: int
    quarantined_rows: int
    quarantined: dict[str, int]
    health: list[dict[str, Any]]
    data_docs: str | None
    notes: list[str]


class Gridded(TypedDict):
    """The cube, the weeks of the forecast, and how many reports found a cell."""

    ref: str
    edge_week: str
    horizon: int
    tally: dict[str, int]


class Decision(TypedDict):
    """How the model is come by, and why."""

    mode: Literal["reuse", "fine_tune", "retrain"]
    why: str


class Trained(TypedDict):
    """The model a week is forecast with."""

    folder: str
    sha256: str
    version: str
    trained_through: str
    mode: str


class Forecasted(TypedDict):
    """The forecast as it lies in the lake."""

    ref: str
    model_name: str
    city_mean: float


class Scored(TypedDict):
    """The target weeks that were scored."""

    weeks: list[str]


class Published(TypedDict):
    """What the results store took, and how it differs from what it held; revision 0: a dry run."""

    revision: int
    cells: int  # stored; none in a dry run
    forecast_sha256: str
    difference: str


class Reported(TypedDict):
    """Where the week's files lie."""

    folder: str
    files: list[str]


def make_plan(
    settings: Settings,
    *,
    city: str,
    issue_date: str | date | None,
    logical_date: datetime | None = None,
    data_interval_end: datetime | None = None,
    training: str = "auto",
    publish: bool = True,
    notes: str | None = None,
    files: bool = True,
    run: str | None = None,
    occasion: Occasion = "manual",
    now: datetime,
) -> Plan:
    """Resolve a run's issue date and target week, before anything is pulled.

    The issue date is the one that is given, else the day of the logical date, else the end of the
    data interval. By hand, where that is today, a replay that shows an earlier day has that one.

    Raises:
        InvalidRequest: the city's file, the date or the kind of training can't be understood, the
            date lies before the city's first report, or no week of the city can be forecast.
        WeekNotReady: the issue date lies in the future (a replay may run ahead of the clock).
    """
    if training not in TRAINING_TYPES:
        raise InvalidRequest(f"Training {training!r} is not one of {', '.join(TRAINING_TYPES)}.")
    the_city = settings.city(city)
    require_weekly(settings, the_city)
    today = now.astimezone(ZoneInfo(the_city.time_zone)).date()
    meant = issue_date or (logical_date and day_meant(logical_date, the_city))
    issued = resolve_week(meant, data_interval_end, the_city.time_zone)
    if not issue_date and issued == today and occasion == "manual":
        issued = present_day(settings, the_city, today)
    check_issue_date(settings, the_city, issued, now=now)
    plan = Plan(
        city=the_city.name,
        issue_date=issued.isoformat(),
        target_week=target_week_of(issued).isoformat(),
        training=training,
        publish=publish,
        notes=notes or "",
        files=files,
        is_current=publish and _is_awaited(occasion, issued, today),
    )
    if run:
        plan["run"] = run
    return plan


def _is_awaited(occasion: Occasion, issued: date, today: date) -> bool:
    """Say whether readers wait for a run's week: the scheduled one, or by hand the coming one."""
    is_coming = target_week_of(issued) == target_week_of(today)
    return occasion == "scheduled" or (occasion != "backfill" and is_coming)


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


def city_of(settings: Settings, plan: Plan) -> City:
    """Return the city of a plan."""
    return settings.city(plan["city"])


def issue_date_of(plan: Plan) -> date:
    """Return the issue date of a plan."""
    return parse_date(plan["issue_date"])


def weeks_of(plan: Plan, grid: Gridded) -> ForecastWeeks:
    """Return the issue, edge and target dates of a run."""
    return ForecastWeeks(
        issue_date_of(plan), parse_date(grid["edge_week"]), parse_date(plan["target_week"])
    )


def end_of_day(day: date, city: City) -> datetime:
    """Return the last instant of a city's day, in UTC."""
    midnight = datetime.combine(day + timedelta(days=1), time(), ZoneInfo(city.time_zone))
    return midnight.astimezone(UTC) - timedelta(microseconds=1)
