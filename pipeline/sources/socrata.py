"""A dataset on a Socrata portal, read whole and checked to be whole."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.domain.errors import InvalidRequest, SchemaDrift, SourceUnavailable
from pipeline.settings import Settings
from pipeline.sources.http import Check, HttpClient, Json

PULLS = 3
ROW_ID = ":id"
ENOUGH_TO_JUDGE = 100
OUT_OF_DATE = "the portal says that its answer is out of date"
A_TIME_S = range(946_684_800, 2**32)  # Unix seconds from 2000 on; milliseconds lie far above
LONGEST_COUNT = 12  # digits
MOST_ROWS = 50_000_000  # the largest dataset that is read has one million
SHORTEST_PAGE = 100  # a page may be this many times shorter than asked; portals cap at 1,000 rows


class SocrataDataset:
    """One dataset, by SODA 2.1, or by SODA 3 where `settings.use_soda3`."""

    def __init__(self, http: HttpClient, settings: Settings, host: str, dataset_id: str) -> None:
        """Raise InvalidRequest where SODA 3 is asked for without a token."""
        token = _token(settings)
        if settings.use_soda3 and token is None:
            raise InvalidRequest(
                "HOTSPOTS_USE_SODA3 is set, and SODA 3 answers only with a token: "
                "set HOTSPOTS_SOCRATA_TOKEN as well, or leave SODA 3 off."
            )
        self.dataset_id = dataset_id
        self._http = http
        self._host = host.rstrip("/")
        self._page_rows = settings.page_rows
        self._use_soda3 = settings.use_soda3
        self._headers = {"X-App-Token": token} if token else {}

    @cached_property
    def _metadata(self) -> dict[str, Any]:
        url = f"{self._host}/api/views/{self.dataset_id}.json"
        answer = self._http.get_json(url, headers=self._headers, problem_in=_not_metadata)
        return dict(answer)

    def updated_at(self) -> datetime | None:
        """Return when the dataset's rows last changed (aware, UTC); None where it does not say."""
        seconds = self._metadata.get("rowsUpdatedAt")
        if isinstance(seconds, int) and seconds in A_TIME_S:
            return datetime.fromtimestamp(seconds, UTC)
        self._http.notes.append(
            f"{self.dataset_id}: its metadata hold rowsUpdatedAt {str(seconds)[:40]!r}, where Unix "
            "seconds were expected; pulled without knowing whether it has changed"
        )
        return None

    @property
    def is_out_of_date(self) -> bool:
        """Say whether the rows fetched last came from a copy that lags behind the dataset."""
        return self._http.is_out_of_date

    def column_names(self) -> set[str]:
        """Return the API names of the dataset's columns."""
        return {str(column.get("fieldName")) for column in self._metadata["columns"]}

    def count(self, where: str | None = None) -> int:
        """Return the number of rows for which the SoQL condition holds."""
        return int(self._query("count(*) as n", where, _not_a_count)[0]["n"])

    def fetch(self, columns: Sequence[str], key: str, where: str | None = None) -> pa.Table:
        """Return these columns of every row for which `where` holds, as text; null where empty.

        A pull counts as whole when the dataset counted the same before and after it, and as many
        rows with as many distinct `:id` came. Otherwise it is made again, twice at most. So is one
        of a copy that the portal calls out of date, which is taken in the end, as `is_out_of_date`
        says.

        Args:
            columns: API names; the table's columns, in this order.
            key: the one of them that names a row.
            where: SoQL condition.

        Raises:
            SchemaDrift: a column is not in the dataset, or comes without values.
            SourceUnavailable: no pull was whole, or the dataset counts more rows than any has.
        """
        self._require(columns)
        for _ in range(PULLS):
            self._http.is_out_of_date = False
            table, problem = self._pull(columns, where)
            if problem is None and not self._http.is_out_of_date:
                break
            problem = problem or OUT_OF_DATE
            self._http.notes.append(f"{self.dataset_id}: {problem}; pulled again")
        if problem in (None, OUT_OF_DATE):
            self._require_values(table, key)
            return table.drop_columns([ROW_ID])
        raise SourceUnavailable(
            f"Dataset {self.dataset_id} could not be read whole in {PULLS} pulls: {problem}. "
            "It may be in the middle of a refresh: try again in an hour."
        )

    def _require(self, columns: Sequence[str]) -> None:
        found = self.column_names()
        missing = [name for name in columns if name not in found]
        if missing:
            raise SchemaDrift(
                f"Dataset {self.dataset_id} has no column {', '.join(missing)}; it has "
                f"{', '.join(sorted(found)) or 'none'}. Was it renamed? Change its adapter."
            )

    def _require_values(self, table: pa.Table, key: str) -> None:
        rows = table.num_rows
        if rows and table[key].null_count == rows:
            raise SchemaDrift(
                f"Dataset {self.dataset_id}: none of {rows} rows has a {key}, which names a row. "
                "Was the column renamed?"
            )
        empty = [name for name in table.column_names if table[name].null_count == rows]
        if empty and rows >= ENOUGH_TO_JUDGE:
            raise SchemaDrift(
                f"Dataset {self.dataset_id}: none of {rows} rows has a value of "
                f"{', '.join(empty)}. Was the column renamed or emptied?"
            )

    def _pull(self, columns: Sequence[str], where: str | None) -> tuple[pa.Table, str | None]:
        expected = self.count(where)
        if expected > MOST_ROWS:
            raise SourceUnavailable(
                f"Dataset {self.dataset_id} counts {expected:,} rows, and at most {MOST_ROWS:,} "
                "are read. Compare the count with the portal's own page of the dataset."
            )
        schema = pa.schema([(name, pa.string()) for name in (ROW_ID, *columns)])
        pages: list[pa.Table] = []
        rows = 0
        while rows < expected:
            place = (rows, len(pages) + 1, expected - rows)
            page = _as_text(self._page(columns, where, *place), schema)
            pages.append(page)
            rows += page.num_rows
        table = pa.concat_tables(pages) if pages else schema.empty_table()
        return table, _incomplete(table, expected, self.count(where))

    def _page(
        self, columns: Sequence[str], where: str | None, offset: int, number: int, left: int
    ) -> Json:
        """Return the rows from an offset on; a page of fewer than a page has is asked for again."""
        fewest = min(left, max(2, self._page_rows // SHORTEST_PAGE))

        def problem_in(answer: Json) -> str | None:
            if not _is_rows(answer):
                return "the answer is not a list of rows"
            if len(answer) >= fewest:
                return None
            what = f"page of {len(answer)} rows" if answer else "empty page"
            return f"{what} at row {offset}, before the last"

        return self._query(",".join((ROW_ID, *columns)), where, problem_in, (offset, number))

    def _query(
        self, select: str, where: str | None, problem_in: Check, page: tuple[int, int] | None = None
    ) -> Json:
        """Ask for rows; `page` is (rows already come, number of the page from 1)."""
        if self._use_soda3:
            return self._query_soda3(select, where, problem_in, page)
        params: dict[str, str | int] = {"$select": select}
        if where:
            params["$where"] = where
        if page is not None:
            # A portal may cap pages below what is asked for, so go on from what has come.
            params |= {"$order": ROW_ID, "$limit": self._page_rows, "$offset": page[0]}
        url = f"{self._host}/resource/{self.dataset_id}.json"
        return self._http.get_json(url, params, self._headers, problem_in=problem_in)

    def _query_soda3(
        self, select: str, where: str | None, problem_in: Check, page: tuple[int, int] | None
    ) -> Json:
        query = f"SELECT {select}" + (f" WHERE {where}" if where else "")
        body: dict[str, Any] = {"query": query, "includeSynthetic": False}
        if page is not None:
            body["query"] += f" ORDER BY {ROW_ID}"
            body["page"] = {"pageNumber": page[1], "pageSize": self._page_rows}
        url = f"{self._host}/api/v3/views/{self.dataset_id}/query.json"
        return self._http.post_json(url, body, self._headers, problem_in=problem_in)


def _is_rows(answer: Json) -> bool:
    return isinstance(answer, list) and all(isinstance(row, dict) for row in answer)


def _token(settings: Settings) -> str | None:
    """Return the token without blanks around it; it goes into a header, so it can hold no others.

    Raises:
        InvalidRequest: it holds something else than what can be seen.
    """
    secret = settings.socrata_token
    token = secret.get_secret_value().strip() if secret else None
    if token and not (token.isascii() and token.isprintable() and " " not in token):
        raise InvalidRequest(
            "HOTSPOTS_SOCRATA_TOKEN holds a blank, a line end or another sign that a token can't "
            "have. Copy it again from the portal."
        )
    return token or None


def _not_metadata(answer: Json) -> str | None:
    if not isinstance(answer, dict):
        return "the metadata are not an object"
    return None if _is_rows(answer.get("columns")) else "the metadata hold no list of columns"


def _not_a_count(answer: Json) -> str | None:
    is_one = _is_rows(answer) and len(answer) == 1
    number = str(answer[0].get("n", "")) if is_one else ""
    is_count = number.isascii() and number.isdigit() and len(number) <= LONGEST_COUNT
    return None if is_count else "the answer to count(*) is not a count"


def _as_text(rows: list[dict[str, Any]], schema: pa.Schema) -> pa.Table:
    """Return the rows as text; portals leave empty fields out and write numbers as strings."""
    columns = [
        [None if (value := row.get(name)) is None else str(value) for row in rows]
        for name in schema.names
    ]
    return pa.table([_text_array(column) for column in columns], schema=schema)


def _text_array(values: list[str | None]) -> pa.Array:
    try:
        return pa.array(values, pa.string())
    except UnicodeEncodeError:  # half of a pair that stands for one sign, without the other
        whole = [text and text.encode(errors="replace").decode() for text in values]
        return pa.array(whole, pa.string())


def _incomplete(table: pa.Table, before: int, after: int) -> str | None:
    """Say why the rows that came are not the dataset as it stood, or None."""
    if before != after:
        return f"count(*) went from {before} to {after} during the pull"
    distinct = pc.count_distinct(table[ROW_ID]).as_py()
    if table.num_rows != after or distinct != after:
        return f"{table.num_rows} rows with {distinct} distinct :id came, count(*) is {after}"
    return None
