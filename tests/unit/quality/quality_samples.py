"""Good tables, for the tests to spoil."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa

from pipeline.domain.city import City
from pipeline.domain.columns import TableContract

AS_OF = date(2026, 11, 24)
LAST_DAY = date(2026, 11, 14)  # a Saturday, ten days before
WEEKS = 15
A_DAY = 12  # 84 a week, 1,260 in all
CODES = {
    "nibrs:13A": "aggravated_assault",
    "nibrs:120": "robbery",
    "nibrs:13B": "simple_assault",
    "nibrs:240": "other",
}


def as_table(contract: TableContract, frame: pd.DataFrame) -> pa.Table:
    """The contract's types, none of its rules: what a faulty client might hand on."""
    schema = pa.schema([(column.name, column.type) for column in contract.columns])
    return pa.Table.from_pandas(frame[schema.names], schema=schema, preserve_index=False)


def good_incidents(city: City) -> pd.DataFrame:
    """Fifteen whole weeks of reports at cell centres, each filed on its day in its division."""
    cells = city.listed_cells()
    assert cells is not None
    rows = WEEKS * 7 * A_DAY
    n = np.arange(rows)
    # 137 and the 1,663 cells have no common factor, so that no cell comes twice.
    chosen = n * 137 % len(cells)
    lat, lon = city.grid.centres()
    row, col = cells.row[chosen], cells.col[chosen]
    first = LAST_DAY - timedelta(days=WEEKS * 7 - 1)
    days = [first + timedelta(days=int(k)) for k in n // A_DAY]
    codes = [list(CODES)[k % len(CODES)] for k in n]
    return pd.DataFrame(
        {
            "incident_id": [f"nibrs:{k:06d}" for k in n],
            "dataset": "k7nn-b2ep",
            "era": "nibrs",
            "occurred_on": days,
            "reported_on": days,
            "offence_code": codes,
            "offence_class": [CODES[code] for code in codes],
            "area": pd.array(
                [city.divisions.index(cells.division[k]) + 1 for k in chosen], dtype="Int32"
            ),
            "lat": lat[row, col],
            "lon": lon[row, col],
            "location_status": "located",
        }
    )


def good_weather() -> pd.DataFrame:
    """Sixty days of two stations up to the day before the issue date."""
    days = [AS_OF - timedelta(days=k) for k in range(60, 0, -1)]
    parts = [
        pd.DataFrame(
            {
                "station": station,
                "observed_on": days,
                "tmax_degc": 24.0,
                "tmin_degc": 12.0,
                "prcp_mm": 0.0,
                "source": "ncei",
            }
        )
        for station in ("USW00023174", "USW00023130")
    ]
    return pd.concat(parts, ignore_index=True)
