"""Days that hold far more reports than their weekday's: a pile of wrong dates, not of crime."""

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

# In four cities the busiest day of fifteen years, of unrest, came to 2.3 times its weekday's.
PILE_TIMES = 3
FEWEST_A_DAY = 20
WEEKS_BEFORE = 8
_DAYS_LOOKED_BACK = 20 * 366


def excess(age_days: NDArray[np.float64], names: pa.ChunkedArray) -> NDArray[np.bool_]:
    """Mark the reports of a pile that are more than the day's weekday has (median of 8 weeks).

    The days around a pile (median of 7 before and 7 after) hold less than it too; where they don't,
    it is the weeks before that lack reports. Which of the pile are wrong can't be told, so those
    stay whose name's hash lies lowest: a fair sample, the same one every time.

    Args:
        age_days: (n,) days from each report's day to one that all are counted from; may be NaN.
        names: (n,) what names each report.
    """
    is_counted = (age_days >= 0) & (age_days < _DAYS_LOOKED_BACK)
    age = np.where(is_counted, age_days, 0).astype(np.int64)
    counts = np.bincount(age[is_counted], minlength=_DAYS_LOOKED_BACK + 7 * WEEKS_BEFORE)
    ages = np.arange(_DAYS_LOOKED_BACK)
    before = [counts[ages + 7 * week] for week in range(1, WEEKS_BEFORE + 1)]
    padded = np.pad(counts, (7, 0))
    around = [padded[ages + 7 + days] for days in range(-7, 8) if days]
    usual = np.median(before, axis=0)
    most = PILE_TIMES * np.maximum(usual, np.median(around, axis=0))
    is_pile = (usual >= FEWEST_A_DAY) & (counts[ages] > most)
    found = np.zeros(len(age_days), dtype=bool)
    in_pile = np.flatnonzero(is_counted & is_pile[age])
    if len(in_pile):
        kept = usual[age[in_pile]] / counts[age[in_pile]]
        named = names.take(in_pile).fill_null("").to_numpy()
        found[in_pile] = pd.util.hash_array(named) / 2**64 >= kept
    return found
