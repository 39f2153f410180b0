"""A week's cells as polygons: GeoJSON, GeoParquet, GeoPackage, and the style that colours them."""

import io
import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import numpy as np
import pandas as pd

from pipeline.domain.city import City
from pipeline.results.products.colours import RATES
from pipeline.results.store.records import StoredRun

if TYPE_CHECKING:
    import geopandas as gpd

CRS = "EPSG:4326"
LAYER = "cells"  # of the GeoPackage
# How often it was written, twice in its head (SQLite's file format, sections 1.3.7 and 1.3.19).
CHANGE_COUNTERS = (slice(24, 28), slice(92, 96))
OUTLINE = "255,255,255,60"  # red, green, blue, opacity of 255


def with_polygons(cells: pd.DataFrame, city: City) -> "gpd.GeoDataFrame":
    """Return the cells with their outlines, in degrees."""
    import geopandas as gpd
    import shapely

    bounds = [city.grid.bounds(r, c) for r, c in zip(cells["row"], cells["col"], strict=True)]
    return gpd.GeoDataFrame(cells, geometry=shapely.box(*np.transpose(bounds)), crs=CRS)


def geojson(shapes: "gpd.GeoDataFrame", facts: dict[str, Any]) -> bytes:
    """Return the cells as GeoJSON, with what made them as its metadata."""
    collection = json.loads(shapes.to_json(drop_id=True))
    # The format's only coordinate system is this one, so it must not be named.
    collection.pop("crs", None)
    return json.dumps({**collection, "metadata": facts}).encode()


def geoparquet(shapes: "gpd.GeoDataFrame") -> bytes:
    """Return the cells as GeoParquet."""
    sink = io.BytesIO()
    shapes.to_parquet(sink, index=False, compression="zstd", schema_version="1.1.0")
    return sink.getvalue()


def geopackage(shapes: "gpd.GeoDataFrame", run: StoredRun) -> bytes:
    """Return the cells as the one layer of a GeoPackage, which says what it is of."""
    record, sink = run.record, io.BytesIO()
    title = f"{record.city}, week of {record.weeks.target_week}"
    said = " ".join(filter(None, [f"Reports expected per cell in {title}.", run.banner]))
    shapes.to_file(
        sink, driver="GPKG", layer=LAYER, index=False, engine="pyogrio", IDENTIFIER=title,
        DESCRIPTION=said, SPATIAL_INDEX="NO",  # whether GDAL makes one depends on the process
    )  # fmt: skip
    with closing(sqlite3.connect(":memory:")) as database:
        database.deserialize(sink.getvalue())
        # When the file is written would make equal forecasts differ.
        stored_at = record.created_at.strftime("%Y-%m-%dT%H:%M:%S.000Z")
        database.execute("UPDATE gpkg_contents SET last_change = ?", (stored_at,))
        database.commit()
        database.execute("VACUUM")  # or the stamp that was stays in the file's free space
        content = bytearray(database.serialize())
    for counter in CHANGE_COUNTERS:
        content[counter] = (1).to_bytes(4, "big")
    return bytes(content)


def qgis_style() -> bytes:
    """Return a QGIS style that gives each cell's mean the colour it has on the page's map."""
    style = ET.Element("qgis", version="3.34", styleCategories="Symbology")
    renderer = ET.SubElement(style, "renderer-v2", type="RuleRenderer", symbollevels="0")
    rules = ET.SubElement(renderer, "rules", key="steps")
    symbols = ET.SubElement(renderer, "symbols")
    for k, (colour, label) in enumerate(zip(RATES.colours, RATES.labels, strict=True)):
        ET.SubElement(rules, "rule", key=f"step{k}", symbol=str(k), label=label, filter=_within(k))
        symbol = ET.SubElement(symbols, "symbol", type="fill", name=str(k), alpha="1")
        layer = ET.SubElement(symbol, "layer", {"class": "SimpleFill", "enabled": "1"})
        options = ET.SubElement(layer, "Option", type="Map")
        rgb = ",".join(str(int(colour[i : i + 2], 16)) for i in (1, 3, 5))
        for name, value in (
            ("color", f"{rgb},255"), ("style", "solid"), ("outline_color", OUTLINE),
            ("outline_width", "0.1"), ("outline_width_unit", "MM"),
        ):  # fmt: skip
            ET.SubElement(options, "Option", name=name, type="QString", value=value)
    ET.indent(style)
    head = b"<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"
    return head + ET.tostring(style) + b"\n"


def _within(step: int) -> str:
    """Return the condition that a mean lies in a step, as QGIS reads it."""
    bounds = [f'"mean" >= {RATES.steps[step - 1]:g}'] if step else []
    bounds += [f'"mean" < {RATES.steps[step]:g}'] if step < len(RATES.steps) else []
    return " AND ".join(bounds)
