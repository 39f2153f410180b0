"""How each part of the model is fitted to its lessons."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import ceil
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pipeline.domain.distributions import poisson_deviances
from pipeline.model import network as net
from pipeline.model.backend import keras
from pipeline.model.config import HORIZON_COUNT, ModelConfig
from pipeline.model.fitted import Fitted
from pipeline.model.inputs import Inputs
from pipeline.model.levels import FIRST_RIDGE_WEEKS
from pipeline.model.losses import log_total_loss, multinomial_loss, negative_binomial_loss
from pipeline.model.spread import dispersion
from pipeline.model.totals import sure_share
from pipeline.model.windows import Grid

Mode = Literal["retrain", "fine_tune"]
Indices = NDArray[np.int64]
FINE_TUNE_SHARE = 0.1
FINE_TUNE_RATE = 0.25
WARM_UP_SHARE = 0.1
HELD_OUT_SHARE = 0.25
MEASURED_ORIGINS = 52
OLD_ORIGINS = 26


@dataclass(frozen=True)
class Lessons:
    """What there is to learn: inputs and outcomes at every training origin.

    Attributes:
        origins: indices into the view's weeks.
        inputs: what the network sees.
        counts: (origins, horizons, rows, cols), zero where not yet known.
        log_totals: (origins, horizons), NaN where not yet known.
    """

    origins: range
    inputs: Inputs
    counts: Grid
    log_totals: NDArray[np.float64]

    def five_weeks(self) -> tuple[Grid, Grid]:
        """Return rates, and (origins, cells) counts of five weeks, where all five are known."""
        known = len(self.origins) - HORIZON_COUNT + 1
        counts = self.counts[:known].sum(axis=1)
        return self.inputs.rates[:known], counts[:, self.inputs.inside]


def training_steps(origins: int, config: ModelConfig, mode: Mode) -> int:
    """Return the gradient steps of one member."""
    steps = min(config.epochs * ceil(origins / config.batch_origins), config.most_steps)
    return steps if mode == "retrain" else ceil(steps * FINE_TUNE_SHARE)


def batches(
    origins: int, steps: int, config: ModelConfig, mode: Mode, random: np.random.Generator
) -> Iterator[Indices]:
    """Yield the origins of each step.

    A retraining goes through all of them in random order, again and again; a fine-tuning takes
    half of each batch from the newest and replays older ones in the other half.
    """
    if mode == "retrain":
        size = ceil(origins / config.batch_origins)
        rounds = [random.permutation(origins) for _ in range(ceil(steps / size))]
        parts = [part for order in rounds for part in np.array_split(order, size)]
        yield from parts[:steps]
        return
    newest = max(origins - config.fine_tune_weeks, 0)
    half = max(config.batch_origins // 2, 1)
    for _ in range(steps):
        new = random.integers(newest, origins, half)
        yield np.concatenate([new, random.integers(0, max(newest, 1), half)])


def map_batch(
    inputs: Inputs, counts: Grid, chosen: Indices, flip: tuple[bool, bool]
) -> tuple[list[Grid], Grid]:
    """Return (inputs, targets) of a crime branch at these origins, mirrored as asked.

    Args:
        inputs: at all origins.
        counts: (origins, horizons, rows, cols).
        chosen: (batch,) indices of origins.
        flip: whether to mirror the rows, and the columns.
    """
    rows, cols = (slice(None, None, -1 if mirrored else 1) for mirrored in flip)
    mask = np.repeat(inputs.mask, len(chosen), axis=0)
    maps = [inputs.window[chosen], inputs.memory[chosen], mask]
    flipped = [np.ascontiguousarray(grid[:, rows, cols]) for grid in maps]
    targets = counts[chosen][:, :, rows, cols].transpose(0, 2, 3, 1)
    return flipped, np.ascontiguousarray(targets)


def compile_member(branch: keras.Model, config: ModelConfig, steps: int, mode: Mode) -> None:
    """Give a crime branch its loss and schedule; weight decay spares the learned offset."""
    warm_up = max(int(steps * WARM_UP_SHARE), 1)
    rate = config.learning_rate * (1.0 if mode == "retrain" else FINE_TUNE_RATE)
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, max(steps - warm_up, 1), warmup_target=rate, warmup_steps=warm_up
    )
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=config.weight_decay)
    optimizer.exclude_from_weight_decay(var_list=branch.get_layer(net.OFFSET).trainable_weights)
    is_poisson = config.cell_loss == "poisson"
    loss = multinomial_loss if is_poisson else negative_binomial_loss(config.nb_cell_dispersion)
    branch.compile(optimizer=optimizer, loss=loss)


def restart(branch: keras.Model, weights: list[NDArray[np.number]]) -> None:
    """Set a compiled branch's weights and forget what its optimizer has gathered."""
    branch.set_weights(weights)
    for variable in branch.optimizer.variables:
        if variable.name != "learning_rate":
            variable.assign(np.zeros(variable.shape))


