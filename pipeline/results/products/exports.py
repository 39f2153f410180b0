"""A week's forecast as files that other software reads: tables, maps, a hub file, a manifest."""

import hashlib
import io
import json
from collections.abc import Iterable
from datetime import date
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pipeline.domain.city import City
from pipeline.domain.columns import HORIZON, INT, REAL, TEXT, Column
from pipeline.files import write_file
from pipeline.grid.neighbourhoods import neighbourhoods
from pipeline.results.place_names import cell_size
from pipeline.results.products.hub import hub_file
from pipeline.results.store.dictionary import columns_of_table
from pipeline.results.store.reader import ResultsReader
from pipeline.results.store.records import StoredRun
from pipeline.results.store.tables import CellForecast, Run, TotalForecast
from pipeline.results.summaries import stability, totals_summary

if TYPE_CHECKING:
    import geopandas as gpd

CRS = "EPSG:4326"
MANIFEST = "manifest.json"
PLACE = (
    Column("cell_id", INT, "number of the cell: row * columns of the grid + col"),
    Column("lat", REAL, "latitude of the cell's centre", "deg"),
    Column("lon", REAL, "longitude of the cell's centre", "deg"),
    Column("neighbourhood", TEXT, "neighbourhood of the cell's centre"),
)
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
    file's sha256 and what the columns mean.

    Raises:
        WeekNotReady: the week has no forecast.
    """
    run = store.run(city.name, week)
    forecast = store.cells_frame(city.name, week, run.revision)
    all_totals = store.totals(city.name, week, run.revision)
    totals = totals_summary(all_totals, forecast)
    facts = _facts(city, run, forecast, totals)
    cells = _with_place(forecast, city, run)
    shapes = _with_polygons(cells, city)
    stem = f"{city.name}_{week}" + ("" if run.is_live else f"_{run.record.provenance}")
    files = {
        "csv": (f"{stem}.csv", _csv(cells)),
        "geojson": (f"{stem}.geojson", _geojson(shapes, facts)),
        "geoparquet": (f"{stem}.parquet", _geoparquet(shapes)),
        "totals": (f"{stem}_totals.csv", _csv(_keys(run, totals.index).join(totals))),
        "hub": (f"{stem}_hub.parquet", hub_file(city, run, forecast, all_totals)),
    }
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in files.values()}
    meanings = dictionary([*cells.columns, *totals.columns])
    manifest = json.dumps({**facts, "files": hashes, "columns": meanings}, indent=2).encode()
    return {**files, "manifest": (MANIFEST, manifest)}


def dictionary(names: Iterable[str]) -> dict[str, dict[str, str]]:
    """Return the unit and the meaning of columns of a week's files, by name."""
    stored = [columns_of_table(table) for table in (Run, TotalForecast, CellForecast)]
    known = {c.name: c for c in (*chain(*stored), HORIZON, *PLACE)}
    return {name: {"unit": known[name].unit, "meaning": known[name].meaning} for name in names}


def _keys(run: StoredRun, index: pd.Index) -> pd.DataFrame:
    """Return what each row of a file must say of itself."""
    record, weeks = run.record, run.record.weeks
    return pd.DataFrame(
        {
            "city": record.city,
            "target_week": weeks.target_week.isoformat(),
            "issue_date": weeks.issue_date.isoformat(),
            "horizon": weeks.horizon,
            "revision": run.revision,
            "provenance": record.provenance,
        },
        index=index,
    )


def _with_place(cells: pd.DataFrame, city: City, run: StoredRun) -> pd.DataFrame:
    """Return the cells with their keys, their centres in degrees and, if known, neighbourhoods."""
    row, col = cells["row"].to_numpy(), cells["col"].to_numpy()
    lat, lon = city.grid.centres()
    place = {
        "cell_id": city.grid.cell_id(row, col),
        "lat": lat[row, col].round(6),
        "lon": lon[row, col].round(6),
    }
    placed = _keys(run, cells.index).assign(**place).join(cells)
    names = neighbourhoods(city)
    return placed.assign(neighbourhood=names[row, col]) if names.any() else placed


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
        "totals": totals.astype(object).where(totals.notna(), None).to_dict("records"),
    }


def _with_polygons(cells: pd.DataFrame, city: City) -> "gpd.GeoDataFrame":
    import geopandas as gpd
    import shapely

    bounds = [city.grid.bounds(r, c) for r, c in zip(cells["row"], cells["col"], strict=True)]
    return gpd.GeoDataFrame(cells, geometry=shapely.box(*np.transpose(bounds)), crs=CRS)


def _geojson(shapes: "gpd.GeoDataFrame", facts: dict[str, Any]) -> bytes:
    collection = json.loads(shapes.to_json(drop_id=True))
    # The format's only coordinate system is this one, so it must not be named.
    collection.pop("crs", None)
    return json.dumps({**collection, "metadata": facts}).encode()


def _geoparquet(shapes: "gpd.GeoDataFrame") -> bytes:
    sink = io.BytesIO()
    shapes.to_parquet(sink, index=False, compression="zstd", schema_version="1.1.0")
    return sink.getvalue()
