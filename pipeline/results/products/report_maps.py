"""The maps of the printed report: drawn at the size they have on paper, so that letters fit."""

import io
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.domain.cells import Cells
from pipeline.domain.city import City
from pipeline.results.products.colours import COUNTS, RATES, Scale
from pipeline.results.products.map_layers import (
    draw_lines,
    fill,
    mark_unstable,
    number_clusters,
    write_at,
)
from pipeline.results.products.map_names import lines_of, places_of_names
from pipeline.results.products.maps import box_aspect, ground_squeeze

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MM_PER_INCH, DOTS_PER_INCH = 25.4, 250
LINE_WIDTH = 0.45  # of those on a map that fills a screen
DIVISION_PT = 4.8
MARGIN = 0.02  # of each side, for names near the edge


def forecast_map(
    city: City, cells: Cells, frame: pd.DataFrame, box_mm: tuple[float, float], clusters: int
) -> "Figure":
    """Draw what is expected, with the hotspots and the numbers of the first clusters.

    Args:
        city: for its grid.
        cells: the in-city cells.
        frame: the forecast as ResultsReader.cells_frame gives it.
        box_mm: width and height that the map must fit into.
        clusters: how many to number.
    """
    figure, axes = _map(city, cells, frame, frame["mean"].to_numpy(), RATES, box_mm)
    mark_unstable(axes, city, frame)
    number_clusters(axes, city, frame, clusters)
    return figure


def outcome_map(
    city: City,
    cells: Cells,
    frame: pd.DataFrame,
    counts: NDArray[np.integer],
    box_mm: tuple[float, float],
) -> "Figure":
    """Draw what was counted in each cell of `frame`, with the hotspots of the forecast."""
    return _map(city, cells, frame, counts, COUNTS, box_mm)[0]


def png(figure: "Figure") -> bytes:
    """Return a picture of a figure."""
    sink = io.BytesIO()
    figure.savefig(sink, format="png", facecolor="white")
    return sink.getvalue()


def _map(
    city: City,
    cells: Cells,
    frame: pd.DataFrame,
    values: NDArray[np.number],
    scale: Scale,
    box_mm: tuple[float, float],
) -> tuple["Figure", "Axes"]:
    from matplotlib.figure import Figure

    most_wide, most_high = box_mm
    wide = min(most_wide, most_high * box_aspect(city))
    size_mm = wide, wide / box_aspect(city)
    grid_mm = size_mm[0] * (1 - 2 * MARGIN), size_mm[1] * (1 - 2 * MARGIN)
    size = size_mm[0] / MM_PER_INCH, size_mm[1] / MM_PER_INCH
    figure = Figure(figsize=size, dpi=DOTS_PER_INCH)
    axes = figure.add_axes((MARGIN, MARGIN, 1 - 2 * MARGIN, 1 - 2 * MARGIN))
    axes.set_aspect(1 / ground_squeeze(city))
    axes.set_axis_off()
    fill(axes, city, _on_grid(cells, frame, values), scale)
    draw_lines(axes, city, cells, _on_grid(cells, frame, frame["band"].to_numpy()), LINE_WIDTH)
    for name, place in places_of_names(city, cells, frame, grid_mm, DIVISION_PT).items():
        write_at(axes, lines_of(name), place, size=DIVISION_PT, weight="normal")
    return figure, axes


def _on_grid(cells: Cells, frame: pd.DataFrame, values: NDArray[np.number]) -> NDArray[np.float64]:
    grid = np.full(cells.shape, np.nan)
    grid[frame["row"], frame["col"]] = values
    return grid
