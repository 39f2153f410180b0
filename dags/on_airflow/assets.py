"""What the DAGs write and read, as Airflow's assets: one of each kind for each city.

An event of an asset has the target week as its partition, so that a DAG that is scheduled on it
runs once a week, not once for several.
"""

from typing import Any

from airflow.sdk import Asset, get_current_context

WRITES = {
    "pull_crime": "crime_snapshots",
    "pull_weather": "weather_snapshots",
    "snapshot_history": "crime_snapshots",
    "build_grid": "cube",
    "train": "model",
    "train_challenger": "model",
    "publish": "forecast",
}
READS = {
    "validate": ("crime_snapshots", "weather_snapshots"),
    "build_grid": ("crime_snapshots", "weather_snapshots"),
    "train": ("cube",),
    "train_challenger": ("cube",),
    "forecast": ("cube", "model"),
    "compare": ("cube", "model"),
    "publish": ("cube", "model"),
    "report": ("forecast",),
    "check_forecast": ("forecast",),
}


def asset(city: str, kind: str) -> Asset:
    """Return the asset of a kind of data of a city."""
    return Asset(f"hotspots/{city}/{kind}")


def outlets(city: str, task: str) -> list[Asset]:
    """Return the assets of a city that a task may write."""
    return [asset(city, WRITES[task])] if task in WRITES else []


def inlets(city: str, task: str) -> list[Asset]:
    """Return the assets of a city that a task is made from, straight or by tasks before it."""
    return [asset(city, kind) for kind in READS.get(task, ())]


def say_written(step: str, facts: dict[str, Any] | None) -> None:
    """Let the running task emit an event of what it wrote, and none if it wrote nothing.

    Airflow emits one of every outlet of a task that succeeds, so they are cut to what was written:
    nothing in a dry run, and another city's where the run was asked for that.
    """
    context = get_current_context()
    context["task"].outlets = []
    if facts:
        of_city = asset(facts["city"], WRITES[step])
        context["task"].outlets.append(of_city)
        event = context["outlet_events"][of_city]
        event.extra = facts
        if "week" in facts:
            event.add_partitions(facts["week"])
