"""The arrays that the network is fed, for training on many origins or forecasting from one."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.domain.cells import Cells
from pipeline.domain.city import City
from pipeline.grid.cube import CubeView
from pipeline.model import totals as city_totals
from pipeline.model import windows
from pipeline.model.config import ModelConfig
from pipeline.model.levels import Season, fit_season
from pipeline.model.totals import Totals
from pipeline.model.windows import Grid, Known, Reports


@dataclass(frozen=True)
class History:
    """What a view holds, read once: reports by kind, totals by division, weather by week."""

    target: Reports
    other: Reports
    totals: Totals
    divisions: tuple[str, ...]

    @property
    def last(self) -> int:
        """The newest origin: the edge week."""
        return self.target.weeks - 1

    @property
    def newest(self) -> range:
        """The newest origin alone."""
        return range(self.last, self.last + 1)


def read_history(view: CubeView, city: City) -> History:
    """Read a view."""
    target, other = windows.read_reports(view, city)
    totals, divisions = city_totals.read_totals(view, target)
    return History(target, other, totals, divisions)


@dataclass(frozen=True)
class Inputs:
    """What the network sees at some origins; the first axis counts them.

    Attributes:
        window, memory: (origins, rows, cols, weeks or channels).
        mask: (1, rows, cols, 1), one in the city.
        context: (origins, window_weeks, 6).
        calendar: (origins, horizons, 5).
        base: (origins, horizons) log totals.
        seasons: the regression under `base`, by origin.
    """

    window: Grid
    memory: Grid
    mask: Grid
    context: NDArray[np.float32]
    calendar: NDArray[np.float32]
    base: NDArray[np.float32]
    seasons: Mapping[int, Season]

    def total_inputs(self) -> list[NDArray[np.float32]]:
        """Return the inputs of the total branch."""
        return [self.context, self.calendar, self.base]


def build_inputs(view: CubeView, history: History, config: ModelConfig, origins: range) -> Inputs:
    """Return what the network sees at each origin, all as known then."""
    weeks = config.window_weeks
    weather = city_totals.weekly_weather(view, history.last - origins.start + weeks)
    totals = history.totals
    seasons = {o: fit_season(totals, o, handles_breaks=config.handles_breaks) for o in origins}
    residuals = {origin: season.residuals for origin, season in seasons.items()}
    return Inputs(
        *crime_maps(history.target, history.other, view.cells, config, origins),
        view.cells.mask[None, ..., None].astype(np.float32),
        city_totals.context_windows(totals, weather, residuals, weeks, origins),
        city_totals.target_calendar(totals, origins),
        np.array([season.base() for season in seasons.values()], np.float32),
        seasons,
    )


def crime_maps(
    target: Known, other: Known, cells: Cells, config: ModelConfig, origins: range
) -> tuple[Grid, Grid]:
    """Return window and memory of Inputs; one that the configuration leaves out is all zeros."""
    window = target.window(config.window_weeks, origins)
    memory = windows.long_memory(target, other, cells, origins)
    return (
        window if config.crime_inputs != "memory" else np.zeros_like(window),
        memory if config.crime_inputs != "window" else np.zeros_like(memory),
    )