def fit_members(
    network: keras.Model,
    lessons: Lessons,
    config: ModelConfig,
    mode: Mode,
    report: Callable[[], None],
) -> float:
    """Train every crime branch in place, side by side; return their mean loss at the end.

    Each step runs on one thread, which gives the same bits on any number of cores.
    """
    steps = training_steps(len(lessons.origins), config, mode)
    branches = [network.get_layer(net.member_name(k)) for k in range(config.members)]
    for branch in branches:
        compile_member(branch, config, steps, mode)

    def fit(number: int) -> float:
        return _fit_member(branches[number], lessons, config, mode, number, report)

    with ThreadPoolExecutor(min(config.members, os.cpu_count() or 1)) as threads:
        return float(np.mean(list(threads.map(fit, range(config.members)))))


def _fit_member(
    branch: keras.Model,
    lessons: Lessons,
    config: ModelConfig,
    mode: Mode,
    number: int,
    report: Callable[[], None],
) -> float:
    """Train a compiled crime branch; return its mean loss over the last tenth of the steps."""
    steps = training_steps(len(lessons.origins), config, mode)
    random = np.random.default_rng([config.seed, number])
    losses = []
    for chosen in batches(len(lessons.origins), steps, config, mode, random):
        flip = (bool(random.integers(2)), bool(random.integers(2)))
        maps, targets = map_batch(lessons.inputs, lessons.counts, chosen, flip)
        losses.append(float(branch.train_on_batch(maps, targets)))
        report()
    return float(np.mean(losses[-ceil(steps / 10) :]))


def set_scale(network: keras.Model, inputs: Inputs, config: ModelConfig) -> None:
    """Give every member the mean and deviation of each channel over in-city cells."""
    inside = inputs.memory[:, inputs.inside]
    mean = inside.mean(axis=(0, 1), dtype=np.float64)
    deviation = np.maximum(inside.std(axis=(0, 1), dtype=np.float64), 1e-2)
    for number in range(config.members):
        branch = network.get_layer(net.member_name(number))
        branch.get_layer(net.STANDARDISE).set_weights([mean, deviation])


def fit_total(branch: keras.Model, lessons: Lessons, config: ModelConfig) -> float:
    """Train the total branch in place; return how much of its correction is kept, 0 to 1.

    It is trained on the older origins first. The share of its correction that the newer ones
    confirm beyond chance is the share that is kept of a training on all.
    """
    if not config.total_steps:
        return 0.0
    ridge_ready = np.array(lessons.origins) >= FIRST_RIDGE_WEEKS
    goal = np.where(ridge_ready[:, None], lessons.log_totals, np.nan)
    split = ceil(len(goal) * (1 - HELD_OUT_SHARE))
    start = branch.get_weights()
    optimizer = keras.optimizers.AdamW(
        config.total_learning_rate, weight_decay=config.total_weight_decay
    )
    branch.compile(optimizer=optimizer, loss=log_total_loss)
    old = goal.copy()
    old[max(split - HORIZON_COUNT, 0) :] = np.nan
    _fit_total(branch, lessons.inputs, old, config.total_steps)
    gain = _confirmed(branch, lessons.inputs, goal, split)
    restart(branch, start)
    if gain:
        _fit_total(branch, lessons.inputs, goal, config.total_steps)
    head = branch.get_layer(net.TOTAL_HEAD)
    head.set_weights([kernel * gain for kernel in head.get_weights()])
    return gain


