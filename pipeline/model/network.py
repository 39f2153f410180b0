"""The network: crime branch (shares), weather-and-calendar branch (total), and their merger.

Written in keras.ops only, so that any Keras backend runs it. Grids go in as (batch, rows, cols,
channels); forecasts come out as (batch, horizons, rows, cols).
"""

import numpy as np
from numpy.typing import NDArray

from pipeline.model.backend import keras, layers, ops
from pipeline.model.channels import CHANNELS
from pipeline.model.config import HORIZON_COUNT, ModelConfig
from pipeline.model.losses import Tensor
from pipeline.model.totals import CALENDAR_NAMES, CONTEXT_NAMES

OUTSIDE = -1e9
OFFSET, STANDARDISE = "offset", "standardise"
TOTAL_BRANCH, TOTAL_HEAD = "total_branch", "total_head"


@keras.saving.register_keras_serializable("hotspots")
class LogShare(layers.Layer):  # type: ignore[misc] # Keras is untyped
    """Log-softmax over the in-city cells of each map."""

    def call(self, logits: Tensor, mask: Tensor) -> Tensor:
        """Return log shares of logits (batch, rows, cols, maps); OUTSIDE where mask is zero."""
        inside = ops.where(mask > 0, logits, OUTSIDE)
        shares = inside - ops.logsumexp(inside, axis=(1, 2), keepdims=True)
        return ops.where(mask > 0, shares, OUTSIDE)


@keras.saving.register_keras_serializable("hotspots")
class Standardise(layers.Layer):  # type: ignore[misc] # Keras is untyped
    """(x - mean) / deviation per channel inside the mask, zero outside; set, never trained."""

    def build(self, input_shape: tuple[int | None, ...], *_: object) -> None:
        """Create one mean and one deviation per channel."""
        size = (input_shape[-1],)
        self.mean = self.add_weight(name="mean", shape=size, initializer="zeros", trainable=False)
        self.deviation = self.add_weight(
            name="deviation", shape=size, initializer="ones", trainable=False
        )

    def call(self, grids: Tensor, mask: Tensor) -> Tensor:
        """Return standardised grids (batch, rows, cols, channels)."""
        return (grids - self.mean) / self.deviation * mask


@keras.saving.register_keras_serializable("hotspots")
class Merge(layers.Layer):  # type: ignore[misc] # Keras is untyped
    """Log rate of every cell: its log share plus the log total of the city."""

    def call(self, log_share: Tensor, log_total: Tensor) -> Tensor:
        """Return (batch, horizons, rows, cols) from (batch, rows, cols, horizons) and totals."""
        maps = ops.transpose(log_share, (0, 3, 1, 2))
        return maps + log_total[:, :, None, None]


@keras.saving.register_keras_serializable("hotspots")
class WeightedMean(layers.Layer):  # type: ignore[misc] # Keras is untyped
    """Mean of two tensors, the second with a given weight."""

    def __init__(self, weight: float, **options: object) -> None:
        super().__init__(**options)
        self.weight = weight

    def call(self, first: Tensor, second: Tensor) -> Tensor:
        """Return (1 - weight) * first + weight * second."""
        return (1 - self.weight) * first + self.weight * second

    def get_config(self) -> dict[str, object]:
        """Return what recreates the layer."""
        return {**super().get_config(), "weight": self.weight}


def member_name(number: int) -> str:
    """Return the name of one crime branch of the ensemble."""
    return f"crime_branch_{number}"


def _map_inputs(config: ModelConfig, shape: tuple[int, int]) -> list[keras.KerasTensor]:
    return [
        keras.Input((*shape, config.window_weeks), name="window"),
        keras.Input((*shape, len(CHANNELS)), name="memory"),
        keras.Input((*shape, 1), name="mask"),
    ]


