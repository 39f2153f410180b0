"""A week's forecast and a city's status as tables for the terminal."""

from datetime import timedelta
from typing import Any

import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from pipeline.domain.city import City
from pipeline.grid.neighbourhoods import has_neighbourhoods
from pipeline.results.place_names import about_places, with_places
from pipeline.results.store.records import CityStatus, StoredRun
from pipeline.results.summaries import clusters_summary, stability, totals_summary

TOP_CELLS = 10
TOP_CLUSTERS = 10
MISSING = "–"
CELL_COLUMNS = (
    ">#",
    ">Cell",
    "Division",
    "Centre",
    ">Expected",
    ">80 %",
    ">Any",
    ">Long-run",
    ">Stable",
    ">Cluster",
)
CLUSTER_COLUMNS = (
    ">Cluster",
    ">Peak",
    "Division",
    "Centre",
    ">Size, km",
    ">Cells",
    ">Expected",
    ">Long-run",
    ">Stable",
)
TOTAL_COLUMNS = ("Division", ">Expected", ">80 %", ">Long-run")
NOTES = (
    "Any: the chance of one report or more. Long-run: the mean week of all that is known. Stable: "
    "how often a cell is in the top 5 % when history is re-run, each report counted 0, 1, 2, ... "
    "times by chance."
)


def week_table(
    city: City, stored: StoredRun, cells: pd.DataFrame, totals: pd.DataFrame
) -> RenderableType:
    """Return a whole week: its header, the top cells, the clusters and the divisions.

    Args:
        city: for its name and grid.
        stored: the run that made the forecast.
        cells: the forecast as ResultsReader.cells_frame gives it.
        totals: the totals as ResultsReader.totals gives them.
    """
    return Group(
        *_banner(stored),
        week_header(city, stored, cells, totals),
        "",
        cells_table(city, cells),
        "",
        clusters_table(city, cells),
        "",
        totals_table(city, cells, totals),
        "",
        Text(f"{NOTES} {about_places(city)}", style="dim"),
    )


def week_header(
    city: City, stored: StoredRun, cells: pd.DataFrame, totals: pd.DataFrame
) -> RenderableType:
    """Return what the forecast is for, what it was made from and by, its total and stability."""
    record, weeks = stored.record, stored.record.weeks
    total = totals[totals["kind"] == "city"].iloc[0]
    late = ", stored after its week had begun" if stored.is_backfill else ""
    whole_through = weeks.issue_date - timedelta(days=record.snapshot_age_days)
    return _facts(
        {
            "City": city.title,
            "Target week": f"{weeks.target_week} to {weeks.target_week + timedelta(days=6)}",
            "City total": f"{total['mean']:,.0f} reports expected, 80 % between "
            f"{total['q10']:,} and {total['q90']:,}",
            "Stability": _stability(stability(cells)),
            "Issued": f"{weeks.issue_date}, revision {stored.revision}{late}",
            "Data": f"{record.provenance}, whole weeks up to the one of {weeks.edge_week} "
            f"(horizon {weeks.horizon}), reports complete through {whole_through}",
            "Model": f"{record.model_name} {record.model_version} ({record.training_mode}), "
            f"{record.model_sha256[:12]}",
            "Code": record.code_version,
        }
    )


def cells_table(city: City, cells: pd.DataFrame) -> Table:
    """Return the highest-ranked cells, with where they are and what is expected there.

    A cell is named by its number and its place, without neighbourhoods also by its centre in
    degrees; the interval holds 80 %.
    """
    table = _table(f"Top {TOP_CELLS} cells", _columns(city, CELL_COLUMNS))
    for cell in with_places(city, cells.nsmallest(TOP_CELLS, "rank")).to_dict("records"):
        table.add_row(
            str(cell["rank"]),
            *_place(city, cell["row"], cell["col"], cell["place"]),
            f"{cell['mean']:.2f}",
            f"{cell['q10']}-{cell['q90']}",
            f"{cell['p_any']:.0%}",
            _number(cell["long_run_mean"]),
            _percent(cell["p_top5"]),
            str(cell["cluster"] or MISSING),
        )
    return table


