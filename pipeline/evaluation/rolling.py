"""The rolling origin: forecast from every edge week in turn, and keep what scores need."""

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.domain.city import City
from pipeline.domain.distributions import Forecast
from pipeline.domain.weeks import WEEK, ForecastWeeks
from pipeline.evaluation.baselines import BASELINES
from pipeline.evaluation.calibration import check_cells, pit_histogram, randomised_pit
from pipeline.evaluation.forecast_tables import cells_table
from pipeline.evaluation.origins import Origins
from pipeline.evaluation.rivals import (
    BOOSTED_TREES,
    OF_OWN_TOTAL,
    POISSON_GLM,
    BoostedTrees,
    PoissonGlm,
)
from pipeline.evaluation.scores import POISSON, statistics
from pipeline.grid.cube import Cube, CubeView
from pipeline.model.config import ModelConfig

ForecastOf = Callable[[CubeView, ForecastWeeks], Forecast]
MakeForecaster = Callable[[CubeView], ForecastOf]
Progress = Callable[[str, int, int], None]  # stage, done, total
TrueRate = Callable[[date], NDArray[np.float64]]  # Sunday of a week -> (rows, cols)
TRUE_RATE = "true_rate"


def say_nothing(_stage: str, _done: int, _total: int) -> None:
    """Take a report of progress and leave it."""


@dataclass
class Rolling:
    """One walk over the edge weeks of a backtest, oldest first.

    Attributes:
        city, cube, origins: what is forecast, from where and when.
        seed: seed of the order among cells of equal mean.
        refit_weeks: weeks of edges that one model serves.
        progress: told of each edge week done.
        true_rate: the rates that a simulated city was drawn from, scored as one more model.
        has_rivals: fit rivals beside each training, and score them too.
        forecasts: filled with each forecast of the model (contract FORECAST_CELLS).
        sums: filled with the statistics of each week, horizon and model.
        totals: filled with the model's city and division totals, and what came of them.
        pits: filled with each week's histogram of the cells' probability transforms, by horizon.
        checks: filled with each week's interval coverage and likelihood tests of the cells.
        trainings: filled with each training's edge week and seconds.
    """

    city: City
    cube: Cube
    origins: Origins
    seed: int
    refit_weeks: int
    progress: Progress
    true_rate: TrueRate | None = None
    has_rivals: bool = True
    forecasts: list[pa.Table] = field(default_factory=list)
    sums: list[dict[str, Any]] = field(default_factory=list)
    totals: list[dict[str, Any]] = field(default_factory=list)
    pits: dict[int, list[NDArray[np.number]]] = field(default_factory=dict)
    checks: list[dict[str, float]] = field(default_factory=list)
    trainings: list[dict[str, Any]] = field(default_factory=list)

    def run(self, make_forecaster: MakeForecaster) -> None:
        """Forecast and score every target at every horizon."""
        observed = self.cube.outcome(self.city.offences.target, self.origins.targets)
        edges, refit_on = self.origins.edges, self.origins.edges[0]
        for done, edge in enumerate(edges):
            view = self.cube.as_of(edge)
            if edge >= refit_on:
                forecast_of = self._train(make_forecaster, view)
                rivals = self._rivals(view)
                refit_on = edge + WEEK * self.refit_weeks
            counts = view.counts(self.city.offences.target)
            rates = {name: rival.rates(view) for name, rival in rivals.items()}
            for weeks in self.origins.from_edge(edge):
                truth = observed[self.origins.targets.index(weeks.target_week)]
                forecast = forecast_of(view, weeks)
                self._keep(forecast, truth)
                for name, by_horizon in rates.items():
                    self._score_rival(name, by_horizon[weeks.horizon - 1], forecast, truth)
                self._score_baselines(counts, weeks, truth)
                self._score_true_rate(weeks, truth)
            self.progress("forecasting", done + 1, len(edges))

    def _train(self, make_forecaster: MakeForecaster, view: CubeView) -> ForecastOf:
        started = time.perf_counter()
        forecast_of = make_forecaster(view)
        seconds = round(time.perf_counter() - started, 1)
        self.trainings.append({"trained_through": view.edge_week.isoformat(), "seconds": seconds})
        return forecast_of

    def _keep(self, forecast: Forecast, truth: NDArray[np.float64]) -> None:
        cells, weeks = self.cube.cells, forecast.weeks
        mean = forecast.mean[cells.row, cells.col]
        size = forecast.nb_size[cells.row, cells.col]
        self.forecasts.append(cells_table(forecast, cells.row, cells.col))
        self._score(forecast.model_name, weeks, mean, size, truth)
        seed = self.seed + weeks.target_week.toordinal()
        pit = randomised_pit(mean, size, truth, seed)
        self.pits.setdefault(weeks.horizon, []).append(pit_histogram(pit))
        checked = check_cells(mean, size, forecast.city.size, truth, seed)
        self.checks.append({"horizon": weeks.horizon, **checked})
        self._keep_totals(forecast, truth)

    def _keep_totals(self, forecast: Forecast, truth: NDArray[np.float64]) -> None:
        division = np.array(self.cube.cells.division)
        places = [("city", forecast.city, truth.sum())]
        if len(forecast.divisions) > 1:
            places += [
                (name, total, truth[division == name].sum())
                for name, total in forecast.divisions.items()
            ]
        self.totals += [
            {
                "week_start": forecast.weeks.target_week,
                "horizon": forecast.weeks.horizon,
                "place": place,
                "mean": total.mean,
                "nb_size": total.size,
                "observed": float(observed),
            }
            for place, total, observed in places
        ]

    def _rivals(self, view: CubeView) -> dict[str, PoissonGlm | BoostedTrees]:
        """Return the rivals that are fitted, fitted to a view."""
        if not self.has_rivals:
            return {}
        trees = BoostedTrees(view, self.city, self.seed, self.origins.horizons)
        return {POISSON_GLM: PoissonGlm(view, self.city), BOOSTED_TREES: trees}

    def _score_rival(
        self,
        name: str,
        rates: NDArray[np.float64],
        forecast: Forecast,
        truth: NDArray[np.float64],
    ) -> None:
        """Score a rival with its own city total, and its shares with the model's."""
        with_our_total = rates * (forecast.city.mean / rates.sum())
        self._score(name, forecast.weeks, rates, POISSON, truth)
        self._score(OF_OWN_TOTAL[name], forecast.weeks, with_our_total, POISSON, truth)

    def _score_baselines(
        self, counts: NDArray[np.float32], weeks: ForecastWeeks, truth: NDArray[np.float64]
    ) -> None:
        cells = self.cube.cells
        for name, baseline in BASELINES.items():
            mean = baseline(counts, cells.mask, weeks.horizon)[cells.row, cells.col]
            self._score(name, weeks, mean, POISSON, truth)

    def _score_true_rate(self, weeks: ForecastWeeks, truth: NDArray[np.float64]) -> None:
        if self.true_rate is not None:
            cells = self.cube.cells
            mean = self.true_rate(weeks.target_week)[cells.row, cells.col]
            self._score(TRUE_RATE, weeks, mean, POISSON, truth)

    def _score(
        self,
        model: str,
        weeks: ForecastWeeks,
        mean: NDArray[np.float64],
        size: NDArray[np.float64] | float,
        truth: NDArray[np.float64],
    ) -> None:
        seed = self.seed + weeks.target_week.toordinal()
        rows, cols = self.cube.cells.shape
        row = {"week_start": weeks.target_week, "horizon": weeks.horizon, "model": model}
        box = {"box_cells": float(rows * cols)}
        self.sums.append({**row, **box, **statistics(mean, size, truth, seed)})


