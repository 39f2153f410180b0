"""The whole model once it is fitted: the network, and the opinions beside it."""

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from pipeline.model.backend import keras
from pipeline.model.channels import on_map
from pipeline.model.config import ModelConfig
from pipeline.model.inputs import Inputs
from pipeline.model.opinions import Opinions


@dataclass(frozen=True)
class Fitted:
    """What turns inputs into rates."""

    network: keras.Model
    opinions: Opinions

    def rates(
        self, inputs: Inputs, config: ModelConfig, *, is_mirrored: bool = False
    ) -> NDArray[np.float64]:
        """Return (origins, horizons, rows, cols) rates; zero outside the city.

        Args:
            inputs: of any number of origins; what they hold for one alone holds for all.
            config: the model's.
            is_mirrored: average the shares over the four mirror images, in log space.
        """
        origins = len(inputs.window)
        opinion = self.opinions.log_shares(inputs.rates, config)[..., None]
        flips = list(product((1, -1), (1, -1))) if is_mirrored else [(1, 1)]
        maps = [
            np.concatenate([_for_all(grid, origins)[:, ::rows, ::cols] for rows, cols in flips])
            for grid in (*inputs.maps, on_map(opinion, inputs.inside))
        ]
        totals = [_for_all(part, origins * len(flips)) for part in inputs.total_inputs()]
        log_rates = self.network.predict_on_batch([*maps, *totals]).astype(np.float64)
        by_flip = log_rates.reshape(len(flips), origins, *log_rates.shape[1:])
        mirrored_back = [by_flip[k][..., ::rows, ::cols] for k, (rows, cols) in enumerate(flips)]
        total = np.exp(by_flip[0]).sum(axis=(2, 3), keepdims=True)
        rates = np.exp(np.mean(mirrored_back, axis=0))
        return rates * total / rates.sum(axis=(2, 3), keepdims=True)


def _for_all(part: NDArray[np.float32], origins: int) -> NDArray[np.float32]:
    return part if len(part) == origins else np.repeat(part, origins, axis=0)
