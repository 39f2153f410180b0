"""Freeways and main streets of an installation's file: lines, and the cells that they cross."""

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import shapely

from pipeline.domain.city import City
from pipeline.domain.errors import InvalidRequest
from pipeline.domain.grid_spec import GridSpec
from pipeline.results.page.schemas import Road, Roads
from pipeline.settings import Settings

FREEWAYS = {"motorway", "trunk"}  # values of OpenStreetMap's `highway`
TOLERANCE_DEG = 1e-4  # a line may leave the road's by so much, about 10 m
DIGITS = 5  # of a degree, about a metre
MOST_POINTS = 40_000  # of all lines together, so that the page stays quick
WORLD = shapely.box(-180, -90, 180, 90)


def roads(city: City, settings: Settings) -> Roads:
    """Return the roads of the file that the settings name, as far as they lie in the city's grid.

    Raises:
        InvalidRequest: the file can't be read, is no GeoJSON of lines in degrees, or has too many.
    """
    path = settings.roads_file
    if path is None:
        return Roads(source="", roads=[])
    changed = path.stat().st_mtime_ns if path.is_file() else None
    return Roads(source=settings.roads_source or "", roads=list(_roads(path, city.grid, changed)))


@lru_cache(maxsize=8)
def _roads(path: Path, grid: GridSpec, _changed: int | None) -> tuple[Road, ...]:
    box = (grid.west, grid.south, grid.east, grid.north)
    merged = {
        road: shapely.simplify(shapely.line_merge(shapely.union_all(parts)), TOLERANCE_DEG)
        for road, parts in _read(path, box).items()
    }
    points = sum(shapely.get_num_coordinates(line) for line in merged.values())
    if points > MOST_POINTS:
        raise InvalidRequest(
            f"{path} (HOTSPOTS_ROADS_FILE) has lines of {points:,} points in the grid, more than "
            f"the page can draw quickly ({MOST_POINTS:,}). Give freeways and main streets only."
        )
    shapes = [grid.bounds(*divmod(cell, grid.cols)) for cell in range(grid.rows * grid.cols)]
    tree = shapely.STRtree([shapely.box(*bounds) for bounds in shapes])
    return tuple(
        Road(
            name=name,
            is_freeway=is_freeway,
            lines=[_points(part) for part in shapely.get_parts(line)],
            cells=sorted(tree.query(line, predicate="intersects").tolist()),
        )
        for (name, is_freeway), line in sorted(merged.items())
    )


def _read(
    path: Path, box: tuple[float, float, float, float]
) -> dict[tuple[str, bool], list[shapely.Geometry]]:
    """Return the lines within a box, by name and by whether they are of a freeway."""
    found: dict[tuple[str, bool], list[shapely.Geometry]] = {}
    try:
        for feature in json.loads(path.read_bytes())["features"]:
            line = shapely.clip_by_rect(_line(feature["geometry"]), *box)
            if not line.is_empty:
                about = feature["properties"] or {}
                road = _name(about), about.get("highway") in FREEWAYS
                found.setdefault(road, []).append(line)
    except (OSError, ValueError, KeyError, TypeError, shapely.GEOSException) as error:
        raise InvalidRequest(
            f"{path} (HOTSPOTS_ROADS_FILE) is not a GeoJSON of roads, each a line of longitudes "
            f"and latitudes in degrees: {error!r}. docs/operations.md says where to get one."
        ) from error
    return found


def _line(geometry: Any) -> shapely.Geometry:  # noqa: ANN401
    line = shapely.from_geojson(json.dumps(geometry))
    if line.geom_type not in {"LineString", "MultiLineString"}:
        raise ValueError(f"found a {line.geom_type}, expected a LineString or MultiLineString")
    if not WORLD.covers(line):
        raise ValueError(f"found a line at {line.bounds}, which are not degrees")
    return line


def _name(about: dict[str, Any]) -> str:
    """Return a road's name with its number, as OpenStreetMap has both; "" for one without."""
    name, number = (str(about.get(key) or "").strip() for key in ("name", "ref"))
    return f"{name} ({number})" if name and number else name or number


def _points(line: shapely.Geometry) -> list[tuple[float, float]]:
    return [(lon, lat) for lon, lat in shapely.get_coordinates(line).round(DIGITS).tolist()]
