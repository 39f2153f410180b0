"""The cities that are forecast on schedule: each has a DAG of its own, made from one wiring."""

import os
from collections.abc import Callable
from typing import Any

from airflow.sdk import Param, dag, get_parsing_context

from on_airflow.about import describe

# As in pipeline.settings, which is not imported where DAGs are only read.
CITIES = (os.environ.get("HOTSPOTS_CITIES") or "los_angeles").split(",")
IS_REPLAYED = bool(os.environ.get("HOTSPOTS_REPLAY_URL"))


def city_param(*cities: str) -> Param:
    """Return the form's field for the city: a choice of these, the first by default."""
    return Param(
        cities[0],
        type="string",
        title="City",
        enum=list(cities),
        values_display={city: city.replace("_", " ").title() for city in cities},
        description="One of the cities in the setting HOTSPOTS_CITIES.",
    )


def dag_of_each_city(
    wire: Callable[[], None],
    params: dict[str, Param],
    **about: Any,  # noqa: ANN401 - whatever else Airflow's `dag` takes
) -> None:
    """Make a DAG of each scheduled city.

    The first city's bears the name of the function that wires it; those of others add the city's.
    A task's process asks for one DAG, and the others are not made there. (This function's name has
    to hold "dag": Airflow reads no file without the word.)
    """
    asked_for = get_parsing_context().dag_id
    for city in CITIES:
        dag_id = wire.__name__ if city == CITIES[0] else f"{wire.__name__}_{city}"
        if asked_for in {None, dag_id}:
            made = dag(
                dag_id,
                params={"city": city_param(city), **params},
                # Live, a week must not wait for somebody to switch it on; None leaves the choice
                # to Airflow's own setting, which is paused by default.
                is_paused_upon_creation=None if IS_REPLAYED else False,
                **about,
            )(wire)()
            describe(made)
