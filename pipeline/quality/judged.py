"""Incidents checked once, for the many dates of a backfill."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.quality import frames
from pipeline.quality.engine import Verdict


@dataclass(frozen=True)
class Judged:
    """Incidents whose rows were checked once, for many dates to check their first rows by.

    Attributes:
        table: contract INCIDENTS.
        issue_date: the last one to be checked by these verdicts; no row lies after it.
        verdicts: check -> verdict of schema and row checks.
    """

    table: pa.Table
    issue_date: date
    verdicts: Mapping[str, Verdict]

    def seen(self, rows: int, left_out: NDArray[np.int64], issue_date: date) -> pd.DataFrame:
        """Return the first rows, without those left out, as measures see them on a date."""
        frame = self._frame.iloc[:rows]
        frame = frame.drop(index=left_out) if len(left_out) else frame
        return frames.days_later(frame, (issue_date - self.issue_date).days)

    @cached_property
    def _frame(self) -> pd.DataFrame:
        # No measure looks at case numbers, and as Python's texts they take the most memory.
        return frames.incident_frame(self.table.drop_columns("incident_id"), self.issue_date)
