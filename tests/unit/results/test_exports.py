import csv
import hashlib
import json
import sqlite3
import struct
import time
from contextlib import closing
from dataclasses import replace

import geopandas as gpd
import pandas as pd
import pytest
from shapely import from_wkb

from pipeline.domain.errors import WeekNotReady
from pipeline.files import write_file
from pipeline.results.products.exports import export_week
from pipeline.results.store.writer import ResultsStore
from tests.unit.results.samples import (
    BEFORE,
    HEALTH,
    TARGET,
    make_forecast,
    make_hotspots,
    make_run,
    publish,
    publish_as_first_version,
    small_cells,
)


def by_suffix(paths):
    others = ("_hub", "_totals", "_dictionary")
    return {p.suffix: p for p in paths if not p.stem.endswith(others)}


@pytest.fixture
def exported(store, cells, city, tmp_path):
    publish(store, cells, provenance="simulated")
    return export_week(store, city, TARGET, tmp_path / "out")


def test_writes_files_that_say_they_are_simulated(exported):
    assert [path.name for path in exported] == [
        "smallville_2026-01-04_simulated.csv",
        "smallville_2026-01-04_simulated.geojson",
        "smallville_2026-01-04_simulated.parquet",
        "smallville_2026-01-04_simulated_totals.csv",
        "smallville_2026-01-04_simulated_hub.parquet",
        "smallville_2026-01-04_simulated.gpkg",
        "smallville_2026-01-04_simulated.qml",
        "data_dictionary.csv",
        "manifest.json",
    ]
    assert sorted(exported) == sorted(exported[0].parent.iterdir())


def test_live_files_bear_no_addition(store, cells, city, tmp_path):
    publish(store, cells)
    names = [path.name for path in export_week(store, city, TARGET, tmp_path)]
    assert "smallville_2026-01-04.csv" in names


@pytest.mark.parametrize("suffix", [".geojson", ".parquet", ".gpkg"])
def test_polygons_are_the_in_city_cells(exported, suffix):
    path = by_suffix(exported)[suffix]
    shapes = gpd.read_parquet(path) if suffix == ".parquet" else gpd.read_file(path)
    assert len(shapes) == 6
    assert shapes.crs.to_epsg() == 4326
    # Columns 0 to 2 of 0.25 degrees from 20 E, rows 0 to 2 of 0.5 degrees from 10 N.
    assert shapes.total_bounds.tolist() == [20.0, 10.0, 20.75, 11.5]
    top = shapes[shapes["rank"] == 1].iloc[0]
    assert top.geometry.bounds == (20.0, 11.0, 20.25, 11.5)
    assert (top["row"], top["col"], top["cell_id"], top["mean"]) == (2, 0, 8, 4.0)
    assert (top.geometry.centroid.x, top.geometry.centroid.y) == (top["lon"], top["lat"])
    assert set(shapes["provenance"]) == {"simulated"}


def test_csv_holds_the_stored_numbers_to_four_digits(exported, store):
    frame = pd.read_csv(by_suffix(exported)[".csv"])
    stored = store.cells_frame("smallville", TARGET)
    empty = frame[["band", "cluster"]].isna()
    assert empty.equals(stored[["band", "cluster"]] == 0)
    assert empty.sum().tolist() == [5, 5]
    frame = frame.fillna(0).astype({"band": int, "cluster": int})
    pd.testing.assert_frame_equal(frame[list(stored.columns)], stored, rtol=5e-4)
    # 1 - (2 / (2 + 0.125)) ** 2 of a mean of 0.125 and a size of 2.
    assert frame["p_any"].iloc[-1] == 0.1142
    assert set(frame["target_week"]) == {"2026-01-04"}
    assert set(frame["provenance"]) == {"simulated"}


def test_geojson_names_its_source_and_no_coordinate_system(exported):
    collection = json.loads(by_suffix(exported)[".geojson"].read_text())
    assert collection["metadata"]["provenance"] == "simulated"
    assert collection["metadata"]["totals"][0]["mean"] == 7.875
    assert "crs" not in collection


def test_manifest_holds_each_hash_and_what_made_the_files(exported):
    manifest = json.loads(by_suffix(exported)[".json"].read_text())
    for path in exported[:-1]:
        assert manifest["files"][path.name] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert len(manifest["files"]) == 8
    assert (manifest["edge_week"], manifest["horizon"]) == ("2025-12-14", 3)
    assert manifest["model"] == "dual_branch_cnn 3"
    assert manifest["forecast_sha256"] == "a" * 64
    assert manifest["stability"] == 0.75


def test_every_file_of_cells_tells_how_stable_each_is(exported):
    files = by_suffix(exported)
    expected = [0.0, 0.25, 0.0, 0.0, 0.75, 0.0]
    assert pd.read_csv(files[".csv"])["p_top5"].tolist() == expected
    assert gpd.read_parquet(files[".parquet"])["p_top5"].tolist() == expected
    assert gpd.read_file(files[".geojson"])["p_top5"].tolist() == expected


def test_totals_stand_in_a_file_of_their_own(exported):
    totals = pd.read_csv(exported[3]).set_index("name")
    assert totals.index.tolist() == ["city", "Up", "Down"]
    assert totals["long_run_mean"].tolist() == [4.5, 1.5, 3.0]
    assert (totals["q10"] < totals["mean"]).all()
    assert (totals["mean"] < totals["q90"]).all()
    assert set(totals["provenance"]) == {"simulated"}


