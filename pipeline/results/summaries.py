"""What the cells of a stored forecast add up to: its stability, clusters and places."""

import pandas as pd

from pipeline.domain.city import City
from pipeline.results.places import place_name, with_places


def stability(cells: pd.DataFrame) -> float | None:
    """Return how much of a forecast's top 5 % a re-run of history flags again, 0 to 1 on average.

    None where history was not re-run. As every re-run flags as many cells as the forecast does, it
    is the mean p_top5 of the forecast's own hotspots.

    Args:
        cells: as ResultsReader.cells_frame gives them.
    """
    mean = cells.loc[cells["band"] > 0, "p_top5"].mean(skipna=False)
    return None if pd.isna(mean) else float(mean)


def clusters_summary(city: City, cells: pd.DataFrame) -> pd.DataFrame:
    """Return one row per cluster, in its order.

    Columns: cluster, row and col (of its highest-ranked cell), divisions, place (its name), cells,
    mean and long_run_mean (reports in the week), p_top5 (mean of its cells). NaN where a cell has
    none.

    Args:
        city: for the names of its places.
        cells: as ResultsReader.cells_frame gives them.
    """
    hot = with_places(city, cells[cells["cluster"] > 0]).sort_values(["cluster", "rank"])
    groups = hot.groupby("cluster")
    summary = groups[["row", "col"]].first()
    summary["divisions"] = groups["division"].agg(lambda names: ", ".join(names.unique()))
    summary["place"] = [place_name(c["neighbourhood"], c["division"]) for _, c in groups]
    summary["cells"] = groups.size()
    for name, sums in (("mean", "sum"), ("long_run_mean", "sum"), ("p_top5", "mean")):
        summary[name] = groups[name].agg(sums, skipna=False)
    return summary.reset_index()


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
