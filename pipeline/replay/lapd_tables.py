"""Simulated reports as the two records systems of the police would publish them."""

from collections.abc import Sequence
from datetime import date

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.replay.kinds import CODES, NIBRS
from pipeline.replay.source import LEGACY_COLUMNS, NIBRS_COLUMNS

ROLL_OUT, OLD_SYSTEM_ENDS = date(2024, 3, 7), date(2025, 1, 1)
_FIRST_DIVISION_FACTOR = 0.35  # Central moved to the new system before the others
OVERLAP_SHARE = 0.0025  # of reports made during the roll-out, entered in both systems
_LEGACY_STATUS = "IC"
_DUPLICATED_YEAR, _DUPLICATED_SHARE = 2016, 0.25  # exact repeats in the published file
_NIBRS_FIRST, _CLONE_FIRST = 20_000, 50_000  # case numbers of the new system, and of its oddities
_SECOND_OFFENCE = (0.02, 0.13)  # range of `quirk` in which a case has a second offence
_ODDITIES = {  # what a case of its own is made of, range of `quirk` in which one is added
    "Unfounded": (0.0, 0.010),
    "Non-Crime/Other": (0.010, 0.014),
    "no code": (0.014, 0.0143),
    "year 1800": (0.0143, 0.01432),
}
_USUAL_SECOND = {"09A": "13A", "11A": "13B", "120": "13A", "13A": "13B", "290": "90Z"}
_CODE_NAMES = list(CODES)
_NIBRS_NAMES = list(NIBRS)


