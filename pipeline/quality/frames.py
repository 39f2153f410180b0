"""Tables as the suites see them: pandas frames whose dates are also ages in days."""

from datetime import date

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.domain.columns import TableContract
from pipeline.quality.piles import excess

VOCABULARIES = ("era", "location_status", "offence_code", "offence_class")
_AGES = ("occurred_age_days", "reported_age_days")


def schema_frame(table: pa.Table) -> pd.DataFrame:
    """Return a frame without rows, with a column "name type" for each column of the table."""
    return pd.DataFrame(columns=[f"{field.name} {field.type}" for field in table.schema])


def schema_found(contract: TableContract, table: pa.Table) -> str:
    """Return in words how the columns differ from the contract's."""
    found = {field.name: str(field.type) for field in table.schema}
    wanted = {column.name: str(column.type) for column in contract.columns}
    parts = [f"{name} missing" for name in wanted if name not in found]
    parts += [f"{name} unknown" for name in found if name not in wanted]
    parts += [
        f"{name} {found[name]}" for name in wanted if found.get(name, wanted[name]) != wanted[name]
    ]
    return ", ".join(parts) or f"the {len(wanted)} columns of the contract"


def incident_frame(table: pa.Table, issue_date: date) -> pd.DataFrame:
    """Return incidents with ages and delay in days, and what of a row is wrong: 1 where it is.

    `day_excess` is excess of a pile, `place_mismatch` a place that does not fit the status.
    `incident_id` is a number that stands for the text. Ages and numbers are float64, which Great
    Expectations compares a column at a time; days and small integers it would compare one by one,
    and copying texts costs a third of all checks.
    """
    named = "incident_id" in table.column_names  # measures do without it
    without = table.drop_columns("incident_id") if named else table
    frame = _with_categories(without).to_pandas(date_as_object=False, ignore_metadata=True)
    frame["area"] = frame["area"].astype("float64")
    frame["occurred_age_days"] = _age_days(frame["occurred_on"], issue_date)
    frame["reported_age_days"] = _age_days(frame["reported_on"], issue_date)
    frame["report_delay_days"] = frame["occurred_age_days"] - frame["reported_age_days"]
    if named:
        frame["incident_id"] = _numbered(table["incident_id"])
        is_excess = excess(frame["occurred_age_days"].to_numpy(), table["incident_id"])
        frame["day_excess"] = is_excess.astype("float64")
        frame["place_mismatch"] = _place_mismatch(frame).astype("float64")
    return frame


def days_later(incidents: pd.DataFrame, days: int) -> pd.DataFrame:
    """Return a frame of `incident_frame` as it would be so many days later."""
    return incidents.assign(**{name: incidents[name] + days for name in _AGES})


def weather_frame(table: pa.Table, issue_date: date) -> pd.DataFrame:
    """Return daily weather with `observed_age_days`."""
    frame = table.to_pandas(date_as_object=False, ignore_metadata=True)
    frame["observed_age_days"] = _age_days(frame["observed_on"], issue_date)
    return frame


def _numbered(texts: pa.ChunkedArray) -> NDArray[np.float64]:
    """Return a number for each text, the same for equal ones, NaN where there is none."""
    codes = texts.combine_chunks().dictionary_encode().indices
    return codes.cast(pa.float64()).to_numpy(zero_copy_only=False)


def _place_mismatch(frame: pd.DataFrame) -> NDArray[np.bool_]:
    """Mark what is located without a whole place, and what isn't and has a part of one."""
    is_located = (frame["location_status"] == "located").to_numpy()
    has_lat, has_lon = (frame[name].notna().to_numpy() for name in ("lat", "lon"))
    return np.where(is_located, ~(has_lat & has_lon), has_lat | has_lon)


def _with_categories(table: pa.Table) -> pa.Table:
    """Encode the texts that repeat, which makes comparing them many times faster."""
    for name in VOCABULARIES:
        place = table.column_names.index(name)
        table = table.set_column(place, name, table[name].dictionary_encode())
    return table


def _age_days(days: pd.Series, issue_date: date) -> pd.Series:
    return (pd.Timestamp(issue_date) - days).dt.days.astype("float64")
