"""Crime reports, pulled when their source has changed."""

from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.domain.city import City
from pipeline.domain.city_parts import Dataset
from pipeline.settings import Settings
from pipeline.sources.adapters import ADAPTERS, Adapter, classes_of, codes_of, is_withheld
from pipeline.sources.http import HttpClient
from pipeline.sources.incidents import IncidentBuild, build_incidents
from pipeline.sources.pulled import Pull
from pipeline.sources.socrata import SocrataDataset

__all__ = ["IncidentBuild", "build_incidents", "pull_crime"]


def pull_crime(
    http: HttpClient, settings: Settings, city: City, dataset: Dataset, last: datetime | None
) -> Pull | None:
    """Return one dataset's reports, or None where its rows have not changed since `last`.

    A dataset that does not say when it changed is pulled. A copy that lags behind it has no time.

    Points of offences that the city counts city-wide only are blanked before anything is stored.

    Args:
        http: the run's client.
        settings: token and page size.
        city: says which offences have no place on a map.
        dataset: where from, and for which days of occurrence.
        last: `source_updated_at` of the newest pull there is.

    Raises:
        SourceUnavailable, DatasetMoved, SchemaDrift: as SocrataDataset does.
    """
    first_note = len(http.notes)
    adapter = ADAPTERS[dataset.adapter]
    source = SocrataDataset(http, settings, dataset.host, dataset.id)
    updated_at = source.updated_at()
    if updated_at is not None and updated_at == last:
        return None
    table = source.fetch(adapter.columns, adapter.row_key, _where(adapter, dataset))
    if source.is_out_of_date:  # under its stamp the rows of today would be held for good
        updated_at = None
        http.notes.append(f"{dataset.id}: an older copy is kept; it is pulled again next time")
    notes = tuple(http.notes[first_note:])
    table = _without_points(city, adapter, table)
    return Pull(dataset.id, table, updated_at, http.provenance, notes)


def _where(adapter: Adapter, dataset: Dataset) -> str:
    condition = f"{adapter.occurred} >= '{dataset.occurred_from}T00:00:00'"
    if dataset.occurred_before is not None:
        condition += f" AND {adapter.occurred} < '{dataset.occurred_before}T00:00:00'"
    return condition


def _without_points(city: City, adapter: Adapter, table: pa.Table) -> pa.Table:
    withheld = is_withheld(city, classes_of(city, codes_of(adapter, table)))
    empty = pa.scalar(None, pa.string())
    for name in (adapter.lat, adapter.lon):
        blanked = pc.if_else(pa.array(withheld), empty, table[name])
        table = table.set_column(table.column_names.index(name), name, blanked)
    return table
