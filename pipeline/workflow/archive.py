"""Incidents in the order in which they became known, for past weeks to read the first of."""

from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.domain.weeks import EPOCH
from pipeline.lake.lake import Lake, Ref


@dataclass(frozen=True)
class Archive:
    """All that a city's snapshots hold, ordered by when it became known.

    Attributes:
        root: of the lake that it is made from.
        city_name: whose incidents.
        incidents: columns of INCIDENTS, not yet checked.
        known_on: (n,) days since 1970 on which each was known at the latest, never falling.
    """

    root: Path | str
    city_name: str
    incidents: pa.Table
    known_on: NDArray[np.int32]

    def through(self, day: date) -> pa.Table:
        """Return the incidents that were known on a day."""
        rows = np.searchsorted(self.known_on, (day - EPOCH).days, side="right")
        return self.incidents.slice(0, int(rows))

    @cached_property
    def ref(self) -> Ref:
        """Where the lake holds the incidents, written there when first asked."""
        tables = {"incidents": self.incidents}
        return Lake(self.root).write("archives", self.city_name, tables, info={})


def make_archive(lake: Lake, city_name: str, incidents: pa.Table) -> Archive:
    """Return a city's incidents as an archive.

    A report is known once the day it was reported on has been published, one without a report date
    once its day of occurrence has, one without either from the first; the gate leaves it out.
    """
    reported = pc.coalesce(incidents["reported_on"], incidents["occurred_on"])
    known_on = pc.max_element_wise(reported, incidents["occurred_on"])
    known_on = pc.fill_null(known_on, EPOCH)
    order = pc.array_sort_indices(known_on)
    days = known_on.take(order).cast(pa.int32()).to_numpy()
    return Archive(lake.root, city_name, incidents.take(order), days)
