"""The layers of a map: coloured cells, borders, cluster numbers, colour bar and legend."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.domain.cells import Cells
from pipeline.domain.city import City
from pipeline.evaluation.hotspots import BANDS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import QuadMesh
    from matplotlib.colors import ListedColormap, Normalize
    from matplotlib.figure import Figure

RATE_COLOURS = "magma_r"  # light to dark evenly, also for colour-blind readers and in grey
OUTLINE, INK, PALE = "#007a87", "#222222", "#6b6b6b"
BAND_WIDTHS = {5: 0.9, 2: 1.7, 1: 2.8}
NUMBERED_CLUSTERS = 10
UNSTABLE = 0.8  # a hotspot that fewer re-runs flag is marked
RATE_TICKS = (0, 0.1, 0.5, 1, 2, 3, 5, 10, 20)

Side = list[tuple[float, float]]


def rate_colours() -> "ListedColormap":
    """Return the scale for rates and counts, from none to most."""
    from matplotlib import colormaps
    from matplotlib.colors import ListedColormap

    # The two ends are left out: white would vanish on paper, and black hide the outlines.
    return ListedColormap(colormaps[RATE_COLOURS](np.linspace(0.03, 0.88, 256)))


def fill(axes: "Axes", city: City, values: NDArray[np.floating], norm: "Normalize") -> "QuadMesh":
    """Colour the cells by their (rows, cols) values; NaN stays empty."""
    grid = city.grid
    x = np.linspace(grid.west, grid.east, grid.cols + 1)
    y = np.linspace(grid.south, grid.north, grid.rows + 1)
    return axes.pcolormesh(x, y, np.ma.masked_invalid(values), cmap=rate_colours(), norm=norm)


def draw_lines(axes: "Axes", city: City, cells: Cells, band: NDArray[np.floating]) -> None:
    """Draw the borders of divisions, city and hotspot bands; `band` is (rows, cols)."""
    names = sorted(set(cells.division))
    division = np.full(cells.shape, -1)
    division[cells.row, cells.col] = [names.index(name) for name in cells.division]
    _draw(axes, borders(city, division, outside=-1), PALE, 0.5)
    _draw(axes, borders(city, cells.mask.astype(int), outside=0), INK, 0.9)
    for percent in reversed(BANDS):
        inside = ((band > 0) & (band <= percent)).astype(int)
        _draw(axes, borders(city, inside, outside=0), OUTLINE, BAND_WIDTHS[percent])


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


def number_clusters(axes: "Axes", city: City, frame: pd.DataFrame) -> None:
    """Write the number of each of the first clusters beside its highest cell."""
    from matplotlib.patheffects import withStroke

    lat, lon = city.grid.centres()
    hot = frame[frame["cluster"].between(1, NUMBERED_CLUSTERS)].sort_values("rank")
    for cell in hot.drop_duplicates("cluster").itertuples():
        axes.annotate(
            str(cell.cluster),
            (lon[cell.row, cell.col], lat[cell.row, cell.col]),
            xytext=(9, 9),
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=9,
            fontweight="bold",
            color=INK,
            path_effects=[withStroke(linewidth=2.5, foreground="white")],
        )


def mark_unstable(axes: "Axes", city: City, frame: pd.DataFrame) -> None:
    """Put a dot on hotspots that often drop out of the top 5 % when history is re-run."""
    lat, lon = city.grid.centres()
    shaky = frame[(frame["band"] > 0) & (frame["p_top5"] < UNSTABLE)]
    place = shaky["row"], shaky["col"]
    axes.scatter(lon[place], lat[place], s=14, c="white", edgecolors=INK, linewidths=0.7, zorder=3)


def add_bar(figure: "Figure", axes: "Axes", image: "QuadMesh", text: str, largest: int = 0) -> None:
    """Put a colour bar that says `text` under the left half of a map.

    `largest` is, for whole counts, the one that also stands for all larger ones; 0 for rates.
    """
    height = figure.get_size_inches()[1]
    box = axes.get_position()
    place = figure.add_axes((box.x0, 0.62 / height, box.width * 0.48, 0.16 / height))
    bar = figure.colorbar(image, cax=place, orientation="horizontal")
    bar.set_label(text, fontsize=9, color=INK)
    if largest:
        labels = [*map(str, range(largest)), f"{largest}+"]
        bar.set_ticks(list(range(largest + 1)), labels=labels)
    else:
        ticks = [tick for tick in RATE_TICKS if tick <= place.get_xlim()[1]]
        bar.set_ticks(ticks, labels=[f"{tick:g}" for tick in ticks])
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
