"""How a new forecast differs from the one that is stored for its week."""

from datetime import date

import numpy as np

from pipeline.domain.distributions import Forecast
from pipeline.domain.errors import WeekNotReady
from pipeline.evaluation.hotspots import find_hotspots
from pipeline.results.store.reader import ResultsReader


def difference(
    store: ResultsReader, city_name: str, week: date, new: Forecast, sha256: str, seed: int
) -> str:
    """Return in words how a forecast differs from the current one of its week.

    Args:
        store: where the current one lies.
        city_name: short name of the city.
        week: the target week.
        new: the forecast.
        sha256: its hash.
        seed: seed of the order among cells of equal rate.
    """
    try:
        stored = store.run(city_name, week)
    except WeekNotReady:
        return "new: none is stored"
    if stored.record.forecast_sha256 == sha256:
        return f"same as revision {stored.revision}"
    cells = store.cells_frame(city_name, week)
    place = (cells["row"].to_numpy(), cells["col"].to_numpy())
    old, now = cells["mean"].to_numpy(), new.mean[place]
    moved = np.nan_to_num(now - old)
    most = int(np.abs(moved).argmax())
    cell_id = int(np.ravel_multi_index([axis[most] for axis in place], new.mean.shape))
    was_hot = cells["band"].to_numpy() > 0
    is_hot = find_hotspots(new.mean, seed).band[place] > 0
    shared = int((was_hot & is_hot).sum())
    return (
        f"differs from revision {stored.revision}: city total {old.sum():.1f} to {now.sum():.1f}, "
        f"at most {moved[most]:+.3f} in cell {cell_id}, {shared} of {int(was_hot.sum())} "
        "cells still hotspots"
    )
