"""Training: a model from a view of the cube, anew or from an earlier model, saved to a folder."""

from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock

from pipeline.domain.city import City
from pipeline.domain.errors import InvalidRequest, ModelRejected
from pipeline.domain.weeks import weeks_between
from pipeline.grid.cube import CubeView
from pipeline.model import fitting
from pipeline.model import network as net
from pipeline.model.backend import keras
from pipeline.model.config import ModelConfig
from pipeline.model.fitted import Fitted
from pipeline.model.fitting import Lessons, Mode
from pipeline.model.inputs import History, build_inputs, read_history
from pipeline.model.opinions import fit_opinions
from pipeline.model.saved import (
    SINCE_RETRAINING,
    TrainedModel,
    hash_folder,
    load,
    read_opinions,
    read_weights,
    save,
    weeks_since_retraining,
)
from pipeline.model.spread import past_spread
from pipeline.model.totals import target_log_totals
from pipeline.model.windows import target_counts, training_origins

__all__ = ["TrainedModel", "load", "train"]

Progress = Callable[[int, int], None]


def train(
    view: CubeView,
    city: City,
    config: ModelConfig,
    *,
    mode: Mode,
    start_from: Path | None = None,
    folder: Path,
    progress: Progress | None = None,
) -> TrainedModel:
    """Train a model on all that the view knows, and save it.

    Args:
        view: the cube as of the edge week.
        city: whose target offences are learned.
        config: how.
        mode: "retrain" starts anew; "fine_tune" from a model, in a tenth of the steps.
        start_from: folder of that model.
        folder: where to write the model.
        progress: called with steps done and steps in all.

    Raises:
        WeekNotReady: the history is too short.
        InvalidRequest: a fine-tuning without a model to start from.
        ModelRejected: that model does not fit this configuration, or knows later weeks.
    """
    keras.utils.set_random_seed(config.seed)
    start = _start(start_from, view, city, config) if mode == "fine_tune" else None
    history = read_history(view, city, _classes(start, config))
    lessons = read_lessons(view, history, config)
    network = net.dual_branch(config, view.cells.shape)
    complete = history.totals.complete
    old: dict[str, float] = {}
    if start is None:
        fitting.set_scale(network, lessons.inputs, config)
    else:
        network.set_weights(read_weights(start.folder))
        before = Fitted(network, read_opinions(start.folder))
        gone = weeks_between(start.trained_through, view.edge_week)
        old[SINCE_RETRAINING] = gone + weeks_since_retraining(start)
        old["old_weeks_before"] = fitting.measure_old(before, lessons, complete, config)
    fitted, figures = _fit(network, lessons, history, config, mode, progress)
    if start is not None:
        old["old_weeks_after"] = fitting.measure_old(fitted, lessons, complete, config)
    cell, deviances = fitting.measure(fitted, lessons, complete, config)
    seasons = lessons.inputs.seasons
    return save(
        folder,
        network.get_weights(),
        fitted.opinions,
        city=city.name,
        trained_through=view.edge_week,
        config=config,
        spread=past_spread(history.totals, history.divisions, seasons, cell),
        metrics={**figures, **deviances, **old},
    )


def _classes(start: TrainedModel | None, config: ModelConfig) -> Sequence[str] | None:
    """Return the classes that have channels: those of the start, none, or (None) the frequent."""
    if start is not None:
        return start.classes
    return None if config.class_channels else ()


def read_lessons(view: CubeView, history: History, config: ModelConfig) -> Lessons:
    """Return every origin's inputs and outcomes.

    Raises:
        WeekNotReady: the history is too short.
    """
    origins = training_origins(history.target.weeks, config.window_weeks)
    return Lessons(
        origins,
        build_inputs(view, history, config, origins),
        target_counts(history.target, origins),
        target_log_totals(history.totals, origins),
    )


def _fit(
    network: keras.Model,
    lessons: Lessons,
    history: History,
    config: ModelConfig,
    mode: Mode,
    progress: Progress | None,
) -> tuple[Fitted, dict[str, float]]:
    """Fit every part, the network's in place; return the whole, and figures of the run."""
    steps = fitting.training_steps(len(lessons.origins), config, mode)
    report = _counter(progress, steps * config.members)
    loss = fitting.fit_members(network, lessons, config, mode, report)
    gain = fitting.fit_total(network.get_layer(net.TOTAL_BRANCH), lessons, config)
    opinions = fit_opinions(*lessons.five_weeks(), list(history.kinds.classes), config)
    return Fitted(network, opinions), {
        "crime_loss": loss,
        "steps": steps,
        "total_gain": gain,
        "weights": network.count_params(),
    }


def _counter(progress: Progress | None, total: int) -> Callable[[], None]:
    done, one_at_a_time = 0, Lock()

    def report() -> None:
        nonlocal done
        with one_at_a_time:
            done += 1
            if progress is not None:
                progress(done, total)

    return report


def _start(folder: Path | None, view: CubeView, city: City, config: ModelConfig) -> TrainedModel:
    """Return the model to start from, once it is seen to fit."""
    if folder is None:
        raise InvalidRequest("Fine-tuning needs the folder of a model to start from.")
    start = load(folder, hash_folder(folder))
    if start.city != city.name or start.config.architecture != config.architecture:
        raise ModelRejected(
            f"The model in {folder} is of {start.city} with architecture "
            f"{start.config.architecture}; fine-tuning needs {city.name} with "
            f"{config.architecture}. Retrain instead."
        )
    if start.trained_through > view.edge_week:
        raise ModelRejected(
            f"The model in {folder} was trained through {start.trained_through}, after the edge "
            f"week {view.edge_week}. Start from an earlier model, or retrain."
        )
    return start
