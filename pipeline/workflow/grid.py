"""Grid: lay the checked rows on the grid, week by week."""

from dataclasses import asdict

import pyarrow.compute as pc

from pipeline.domain.weeks import WEEK, forecast_weeks, parse_date
from pipeline.grid.build import build_cube, cube_tables, cube_weeks
from pipeline.lake.lake import Lake, Ref
from pipeline.settings import Settings
from pipeline.sources.calendar import weekly_calendar
from pipeline.workflow.accounting import account
from pipeline.workflow.checked import read_checked
from pipeline.workflow.operations.staleness import marks_stale
from pipeline.workflow.plan import Plan
from pipeline.workflow.reads import Reads
from pipeline.workflow.step_results import Gridded, Validated


@marks_stale
def build_grid(
    settings: Settings, plan: Plan, validated: Validated, *, reads: Reads | None = None
) -> Gridded:
    """Lay the checked incidents and weather on the grid and find the edge and target weeks.

    Raises:
        StaleData: the last whole week is too old for the target week.
    """
    city, lake = settings.city(plan.city), Lake(settings.lake_root)
    known_through = parse_date(validated["known_through"])
    incidents, weather_daily = read_checked(lake, Ref.from_json(validated["ref"]), reads or Reads())
    starts = cube_weeks(incidents, known_through)
    calendar = weekly_calendar(city, starts)
    cube, tally = build_cube(city, incidents, weather_daily, calendar, known_through=known_through)
    weeks = forecast_weeks(plan.issue_date, known_through)
    # The week before the cube's first may have begun before the feed; older days are wrong dates.
    early = pc.sum(pc.less(incidents["occurred_on"], starts[0] - WEEK)).as_py()
    grid = Gridded(
        ref="",
        edge_week=weeks.edge_week.isoformat(),
        horizon=weeks.horizon,
        tally={**asdict(tally), "early": early},
    )
    rows = {line.label: line.rows for line in account(validated, grid)}
    ref = lake.write(
        "cubes", city.name, cube_tables(cube), {"rows": rows, "origin": validated["provenance"]}
    )
    return Gridded(**{**grid, "ref": ref.to_json()})
