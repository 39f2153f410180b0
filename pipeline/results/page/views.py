"""The page's answers, put together from the results store."""

import hashlib
import math
from collections.abc import Mapping
from datetime import date
from typing import Any

from pipeline.domain.city import City
from pipeline.domain.errors import WeekNotReady
from pipeline.domain.weeks import WEEK
from pipeline.grid.neighbourhoods import has_neighbourhoods, neighbourhoods
from pipeline.results.page.schemas import (
    BaseMap,
    CellColumns,
    CellHistory,
    CellWeek,
    Cluster,
    Derived,
    Download,
    Downloads,
    Geometry,
    RunFacts,
    Total,
    WeekForecast,
    WeekLine,
    WeekOutcome,
    Weeks,
)
from pipeline.results.place_names import place_names, wheres
from pipeline.results.store.many_weeks import FORECAST, YEAR_WEEKS
from pipeline.results.store.quantiles import quantiles
from pipeline.results.store.reader import ResultsReader
from pipeline.results.store.records import CellPast, StoredRun
from pipeline.results.store.seals import Columns
from pipeline.results.summaries import clusters_summary
from pipeline.settings import Settings

NOTHING = CellPast(None, None, None, None)
CELL_COLUMNS = tuple(name for name in CellColumns.model_fields if name not in Derived.model_fields)
SIZE = "nb_size"
WIDEST = {"q025": 0.025, "q975": 0.975}


def weeks(store: ResultsReader, city: str) -> Weeks:
    """Return every week with a forecast, newest first, and how far each has come."""
    status = store.status(city)
    totals = {total.target_week: total for total in store.city_totals(city).itertuples()}
    observed = {known.week_start: known for known in store.observed_weeks(city).itertuples()}
    scored = store.scored_weeks(city)
    return Weeks(
        city=city,
        cities=store.cities(),
        stale_since=status.stale and status.stale.since,
        stale_reason=status.stale and status.stale.sentence,
        weeks=[_line(run, totals, observed, scored) for run in store.weeks(city)],
    )


def week_forecast(store: ResultsReader, city: City, week: date) -> WeekForecast:
    """Return a week's current forecast.

    Raises:
        WeekNotReady: the week has none.
        InvalidRequest: the city's layer of neighbourhoods can't be used.
    """
    run, stored, totals = store.week(city.name, week)
    cells = {name: stored[name] for name in CELL_COLUMNS}
    widest = quantiles(cells["mean"], stored[SIZE], WIDEST)
    of_city, *of_divisions = _totals(totals)
    return WeekForecast(
        run=run_facts(run),
        city=of_city,
        divisions=of_divisions,
        has_neighbourhoods=has_neighbourhoods(city),
        neighbourhood_source=city.neighbourhoods and city.neighbourhoods.source,
        clusters=_clusters(city, cells),
        cells=CellColumns(
            **cells,
            **_places(city, cells),
            **{name: values.tolist() for name, values in widest.items()},
        ),
    )


def _places(city: City, cells: Columns) -> dict[str, Any]:
    """Return the columns of `Places` for these cells."""
    row, col, divisions = (cells[name] for name in ("row", "col", "division"))
    names = neighbourhoods(city)[row, col].tolist()
    return {
        "cell_id": [city.grid.cell_id(*place) for place in zip(row, col, strict=True)],
        "place": place_names(names, divisions),
        "where": wheres(city.grid, names, divisions),
    }


def week_outcome(store: ResultsReader, city: str, week: date) -> WeekOutcome:
    """Return what was counted in a week, cell by cell in the order of its forecast.

    Raises:
        WeekNotReady: the week has no forecast, or its outcome isn't known yet.
    """
    edge_week, reports = store.observed_week(city, week)
    _, cells, _ = store.week(city, week)
    counts = store.counts(city, week)
    divisions = dict.fromkeys(cells["division"], 0)
    for division, count in zip(cells["division"], counts, strict=True):
        divisions[division] += count
    return WeekOutcome(
        target_week=week,
        observed_edge_week=edge_week,
        reports=reports,
        divisions=divisions,
        cells=counts,
    )


def cell_history(
    past: Mapping[date, CellPast], city: str, row: int, col: int, week: date,
    length: int = YEAR_WEEKS,
) -> CellHistory:  # fmt: skip
    """Return a cell's `length` weeks up to one, of its past as ResultsReader.cell_past gives it.

    Raises:
        WeekNotReady: no forecast of that year has such a cell.
    """
    weeks = [week - WEEK * back for back in reversed(range(length))]
    year = [past.get(start, NOTHING) for start in weeks]
    if all(of_week.mean is None for of_week in year):
        raise WeekNotReady(
            f"{city} has no forecast of a cell in row {row}, column {col} in the year up to "
            f"{week}. "
            "Its cells are listed by the geometry; row 0 is the southernmost."
        )
    lines = zip(weeks, year, strict=True)
    return CellHistory(
        row=row, col=col, weeks=[CellWeek(week_start=w, **y._asdict()) for w, y in lines]
    )


