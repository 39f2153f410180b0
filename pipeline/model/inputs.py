"""The arrays that the network is fed, for training on many origins or forecasting from one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pipeline.domain.cells import Cells
from pipeline.domain.city import City
from pipeline.grid.cube import CubeView
from pipeline.model import totals as city_totals
from pipeline.model.channels import CHANNELS, class_channels, log_rates, on_map
from pipeline.model.config import ModelConfig
from pipeline.model.levels import Season, fit_season
from pipeline.model.totals import Totals
from pipeline.model.windows import (
    OTHER,
    TARGET,
    Grid,
    Kinds,
    Known,
    KnownByWeek,
    Reports,
    read_reports,
)


@dataclass(frozen=True)
class History:
    """What a view holds, read once: reports by kind, totals by division, weather by week."""

    kinds: Kinds
    totals: Totals
    divisions: tuple[str, ...]

    @property
    def target(self) -> Reports:
        """Of the target offences."""
        return self.kinds.target

    @property
    def last(self) -> int:
        """The newest origin: the edge week."""
        return self.target.weeks - 1

    @property
    def newest(self) -> range:
        """The newest origin alone."""
        return range(self.last, self.last + 1)


def read_history(view: CubeView, city: City, classes: Sequence[str] | None = None) -> History:
    """Read a view; `classes` as for `read_reports`."""
    kinds = read_reports(view, city, classes)
    totals, divisions = city_totals.read_totals(view, kinds.target)
    return History(kinds, totals, divisions)


@dataclass(frozen=True)
class Inputs:
    """What the network sees at some origins; the first axis counts them.

    Attributes:
        window, memory: (origins, rows, cols, weeks or channels).
        rates: (origins, cells, channels) what the opinions see: memory's channels, and those of
            the classes.
        mask: (1, rows, cols, 1), one in the city.
        context: (origins, window_weeks, 6).
        calendar: (origins, horizons, 5).
        base: (origins, horizons) log totals.
        seasons: the regression under `base`, by origin.
    """

    window: Grid
    memory: Grid
    rates: Grid
    mask: Grid
    context: NDArray[np.float32]
    calendar: NDArray[np.float32]
    base: NDArray[np.float32]
    seasons: Mapping[int, Season]

    @property
    def inside(self) -> NDArray[np.bool_]:
        """(rows, cols) in-city cells."""
        return self.mask[0, ..., 0] > 0

    @property
    def maps(self) -> list[Grid]:
        """The inputs of a crime branch."""
        return [self.window, self.memory, self.mask]

    def at(self, chosen: NDArray[np.integer]) -> "Inputs":
        """Return what the network sees at some of these origins."""
        by_origin = ("window", "memory", "rates", "context", "calendar", "base")
        return replace(self, **{name: getattr(self, name)[chosen] for name in by_origin})

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
        *crime_inputs(history.target, history.kinds.others, view.cells, config, origins),
        view.cells.mask[None, ..., None].astype(np.float32),
        city_totals.context_windows(totals, weather, residuals, weeks, origins),
        city_totals.target_calendar(totals, origins),
        np.array([season.base() for season in seasons.values()], np.float32),
        seasons,
    )


def crime_inputs(
    target: KnownByWeek,
    others: Mapping[str, Known],
    cells: Cells,
    config: ModelConfig,
    origins: range,
) -> tuple[Grid, Grid, Grid]:
    """Return window, memory and rates of Inputs; a map that is left out is all zeros.

    Args:
        target: reports of the target offences.
        others: of all others, as OTHER, and of each class that has channels of its own.
        cells: of the city.
        config: the model's.
        origins: which origins.
    """
    channels = (*CHANNELS, *class_channels(sorted(others.keys() - {OTHER})))
    rates = log_rates({TARGET: target, **others}, cells.mask, origins, channels)
    window = target.window(config.window_weeks, origins)
    memory = on_map(rates[..., : len(CHANNELS)], cells.mask)
    return (
        window if config.crime_inputs != "memory" else np.zeros_like(window),
        memory if config.crime_inputs != "window" else np.zeros_like(memory),
        rates,
    )
