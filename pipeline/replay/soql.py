"""The part of SoQL that a sound client needs; anything else is refused, as a portal would."""

import re
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

DEFAULT_LIMIT = 1000
MAX_LIMIT = 50_000
SYSTEM_COLUMNS = (":id", ":updated_at")
_CONDITION = re.compile(
    r"\s*(?P<column>:?\w+)\s*(?P<op><=|>=|!=|=|<|>)\s*(?P<value>'(?:[^']|'')*'|-?\d+(?:\.\d+)?)\s*"
)
_AND = re.compile(r"and\b", re.IGNORECASE)
_COUNT = re.compile(r"count\(\*\)(?:\s+as\s+(?P<alias>\w+))?", re.IGNORECASE)
_ORDER = re.compile(r"(:?\w+)(?:\s+(asc|desc))?", re.IGNORECASE)
_CLAUSES = re.compile(
    r"\s*select\s+(?P<select>.+?)(?:\s+where\s+(?P<where>.+?))?(?:\s+order\s+by\s+(?P<order>.+?))?"
    r"(?:\s+limit\s+(?P<limit>\d+))?(?:\s+offset\s+(?P<offset>\d+))?\s*",
    re.IGNORECASE | re.DOTALL,
)
_COMPARE = {
    "=": pc.equal,
    "!=": pc.not_equal,
    "<": pc.less,
    "<=": pc.less_equal,
    ">": pc.greater,
    ">=": pc.greater_equal,
}