def clusters_table(city: City, cells: pd.DataFrame) -> Table:
    """Return the first clusters: their highest cell, their size, what is expected in them."""
    clusters = clusters_summary(city, cells)
    table = _table(
        f"Clusters of hotspot cells, {min(TOP_CLUSTERS, len(clusters))} of {len(clusters)}",
        _columns(city, CLUSTER_COLUMNS),
    )
    for cluster in clusters[:TOP_CLUSTERS]:
        table.add_row(
            str(cluster.cluster),
            *_place(city, cluster.row, cluster.col, cluster.place),
            cluster.size.removesuffix(" km"),
            str(cluster.cells),
            f"{cluster.mean:.2f}",
            _number(cluster.long_run_mean),
            _percent(cluster.p_top5),
        )
    return table


def totals_table(city: City, cells: pd.DataFrame, totals: pd.DataFrame) -> Table:
    """Return what is expected in each division and in the whole city, with 80 % intervals."""
    table = _table("Divisions", TOTAL_COLUMNS)
    places = totals_summary(totals, cells).sort_values("kind", ascending=False, kind="stable")
    for place in places.to_dict("records"):
        if place["kind"] == "city":
            table.add_section()
        table.add_row(
            city.title if place["kind"] == "city" else place["name"],
            f"{place['mean']:.1f}",
            f"{place['q10']}-{place['q90']}",
            _number(place["long_run_mean"], 1),
        )
    return table


def status_table(status: CityStatus) -> RenderableType:
    """Return what a city's forecasts look like now."""
    facts = {
        "City": status.city,
        "Weeks stored": f"{status.weeks_stored}, of which {status.weeks_scored} scored",
    }
    if status.latest is not None:
        weeks, record = status.latest.record.weeks, status.latest.record
        facts["Latest forecast"] = (
            f"for the week of {weeks.target_week}, issued {weeks.issue_date}, "
            f"{record.provenance} data up to the week of {weeks.edge_week}"
        )
        facts["Run"] = f"{record.run_id}, {record.created_at:%Y-%m-%d %H:%M} UTC"
    banners = _banner(status.latest) if status.latest else ()
    return Group(*banners, *stale_banner(status), _facts(facts))


def stale_banner(status: CityStatus) -> tuple[RenderableType, ...]:
    """Return the sentence that a newer forecast is missing; nothing where none is."""
    return _panel(status.stale.sentence, "white on red") if status.stale else ()


def _banner(stored: StoredRun) -> tuple[RenderableType, ...]:
    return _panel(stored.banner, "black on yellow") if stored.banner else ()


def _panel(words: str, style: str) -> tuple[RenderableType, ...]:
    return (Panel(Text(words, style="bold"), style=style, expand=False),)


def _facts(facts: dict[str, Any]) -> Table:
    table = Table.grid(padding=(0, 2))
    for name, value in facts.items():
        table.add_row(Text(name, style="bold"), Text(str(value)))
    return table


def _table(title: str, columns: tuple[str, ...]) -> Table:
    """Return a table that fits 80 columns; a name after '>' is one of numbers, set to the right."""
    table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD)
    table.padding, table.show_edge = 0, False
    for name in columns:
        table.add_column(name.lstrip(">"), justify="right" if name.startswith(">") else "left")
    return table


def _columns(city: City, columns: tuple[str, ...]) -> tuple[str, ...]:
    """Return the columns, of which the third and fourth say where: by one name, if it tells."""
    return (*columns[:2], "Place", *columns[4:]) if has_neighbourhoods(city) else columns


def _place(city: City, row: int, col: int, place: str) -> tuple[str, ...]:
    """Return the second to fourth columns of a cell, or the second and third of a named one."""
    number = str(city.grid.cell_id(row, col))
    if has_neighbourhoods(city):
        return number, place
    lat, lon = city.grid.centres()
    return number, place, f"{lat[row, col]:.3f},{lon[row, col]:.3f}"


def _stability(stable: float | None) -> str:
    if stable is None:
        return MISSING
    return f"{100 * stable:.0f} % of the top 5 % of cells are there again when history is re-run"


def _number(value: float, decimals: int = 2) -> str:
    return MISSING if pd.isna(value) else f"{value:.{decimals}f}"


def _percent(share: float | None) -> str:
    return MISSING if pd.isna(share) else f"{share:.0%}"
