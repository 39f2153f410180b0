"""Answers that feeds were seen, or could be made, to send; each is a fault of `faults`."""

import gzip
import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from functools import cache
from types import MappingProxyType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.replay.answers import Answer
from pipeline.replay.faults import Fault, FaultName
from pipeline.replay.source import OCCURRED, PublishedDataset

OLD_DAYS, NEW_DAYS = 120, 21
BOMB_BYTES = 300 << 20
DEEP = 100_000
# The column of a code, and the one of them whose name changes.
_CODES = {
    "lapd_legacy": ("crm_cd", "210"),
    "lapd_nibrs": ("nibr_code", "120"),
    "chicago": ("primary_type", "ASSAULT"),
}
_DATES = ("date_occ", "date")
_NUMBERS = ("dr_no", "caseno", "id")
_POINTS = (("lat", "lon"), ("hndrdth_lat", "hndrdth_lon"), ("latitude", "longitude"))
_TEXTS = ("crm_cd", "nibr_code", "primary_type")
_HOSTILE = "<!channel> <b>=1+1\x1b[31m\u202e|"
_IMPOSSIBLE = ("1800-01-01", "2062-05-04", "0019-03-02")
_WEATHER_VALUES = ("-9999", "72.8", None, 21, "warm", ["1"])

Row = dict[str, Any]


def as_published(dataset: PublishedDataset, faults: Mapping[FaultName, Fault]) -> PublishedDataset:
    """Return a dataset as these faults have it changed; its time of update moves on with it."""
    for name, change in _DATASETS.items():
        if name in faults and dataset.table.num_rows:
            table = change(dataset, faults[name].share)
            moved_on = dataset.updated_at + timedelta(hours=1)
            dataset = replace(dataset, table=table, updated_at=moved_on)
    return dataset


def odd_answer(answer: Answer, faults: Mapping[FaultName, Fault]) -> Answer:
    """Return an answer as these faults have it changed."""
    for name, change in _ROWS.items():
        if name in faults:
            answer = _with_rows(answer, change, faults[name].share)
    for name, of_answer in _ANSWERS.items():
        if name in faults:
            answer = of_answer(answer)
    return answer


def _lost_history(dataset: PublishedDataset, share: float) -> pa.Table:
    occurred = dataset.table[OCCURRED[dataset.adapter]]
    is_old = pc.less(occurred, pc.subtract(pc.max(occurred), pa.scalar(timedelta(days=OLD_DAYS))))
    return dataset.table.filter(pc.invert(pc.and_(is_old, pa.array(_chosen(dataset, share)))))


def _renamed_code(dataset: PublishedDataset, share: float) -> pa.Table:
    column, code = _CODES[dataset.adapter]
    occurred = dataset.table[OCCURRED[dataset.adapter]]
    since = pc.subtract(pc.max(occurred), pa.scalar(timedelta(days=NEW_DAYS)))
    is_hit = pc.and_(pc.equal(dataset.table[column], code), pc.greater(occurred, since))
    is_hit = pc.and_(is_hit, pa.array(_chosen(dataset, share)))
    renamed = pc.if_else(is_hit, f"{code} (NEW)", dataset.table[column])
    return _with(dataset.table, column, renamed)


def _stray_dates(dataset: PublishedDataset, share: float) -> pa.Table:
    column = OCCURRED[dataset.adapter]
    occurred = dataset.table[column]
    today = pc.add(pc.max(occurred), pa.scalar(timedelta(days=1)))
    is_hit = _chosen(dataset, share)
    return _with(dataset.table, column, pc.if_else(pa.array(is_hit), today, occurred))


def _no_rows(dataset: PublishedDataset, _share: float) -> pa.Table:
    return dataset.table.slice(0, 0)


def _chosen(dataset: PublishedDataset, share: float) -> np.ndarray:
    return np.random.default_rng(0).random(dataset.table.num_rows) < share


def _with(table: pa.Table, column: str, values: pa.ChunkedArray) -> pa.Table:
    place = table.column_names.index(column)
    return table.set_column(place, column, values.cast(table.schema.field(column).type))


