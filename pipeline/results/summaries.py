"""What the cells of a stored forecast add up to: its stability, clusters and places."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.domain.city import City
from pipeline.grid.neighbourhoods import neighbourhoods
from pipeline.results.place_names import cluster_name, extent
from pipeline.results.store.seals import Columns


class _Cell(NamedTuple):
    cluster: int
    rank: int
    row: int
    col: int
    division: str
    mean: float
    long_run_mean: float | None
    p_top5: float | None


CLUSTERED = _Cell._fields  # the columns of cells that clusters are made of


def stability(cells: pd.DataFrame) -> float | None:
    """Return how much of a forecast's top 5 % a re-run of history flags again, 0 to 1 on average.

    None where history was not re-run. As every re-run flags as many cells as the forecast does, it
    is the mean p_top5 of the forecast's own hotspots.

    Args:
        cells: as ResultsReader.cells_frame gives them.
    """
    mean = cells.loc[cells["band"] > 0, "p_top5"].mean(skipna=False)
    return None if pd.isna(mean) else float(mean)


@dataclass(frozen=True)
class ClusterSummary:
    """A group of touching hotspots around one peak; NaN where one of its cells has no such value.

    Attributes:
        cluster: its number.
        row, col, cell_id: of its peak, its highest-ranked cell.
        divisions: of its cells, the highest-ranked first.
        place: its name.
        cells: how many it has.
        size: width and height of the box around them, with the unit.
        mean, long_run_mean: reports in the week, in all of them.
        p_top5: mean of its cells.
    """

    cluster: int
    row: int
    col: int
    cell_id: int
    divisions: str
    place: str
    cells: int
    size: str
    mean: float
    long_run_mean: float
    p_top5: float


def clusters_summary(city: City, cells: Columns | pd.DataFrame) -> list[ClusterSummary]:
    """Return the clusters of a forecast, in their order.

    Args:
        city: for the names of its places.
        cells: the cells by column, with those of CLUSTERED.
    """
    names = neighbourhoods(city)
    rows = (_Cell(*values) for values in zip(*(cells[n] for n in CLUSTERED), strict=True))
    hot = sorted((cell for cell in rows if cell.cluster), key=lambda c: (c.cluster, c.rank))
    return [_summary(city, list(group), names) for _, group in groupby(hot, lambda c: c.cluster)]


def _summary(city: City, cells: Sequence[_Cell], names: NDArray[np.object_]) -> ClusterSummary:
    peak, divisions = cells[0], [cell.division for cell in cells]
    rows, cols = [cell.row for cell in cells], [cell.col for cell in cells]
    return ClusterSummary(
        cluster=peak.cluster,
        row=peak.row,
        col=peak.col,
        cell_id=city.grid.cell_id(peak.row, peak.col),
        divisions=", ".join(dict.fromkeys(divisions)),
        place=cluster_name(names[rows, cols].tolist(), divisions),
        cells=len(cells),
        size=extent(city.grid, rows, cols),
        mean=_sum(cell.mean for cell in cells),
        long_run_mean=_sum(cell.long_run_mean for cell in cells),
        p_top5=_sum(cell.p_top5 for cell in cells) / len(cells),
    )


def _sum(values: Iterable[float | None]) -> float:
    return math.fsum(math.nan if value is None else value for value in values)


def totals_summary(totals: pd.DataFrame, cells: pd.DataFrame) -> pd.DataFrame:
    """Return the totals with one more column, long_run_mean: NaN where a cell of a place has none.

    Args:
        totals: as ResultsReader.totals gives them.
        cells: as ResultsReader.cells_frame gives them.
    """
    by_division = cells.groupby("division")["long_run_mean"].sum(skipna=False)
    is_city = totals["kind"] == "city"
    long_run = totals["name"].map(by_division)
    return totals.assign(long_run_mean=long_run.mask(is_city, by_division.sum(skipna=False)))
