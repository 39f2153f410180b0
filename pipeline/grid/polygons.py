"""Polygons of named areas, read from GeoJSON files."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import shapely
from numpy.typing import NDArray

from pipeline.domain.errors import InvalidRequest

Name = TypeVar("Name")


def read_polygons(
    path: Path, key: str, name_of: Callable[[Any], Name], what: str
) -> list[tuple[Name, shapely.Geometry]]:
    """Return the name and the polygon of each feature of a GeoJSON, in its order.

    Polygons that cross themselves or overlap with their own parts are repaired.

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


def largest_of(
    areas: Sequence[tuple[str, shapely.Geometry]], boxes: NDArray[np.object_], least_share: float
) -> NDArray[np.object_]:
    """Return the name of the area that covers most of each box, "" where none covers enough.

    Args:
        areas: names and polygons, as `read_polygons` gives them; of equal ones the first counts.
        boxes: (n,) polygons.
        least_share: share of a box that must be covered.
    """
    names = np.full(len(boxes), "", dtype=object)
    most = shapely.area(boxes) * least_share
    tree = shapely.STRtree(boxes)
    for name, polygon in areas:
        near = tree.query(polygon, predicate="intersects")
        covered = shapely.area(shapely.intersection(boxes[near], polygon))
        is_more = covered > most[near]
        names[near[is_more]], most[near[is_more]] = name, covered[is_more]
    return names


def _polygon(geometry: Any) -> shapely.Geometry:  # noqa: ANN401
    polygon = shapely.from_geojson(json.dumps(geometry))
    if polygon.geom_type not in {"Polygon", "MultiPolygon"}:
        raise ValueError(f"found a {polygon.geom_type}")
    if polygon.is_valid:
        return polygon
    # What lies in any of its parts lies in it, also where parts overlap or lie within another.
    return shapely.make_valid(polygon, method="structure", keep_collapsed=False)
