"""Of each division's reports, how many fell in the cells that the forecasts had flagged."""

import pandas as pd

from pipeline.evaluation.hotspots import BANDS
from pipeline.results.page.score_schemas import AreaHit, AreaHits
from pipeline.results.store.reader import ResultsReader

CITY_WIDE = "city"


def area_hits(store: ResultsReader, city: str) -> AreaHits:
    """Return the hits of the city and of each division, over all scored weeks together.

    Reports are counted as they are known now; a week's scores are as known when it was scored.
    """
    sums = store.sums_by_division(city)
    known = set(store.observed_weeks(city)["week_start"])
    weeks = sorted(known & store.scored_weeks(city).keys())
    places = [(CITY_WIDE, sums), *((str(name), part) for name, part in sums.groupby("division"))]
    return AreaHits(
        weeks=weeks,
        areas=[_hit(name, part, top) for top in BANDS for name, part in places if weeks],
    )


def _hit(name: str, sums: pd.DataFrame, top: int) -> AreaHit:
    """Return the hits among the cells of the top `top` %; a band holds those above it too."""
    flagged = sums[(sums["band"] > 0) & (sums["band"] <= top)]
    observed, reports = int(flagged["reports"].sum()), int(sums["reports"].sum())
    return AreaHit(
        name=name,
        top_percent=top,
        flagged=int(flagged["cells"].sum()),
        expected=float(flagged["expected"].sum()),
        observed=observed,
        reports=reports,
        hit_rate=observed / reports if reports else None,
    )