class TrainedModels:
    """Makes forecasters of the project's own model, each warm-started from the one before."""

    def __init__(self, city: City, config: ModelConfig, folder: Path, progress: Progress) -> None:
        """Keep what training needs; models are written to `folder`, and used if they are there."""
        self.city, self.config, self.folder, self.progress = city, config, folder, progress
        self._previous: Path | None = None

    def __call__(self, view: CubeView) -> ForecastOf:
        """Train on a view: anew the first time, then by fine-tuning."""
        from pipeline.model.predict import forecast
        from pipeline.model.saved import hash_folder, load

        folder = self.folder / view.edge_week.isoformat()
        if not folder.exists():
            self._train(view, folder)
        model = load(folder, hash_folder(folder))
        self._previous = folder
        return lambda later, weeks: forecast(model, later, self.city, weeks)

    def _train(self, view: CubeView, folder: Path) -> None:
        """Train into a folder that is there whole or not at all."""
        from pipeline.model.training import train

        stage, part = f"training through {view.edge_week}", folder.with_suffix(".part")
        shutil.rmtree(part, ignore_errors=True)
        train(
            view,
            self.city,
            self.config,
            mode="fine_tune" if self._previous else "retrain",
            start_from=self._previous,
            folder=part,
            progress=lambda done, total: self.progress(stage, done, total),
        )
        part.rename(folder)
