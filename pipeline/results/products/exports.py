"""A week's forecast as files that other software reads: tables, maps, a hub file, a manifest."""

import hashlib
import json
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.domain.city import City
from pipeline.files import MANIFEST, write_file
from pipeline.grid.neighbourhoods import neighbourhoods
from pipeline.results.place_names import cell_size
from pipeline.results.products.file_columns import (
    DEGREE_DECIMALS,
    DICTIONARY,
    ROUNDING,
    dictionary,
    dictionary_file,
    for_files,
)
from pipeline.results.products.geo_files import (
    geojson,
    geopackage,
    geoparquet,
    qgis_style,
    with_polygons,
)
from pipeline.results.products.hub import HUB_COLUMNS, hub_file
from pipeline.results.store.reader import ResultsReader
from pipeline.results.store.records import LIVE, StoredRun
from pipeline.results.summaries import stability, totals_summary

FORMULA = ("=", "+", "-", "@", "\t")  # how a cell begins that a spreadsheet calculates


def export_week(store: ResultsReader, city: City, week: date, folder: Path) -> list[Path]:
    """Write a week's current forecast into `folder` and return the files, the manifest last.

    Raises:
        WeekNotReady: the week has no forecast.
    """
    files = week_files(store, city, week)
    return [write_file(folder / name, content) for name, content in files.values()]


def week_files(store: ResultsReader, city: City, week: date) -> dict[str, tuple[str, bytes]]:
    """Return a week's current forecast as files: kind -> (name, content), the manifest last.

    One row or feature per in-city cell; the totals' table has one per division and for the city,
    the hub file one per place and quantile. Files made from input that isn't live say so in their
    names, in each row or in the hub file's metadata, and in the manifest, which also holds each
    file's sha256. The dictionary and the manifest say what the columns mean. QGIS takes the style
    by itself for the file of cells that lies beside it.

    Raises:
        WeekNotReady: the week has no forecast.
    """
    run = store.run(city.name, week)
    forecast = store.cells_frame(city.name, week, run.revision)
    all_totals = store.totals(city.name, week, run.revision)
    totals, cells = totals_table(run, all_totals, forecast), cells_table(run, forecast, city)
    hub = hub_file(city, run, for_files(forecast), for_files(all_totals))
    shapes, facts = with_polygons(cells, city), _facts(city, run, forecast, totals)
    columns = [*cells.columns, *totals.columns, *(column.name for column in HUB_COLUMNS)]
    stem = file_stem(f"{city.name}_{week}", run.record.provenance)
    files = {
        "csv": (f"{stem}.csv", _csv(cells)),
        "geojson": (f"{stem}.geojson", geojson(shapes, facts)),
        "geoparquet": (f"{stem}.parquet", geoparquet(shapes)),
        "totals": (f"{stem}_totals.csv", _csv(totals)),
        "hub": (f"{stem}_hub.parquet", hub),
        "geopackage": (f"{stem}.gpkg", geopackage(shapes, run)),
        "style": (f"{stem}.qml", qgis_style()),
        "dictionary": (DICTIONARY, dictionary_file(columns)),
    }
    return {**files, "manifest": (MANIFEST, manifest(facts, dict(files.values()), columns))}


def file_stem(name: str, provenance: str) -> str:
    """Return how a file's name begins, which says so where its figures are not live."""
    return name if provenance == LIVE else f"{name}_{provenance}"


def manifest(facts: dict[str, Any], files: dict[str, bytes], columns: list[str]) -> bytes:
    """Return the manifest of files: facts, each file's sha256, what the columns mean."""
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    said = {"files": hashes, "rounding": ROUNDING, "columns": dictionary(columns)}
    return json.dumps({**facts, **said}, indent=2).encode()


def cells_table(run: StoredRun, cells: pd.DataFrame, city: City) -> pd.DataFrame:
    """Return the cells as files hold them: keys, centres in degrees, figures, neighbourhoods.

    Args:
        run: what made the forecast.
        cells: as ResultsReader.cells_frame gives them.
        city: for its grid and, where it has a layer of them, its neighbourhoods.
    """
    row, col = cells["row"].to_numpy(), cells["col"].to_numpy()
    lat, lon = city.grid.centres()
    place = {
        "cell_id": city.grid.cell_id(row, col),
        "lat": lat[row, col].round(DEGREE_DECIMALS),
        "lon": lon[row, col].round(DEGREE_DECIMALS),
    }
    placed = _keys(run, cells.index).assign(**place).join(for_files(cells))
    names = neighbourhoods(city)
    return placed.assign(neighbourhood=names[row, col]) if names.any() else placed


def totals_table(run: StoredRun, totals: pd.DataFrame, cells: pd.DataFrame) -> pd.DataFrame:
    """Return the totals as files hold them: keys and figures, with the long-run means.

    Args:
        run: what made the forecast.
        totals: as ResultsReader.totals gives them.
        cells: as ResultsReader.cells_frame gives them.
    """
    return _keys(run, totals.index).join(for_files(totals_summary(totals, cells)))


def _keys(run: StoredRun, index: pd.Index) -> pd.DataFrame:
    """Return what each row of a file must say of itself."""
    return pd.DataFrame(row_keys(run), index=index)


def row_keys(run: StoredRun) -> dict[str, Any]:
    """Return what each row of a file must say of itself, by column."""
    record, weeks = run.record, run.record.weeks
    return {
        "city": record.city,
        "target_week": weeks.target_week.isoformat(),
        "issue_date": weeks.issue_date.isoformat(),
        "horizon": weeks.horizon,
        "revision": run.revision,
        "provenance": record.provenance,
    }


def _csv(rows: pd.DataFrame) -> bytes:
    """Return rows as CSV; a text that a spreadsheet would take for a formula gets an apostrophe."""
    texts = rows.select_dtypes(["object", "string"])
    return rows.assign(**texts.map(_as_text)).to_csv(index=False, lineterminator="\n").encode()


def _as_text(value: Any) -> Any:  # noqa: ANN401 - other values than texts stay as they are
    is_formula = isinstance(value, str) and value.startswith(FORMULA)
    return f"'{value}" if is_formula else value


def _facts(city: City, run: StoredRun, cells: pd.DataFrame, totals: pd.DataFrame) -> dict[str, Any]:
    """Return what makes the files traceable: dates, provenance, versions, hashes; and totals."""
    record, weeks = run.record, run.record.weeks
    figures = totals.drop(columns=list(row_keys(run)))
    return {
        "city": record.city,
        "provenance": record.provenance,
        "target_week": weeks.target_week.isoformat(),
        "issue_date": weeks.issue_date.isoformat(),
        "edge_week": weeks.edge_week.isoformat(),
        "horizon": weeks.horizon,
        "revision": run.revision,
        "is_backfill": run.is_backfill,
        "run_id": record.run_id,
        "model": f"{record.model_name} {record.model_version}",
        "model_sha256": record.model_sha256,
        "input_sha256": record.input_sha256,
        "forecast_sha256": record.forecast_sha256,
        "config_sha256": record.config_sha256,
        "code_version": record.code_version,
        "created_at": record.created_at.isoformat(),
        "cell_size": cell_size(city.grid),
        "neighbourhood_source": city.neighbourhoods and city.neighbourhoods.source,
        "stability": stability(cells),
        "totals": figures.astype(object).where(figures.notna(), None).to_dict("records"),
    }
