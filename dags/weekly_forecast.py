"""### Next week's violent-crime hotspots.

Pulls the city's open crime reports and station weather, checks them, lays them on the grid, reuses,
fine-tunes or retrains the model, forecasts the target week, scores past ones, and publishes.

**By hand:** trigger it with an issue date (empty means today). **Dry run:** switch *publish* off.
**Over past weeks:** backfill it; each run sees only what was known on its own issue date.
"""

from datetime import datetime, timedelta

from airflow.sdk import Param, dag, get_current_context, task
from airflow.sdk.exceptions import AirflowFailException
from airflow.timetables.interval import CronDataIntervalTimetable

PARAMS = {
    "city": Param("los_angeles", type="string", title="City", pattern="^[a-z][a-z0-9_]*$"),
    "issue_date": Param(None, type=["null", "string"], format="date", title="Issue date",
                        description="Day the forecast is made on. Empty: end of the interval, "
                        "or today for a run by hand."),
    "training": Param("auto", type="string", enum=["auto", "reuse", "fine_tune", "retrain"],
                      title="Training", description="auto reuses a fresh model, fine-tunes after "
                      "4 weeks, retrains after 26."),
    "publish": Param(default=True, type="boolean", description="Off means a dry run."),
    "notes": Param("", type="string", title="Notes", maxLength=500),
}  # fmt: skip
PULL = {"retries": 2, "retry_delay": timedelta(minutes=5), "retry_exponential_backoff": True}


@task
def step(name: str, *inputs: dict) -> dict:
    """Call one step of the workflow; an error that a retry can't mend fails the task at once."""
    from pipeline import workflow
    from pipeline.domain.errors import HotspotsError, SourceUnavailable

    try:
        return workflow.run_step(name, *inputs)
    except SourceUnavailable:
        raise
    except HotspotsError as error:
        raise AirflowFailException(f"{type(error).__name__}: {error}") from error


@task
def resolve_week() -> dict:
    """Resolve city, issue date and target week; the log shows what is returned."""
    from pipeline import workflow

    context = get_current_context()
    chosen = {name: context["params"][name] for name in PARAMS}
    return workflow.resolve(**chosen, data_interval_end=context.get("data_interval_end"))


@dag(
    schedule=CronDataIntervalTimetable("0 6 * * 3", timezone="America/Los_Angeles"),
    start_date=datetime(2002, 1, 2),  # noqa: DTZ001 - before any city's first year
    catchup=False,
    params=PARAMS,
    tags=["forecast", "weekly"],
    doc_md=__doc__,
    default_args={"owner": "hotspots", "execution_timeout": timedelta(hours=2)},
)
def weekly_forecast() -> None:
    """Wire the steps of a week; what each does stands in pipeline.workflow."""
    plan = resolve_week()
    crime = step.override(task_id="pull_crime", **PULL)("pull_crime", plan)
    weather = step.override(task_id="pull_weather", **PULL)("pull_weather", plan)
    checked = step.override(task_id="validate")("validate", plan, crime, weather)
    grid = step.override(task_id="build_grid")("build_grid", plan, checked)
    choice = step.override(task_id="decide_training")("decide_training", plan, grid)
    gpu = {"queue": "gpu", "pool": "gpu", "execution_timeout": timedelta(hours=12)}
    model = step.override(task_id="train", **gpu)("train", plan, grid, choice)
    made = step.override(task_id="forecast")("forecast", plan, grid, model)
    scored = step.override(task_id="score_past")("score_past", plan, grid)
    published = step.override(task_id="publish")("publish", plan, checked, grid, model, made)
    step.override(task_id="report")("report", plan, grid, scored, published)
    made >> scored >> published


weekly_forecast()