def geometry(city: City, settings: Settings) -> Geometry:
    """Return the grid, and the outlines of the city and its divisions; empty without a cell list.

    Outlines follow the cells, so that a map of them and the cells agree. The settings say which
    streets lie beneath, if any, and whether there are lines of roads.
    """
    import shapely

    cells, grid = city.listed_cells(), city.grid
    boxes: dict[str, list[Any]] = {}
    if cells is not None:
        for row, col, division in zip(cells.row, cells.col, cells.division, strict=True):
            boxes.setdefault(division, []).append(shapely.box(*grid.bounds(row, col)))
    # Neighbours' corners differ in the last bits; on this raster, a decimetre, they meet.
    merged = {name: shapely.union_all(part, grid_size=1e-6) for name, part in boxes.items()}
    outline = shapely.union_all(list(merged.values()), grid_size=1e-6)
    features = [
        {"type": "Feature", "properties": {"name": name}, "geometry": shapely.geometry.mapping(m)}
        for name, m in sorted(merged.items())
    ]
    return Geometry(
        city=city.name,
        title=city.title,
        offences=list(city.offences.target),
        **grid.model_dump(),
        outline=shapely.geometry.mapping(outline),
        divisions={"type": "FeatureCollection", "features": features},
        base_map=_base_map(settings),
        has_roads=settings.roads_file is not None,
    )


def _base_map(settings: Settings) -> BaseMap | None:
    url, source = settings.base_map_url, settings.base_map_source
    return BaseMap(url=url, source=source) if url and source else None


def downloads(files: Mapping[str, tuple[str, bytes]]) -> Downloads:
    """Return the names, sizes and hashes of a week's files, as exports.week_files gives them."""
    return Downloads(
        files=[
            Download(
                kind=kind,
                file=name,
                sha256=hashlib.sha256(content).hexdigest(),
                size_bytes=len(content),
            )
            for kind, (name, content) in files.items()
        ]
    )


def run_facts(run: StoredRun) -> RunFacts:
    """Return what a reader needs to know of a run."""
    record, dates = run.record, run.record.weeks
    return RunFacts(
        target_week=dates.target_week,
        issue_date=dates.issue_date,
        edge_week=dates.edge_week,
        horizon=dates.horizon,
        revision=run.revision,
        is_backfill=run.is_backfill,
        provenance=record.provenance,
        banner=run.banner,
        snapshot_age_days=record.snapshot_age_days,
        model=f"{record.model_name} {record.model_version}",
        training_mode=record.training_mode,
        created_at=record.created_at,
        forecast_sha256=record.forecast_sha256,
    )


def _line(
    run: StoredRun,
    totals: Mapping[date, Any],
    observed: Mapping[date, Any],
    scored: Mapping[date, date],
) -> WeekLine:
    week = run.record.weeks.target_week
    total, known, scored_edge_week = totals[week], observed.get(week), scored.get(week)
    return WeekLine(
        **run_facts(run).model_dump(),
        total=Total(name="city", mean=total.mean, q10=total.q10, q90=total.q90),
        observed=None if known is None else known.reports,
        observed_edge_week=None if known is None else known.observed_edge_week,
        scored_edge_week=scored_edge_week,
        rows_in=run.record.tally.get("rows in"),
        stage="scored" if scored_edge_week else FORECAST if known is None else "known",
    )


def _clusters(city: City, cells: Columns) -> list[Cluster]:
    return [
        Cluster(
            cluster=found.cluster,
            cells=found.cells,
            expected=found.mean,
            long_run_mean=_number(found.long_run_mean),
            p_top5=_number(found.p_top5),
            peak_row=found.row,
            peak_col=found.col,
            peak_cell_id=found.cell_id,
            divisions=found.divisions.split(", "),
            place=found.place,
            size=found.size,
        )
        for found in clusters_summary(city, cells)
    ]


def _totals(totals: Columns) -> list[Total]:
    """Return the city's total, then the divisions', those with the most expected reports first."""
    rows = [dict(zip(totals, row, strict=True)) for row in zip(*totals.values(), strict=True)]
    rows.sort(key=lambda total: (total["kind"], -total["mean"], total["name"]))
    return [Total(**{name: row[name] for name in Total.model_fields}) for row in rows]


def _number(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
