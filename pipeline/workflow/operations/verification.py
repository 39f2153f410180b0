"""Everything that an installation holds, against the hashes that were kept when it was written."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from pipeline.domain.errors import CorruptArtifact, InvalidRequest
from pipeline.domain.fault import Fault
from pipeline.lake.lake import Lake, Ref
from pipeline.lake.lake_faults import lake_faults, missing_fault
from pipeline.model.registry_faults import registry_faults
from pipeline.results.products.file_sums import report_faults
from pipeline.results.store.store_faults import StoreFaults
from pipeline.settings import Settings


def find_faults(settings: Settings) -> Iterator[Fault]:
    """Yield all that is damaged, changed or gone; every file and row is read, none is written."""
    lake, store = Lake(settings.lake_root), StoreFaults(settings.results_database)
    yield from lake_faults(lake)
    folders = lake.files()
    for stored in store.forecasts():
        for path in (_path(stored.input_ref), _forecast_ref(stored.city, stored.sha256).path):
            if path is not None and path not in folders:
                yield missing_fault(path, f"the forecast of {stored.name} was made of it")
    yield from store.find(lambda city, sha256: _made(lake, city, sha256))
    yield from registry_faults(settings)
    yield from report_faults(settings.home / "reports")


def _path(pointer: str) -> str | None:
    try:
        return Ref.from_json(pointer).path
    except InvalidRequest:  # a row that was changed, which the store's faults tell
        return None


def _forecast_ref(city: str, sha256: str) -> Ref:
    return Ref(f"forecasts/{city}/{sha256[:16]}", sha256)


def _made(lake: Lake, city: str, sha256: str) -> pd.DataFrame | None:
    """Return the cells of a forecast as the lake holds it; None where it can't be trusted."""
    try:
        table: Any = lake.read(_forecast_ref(city, sha256))["cells"]
    except CorruptArtifact:
        return None
    cells: pd.DataFrame = table.to_pandas()
    return cells if "p_top5" in cells else cells.assign(p_top5=float("nan"))
