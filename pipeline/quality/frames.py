"""Tables as the suites see them: pandas frames whose dates are also ages in days."""

from datetime import date

import pandas as pd
import pyarrow as pa

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
    """Return incidents with ages and delay in days, and `day_excess`: 1 for excess of a pile.

    Ages and division numbers are float64, which Great Expectations compares a column at a time;
    days and small integers it would compare one by one.
    """
    frame = _with_categories(table).to_pandas(date_as_object=False, ignore_metadata=True)
    frame["area"] = frame["area"].astype("float64")
    frame["occurred_age_days"] = _age_days(frame["occurred_on"], issue_date)
    frame["reported_age_days"] = _age_days(frame["reported_on"], issue_date)
    frame["report_delay_days"] = frame["occurred_age_days"] - frame["reported_age_days"]
    if "incident_id" in frame:  # measures do without it
        is_excess = excess(frame["occurred_age_days"].to_numpy(), frame["incident_id"])
        frame["day_excess"] = is_excess.astype("float64")
    return frame


def days_later(incidents: pd.DataFrame, days: int) -> pd.DataFrame:
    """Return a frame of `incident_frame` as it would be so many days later."""
    return incidents.assign(**{name: incidents[name] + days for name in _AGES})


def weather_frame(table: pa.Table, issue_date: date) -> pd.DataFrame:
    """Return daily weather with `observed_age_days`."""
    frame = table.to_pandas(date_as_object=False, ignore_metadata=True)
    frame["observed_age_days"] = _age_days(frame["observed_on"], issue_date)
    return frame


def _with_categories(table: pa.Table) -> pa.Table:
    """Encode the texts that repeat, which makes comparing them many times faster."""
    for name in VOCABULARIES:
        place = table.column_names.index(name)
        table = table.set_column(place, name, table[name].dictionary_encode())
    return table


def _age_days(days: pd.Series, issue_date: date) -> pd.Series:
    return (pd.Timestamp(issue_date) - days).dt.days.astype("float64")