def crime_branch(config: ModelConfig, shape: tuple[int, int], name: str) -> keras.Model:
    """Build one member: window, memory, mask -> log shares (batch, rows, cols, horizons).

    A linear offset of the long-memory channels starts as the pooled long-run rate itself; a
    convolutional residual, zero at first, corrects it.
    """
    window, memory, mask = _map_inputs(config, shape)
    recent = layers.Conv2D(config.window_filters, 1, activation="gelu", name="mix_weeks")(window)
    grids = layers.Concatenate(name="grids")(
        [Standardise(name=STANDARDISE)(memory, mask), recent * mask]
    )
    for number in (1, 2):
        grids = layers.Conv2D(
            config.filters, 3, padding="same", activation="gelu", name=f"convolution_{number}"
        )(grids)
        grids = layers.SpatialDropout2D(config.dropout, name=f"dropout_{number}")(grids)
    residual = layers.Conv2D(HORIZON_COUNT, 1, kernel_initializer="zeros", name="residual")(grids)
    offset = layers.Conv2D(HORIZON_COUNT, 1, use_bias=False, name=OFFSET)
    logits = layers.Add(name="logits")([offset(memory), residual])
    offset.set_weights([_first_channel_only()])
    return keras.Model([window, memory, mask], LogShare(name="log_share")(logits, mask), name=name)


def _first_channel_only() -> NDArray[np.float32]:
    kernel = np.zeros((1, 1, len(CHANNELS), HORIZON_COUNT), np.float32)
    kernel[..., 0, :] = 1
    return kernel


def total_branch(config: ModelConfig) -> keras.Model:
    """Build the total branch: context, calendar, base log total -> log total (batch, horizons).

    Convolutions over the weeks of weather, holidays and level; then, per horizon, what is known
    of the target week. The correction of the base starts at zero.
    """
    context = keras.Input((config.window_weeks, len(CONTEXT_NAMES)), name="context")
    calendar = keras.Input((HORIZON_COUNT, len(CALENDAR_NAMES)), name="calendar")
    base = keras.Input((HORIZON_COUNT,), name="base")
    weeks = context
    for number in (1, 2):
        weeks = layers.Conv1D(
            config.total_filters, 3, padding="same", activation="gelu", name=f"weeks_{number}"
        )(weeks)
    summary = layers.GlobalAveragePooling1D(name="summary")(weeks)
    per_horizon = layers.RepeatVector(HORIZON_COUNT, name="per_horizon")(summary)
    mixed = layers.Concatenate(name="with_calendar")([per_horizon, calendar])
    mixed = layers.Dense(2 * config.total_filters, activation="gelu", name="mix")(mixed)
    head = layers.Dense(1, kernel_initializer="zeros", use_bias=False, name=TOTAL_HEAD)(mixed)
    correction = layers.Flatten(name="correction")(head)
    log_total = layers.Add(name="log_total")([base, correction])
    return keras.Model([context, calendar, base], log_total, name=TOTAL_BRANCH)


def dual_branch(config: ModelConfig, shape: tuple[int, int]) -> keras.Model:
    """Build the whole model: seven inputs -> log rates (batch, horizons, rows, cols).

    The members' log shares are averaged, then averaged with the opinions', one map for all
    horizons; the sum of all rates is the total branch's forecast, whatever the shares.
    """
    maps = _map_inputs(config, shape)
    _, _, mask = maps
    opinion = keras.Input((*shape, 1), name="opinion")
    members = [crime_branch(config, shape, member_name(k))(maps) for k in range(config.members)]
    ensemble = layers.Average(name="ensemble")(members) if len(members) > 1 else members[0]
    shares = WeightedMean(config.opinions_weight, name="all_opinions")(ensemble, opinion)
    total = total_branch(config)
    log_total = total(total.inputs)
    rates = Merge(name="log_rate")(LogShare(name="share")(shares, mask), log_total)
    return keras.Model([*maps, opinion, *total.inputs], rates, name="dual_branch")
