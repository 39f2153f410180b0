"""A picture of a week's forecast and, once it is known, of its outcome beside it."""

import io
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.domain.cells import Cells
from pipeline.domain.city import City
from pipeline.files import write_file
from pipeline.results.products.colours import COUNTS, RATES
from pipeline.results.products.map_layers import (
    INK,
    PALE,
    add_bar,
    add_legend,
    draw_lines,
    fill,
    mark_unstable,
    number_clusters,
)
from pipeline.results.store.records import StoredRun
from pipeline.results.summaries import stability

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DOTS_PER_INCH = 150
PANEL_WIDTH_IN = 8.0
HEAD_IN, FOOT_IN, MARGIN_IN = 1.45, 1.35, 0.6
BANNER_IN = 0.45
END_OF_WEEK = timedelta(days=6)


def draw_week(
    path: Path,
    city: City,
    cells: Cells,
    frame: pd.DataFrame,
    stored: StoredRun,
    observed: NDArray[np.floating] | None = None,
) -> Path:
    """Draw a week to a PNG, 1200 pixels wide per map, and return its path.

    Args:
        path: file to write.
        city: for its name, offences and grid.
        cells: the in-city cells.
        frame: the forecast as ResultsReader.cells_frame gives it.
        stored: the run that made it.
        observed: (rows, cols) reports counted in the week; None while it isn't known.
    """
    from matplotlib.figure import Figure

    panels = 1 if observed is None else 2
    head = HEAD_IN + (BANNER_IN if stored.banner else 0)
    height = (PANEL_WIDTH_IN - 2 * MARGIN_IN) / box_aspect(city) + head + FOOT_IN
    figure = Figure(figsize=(PANEL_WIDTH_IN * panels, height), dpi=DOTS_PER_INCH)
    _write_head(figure, city, frame, stored, observed)
    axes = [_panel(figure, city, k, head) for k in range(panels)]
    axes[0].set_title("Forecast", loc="left", size=11, color=INK)
    _draw_forecast(figure, axes[0], city, cells, frame)
    if observed is not None:
        _draw_outcome(figure, axes[1], city, cells, frame, observed)
    picture = io.BytesIO()
    title = f"{city.title}, week of {stored.record.weeks.target_week} {stored.banner}".strip()
    figure.savefig(picture, format="png", facecolor="white", metadata={"Title": title})
    return write_file(path, picture.getvalue())


def ground_squeeze(city: City) -> float:
    """Return the length of a degree east over that of a degree north."""
    return float(np.cos(np.radians((city.grid.south + city.grid.north) / 2)))


def box_aspect(city: City) -> float:
    """Return the width of the city's box over its height, on the ground."""
    grid = city.grid
    return (grid.east - grid.west) * ground_squeeze(city) / (grid.north - grid.south)


def _panel(figure: "Figure", city: City, index: int, head: float) -> "Axes":
    """Return the axes of one map, with equal distances north and east."""
    width, height = figure.get_size_inches()
    left = (index * PANEL_WIDTH_IN + 1.3 * MARGIN_IN) / width
    size = (PANEL_WIDTH_IN - 2 * MARGIN_IN) / width, (height - head - FOOT_IN) / height
    axes = figure.add_axes((left, FOOT_IN / height, *size))
    axes.set_aspect(1 / ground_squeeze(city))
    axes.tick_params(labelsize=8, colors=PALE, length=3)
    axes.xaxis.set_major_formatter("{x:.2f}°")
    axes.yaxis.set_major_formatter("{x:.2f}°")
    axes.spines[:].set_visible(False)
    return axes


def _draw_forecast(
    figure: "Figure", axes: "Axes", city: City, cells: Cells, frame: pd.DataFrame
) -> None:
    image = fill(axes, city, _on_grid(cells, frame, "mean"), RATES)
    draw_lines(axes, city, cells, _on_grid(cells, frame, "band"))
    mark_unstable(axes, city, frame)
    number_clusters(axes, city, frame)
    add_bar(figure, axes, image, "expected reports per cell and week", RATES)
    add_legend(figure, axes, stability(frame))


def _draw_outcome(
    figure: "Figure",
    axes: "Axes",
    city: City,
    cells: Cells,
    frame: pd.DataFrame,
    observed: NDArray[np.floating],
) -> None:
    image = fill(axes, city, np.where(cells.mask, observed, np.nan), COUNTS)
    axes.set_title("Outcome", loc="left", size=11, color=INK)
    draw_lines(axes, city, cells, _on_grid(cells, frame, "band"))
    add_bar(figure, axes, image, "reports counted per cell in the week", COUNTS)


def _on_grid(cells: Cells, frame: pd.DataFrame, column: str) -> NDArray[np.float64]:
    grid = np.full(cells.shape, np.nan)
    grid[frame["row"], frame["col"]] = frame[column]
    return grid


def _write_head(
    figure: "Figure",
    city: City,
    frame: pd.DataFrame,
    stored: StoredRun,
    observed: NDArray[np.floating] | None,
) -> None:
    """Write what is shown, for which week, made when and from what, and whether it is real."""
    lines = (
        (0.42, 15, "bold", INK, f"{city.title}: {offence_words(city)}"),
        (0.76, 11.5, "normal", INK, _week_line(frame, stored, observed)),
        (1.04, 9, "normal", PALE, _origin_line(stored)),
    )
    width, height = figure.get_size_inches()
    for down, size, weight, colour, text in lines:
        place = (MARGIN_IN / width, 1 - down / height)
        figure.text(*place, text, size=size, weight=weight, color=colour)
    if stored.banner:
        box = {"facecolor": "#fff0c2", "edgecolor": "#b38600", "boxstyle": "square,pad=0.4"}
        place = ((MARGIN_IN + 0.06) / width, 1 - 1.42 / height)
        figure.text(*place, stored.banner, size=10, weight="bold", color=INK, bbox=box)


def offence_words(city: City) -> str:
    """Return what is forecast, such as "homicide, robbery and aggravated assault"."""
    names = [name.replace("_", " ") for name in city.offences.target]
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _week_line(
    frame: pd.DataFrame, stored: StoredRun, observed: NDArray[np.floating] | None
) -> str:
    week = stored.record.weeks.target_week
    days = f"Sunday {_day(week)} to Saturday {_day(week + END_OF_WEEK)}"
    line = f"{days}: {frame['mean'].sum():,.0f} reports expected"
    if observed is None:
        return line
    return f"{line}, {observed[frame['row'], frame['col']].sum():,.0f} counted"


def _origin_line(stored: StoredRun) -> str:
    weeks, record = stored.record.weeks, stored.record
    return (
        f"Issued {_day(weeks.issue_date)} on reports up to {_day(weeks.edge_week + END_OF_WEEK)} "
        f"(horizon {weeks.horizon} weeks) by {record.model_name} {record.model_version}, "
        f"revision {stored.revision}."
    )


def _day(day: date) -> str:
    return f"{day.day} {day:%b %Y}"
