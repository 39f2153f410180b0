"""### Next week's violent-crime hotspots.

Pulls the city's open crime reports and station weather, checks them, lays them on the grid, reuses,
fine-tunes or retrains the model, forecasts the target week, scores past ones, and publishes.

**By hand:** trigger it, with an issue date or for today. **Dry run:** switch *publish* off.
**Over past weeks:** backfill it; each run sees only what was known on its own issue date.
"""

from datetime import datetime

from airflow.sdk import Param
from airflow.timetables.interval import CronDataIntervalTimetable
from on_airflow.cities import dag_of_each_city
from on_airflow.mail import mail_report
from on_airflow.steps import DEFAULTS, GPU, resolve, step

MORE = "Training, dry run and notes"  # folded, so that the form and its errors fit a screen
PARAMS = {
    "issue_date": Param(None, type=["null", "string"], format="date", title="Issue date",
                        description="Day the forecast is made on, in the city's dates; nothing "
                        "that became known later is used. Empty: the day of the logical date, or "
                        "today without one; on schedule the end of the interval."),
    "training": Param("auto", type="string", enum=["auto", "reuse", "fine_tune", "retrain"],
                      title="Training", section=MORE,
                      description="auto reuses a champion under 4 weeks old, else fine-tunes it, "
                      "and retrains after 26 weeks or on drift."),
    "publish": Param(default=True, type="boolean", title="Publish", section=MORE,
                     description="Off: a dry run, which makes the forecast and stores nothing."),
    "notes": Param(None, type=["null", "string"], title="Notes", maxLength=500,
                   section=MORE, description="Kept with the forecast and shown beside it."),
}  # fmt: skip


def weekly_forecast() -> None:
    """Wire the steps of a week; what each does stands in pipeline.workflow."""
    plan = resolve.override(task_id="resolve_week")("city", *PARAMS)
    crime = step.override(task_id="pull_crime")("pull_crime", plan)
    weather = step.override(task_id="pull_weather")("pull_weather", plan)
    checked = step.override(task_id="validate")("validate", plan, crime, weather)
    grid = step.override(task_id="build_grid")("build_grid", plan, checked)
    choice = step.override(task_id="decide_training")("decide_training", plan, grid)
    model = step.override(task_id="train", **GPU)("train", plan, grid, choice)
    made = step.override(task_id="forecast")("forecast", plan, grid, model)
    scored = step.override(task_id="score_past")("score_past", plan, grid)
    published = step.override(task_id="publish")("publish", plan, checked, grid, model, made)
    reported = step.override(task_id="report", on_success_callback=mail_report)
    reported("report", plan, grid, scored, published)
    made >> scored >> published


dag_of_each_city(
    weekly_forecast,
    schedule=CronDataIntervalTimetable("0 6 * * 3", timezone="America/Los_Angeles"),
    start_date=datetime(2002, 1, 2),  # noqa: DTZ001 - before any city's first year
    catchup=False,
    max_active_runs=4,
    params=PARAMS,
    tags=["forecast", "weekly"],
    doc_md=__doc__,
    default_args=DEFAULTS,
)
