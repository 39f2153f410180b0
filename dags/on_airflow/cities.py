"""The cities that are forecast on schedule: each has a DAG of its own, made from one wiring."""

import os
from collections.abc import Callable

from airflow.sdk import Param, dag, get_parsing_context

# As in pipeline.settings, which is not imported where DAGs are only read.
CITIES = (os.environ.get("HOTSPOTS_CITIES") or "los_angeles").split(",")


def city_param(city: str = CITIES[0]) -> Param:
    """Return the form's field for the city."""
    return Param(
        city,
        type="string",
        title="City",
        pattern="^[a-z][a-z0-9_]{0,40}$",
        examples=["los_angeles", "chicago"],
        description="Short name of a city, as its TOML file is called.",
    )


def dag_of_each_city(wire: Callable[[], None], params: dict[str, Param], **about: object) -> None:
    """Make a DAG of each scheduled city.

    The first city's bears the name of the function that wires it; those of others add the city's.
    A task's process asks for one DAG, and the others are not made there. (This function's name has
    to hold "dag": Airflow reads no file without the word.)
    """
    asked_for = get_parsing_context().dag_id
    for city in CITIES:
        dag_id = wire.__name__ if city == CITIES[0] else f"{wire.__name__}_{city}"
        if asked_for in {None, dag_id}:
            dag(dag_id, params={"city": city_param(city), **params}, **about)(wire)()
