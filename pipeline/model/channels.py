"""Long-memory channels: log rates of each cell, by kind of offence, half-life and smoothing."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from pipeline.model.windows import LATEST_DELAY, OTHER, TARGET, Grid, Known

POOLED_WEEKS = 3.0  # weeks of its neighbourhood's rate that a cell's own history is pooled with
POOLED_FLOOR = 0.005
RATE_FLOOR = 0.02
CLASS_HALF_LIFE = 13.0
CLASS_SMOOTH_CELLS = 2.0


def exposure(complete: NDArray[np.number], half_life: float, origins: range) -> NDArray[np.float64]:
    """Return (origins, 1, 1) weeks of full reporting that `discounted` sums are made of."""
    age = np.arange(origins.stop)
    weeks = 0.5 ** (age / half_life) * complete[np.minimum(age, LATEST_DELAY)]
    return weeks.cumsum()[origins.start :, None, None]


class Channel(NamedTuple):
    """One long-memory channel: whose rate, over what half-life, smoothed over how many cells.

    `of` is TARGET, OTHER or the name of a class of other offences.
    """

    of: str
    half_life: float
    smooth_cells: float = 0
    is_pooled: bool = False


LONG_RUN = float("inf")
# The learned offset starts at the first; those of one half-life stand together, to be summed once.
CHANNELS = (
    Channel(TARGET, LONG_RUN, is_pooled=True),
    Channel(TARGET, 200),
    Channel(TARGET, 200, 1),
    Channel(TARGET, 200, 3),
    Channel(TARGET, 52, is_pooled=True),
    Channel(TARGET, 20),
    Channel(TARGET, 20, 1),
    Channel(TARGET, 8),
    Channel(TARGET, 8, 2),
    Channel(TARGET, 4, 1),
    Channel(OTHER, LONG_RUN, is_pooled=True),
    Channel(OTHER, LONG_RUN, 1),
    Channel(OTHER, LONG_RUN, 3),
    Channel(OTHER, 8, 1.5),
)


def class_channels(classes: Sequence[str]) -> tuple[Channel, ...]:
    """Return the channels that each class of other offences has for itself."""
    return tuple(
        channel
        for name in classes
        for channel in (
            Channel(name, LONG_RUN, is_pooled=True),
            Channel(name, CLASS_HALF_LIFE, CLASS_SMOOTH_CELLS),
        )
    )


def smooth(grid: NDArray[np.float64], cells: float, mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return a Gaussian average over the in-city cells around each cell; zero outside the city.

    Args:
        grid: (n, rows, cols).
        cells: standard deviation in cells; 0 leaves the grid as it is.
        mask: (rows, cols).
    """
    if not cells:
        return grid * mask
    blurred = gaussian_filter(grid * mask, (0, cells, cells), mode="constant")
    return np.where(mask, blurred / _weight_around(mask.tobytes(), mask.shape, cells), 0.0)


@lru_cache(maxsize=16)
def _weight_around(mask: bytes, shape: tuple[int, int], cells: float) -> NDArray[np.float64]:
    """Return the (rows, cols) weight of the in-city cells around each cell, a little at least."""
    in_city = np.frombuffer(mask, bool).reshape(shape).astype(np.float64)
    return np.maximum(gaussian_filter(in_city, cells, mode="constant"), 1e-9)


def on_map(rates: NDArray[np.floating], mask: NDArray[np.bool_]) -> Grid:
    """Return (origins, rows, cols, channels) of (origins, cells, channels); zero outside."""
    grid = np.zeros((len(rates), *mask.shape, rates.shape[-1]), np.float32)
    grid[:, mask] = rates
    return grid


def log_rates(
    reports: Mapping[str, Known],
    mask: NDArray[np.bool_],
    origins: range,
    channels: Sequence[Channel],
) -> Grid:
    """Return (origins, in-city cells, channels) log rates over all known at each origin.

    Args:
        reports: by what a channel is `of`.
        mask: (rows, cols); its order is that of the cells.
        origins: which origins.
        channels: which channels.
    """
    rates = []
    sums: dict[tuple[str, float], NDArray[np.float64]] = {}
    for channel in channels:
        key, of = (channel.of, channel.half_life), reports[channel.of]
        if key not in sums:
            sums = {key: of.discounted(channel.half_life, origins)}
        weeks = exposure(of.completeness, channel.half_life, origins)
        rates.append(_log_rate(channel, sums[key], weeks, mask).astype(np.float32))
    return np.stack(rates, axis=-1)


def _log_rate(
    channel: Channel, sums: NDArray[np.float64], weeks: NDArray[np.float64], mask: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return (origins, in-city cells) log rates, in the order of the mask."""
    rate = sums / weeks
    if channel.is_pooled:
        around = smooth(rate, 1, mask)[:, mask] + POOLED_FLOOR
        return np.log((sums[:, mask] + POOLED_WEEKS * around) / (weeks[:, 0] + POOLED_WEEKS))
    return np.log(smooth(rate, channel.smooth_cells, mask)[:, mask] + RATE_FLOOR)
