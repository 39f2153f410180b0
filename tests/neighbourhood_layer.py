"""A made-up layer of neighbourhoods: boxes with names."""

import json


def box(west, south, east, north):
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


def write_layer(path, *named, key="name"):
    """Write (name, geometry) pairs as GeoJSON."""
    features = [
        {"type": "Feature", "properties": {key: name}, "geometry": shape} for name, shape in named
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


def with_layer(city, path, key="name"):
    """Return the city with the layer of this file."""
    layer = {"file": str(path), "name_property": key}
    return type(city)(**city.model_dump(exclude={"neighbourhoods"}), neighbourhoods=layer)
