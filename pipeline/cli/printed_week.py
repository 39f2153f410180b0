"""A week as it is printed: where its rows went, its forecast, its files."""

from datetime import date

from rich.table import Table
from rich.text import Text
from sqlalchemy import make_url

from pipeline.cli.support import warning
from pipeline.console import Terminal
from pipeline.domain.city import City
from pipeline.results.products.terminal import stale_banner, week_table
from pipeline.results.store.reader import ResultsReader
from pipeline.settings import Settings
from pipeline.workflow.accounting import account, unplaced
from pipeline.workflow.plan import Plan
from pipeline.workflow.run import Week
from pipeline.workflow.step_results import Gridded, Validated


def week_line(week: Week) -> str:
    """Return in a line what a past week came to, and how it differs from what is stored."""
    return (
        f"{week.plan.target_week}  horizon {week.grid['horizon']}  "
        f"expected {week.forecast['city_mean']:.0f}  "
        f"model {week.trained['mode']}  {week.published['difference']}"
    )


def print_week(settings: Settings, week: Week, console: Terminal) -> None:
    """Print what a run came to: where its rows went, its forecast, its files."""
    print_rows(week.plan, week.validated, week.grid, console)
    if not week.published["revision"]:
        console.print(
            f"Dry run: {week.forecast['city_mean']:.0f} reports expected in the week of "
            f"{week.plan.target_week}; nothing was published. Beside what is stored: "
            f"{week.published['difference']}."
        )
        return
    city = settings.city(week.plan.city)
    print_forecast(settings, city, week.plan.target_week, console)


def print_rows(plan: Plan, validated: Validated, grid: Gridded, console: Terminal) -> None:
    """Print where a week's rows went, what had to be recovered from, and which checks warn."""
    console.print(accounting_table(plan, validated, grid))
    for note in validated["notes"]:
        console.print(f"note: {note}")
    for check in validated["health"]:
        if check["outcome"] == "warn":
            said = f"{check['name']}: found {check['found']}; expected {check['expected']}"
            console.print(warning(said))


def accounting_table(plan: Plan, validated: Validated, grid: Gridded) -> Table:
    """Return the table that accounts for every row that came in."""
    table = Table(
        title=f"Rows in and where they went: {plan.city}, as of {plan.issue_date} "
        f"({validated['provenance']} input)",
        title_justify="left",
    )
    table.add_column("")
    table.add_column("reports", justify="right")
    for line in account(validated, grid):
        table.add_row("  " * line.depth + line.label, f"{line.rows:,}")
    table.caption = warning(unplaced(grid["tally"]) or "")
    table.caption_justify = "left"
    return table


def print_forecast(settings: Settings, city: City, target: date | None, console: Terminal) -> None:
    """Print a stored forecast, the newest unless told which, and where all that made it lies."""
    store = ResultsReader(settings.results_database)
    target = target or store.latest(city.name).record.weeks.target_week
    stored = store.run(city.name, target)
    cells, totals = store.cells_frame(city.name, target), store.totals(city.name, target)
    status = store.status(city.name)
    if status.stale and status.stale.last_week == target:
        console.print(*stale_banner(status))
    console.print(week_table(city, stored, cells, totals))
    files = settings.home / "reports" / city.name / target.isoformat()
    docs = settings.data_docs_dir(city.name, stored.record.weeks.issue_date)
    places = {
        "Map and exports": files if files.is_dir() else "see `hotspots report` and `export`",
        "Data Docs": docs / "incidents" / "index.html" if docs.is_dir() else "none were written",
        "Results": make_url(settings.results_database)
        .render_as_string()
        .removeprefix("sqlite:///"),
        "Lake": settings.lake_root,
    }
    console.print()
    for name, place in places.items():
        console.print(Text.assemble((f"{name:16}", "bold"), f" {place}"))
    if not stored.is_live:
        origin = (stored.record.provenance.upper(), "bold")
        console.print(Text.assemble("The input was ", origin, ", not live."))