def _fit_total(branch: keras.Model, inputs: Inputs, goal: NDArray[np.number], steps: int) -> None:
    seen = inputs.total_inputs()
    for _ in range(steps):
        branch.train_on_batch(seen, goal.astype(np.float32))


def _confirmed(branch: keras.Model, inputs: Inputs, goal: NDArray[np.number], split: int) -> float:
    predicted = branch.predict_on_batch(inputs.total_inputs()).astype(np.float64)
    return sure_share((goal - inputs.base)[split:], (predicted - inputs.base)[split:])


def measure(
    fitted: Fitted, lessons: Lessons, complete: NDArray[np.floating], config: ModelConfig
) -> tuple[NDArray[np.float64], dict[str, float]]:
    """Return each horizon's cell dispersion, and Poisson deviances, on the newest origins.

    Args:
        fitted: the whole model.
        lessons: what it was fitted on.
        complete: share of a week's reports known by age; young outcomes are compared with as
            much of the forecast.
        config: the model's.
    """
    first = max(len(lessons.origins) - MEASURED_ORIGINS, 0)
    chosen = np.arange(first, len(lessons.origins))
    observed, mean = _known_pairs(fitted, lessons, complete, config, chosen)
    figures = {
        f"train_deviance_h{h + 1}": _deviance(observed[:, h], mean[:, h])
        for h in range(HORIZON_COUNT)
    }
    return dispersion(observed, mean, axis=(0, 2)), figures


def measure_old(
    fitted: Fitted, lessons: Lessons, complete: NDArray[np.floating], config: ModelConfig
) -> float:
    """Return the Poisson deviance on origins that a fine-tuning only replays."""
    newest = max(len(lessons.origins) - config.fine_tune_weeks, 1)
    chosen = np.unique(np.linspace(0, newest - 1, OLD_ORIGINS).astype(int))
    return _deviance(*_known_pairs(fitted, lessons, complete, config, chosen))


def _known_pairs(
    fitted: Fitted,
    lessons: Lessons,
    complete: NDArray[np.floating],
    config: ModelConfig,
    chosen: Indices,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return (chosen, horizons, cells) outcomes, NaN where not yet known, and forecasts of them."""
    inside = lessons.inputs.inside
    mean = predict(fitted, lessons.inputs, chosen, config)[:, :, inside]
    last = lessons.origins.stop
    age = last - np.array(lessons.origins)[chosen][:, None] - np.arange(1, HORIZON_COUNT + 1)
    observed = np.where(
        (age >= 0)[..., None], lessons.counts[chosen][:, :, inside].astype(np.float64), np.nan
    )
    return observed, mean * complete[np.clip(age, 0, len(complete) - 1)][..., None]


def _deviance(observed: NDArray[np.number], mean: NDArray[np.number]) -> float:
    """Return the mean Poisson deviance of what is known."""
    return float(poisson_deviances(mean, observed)[~np.isnan(observed)].mean())


def predict(
    fitted: Fitted, inputs: Inputs, chosen: Indices, config: ModelConfig
) -> NDArray[np.float64]:
    """Return (chosen, horizons, rows, cols) rates at these origins; zero outside the city."""
    rates = []
    for start in range(0, len(chosen), config.batch_origins):
        part = inputs.at(chosen[start : start + config.batch_origins])
        rates.append(fitted.rates(part, config))
    return np.concatenate(rates)
