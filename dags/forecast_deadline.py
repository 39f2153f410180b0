"""### Does next week's forecast stand by Thursday noon?

Asks the results store, as `hotspots doctor` does, and fails with an alert where no forecast of the
coming week is stored. It looks at the outcome, so that it speaks up whatever kept `weekly_forecast`
from it: a failure, a pause, a run that was never made. A scheduler that is down can't speak up at
all: let `hotspots doctor` run from outside as well.
"""

from datetime import datetime

from airflow.timetables.trigger import CronTriggerTimetable
from on_airflow.cities import dag_of_each_city
from on_airflow.steps import DEFAULTS, check_forecast


def forecast_deadline() -> None:
    """Check once a week."""
    check_forecast()


dag_of_each_city(
    forecast_deadline,
    schedule=CronTriggerTimetable("0 12 * * 4", timezone="America/Los_Angeles"),
    start_date=datetime(2002, 1, 2),  # noqa: DTZ001 - a run before it would be empty
    catchup=False,
    max_active_runs=1,
    params={},
    tags=["forecast", "weekly"],
    doc_md=__doc__,
    default_args=DEFAULTS,
)
