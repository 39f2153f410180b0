"""What a run's form came to, told before any work starts."""

from datetime import date, datetime, timedelta

from pipeline.domain.city import City
from pipeline.domain.errors import HotspotsError
from pipeline.domain.weeks import WEEK, forecast_weeks
from pipeline.lake.lake import Lake
from pipeline.settings import Settings
from pipeline.workflow.plan import Plan, end_of_day


def briefing(settings: Settings, plan: Plan, *, now: datetime) -> str:
    """Return the resolved values of a run as lines of text.

    The edge week is what the city's publication rule promises; what the data hold is known once
    they are pulled, and stands in the stored forecast.
    """
    city, issued, target = (
        settings.city(plan.city),
        plan.issue_date,
        plan.target_week,
    )
    lines = {
        "city": city.title,
        "issue date": f"{issued:%A} {issued}",
        "target week": f"{target} to {target + WEEK - timedelta(days=1)}",
        "edge week": _edge(city, issued),
        "training": plan.training,
        "publish": "yes" if plan.publish else "no, the stored forecast stays",
        "notes": plan.notes or "none",
        **_snapshots(Lake(settings.lake_root), city, issued, now),
    }
    width = max(map(len, lines))
    return "\n".join(f"{name:{width}}  {value}" for name, value in lines.items())


def _edge(city: City, issued: date) -> str:
    try:
        weeks = forecast_weeks(issued, city.publication.known_through(issued))
    except HotspotsError as error:
        return str(error)
    return f"{weeks.edge_week}, so horizon {weeks.horizon}, if the city publishes as it says"


def _snapshots(lake: Lake, city: City, issued: date, now: datetime) -> dict[str, str]:
    known_at = min(end_of_day(issued, city), now)
    found = {}
    for dataset in city.datasets:
        held = lake.snapshot_as_of(city.name, dataset.id, known_at)
        found[f"snapshot {dataset.id}"] = (
            f"pulled {(known_at - held.pulled_at).days} days before" if held else "none yet"
        )
    return found
