"""A forecast as tables: its in-city cells, and the totals of city and divisions."""

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.domain.columns import FORECAST_CELLS, FORECAST_TOTALS
from pipeline.domain.distributions import Forecast
from pipeline.domain.weeks import ForecastWeeks
from pipeline.evaluation.scores import probability_of_any


def cells_table(made: Forecast, row: NDArray[np.int64], col: NDArray[np.int64]) -> pa.Table:
    """Return the forecast of these cells as a table of contract FORECAST_CELLS.

    Raises:
        SchemaDrift: one of them has no mean.
    """
    mean, size = made.mean[row, col], made.nb_size[row, col]
    return FORECAST_CELLS.conform(
        pd.DataFrame(
            {
                **_keys(made.weeks),
                "row": row,
                "col": col,
                "mean": mean,
                "nb_size": size,
                "p_any": probability_of_any(mean, size),
                "p_top5": None if made.p_top5 is None else made.p_top5[row, col],
            }
        )
    )


def totals_table(made: Forecast) -> pa.Table:
    """Return the forecast's city and division totals as a table of contract FORECAST_TOTALS."""
    places = {"city": made.city, **made.divisions}
    return FORECAST_TOTALS.conform(
        pd.DataFrame(
            {
                **_keys(made.weeks),
                "place": list(places),
                "mean": [total.mean for total in places.values()],
                "nb_size": [total.size for total in places.values()],
            }
        )
    )


def _keys(weeks: ForecastWeeks) -> dict[str, object]:
    return {
        "issue_date": weeks.issue_date,
        "week_start": weeks.target_week,
        "horizon": weeks.horizon,
    }
