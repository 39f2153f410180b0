"""The network that this project grew from, rebuilt to be compared with.

Two branches of 3-D convolutions over the last weeks of counts and of weather, joined by a dense
layer as wide as the map. It forecasts the week after the edge by least squares, knows nothing of
late reports, and was published without a comparison (github.com/DannyBarren/LA_Crime_Prediction).
"""

from collections.abc import Callable

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from pipeline.domain.city import City
from pipeline.grid.cube import WEATHER_NAMES, CubeView
from pipeline.model.backend import keras, layers

EPOCHS = 50
BATCH_WINDOWS = 8
WEATHER = ("tmean_degc", "prcp_mm")
CHANNELS = (1, len(WEATHER) + 1)  # of the crime and of the weather branch, holidays in the latter


def prototype_network(window_weeks: int, shape: tuple[int, int]) -> keras.Model:
    """Build it: (batch, weeks, rows, cols, 1) and (..., 3) -> (batch, rows, cols, 1) counts.

    It needs windows of 6 weeks and maps of 6 x 6 cells or more.
    """
    inputs = [keras.Input((window_weeks, *shape, channels)) for channels in CHANNELS]
    joined = layers.Concatenate()([_branch(part) for part in inputs])
    counts = layers.Dense(shape[0] * shape[1], activation="relu")(joined)
    network = keras.Model(inputs, layers.Reshape((*shape, 1))(counts), name="prototype")
    network.compile(optimizer=keras.optimizers.Adam(1e-3), loss="mean_squared_error")
    return network


def _branch(part: keras.KerasTensor) -> keras.KerasTensor:
    for filters in (32, 64):
        part = layers.Conv3D(filters, 3, activation="relu")(part)
    part = layers.Flatten()(layers.MaxPooling3D(2)(part))
    return layers.Dense(64, activation="relu")(part)


class Prototype:
    """The network trained on all whole windows that a view knows."""

    def __init__(
        self,
        view: CubeView,
        city: City,
        *,
        window_weeks: int,
        seed: int,
        epochs: int | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        """Train it for some epochs, in the order that the seed gives."""
        keras.utils.set_random_seed(seed)
        self.city, self.window_weeks = city, window_weeks
        self.network = prototype_network(window_weeks, view.cells.shape)
        crime, weather = _weeks(view, city)
        starts = np.arange(len(crime) - window_weeks)
        random, size = np.random.default_rng(seed), -(-len(starts) // BATCH_WINDOWS)
        for epoch in range(epochs := epochs or EPOCHS):
            for batch in np.array_split(random.permutation(starts), size):
                windows = [_windows(part, batch, window_weeks) for part in (crime, weather)]
                self.network.train_on_batch(windows, crime[batch + window_weeks])
            if progress is not None:
                progress(epoch + 1, epochs)

    def rates(self, view: CubeView) -> NDArray[np.float64]:
        """Return (rows, cols) expected reports of the week after the view's edge; zero outside."""
        newest = np.array([len(view.week_starts) - self.window_weeks])
        windows = [_windows(part, newest, self.window_weeks) for part in _weeks(view, self.city)]
        counts = self.network.predict_on_batch(windows)[0, ..., 0].astype(np.float64)
        return np.where(view.cells.mask, counts, 0.0)


def _weeks(view: CubeView, city: City) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return (weeks, rows, cols, 1) counts and (..., 3) weather and holidays, zero if unknown."""
    crime = view.counts(city.offences.target)[..., None]
    weather = view.weather()[..., [WEATHER_NAMES.index(name) for name in WEATHER]]
    days = view.calendar().set_index("week_start")["holiday_days"].loc[view.week_starts]
    is_holiday = (days.to_numpy() > 0)[:, None, None, None] * np.ones_like(crime)
    return crime, np.concatenate([np.nan_to_num(weather), is_holiday], axis=-1, dtype=np.float32)


def _windows(
    weeks: NDArray[np.number], starts: NDArray[np.number], length: int
) -> NDArray[np.float64]:
    """Return (starts, length, rows, cols, channels)."""
    return np.moveaxis(sliding_window_view(weeks, length, axis=0)[starts], -1, 1)