class RefusedQuery(ValueError):
    """A query that a portal would answer with 400; `code` is Socrata's name for the fault."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Condition:
    """`column op value`; the value is text as it was written."""

    column: str
    op: str
    value: str


@dataclass(frozen=True)
class Query:
    """A parsed query.

    Attributes:
        columns: columns to return, in order; empty means all.
        count_as: name of the count, when the query counts rows.
        where: conditions that must all hold.
        order: (column, direction) pairs; empty means that no order was asked for.
        limit, offset: page.
    """

    columns: tuple[str, ...] = ()
    count_as: str | None = None
    where: tuple[Condition, ...] = ()
    order: tuple[tuple[str, str], ...] = ()
    limit: int = DEFAULT_LIMIT
    offset: int = 0


def parse_parameters(parameters: dict[str, str]) -> Query:
    """Read the `$` parameters of a SODA 2.1 request.

    Raises:
        RefusedQuery: a parameter or clause is unknown or malformed.
    """
    clauses = {name.lstrip("$"): text for name, text in parameters.items() if name[0] == "$"}
    known = {"select", "where", "order", "limit", "offset", "app_token"}
    strange = [name for name in parameters if name.lstrip("$") not in known or name[0] != "$"]
    if strange:
        raise RefusedQuery("query.soql.unknown-parameter", f"Unrecognized arguments {strange}")
    return _build(clauses)


def parse_text(text: str) -> Query:
    """Read `SELECT … WHERE … ORDER BY … LIMIT … OFFSET …`, as SODA 3 sends it.

    Raises:
        RefusedQuery: the text is not of this form.
    """
    match = _CLAUSES.fullmatch(text)
    if match is None:
        raise RefusedQuery("query.compiler.malformed", f"Could not parse query: {text}")
    return _build({name: part for name, part in match.groupdict().items() if part is not None})


def _build(clauses: dict[str, str]) -> Query:
    query = Query(
        where=_conditions(clauses["where"]) if "where" in clauses else (),
        order=_order(clauses["order"]) if "order" in clauses else (),
        limit=_whole_number(clauses.get("limit", str(DEFAULT_LIMIT)), "limit"),
        offset=_whole_number(clauses.get("offset", "0"), "offset"),
    )
    if query.limit > MAX_LIMIT:
        raise RefusedQuery(
            "query.execution.limit", f"Invalid $limit {query.limit}: must be <= {MAX_LIMIT}"
        )
    return _with_selection(query, clauses.get("select", "*"))


def _whole_number(text: str, name: str) -> int:
    if not text.strip().isdigit():
        raise RefusedQuery("query.compiler.malformed", f"${name} must be a whole number: {text!r}")
    return int(text)


def _with_selection(query: Query, text: str) -> Query:
    count = _COUNT.fullmatch(text.strip())
    if count:
        return replace(query, count_as=count["alias"] or "count")
    if text.strip() == "*":
        return query
    columns = tuple(part.strip() for part in text.split(","))
    for column in columns:
        if not re.fullmatch(r":?\w+", column):
            raise RefusedQuery("query.compiler.malformed", f"Could not parse $select at {column!r}")
    return replace(query, columns=columns)


def _conditions(text: str) -> tuple[Condition, ...]:
    found: list[Condition] = []
    at = 0
    while True:
        match = _CONDITION.match(text, at)
        if match is None:
            raise RefusedQuery("query.compiler.malformed", f"Could not parse $where: {text!r}")
        found.append(Condition(match["column"], match["op"], match["value"]))
        if match.end() == len(text):
            return tuple(found)
        joint = _AND.match(text, match.end())
        if joint is None:
            raise RefusedQuery("query.compiler.malformed", f"Could not parse $where: {text!r}")
        at = joint.end()


def _order(text: str) -> tuple[tuple[str, str], ...]:
    order = []
    for part in text.split(","):
        match = _ORDER.fullmatch(part.strip())
        if match is None:
            raise RefusedQuery("query.compiler.malformed", f"Could not parse $order: {text!r}")
        is_down = (match[2] or "asc").lower() == "desc"
        order.append((match[1], "descending" if is_down else "ascending"))
    return tuple(order)


def matching_rows(table: pa.Table, query: Query, updated_at: datetime) -> NDArray[np.int64]:
    """Return the positions of the rows that a query asks for, sorted as it asks, unpaged.

    Raises:
        RefusedQuery: it names a column that is not there, or compares unlike types.
    """
    _check_columns(table, query)
    keep: NDArray[np.bool_] = np.ones(table.num_rows, dtype=bool)
    for condition in query.where:
        keep &= _holds(table, condition, updated_at)
    rows = np.flatnonzero(keep)
    keys = [pair for pair in query.order if pair[0] not in SYSTEM_COLUMNS]
    if keys:
        names = list(dict.fromkeys(name for name, _ in keys))
        part = table.select(names).take(pa.array(rows)).append_column(":id", pa.array(rows))
        rows = rows[pc.sort_indices(part, [*keys, (":id", "ascending")]).to_numpy()]
    if (":id", "descending") in query.order:
        rows = rows[::-1]
    return rows


def _check_columns(table: pa.Table, query: Query) -> None:
    named = [*query.columns, *(c.column for c in query.where), *(name for name, _ in query.order)]
    for name in named:
        if name not in table.column_names and name not in SYSTEM_COLUMNS:
            raise RefusedQuery("query.soql.no-such-column", f"No such column: {name}")


def _holds(table: pa.Table, condition: Condition, updated_at: datetime) -> NDArray[np.bool_]:
    if condition.column == ":updated_at":
        stamp = pa.scalar(updated_at.replace(tzinfo=None), pa.timestamp("s"))
        is_true = _COMPARE[condition.op](stamp, _literal(condition, pa.timestamp("s"))).as_py()
        return np.full(table.num_rows, is_true)
    if condition.column == ":id":
        raise RefusedQuery("query.soql.type-mismatch", "Filtering on :id is not replayed")
    values = table[condition.column]
    result = _COMPARE[condition.op](values, _literal(condition, values.type))
    return result.fill_null(fill_value=False).to_numpy().astype(bool)


def _literal(condition: Condition, kind: pa.DataType) -> pa.Scalar:
    text = condition.value
    is_quoted = text.startswith("'")
    bare = text[1:-1].replace("''", "'") if is_quoted else text
    try:
        if pa.types.is_timestamp(kind) and is_quoted:
            moment = datetime.fromisoformat(bare).replace(tzinfo=None, microsecond=0)
            return pa.scalar(moment, kind)
        if pa.types.is_string(kind) and is_quoted:
            return pa.scalar(bare)
        if pa.types.is_floating(kind) or pa.types.is_integer(kind):
            return pa.scalar(float(bare))
    except ValueError as error:
        raise RefusedQuery("query.soql.type-mismatch", f"{text} is no {kind}") from error
    raise RefusedQuery("query.soql.type-mismatch", f"Can't compare {condition.column} to {text}")
