"""A week's forecast as files that other software reads: CSV, GeoJSON, GeoParquet, a manifest."""

import hashlib
import io
import json
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pipeline.domain.city import City
from pipeline.results.files import write_file
from pipeline.results.reading import ResultsReader
from pipeline.results.records import StoredRun
from pipeline.results.summaries import stability, totals_summary

if TYPE_CHECKING:
    import geopandas as gpd

CRS = "EPSG:4326"
MANIFEST = "manifest.json"


def export_week(store: ResultsReader, city: City, week: date, folder: Path) -> list[Path]:
    """Write a week's current forecast into `folder` and return the files, the manifest last.

    One row or feature per in-city cell; one row per division and for the city. Files made from
    input that isn't live say so in their names, in each row and in the manifest, which also holds
    each file's sha256.

    Raises:
        WeekNotReady: the week has no forecast.
    """
    run = store.run(city.name, week)
    cells = store.cells_frame(city.name, week, run.revision)
    totals = totals_summary(store.totals(city.name, week, run.revision), cells)
    facts = _facts(run, cells, totals)
    rows = _with_place(cells, city, run)
    shapes = _with_polygons(rows, city)
    contents = {
        ".csv": _csv(rows),
        ".geojson": _geojson(shapes, facts),
        ".parquet": _geoparquet(shapes),
        "_totals.csv": _csv(_keys(run, totals.index).join(totals)),
    }
    stem = f"{city.name}_{week}" + ("" if run.is_live else f"_{run.record.provenance}")
    named = {f"{stem}{ending}": content for ending, content in contents.items()}
    manifest = {**facts, "files": {n: hashlib.sha256(c).hexdigest() for n, c in named.items()}}
    named[MANIFEST] = json.dumps(manifest, indent=2).encode()
    return [write_file(folder / name, content) for name, content in named.items()]


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
    """Return the cells with their keys and their centres in degrees."""
    row, col = cells["row"].to_numpy(), cells["col"].to_numpy()
    lat, lon = city.grid.centres()
    place = {
        "cell_id": city.grid.cell_id(row, col),
        "lat": lat[row, col].round(6),
        "lon": lon[row, col].round(6),
    }
    return _keys(run, cells.index).assign(**place).join(cells)


def _csv(rows: pd.DataFrame) -> bytes:
    return rows.to_csv(index=False, lineterminator="\n").encode()


def _facts(run: StoredRun, cells: pd.DataFrame, totals: pd.DataFrame) -> dict[str, Any]:
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
