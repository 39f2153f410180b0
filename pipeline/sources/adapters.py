"""The crime feeds: which columns are asked for, and which class an offence of theirs belongs to."""

import re
from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.domain.city import OTHER, City

WHOLE_NUMBER = r"^0*([0-9]+)(?:\.0*)?$"


@dataclass(frozen=True)
class Adapter:
    """The columns of one feed, by what they mean; none of them is about a person.

    Attributes:
        scheme: prefix of its case numbers and offence codes.
        era: records system its cases were entered in.
        row_key: names a row.
        case: names a case, which may have several rows.
        occurred, time, reported, code, area, lat, lon, status: None where the feed has none; the
            time of day only tells one case from another.
    """

    scheme: str
    era: str
    row_key: str
    case: str
    occurred: str
    code: str
    lat: str
    lon: str
    time: str | None = None
    reported: str | None = None
    area: str | None = None
    status: str | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that is asked for, once."""
        named = (
            self.row_key, self.case, self.occurred, self.time, self.reported, self.code,
            self.status, self.area, self.lat, self.lon,
        )  # fmt: skip
        return tuple(dict.fromkeys(name for name in named if name is not None))


ADAPTERS = {
    "lapd_legacy": Adapter(
        scheme="lapd", era="legacy", row_key="dr_no", case="dr_no",
        occurred="date_occ", time="time_occ", reported="date_rptd", code="crm_cd", area="area",
        lat="lat", lon="lon",
    ),
    "lapd_nibrs": Adapter(
        scheme="nibrs", era="nibrs", row_key="uniquenibrno", case="caseno",
        occurred="date_occ", time="time_occ", reported="date_rptd", code="nibr_code", area="area",
        lat="hndrdth_lat", lon="hndrdth_lon", status="status_desc",
    ),
    "chicago": Adapter(
        scheme="chicago", era="other", row_key="id", case="id",
        occurred="date", code="primary_type", lat="latitude", lon="longitude",
    ),
}  # fmt: skip


def as_text(values: pa.ChunkedArray) -> pd.Series:
    """Return the values as a pandas series of text."""
    return pd.Series(values.to_pandas(), dtype="str")


def codes_of(adapter: Adapter, table: pa.Table) -> pd.Series:
    """Return each row's offence code, prefixed by the feed's scheme; "unknown" where empty.

    A number is written without zeros before it and decimals after it, as feeds come to add them.
    """
    code = pc.utf8_upper(pc.utf8_trim_whitespace(pc.fill_null(table[adapter.code], "")))
    code = pc.replace_substring_regex(code, WHOLE_NUMBER, r"\1")
    code = pc.if_else(pc.equal(code, ""), "unknown", code)
    return as_text(pc.binary_join_element_wise(adapter.scheme, code, ":"))


def classes_of(city: City, codes: pd.Series) -> pd.Series:
    """Return each code's offence class; 'other' where the city names none."""
    class_of = {_as_pulled(code): name for code, name in city.offences.class_of().items()}
    return each_distinct(codes, lambda code: class_of.get(code, OTHER))


def _as_pulled(code: str) -> str:
    scheme, colon, own = code.partition(":")
    return scheme + colon + re.sub(WHOLE_NUMBER, r"\1", own.upper())


def each_distinct(values: pd.Series, translate: Callable[[str], str | int]) -> pd.Series:
    """Return each value translated, the function being called once for each distinct one."""
    index, distinct = pd.factorize(values)
    translated = pa.array([translate(value) for value in distinct])
    return pd.Series(translated.take(pa.array(index)).to_pandas())


def is_withheld(city: City, classes: pd.Series) -> pd.Series:
    """Mark the classes that are counted city-wide and have no place on a map."""
    return classes.isin(city.offences.citywide_only)
