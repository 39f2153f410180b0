"""Data for tests of the lake, and what lies in one, read and changed behind its back."""

from datetime import UTC, datetime

import pyarrow as pa
from fsspec.core import url_to_fs

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
TABLE = pa.table({"week": ["a", "b", None], "reports": [1, 2, 3]})
OTHER = pa.table({"x": [0.5]})


def pull(lake, pulled_at=NOON, table=TABLE, **facts):
    facts = {"source_updated_at": None, "provenance": "recorded", **facts}
    return lake.add_snapshot("los_angeles", "k7nn-b2ep", table, pulled_at=pulled_at, **facts)


def _storage(lake):
    return url_to_fs(str(lake.root), use_listings_cache=False)


def files_of(lake):
    storage, root = _storage(lake)
    return sorted(path.removeprefix(f"{root}/") for path in storage.find(root))


def content_of(lake, path):
    storage, root = _storage(lake)
    return storage.cat_file(f"{root}/{path}")


def replace_file(lake, path, content):
    storage, root = _storage(lake)
    storage.makedirs(f"{root}/{path}".rpartition("/")[0], exist_ok=True)
    storage.pipe_file(f"{root}/{path}", content)


def remove_file(lake, path):
    storage, root = _storage(lake)
    storage.rm_file(f"{root}/{path}")
