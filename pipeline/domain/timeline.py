"""Days and weeks of whole columns at once, as the whole numbers that Arrow keeps of dates."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

# 1970-01-01, from which days are counted, was a Thursday: four days into its week.
_DAYS_INTO_WEEK = 4


def days_of(column: pa.ChunkedArray) -> NDArray[np.int32]:
    """Return a date column without nulls as (n,) days since 1970-01-01."""
    return column.cast(pa.int32()).to_numpy()


def days_into_week(days: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return each day's place in its week, (n,), 0 for a Sunday."""
    return (days + np.int32(_DAYS_INTO_WEEK)) % np.int32(7)


def week_numbers(days: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the week that holds each day, (n,), as weeks since that of 1970-01-01."""
    return (days + np.int32(_DAYS_INTO_WEEK)) // np.int32(7)


def sundays(numbers: NDArray[np.integer]) -> NDArray[np.datetime64]:
    """Return the first day of each week that `week_numbers` gave, (n,) datetime64[D]."""
    return (numbers.astype(np.int64) * 7 - _DAYS_INTO_WEEK).astype("datetime64[D]")