_DATASETS: Mapping[FaultName, Callable[[PublishedDataset, float], pa.Table]] = MappingProxyType({
    FaultName.LOST_HISTORY: _lost_history,
    FaultName.RENAMED_CODE: _renamed_code,
    FaultName.STRAY_DATES: _stray_dates,
    FaultName.NO_ROWS: _no_rows,
})  # fmt: skip


def _with_rows(answer: Answer, change: Callable[[Row, int], None], share: float) -> Answer:
    rows = json.loads(answer.body)
    if not isinstance(rows, list):  # a refusal
        return answer
    for row in rows:
        number = zlib.crc32(str(row.get(":id", row)).encode())
        if number % 10_000 < 10_000 * share:
            change(row, number)
    return replace(answer, body=json.dumps(rows).encode())


def _set(names: tuple[str, ...], value_of: Callable[[int], object]) -> Callable[[Row, int], None]:
    def change(row: Row, number: int) -> None:
        for name in names:
            if name in row:
                row[name] = value_of(number)

    return change


def _in_feet(row: Row, _number: int) -> None:
    for lat, lon in _POINTS:
        if lat in row and lon in row:
            row[lat], row[lon] = "1838221.5", "6483904.25"


def _odd_weather(row: Row, number: int) -> None:
    value = _WEATHER_VALUES[number % len(_WEATHER_VALUES)]
    row["PRCP" if number % 2 else "TMAX"] = value


_ROWS: Mapping[FaultName, Callable[[Row, int], None]] = MappingProxyType({
    FaultName.UNREADABLE_DATES: _set(_DATES, lambda _: "03/02/2017"),
    FaultName.IMPOSSIBLE_DATES: _set(_DATES, lambda k: f"{_IMPOSSIBLE[k % 3]}T00:00:00.000"),
    FaultName.NO_CASE_NUMBERS: _set(_NUMBERS, lambda _: " "),
    FaultName.HOSTILE_TEXTS: _set(_TEXTS, lambda _: _HOSTILE),
    FaultName.HALF_SIGNS: _set(_TEXTS, lambda _: "\ud83d"),
    FaultName.COORDINATES_IN_FEET: _in_feet,
    FaultName.ODD_WEATHER: _odd_weather,
})  # fmt: skip


def _with_metadata(**values: object) -> Callable[[Answer], Answer]:
    def change(answer: Answer) -> Answer:
        return replace(answer, body=json.dumps({**json.loads(answer.body), **values}).encode())

    return change


def _with_header(name: str, value: str, status: int = 200) -> Callable[[Answer], Answer]:
    def change(answer: Answer) -> Answer:
        return replace(answer, status=status, headers={**answer.headers, name: value})

    return change


def _with_body(body: bytes, content_type: str = "application/json") -> Callable[[Answer], Answer]:
    return lambda answer: replace(answer, body=body, content_type=content_type)


def _one_row(answer: Answer) -> Answer:
    return replace(answer, body=json.dumps(json.loads(answer.body)[:1]).encode())


def _bomb(answer: Answer) -> Answer:
    return replace(answer, body=_packed(), headers={"Content-Encoding": "gzip"})


@cache
def _packed() -> bytes:
    return gzip.compress(bytes(BOMB_BYTES), compresslevel=1)


_ANSWERS: Mapping[FaultName, Callable[[Answer], Answer]] = MappingProxyType({
    FaultName.OUT_OF_DATE: _with_header("X-SODA2-Data-Out-Of-Date", "true"),
    FaultName.NO_UPDATE_TIME: _with_metadata(rowsUpdatedAt=None),
    FaultName.ODD_UPDATE_TIME: _with_metadata(rowsUpdatedAt=1e20),
    FaultName.NULL_COLUMNS: _with_metadata(columns=None),
    FaultName.ODD_COUNT: _with_body('[{"n": "²"}]'.encode()),
    FaultName.ONE_ROW_PAGES: _one_row,
    FaultName.REDIRECT_AWAY: _with_header("Location", "https://elsewhere.example/x", 302),
    FaultName.DEEP_JSON: _with_body(b"[" * DEEP),
    FaultName.HTML_PAGE: _with_body(b"<html>Down for maintenance</html>", "text/html"),
    FaultName.GZIP_BOMB: _bomb,
})  # fmt: skip
