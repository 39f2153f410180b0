"""What a run is for, resolved before anything is pulled."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal, get_args
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict

from pipeline.domain.city import City
from pipeline.domain.errors import InvalidRequest
from pipeline.domain.weeks import ForecastWeeks, parse_date, resolve_week, target_week_of
from pipeline.settings import Settings
from pipeline.workflow.ability import require_weekly
from pipeline.workflow.request import check_issue_date, day_meant, present_day
from pipeline.workflow.step_results import Gridded

TrainingType = Literal["auto", "reuse", "fine_tune", "retrain"]
TRAINING_TYPES: tuple[TrainingType, ...] = get_args(TrainingType)
Occasion = Literal["scheduled", "manual", "backfill"]  # as Airflow names the kinds of runs


class Plan(BaseModel):
    """What a run is for.

    All but city and dates have defaults, and an unknown field is left out: a run that was planned
    by another version of the code can still be cleared and run again.

    Attributes:
        city: short name.
        issue_date: the city's date on which the forecast is made.
        target_week: Sunday of the week that is forecast.
        training: how the model is to be come by.
        publish: False is a dry run, which stores nothing.
        notes: kept with the forecast.
        files: write map, page, exports and Data Docs; else the results store alone.
        is_current: the city waits for this forecast, and is stale if it can't be made.
        run: Airflow's name for the run; None for one of the command line.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    city: str
    issue_date: date
    target_week: date
    training: TrainingType = "auto"
    publish: bool = True
    notes: str = ""
    files: bool = True
    is_current: bool = False
    run: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the plan as Airflow's tasks hand it on."""
        return self.model_dump(mode="json")


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
    return Plan(
        city=the_city.name,
        issue_date=issued,
        target_week=target_week_of(issued),
        training=training,
        publish=publish,
        notes=notes or "",
        files=files,
        is_current=publish and _is_awaited(occasion, issued, today),
        run=run,
    )


def _is_awaited(occasion: Occasion, issued: date, today: date) -> bool:
    """Say whether readers wait for a run's week: the scheduled one, or by hand the coming one."""
    is_coming = target_week_of(issued) == target_week_of(today)
    return occasion == "scheduled" or (occasion != "backfill" and is_coming)


def weeks_of(plan: Plan, grid: Gridded) -> ForecastWeeks:
    """Return the issue, edge and target dates of a run."""
    return ForecastWeeks(plan.issue_date, parse_date(grid["edge_week"]), plan.target_week)


def end_of_day(day: date, city: City) -> datetime:
    """Return the last instant of a city's day, in UTC."""
    midnight = datetime.combine(day + timedelta(days=1), time(), ZoneInfo(city.time_zone))
    return midnight.astimezone(UTC) - timedelta(microseconds=1)
