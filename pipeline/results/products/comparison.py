"""Two weeks' forecasts side by side, as tables for the terminal."""

from datetime import date

import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from pipeline.domain.city import City
from pipeline.grid.neighbourhoods import has_neighbourhoods
from pipeline.results.place_names import about_places, with_places
from pipeline.results.store.reader import ResultsReader

TOP_CHANGES = 10
NEW, GONE, BOTH = "new", "gone", "stays"


def compare_weeks(store: ResultsReader, city: City, first: date, second: date) -> RenderableType:
    """Return how the forecast changed from one week to another: totals, hotspots, cells.

    Raises:
        WeekNotReady: one of the weeks has no forecast.
    """
    runs = [store.run(city.name, week) for week in (first, second)]
    totals = [store.totals(city.name, week) for week in (first, second)]
    cells = changes(*(store.cells_frame(city.name, week) for week in (first, second)))
    banners = sorted({run.banner for run in runs if run.banner})
    return Group(
        *banners,
        totals_table(city, first, second, *totals),
        "",
        _hotspot_line(cells),
        "",
        cells_table(city, cells, first, second),
        "",
        Text(about_places(city), style="dim"),
    )


def changes(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """Return the cells of either week by how much their mean changed, the largest change first.

    Columns: row, col, division, before, after, change (reports), hotspot ("new", "gone", "stays"
    or ""). A cell that only one week has counts as 0 in the other.
    """
    keys = ["row", "col", "division"]
    columns = [*keys, "mean", "band"]
    both = before[columns].merge(after[columns], how="outer", on=keys, suffixes=("_1", "_2"))
    both = both.fillna(0)
    was, is_now = both["band_1"] > 0, both["band_2"] > 0
    both["hotspot"] = ""
    both.loc[was & is_now, "hotspot"] = BOTH
    both.loc[was & ~is_now, "hotspot"] = GONE
    both.loc[~was & is_now, "hotspot"] = NEW
    both = both.rename(columns={"mean_1": "before", "mean_2": "after"})
    both["change"] = both["after"] - both["before"]
    order = both["change"].abs().sort_values(ascending=False, kind="stable").index
    return both.loc[order, [*keys, "before", "after", "change", "hotspot"]].reset_index(drop=True)


def totals_table(
    city: City, first: date, second: date, before: pd.DataFrame, after: pd.DataFrame
) -> Table:
    """Return the city's and the divisions' expected reports in both weeks."""
    table = Table(title=f"{city.title}: expected reports", title_justify="left", box=SIMPLE_HEAD)
    table.padding, table.show_edge = 0, False
    table.add_column("")
    for name in (str(first), str(second), "Change", "80 % now"):
        table.add_column(f"  {name}", justify="right")
    known = before.set_index(["kind", "name"])["mean"]
    for total in after.to_dict("records"):
        was = known.get((total["kind"], total["name"]))
        table.add_row(
            "Whole city" if total["kind"] == "city" else total["name"],
            "–" if was is None else f"{was:.1f}",
            f"{total['mean']:.1f}",
            "–" if was is None else f"{total['mean'] - was:+.1f}",
            f"{total['q10']}-{total['q90']}",
        )
    return table


def cells_table(city: City, cells: pd.DataFrame, first: date, second: date) -> Table:
    """Return the cells whose expected reports changed most."""
    table = Table(
        title=f"The {TOP_CHANGES} largest changes of a cell", title_justify="left", box=SIMPLE_HEAD
    )
    table.padding, table.show_edge = 0, False
    table.add_column("Cell", justify="right")
    table.add_column(" Place" if has_neighbourhoods(city) else " Division")
    for name in (str(first), str(second), "Change"):
        table.add_column(f"  {name}", justify="right")
    table.add_column("  Hotspot")
    for cell in with_places(city, cells.head(TOP_CHANGES)).to_dict("records"):
        table.add_row(
            str(cell["cell_id"]),
            f" {cell['place']}",
            *(f"{cell[name]:.2f}" for name in ("before", "after")),
            f"{cell['change']:+.2f}",
            f"  {cell['hotspot']}",
        )
    return table


def _hotspot_line(cells: pd.DataFrame) -> str:
    count = cells["hotspot"].value_counts()
    stays, new, gone = (int(count.get(name, 0)) for name in (BOTH, NEW, GONE))
    return f"Hotspot cells: {stays} stay, {new} are new, {gone} are gone."
