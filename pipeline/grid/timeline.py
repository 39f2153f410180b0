"""Days and weeks of whole columns at once."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

# numpy's own weeks start on Thursdays, as 1970-01-01 was one; ours start four days earlier.
_DAYS_EARLIER = 4


def days_of(column: pa.ChunkedArray) -> NDArray[np.datetime64]:
    """Return a date column as (n,) datetime64[D]; NaT where null."""
    return column.to_numpy().astype("datetime64[D]")


def week_starts_of(days: NDArray[np.datetime64]) -> NDArray[np.datetime64]:
    """Return the Sunday of the week that holds each day, (n,) datetime64[D]; NaT stays NaT."""
    thursdays = (days + np.timedelta64(_DAYS_EARLIER, "D")).astype("datetime64[W]")
    return np.subtract(thursdays.astype("datetime64[D]"), np.timedelta64(_DAYS_EARLIER, "D"))


def weeks_between(
    earlier: NDArray[np.datetime64], later: NDArray[np.datetime64]
) -> NDArray[np.int64]:
    """Return the whole weeks from each Sunday to another, (n,); neither may be NaT."""
    return (later - earlier).astype(np.int64) // 7
