"""Polygons of named areas, read from GeoJSON files."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import shapely

from pipeline.domain.errors import InvalidRequest

Name = TypeVar("Name")


def read_polygons(
    path: Path, key: str, name_of: Callable[[Any], Name], what: str
) -> list[tuple[Name, shapely.Geometry]]:
    """Return the name and the polygon of each feature of a GeoJSON, in its order.

    Args:
        path: a feature collection, in degrees.
        key: the property that holds the name.
        name_of: makes a name of its value, or raises a ValueError or TypeError.
        what: what the features are, for the message.

    Raises:
        InvalidRequest: the file is missing, is not GeoJSON, holds something other than polygons,
            or a feature has no such name.
    """
    try:
        features = json.loads(path.read_bytes())["features"]
        return [(name_of(f["properties"][key]), _polygon(f["geometry"])) for f in features]
    except (OSError, ValueError, KeyError, TypeError, shapely.GEOSException) as error:
        raise InvalidRequest(
            f"{path} is not a GeoJSON of {what}, each a polygon with the property {key!r}: "
            f"{error!r}."
        ) from error


def _polygon(geometry: Any) -> shapely.Geometry:  # noqa: ANN401
    polygon = shapely.from_geojson(json.dumps(geometry))
    if polygon.geom_type not in {"Polygon", "MultiPolygon"}:
        raise ValueError(f"found a {polygon.geom_type}")
    return polygon
