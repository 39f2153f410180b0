"""The layers of a map: coloured cells, borders, cluster numbers, colour bar and legend."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.domain.cells import Cells
from pipeline.domain.city import City
from pipeline.evaluation.hotspots import BANDS
from pipeline.results.products.colours import COUNTS, Scale

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import QuadMesh
    from matplotlib.figure import Figure

OUTLINE, INK, PALE = "#007a87", "#222222", "#6b6b6b"
BAND_WIDTHS = {5: 0.9, 2: 1.7, 1: 2.8}
NUMBERED_CLUSTERS = 10
RIM = 0.28  # a rim's width is a part of its letters' size
UNSTABLE = 0.8  # a hotspot that fewer re-runs flag is marked

Side = list[tuple[float, float]]


def fill(axes: "Axes", city: City, values: NDArray[np.floating], scale: Scale) -> "QuadMesh":
    """Colour the cells by their (rows, cols) values; NaN stays empty."""
    from matplotlib.colors import ListedColormap

    grid, colours = city.grid, ListedColormap(scale.colours)
    x = np.linspace(grid.west, grid.east, grid.cols + 1)
    y = np.linspace(grid.south, grid.north, grid.rows + 1)
    places = np.ma.masked_invalid(scale.place(values))
    top = len(scale.colours) - 0.5
    return axes.pcolormesh(x, y, places, cmap=colours, vmin=-0.5, vmax=top)


def draw_lines(
    axes: "Axes", city: City, cells: Cells, band: NDArray[np.floating], width: float = 1
) -> None:
    """Draw the borders of divisions, city and hotspot bands; `band` is (rows, cols).

    `width` makes all lines wider or, on a smaller map, narrower.
    """
    names = sorted(set(cells.division))
    division = np.full(cells.shape, -1)
    division[cells.row, cells.col] = [names.index(name) for name in cells.division]
    _draw(axes, borders(city, division, outside=-1), PALE, 0.5 * width)
    _draw(axes, borders(city, cells.mask.astype(int), outside=0), INK, 0.9 * width)
    for percent in reversed(BANDS):
        inside = ((band > 0) & (band <= percent)).astype(int)
        _draw(axes, borders(city, inside, outside=0), OUTLINE, BAND_WIDTHS[percent] * width)


def borders(city: City, labels: NDArray[np.int64], outside: int) -> list[Side]:
    """Return the cell sides, in degrees, on which the labels of (rows, cols) cells differ.

    What lies outside the grid has the label `outside`.
    """
    grid = city.grid
    framed = np.pad(labels, 1, constant_values=outside)
    x = grid.west + np.arange(grid.cols + 1) * grid.cell_width_deg
    y = grid.south + np.arange(grid.rows + 1) * grid.cell_height_deg
    rows, cols = np.nonzero(framed[1:-1, 1:] != framed[1:-1, :-1])
    upright = [[(x[c], y[r]), (x[c], y[r + 1])] for r, c in zip(rows, cols, strict=True)]
    rows, cols = np.nonzero(framed[1:, 1:-1] != framed[:-1, 1:-1])
    level = [[(x[c], y[r]), (x[c + 1], y[r])] for r, c in zip(rows, cols, strict=True)]
    return upright + level


def number_clusters(
    axes: "Axes", city: City, frame: pd.DataFrame, most: int = NUMBERED_CLUSTERS
) -> None:
    """Write the number of each of the first clusters beside its highest cell."""
    lat, lon = city.grid.centres()
    hot = frame[frame["cluster"].between(1, most)].sort_values("rank")
    for cell in hot.drop_duplicates("cluster").itertuples():
        place = lon[cell.row, cell.col], lat[cell.row, cell.col]
        write_at(axes, str(cell.cluster), place, size=9, weight="bold", aside=(9, 9))


def write_at(
    axes: "Axes",
    text: str,
    place: tuple[float, float],
    *,
    size: float,
    weight: str,
    aside: tuple[float, float] = (0, 0),
) -> None:
    """Write a text at a place in degrees, with a rim that keeps it apart from any colour."""
    from matplotlib.patheffects import withStroke

    axes.annotate(
        text, place, xytext=aside, textcoords="offset points", ha="center", va="center",
        fontsize=size, fontweight=weight, color=INK,
        linespacing=1, path_effects=[withStroke(linewidth=RIM * size, foreground="white")],
    )  # fmt: skip


def mark_unstable(axes: "Axes", city: City, frame: pd.DataFrame) -> None:
    """Put a dot on hotspots that often drop out of the top 5 % when history is re-run."""
    lat, lon = city.grid.centres()
    shaky = frame[(frame["band"] > 0) & (frame["p_top5"] < UNSTABLE)]
    place = shaky["row"], shaky["col"]
    axes.scatter(lon[place], lat[place], s=14, c="white", edgecolors=INK, linewidths=0.7, zorder=3)


def add_bar(figure: "Figure", axes: "Axes", image: "QuadMesh", text: str, scale: Scale) -> None:
    """Put a colour bar that says `text` under the left half of a map."""
    height = figure.get_size_inches()[1]
    box = axes.get_position()
    place = figure.add_axes((box.x0, 0.62 / height, box.width * 0.48, 0.16 / height))
    bar = figure.colorbar(image, cax=place, orientation="horizontal")
    bar.set_label(text, fontsize=9, color=INK)
    if scale is COUNTS:
        bar.set_ticks(list(range(len(scale.labels))), labels=scale.labels)
    else:  # a step stands where its two colours meet
        at = [k + 0.5 for k in range(len(scale.steps))]
        bar.set_ticks(at, labels=[f"{step:g}" for step in scale.steps])
    bar.ax.tick_params(labelsize=8, colors=INK, length=3)
    bar.ax.minorticks_off()
    bar.outline.set_visible(False)


def add_legend(figure: "Figure", axes: "Axes", stable: float | None) -> None:
    """Explain the outlines, numbers and dots under the right half of a map.

    `stable` is the share of the hotspots that a re-run of history flags again; None if unknown.
    """
    from matplotlib.lines import Line2D

    height = figure.get_size_inches()[1]
    box = axes.get_position()
    lines = [
        Line2D([], [], color=OUTLINE, linewidth=BAND_WIDTHS[percent], label=f"top {percent} %")
        for percent in BANDS
    ]
    figure.legend(
        handles=lines,
        title="highest-ranked cells; numbers: clusters",
        title_fontsize=9,
        fontsize=9,
        loc="upper right",
        bbox_to_anchor=(box.x1, 0.95 / height),
        ncols=len(lines),
        frameon=False,
        borderaxespad=0,
        columnspacing=1.2,
        handlelength=1.6,
    )
    if stable is not None:
        text = (
            f"When history is re-run, {100 * stable:.0f} % of them stay in the top 5 %;\n"
            f"dots: cells that stay less than {100 * UNSTABLE:.0f} % of the time"
        )
        place = (box.x1, 0.45 / height)
        figure.text(*place, text, ha="right", va="top", size=8, color=PALE, linespacing=1.4)


def _draw(axes: "Axes", sides: list[Side], colour: str, width: float) -> None:
    from matplotlib.collections import LineCollection

    axes.add_collection(LineCollection(sides, colors=colour, linewidths=width, capstyle="round"))
