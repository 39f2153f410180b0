"""A forecast of one target week from a trained model and a view of the cube."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.domain.cells import Cells
from pipeline.domain.city import City
from pipeline.domain.distributions import CountDistribution, Forecast
from pipeline.domain.errors import InvalidRequest, ModelRejected
from pipeline.domain.weeks import ForecastWeeks
from pipeline.grid.cube import CubeView
from pipeline.model import network as net
from pipeline.model.fitted import Fitted
from pipeline.model.inputs import History, Inputs, build_inputs, read_history
from pipeline.model.saved import TrainedModel, load, read_opinions, read_weights
from pipeline.model.spread import Spread

MODEL_NAME = "dual_branch_cnn"


def forecast(model: TrainedModel, view: CubeView, city: City, weeks: ForecastWeeks) -> Forecast:
    """Forecast the target week from what the view knows.

    Args:
        model: trained on this city, on weeks up to the view's edge or earlier.
        view: the cube as of `weeks.edge_week`.
        city: whose target offences are forecast.
        weeks: issue, edge and target dates.

    Raises:
        ModelRejected: the model knows weeks after the edge, is of another city, or was changed
            on disk since it was loaded.
        InvalidRequest: the view's edge isn't that of `weeks`.
    """
    return forecast_from(prepare(model, view, city, weeks))


@dataclass(frozen=True)
class Ready:
    """All that a forecast is made with: the model, as read, what is known, inputs from that."""

    model: TrainedModel
    weeks: ForecastWeeks
    cells: Cells
    fitted: Fitted
    history: History
    inputs: Inputs


def prepare(model: TrainedModel, view: CubeView, city: City, weeks: ForecastWeeks) -> Ready:
    """Return what a forecast is made with; arguments and errors as those of `forecast`."""
    _check(model, view, city, weeks)
    fitted = _fitted(model.folder, model.sha256, view.cells.shape)
    history = read_history(view, city, fitted.opinions.classes)
    inputs = build_inputs(view, history, model.config, history.newest)
    return Ready(model, weeks, view.cells, fitted, history, inputs)


def forecast_from(ready: Ready) -> Forecast:
    """Return the forecast of the target week."""
    model, cells, weeks = ready.model, ready.cells, ready.weeks
    (rates,) = ready.fitted.rates(ready.inputs, model.config, is_mirrored=model.config.flips)
    horizon = weeks.horizon - 1
    mean = np.where(cells.mask, rates[horizon], np.nan)
    size = np.where(cells.mask, 1 / model.spread.cell[horizon], np.nan)
    city_total, divisions = _totals(model.spread, cells, mean, horizon)
    return Forecast(weeks, mean, size, city_total, divisions, MODEL_NAME, model.sha256)


def _check(model: TrainedModel, view: CubeView, city: City, weeks: ForecastWeeks) -> None:
    if weeks.edge_week != view.edge_week:
        raise InvalidRequest(
            f"The forecast is to be made from the week {weeks.edge_week}, but the view ends at "
            f"{view.edge_week}. Give the view as of the edge week."
        )
    if model.city != city.name:
        raise ModelRejected(f"The model {model.sha256[:12]} is of {model.city}, not {city.name}.")
    if model.trained_through > view.edge_week:
        raise ModelRejected(
            f"The model {model.sha256[:12]} was trained through {model.trained_through}, after "
            f"the edge week {view.edge_week}: it has seen what it would forecast. Use a model "
            "trained earlier, or train one as of that week."
        )


@lru_cache(maxsize=4)
def _fitted(folder: Path, sha256: str, shape: tuple[int, int]) -> Fitted:
    """Return what a model's files hold, read once per process, their hash checked first."""
    model = load(folder, sha256)
    network = net.dual_branch(model.config, shape)
    try:
        network.set_weights(read_weights(folder))
    except ValueError as error:
        raise ModelRejected(f"The weights in {folder} do not fit its network: {error}") from error
    return Fitted(network, read_opinions(folder))


def _totals(
    spread: Spread, cells: Cells, mean: NDArray[np.number], horizon: int
) -> tuple[CountDistribution, dict[str, CountDistribution]]:
    """Return the distributions of the city total and of each division's; means add up."""
    by_cell = mean[cells.row, cells.col]
    names, group = np.unique(cells.division, return_inverse=True)
    sums = np.bincount(group, weights=by_cell)
    divisions = {
        str(name): CountDistribution(float(total), 1 / spread.divisions[str(name)][horizon])
        for name, total in zip(names, sums, strict=True)
    }
    return CountDistribution(float(by_cell.sum()), 1 / spread.city[horizon]), divisions
