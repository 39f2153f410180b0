"""What every client returns: a table, where it came from, and what it took to get it."""

from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa


@dataclass(frozen=True)
class Pull:
    """One dataset as it was read just now.

    Attributes:
        dataset: id of the dataset, or the service's name ("weather_ncei").
        table: its rows.
        source_updated_at: when the source says it last changed; None where it does not say.
        provenance: "live", "recorded" or "simulated".
        notes: what had to be recovered from, in readable lines.
    """

    dataset: str
    table: pa.Table
    source_updated_at: datetime | None
    provenance: str
    notes: tuple[str, ...] = ()
