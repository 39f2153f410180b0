"""Socrata's answers: metadata, rows and counts, by SODA 2.1 and SODA 3."""

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.replay.answers import Answer, Request, json_answer, socrata_error
from pipeline.replay.faults import Fault, FaultName
from pipeline.replay.odd_answers import as_published
from pipeline.replay.revision import with_late_revision, with_renamed_column
from pipeline.replay.soql import (
    MAX_LIMIT,
    Query,
    RefusedQuery,
    matching_rows,
    parse_parameters,
    parse_text,
)
from pipeline.replay.source import GONE_DATASETS, PublishedDataset, ReplaySource

_PATH = re.compile(
    r"/(?:resource/(?P<rows>[a-z0-9]{4}-[a-z0-9]{4})\.json"
    r"|api/views/(?P<metadata>[a-z0-9]{4}-[a-z0-9]{4})\.json"
    r"|api/v3/views/(?P<soda3>[a-z0-9]{4}-[a-z0-9]{4})/query\.json)"
)
_UNSAFE = r'["\\\x00-\x1f]'  # what JSON must escape
_TYPE_NAMES = {"timestamp[s]": "calendar_date", "double": "number", "int64": "number"}


def answer_socrata(
    source: ReplaySource, request: Request, faults: Mapping[FaultName, Fault], turn: int
) -> Answer:
    """Answer a request to a portal.

    Args:
        source: the data.
        request: what is asked.
        faults: those that hold for this request.
        turn: number of the request; rows without `$order` come in another order at each.
    """
    match = _PATH.fullmatch(request.path)
    if match is None:
        return socrata_error(404, "dataset.missing", f"Not found: {request.path}")
    kind, dataset_id = next((k, v) for k, v in match.groupdict().items() if v)
    if dataset_id in GONE_DATASETS:
        return moved()
    if dataset_id not in source.datasets:
        return socrata_error(404, "dataset.missing", f"Cannot find view with id {dataset_id}")
    dataset = _as_faults_have_it(source.datasets[dataset_id], faults)
    try:
        if kind == "metadata":
            return json_answer(_metadata(dataset))
        query = parse_parameters(request.query) if kind == "rows" else _soda3_query(request)
        return _result(dataset, query, faults, turn)
    except RefusedQuery as refusal:
        status = 403 if refusal.code == "permission_denied" else 400
        return socrata_error(status, refusal.code, str(refusal))


def moved() -> Answer:
    """Return what a portal says of a dataset that was merged or made private."""
    return socrata_error(403, "permission_denied", "You must be logged in to access this resource")


def _as_faults_have_it(
    dataset: PublishedDataset, faults: Mapping[FaultName, Fault]
) -> PublishedDataset:
    if FaultName.LATE_REVISION in faults:
        dataset = with_late_revision(dataset)
    if FaultName.RENAMED_COLUMN in faults:
        dataset = with_renamed_column(dataset)
    return as_published(dataset, faults)


def _metadata(dataset: PublishedDataset) -> dict[str, Any]:
    columns = [
        {
            "fieldName": field.name,
            "name": field.name.replace("_", " "),
            "dataTypeName": _TYPE_NAMES.get(str(field.type), "text"),
        }
        for field in dataset.table.schema
    ]
    return {
        "id": dataset.id,
        "name": dataset.title,
        "license": None,
        "rowsUpdatedAt": int(dataset.updated_at.timestamp()),
        "columns": columns,
    }


def _soda3_query(request: Request) -> Query:
    if "x-app-token" not in request.headers:
        raise RefusedQuery("permission_denied", "SODA3 needs an application token: X-App-Token")
    try:
        body = json.loads(request.body)
        page = body.get("page", {})
        size, number = int(page.get("pageSize", MAX_LIMIT)), int(page.get("pageNumber", 1))
        text = str(body["query"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RefusedQuery("request.malformed", f"Body is not a SODA3 query: {error}") from error
    query = parse_text(text)
    is_paged = " limit " not in text.lower()
    return Query(
        query.columns,
        query.count_as,
        query.where,
        query.order or ((":id", "ascending"),),
        min(size, MAX_LIMIT) if is_paged else query.limit,
        (number - 1) * size if is_paged else query.offset,
    )


def _result(
    dataset: PublishedDataset, query: Query, faults: Mapping[FaultName, Fault], turn: int
) -> Answer:
    rows = matching_rows(dataset.table, query, dataset.updated_at)
    if query.count_as:
        return json_answer([{query.count_as: str(len(rows))}])
    if FaultName.EMPTY_PAGE in faults:
        return json_answer([])
    if not query.order:
        rows = np.random.default_rng(turn).permutation(rows)
    page = rows[query.offset : query.offset + query.limit]
    if not query.order and FaultName.DUPLICATES_WITHOUT_ORDER in faults:
        page = _with_duplicates(page)
    columns = query.columns or tuple(dataset.table.column_names)
    return Answer(200, rows_as_json(dataset.table, columns, page, dataset.updated_at))


def _with_duplicates(page: NDArray[np.int64]) -> NDArray[np.int64]:
    """Repeat a tenth of the rows in the place of others."""
    page = page.copy()
    count = max(len(page) // 10, min(1, len(page) - 1))
    page[len(page) - count :] = page[:count]
    return page


def rows_as_json(
    table: pa.Table, columns: tuple[str, ...], rows: NDArray[np.int64], updated_at: datetime
) -> bytes:
    """Return rows as a portal writes them: every value a string, nulls left out."""
    part = table.select([n for n in columns if n in table.column_names]).take(pa.array(rows))
    members = []
    for name in columns:
        if name == ":id":
            text = pa.array([f"row-{k:08x}" for k in rows.tolist()], pa.string())
        elif name == ":updated_at":
            text = pa.array([f"{updated_at:%Y-%m-%dT%H:%M:%S}.000Z"] * len(rows), pa.string())
        else:
            text = _as_text(part[name])
        members.append(pc.binary_join_element_wise(f'"{name}":"', text, '"', ""))
    inside = pc.binary_join_element_wise(*members, ",", null_handling="skip")
    return ("[{" + "},{".join(inside.to_pylist()) + "}]").encode() if len(rows) else b"[]"


def _as_text(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return values as Socrata writes them, ready to stand between quotes."""
    text = values.cast(pa.string())
    if pa.types.is_timestamp(values.type):
        return pc.binary_join_element_wise(pc.replace_substring(text, " ", "T"), ".000", "")
    if pa.types.is_string(values.type) and pc.any(pc.match_substring_regex(text, _UNSAFE)).as_py():
        safe = [None if v is None else json.dumps(v)[1:-1] for v in text.to_pylist()]
        return pa.chunked_array([pa.array(safe, pa.string())])
    return text