@pytest.mark.parametrize("first", "=+-@\t")
def test_no_text_of_a_table_is_a_formula_and_numbers_stay_numbers(store, city, tmp_path, first):
    cells = small_cells()
    name = f"{first}HYPERLINK(1)"
    cells.division = tuple(name if d == "Up" else d for d in cells.division)
    forecast = make_forecast()
    divisions = {name if d == "Up" else d: total for d, total in forecast.divisions.items()}
    forecast = replace(forecast, divisions=divisions)
    store.publish(make_run(), forecast, make_hotspots(forecast), HEALTH, cells, today=BEFORE)
    degrees = {"west": city.grid.west - 100, "east": city.grid.east - 100}
    city = city.model_copy(update={"grid": city.grid.model_copy(update=degrees)})
    table, _, _, totals, *_ = export_week(store, city, TARGET, tmp_path)
    for file, column in ((table, "division"), (totals, "name")):
        with file.open(newline="") as lines:
            rows = list(csv.DictReader(lines))
        assert f"'{name}" in {row[column] for row in rows}
        assert not any(row[column].startswith(first) for row in rows)
        if "lon" in rows[0]:
            assert all(float(row["lon"]) < 0 for row in rows)
    assert name in set(gpd.read_parquet(tmp_path / "smallville_2026-01-04.parquet")["division"])


def test_what_is_unknown_is_empty_or_null(cells, city, tmp_path):
    store = ResultsStore(f"sqlite:///{tmp_path / 'old.db'}")
    publish_as_first_version(store, cells)
    store.migrate()
    paths = export_week(store, city, TARGET, tmp_path / "old")
    files = by_suffix(paths)
    assert pd.read_csv(files[".csv"])["p_top5"].isna().all()
    collection = json.loads(files[".geojson"].read_text())
    assert {f["properties"]["p_top5"] for f in collection["features"]} == {None}
    manifest = json.loads(files[".json"].read_text())
    assert manifest["stability"] is None
    assert manifest["totals"][0]["long_run_mean"] is None


def test_same_forecast_gives_the_same_bytes(exported, store, city, tmp_path):
    time.sleep(1.1)  # a stamp of the second in which a file was written would differ now
    again = export_week(store, city, TARGET, tmp_path / "again")
    assert [p.read_bytes() for p in again] == [p.read_bytes() for p in exported]


def test_week_without_forecast_writes_nothing(store, city, tmp_path):
    with pytest.raises(WeekNotReady):
        export_week(store, city, TARGET, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_no_band_and_no_cluster_is_empty_in_every_file(exported):
    files = by_suffix(exported)
    shapes = [gpd.read_file(files[s]) for s in (".geojson", ".gpkg")]
    for frame in (*shapes, gpd.read_parquet(files[".parquet"])):
        assert frame["cluster"].dropna().tolist() == [1]
        assert frame["band"].dropna().tolist() == [1]
        assert frame.loc[frame["rank"] > 1, ["band", "cluster"]].isna().all(axis=None)
    assert ",1,1," in files[".csv"].read_text()  # and not 1.0


def test_the_geopackage_is_one_by_the_standard(exported):
    """GeoPackage 1.4, requirements 2, 3, 10, 13, 21 and 30, read without the library."""
    path = by_suffix(exported)[".gpkg"]
    with closing(sqlite3.connect(path)) as database:
        (application,) = database.execute("PRAGMA application_id").fetchone()
        assert application.to_bytes(4, "big") == b"GPKG"
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []
        systems = {row[0] for row in database.execute("SELECT srs_id FROM gpkg_spatial_ref_sys")}
        assert {-1, 0, 4326} <= systems
        contents = "SELECT table_name, data_type, description, last_change FROM gpkg_contents"
        ((table, kind, said, changed),) = database.execute(contents).fetchall()
        assert (table, kind, changed) == ("cells", "features", "2025-12-31T06:00:00.000Z")
        assert "SIMULATED DATA" in said
        geometry = "SELECT table_name, column_name, geometry_type_name, srs_id, z, m"
        found = database.execute(f"{geometry} FROM gpkg_geometry_columns").fetchall()
        assert found == [("cells", "geom", "POLYGON", 4326, 0, 0)]
        shape, mean = database.execute('SELECT geom, mean FROM cells WHERE "rank" = 1').fetchone()
    assert (shape[:2], shape[2], mean) == (b"GP", 0, 4.0)
    flags, system = shape[3], int.from_bytes(shape[4:8], "little")
    assert (flags & 1, flags >> 1 & 0b111, system) == (
        1,
        1,
        4326,
    )  # little-endian, with an envelope
    west, east, south, north = struct.unpack("<4d", shape[8:40])
    assert (west, east, south, north) == (20.0, 20.25, 11.0, 11.5)
    assert from_wkb(shape[40:]).bounds == (20.0, 11.0, 20.25, 11.5)


def test_failed_write_keeps_the_old_file(tmp_path):
    path = write_file(tmp_path / "deep" / "file", b"old")
    with pytest.raises(TypeError):
        write_file(path, "text is not bytes")
    assert path.read_bytes() == b"old"
    assert list(path.parent.iterdir()) == [path]