def systems_of(
    reported: NDArray[np.datetime64],
    division: NDArray[np.int64],
    legacy_share: dict[int, float],
    rng: np.random.Generator,
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return whether each report (n,) is in the old system, and whether in the new one.

    Args:
        reported: dates of report.
        division: number of the division, from 0.
        legacy_share: month of 2024 -> share of reports that still go to the old system.
        rng: decides which.
    """
    month = reported.astype("datetime64[M]").astype(int) % 12 + 1
    share = np.array([0.0, *(legacy_share.get(m, 1.0) for m in range(1, 13))])[month]
    share = np.where(division == 0, share * _FIRST_DIVISION_FACTOR, share)
    is_during = (reported >= np.datetime64(ROLL_OUT)) & (reported < np.datetime64(OLD_SYSTEM_ENDS))
    draw, overlap = rng.random((2, len(reported)))
    is_legacy = np.where(is_during, draw < share, reported < np.datetime64(ROLL_OUT))
    is_in_both = is_during & (overlap < OVERLAP_SHARE)
    return is_legacy | is_in_both, ~is_legacy | is_in_both


def legacy_table(events: pd.DataFrame, divisions: Sequence[str]) -> pa.Table:
    """Return simulated reports in the columns of the old system."""
    is_repeated = (events["occurred_on"].dt.year == _DUPLICATED_YEAR) & (
        events["quirk"] < _DUPLICATED_SHARE
    )
    events = pd.concat([events, events[is_repeated]], ignore_index=True)
    code = events["code"].to_numpy()
    columns = {
        "dr_no": _case_number(events, 0),
        "date_rptd": pa.array(events["reported_on"]),
        "date_occ": pa.array(events["occurred_on"]),
        "time_occ": _clock_time(events),
        **_areas(events, divisions),
        "part_1_2": _taken([CODES[name].part for name in _CODE_NAMES], code),
        "crm_cd": _taken(_CODE_NAMES, code),
        "crm_cd_desc": _taken([CODES[name].description for name in _CODE_NAMES], code),
        "status": _constant(_LEGACY_STATUS, len(events)),
        "lat": pa.array(events["lat"]),
        "lon": pa.array(events["lon"]),
    }
    return _as_table(columns, LEGACY_COLUMNS)


def nibrs_table(events: pd.DataFrame, divisions: Sequence[str]) -> pa.Table:
    """Return simulated reports in the columns of the new system, one row per offence.

    Added to the reports, as cases of their own: unfounded ones, non-crimes, a few without a code
    and a few with a placeholder date.
    """
    usual = events.assign(status="Open", first=_NIBRS_FIRST, offence=1)
    usual["nibrs"] = _nibrs_of(usual["code"].to_numpy())
    second = usual[usual["quirk"].between(*_SECOND_OFFENCE)].assign(offence=2)
    second["nibrs"] = _second_offence(second["nibrs"].to_numpy())
    rows = pd.concat([usual, second, *(_oddities(usual, name) for name in _ODDITIES)])
    rows = rows.sort_values(["occurred_on", "number", "first", "offence"], ignore_index=True)
    case = _case_number(rows, rows["first"].to_numpy())
    code = pa.array(rows["nibrs"], mask=(rows["nibrs"] < 0).to_numpy())
    name = pc.take(pa.array(_NIBRS_NAMES), code)
    against = pc.take(pa.array([NIBRS[n][1] for n in _NIBRS_NAMES]), code)
    group = pc.if_else(pc.starts_with(name, "90"), "B", "A")
    columns = {
        "caseno": case,
        "uniquenibrno": pc.binary_join_element_wise(
            case, pc.fill_null(name, ""), pa.array(rows["offence"]).cast(pa.string()), ""
        ),
        "date_rptd": _report_moment(rows),
        "date_occ": pa.array(rows["occurred_on"]),
        "time_occ": _clock_time(rows),
        **_areas(rows, divisions),
        "group": group,
        "nibr_code": name,
        "nibr_description": pc.take(pa.array([NIBRS[n][0] for n in _NIBRS_NAMES]), code),
        "crime_against": against,
        "status_desc": pa.array(rows["status"], pa.string()),
        "hndrdth_lat": pa.array(rows["lat"]),
        "hndrdth_lon": pa.array(rows["lon"]),
    }
    return _as_table(columns, NIBRS_COLUMNS)


def _nibrs_of(code: NDArray[np.int64]) -> NDArray[np.int64]:
    index = [_NIBRS_NAMES.index(CODES[name].nibrs) for name in _CODE_NAMES]
    return np.array(index)[code]


def _second_offence(nibrs: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the code that goes along with each, never a more serious one."""
    index = [_NIBRS_NAMES.index(_USUAL_SECOND.get(name, "290")) for name in _NIBRS_NAMES]
    return np.array(index)[nibrs]


def _oddities(usual: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return cases made after some of the usual ones, odd in the way of this name."""
    low, high = _ODDITIES[name]
    chosen = usual["quirk"].ge(low) & usual["quirk"].lt(high)
    odd = usual[chosen].assign(first=_CLONE_FIRST)
    if name == "no code":
        return odd.assign(nibrs=-1)
    if name == "year 1800":
        return odd.assign(occurred_on=np.datetime64("1800-01-01", "s"))
    return odd.assign(status=name)


def _case_number(events: pd.DataFrame, first: int | NDArray[np.int64]) -> pa.Array:
    """Return two digits of the year, two of the division, five of the case."""
    division = events["division"].astype(np.int64) + 1
    number = events["year"] % 100 * 10**7 + division * 10**5
    text = pa.array(number + events["number"] + first, pa.int64()).cast(pa.string())
    return pc.utf8_lpad(text, 9, "0")


def _clock_time(events: pd.DataFrame) -> pa.Array:
    minute = events["minute"].to_numpy(np.int64)
    text = pa.array(minute // 60 * 100 + minute % 60).cast(pa.string())
    return pc.utf8_lpad(text, 4, "0")


def _report_moment(events: pd.DataFrame) -> pa.Array:
    """Return the date of report with a time of day, as the new system gives it."""
    second = (events["quirk"] * 10**6 % 1 * 86_399).to_numpy().astype("timedelta64[s]")
    return pa.array(events["reported_on"].to_numpy().astype("datetime64[s]") + second)


def _areas(events: pd.DataFrame, divisions: Sequence[str]) -> dict[str, pa.Array]:
    area = [f"{k + 1:02d}" for k in range(len(divisions))]
    text = _taken(area, events["division"].to_numpy())
    district = pa.array(events["cell"].to_numpy(np.int64) % 90 + 10).cast(pa.string())
    return {
        "area": text,
        "area_name": _taken(list(divisions), events["division"].to_numpy()),
        "rpt_dist_no": pc.binary_join_element_wise(text, district, ""),
    }


def _taken(values: Sequence[str] | Sequence[int], index: NDArray[np.int64]) -> pa.Array:
    return pc.take(pa.array(values), pa.array(index))


def _constant(value: str, length: int) -> pa.Array:
    return pa.repeat(pa.scalar(value), length)


def _as_table(columns: dict[str, pa.Array], schema: pa.Schema) -> pa.Table:
    return pa.table({name: columns[name].cast(schema.field(name).type) for name in schema.names})
