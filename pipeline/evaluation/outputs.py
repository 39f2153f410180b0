"""The files of a backtest, and how they get to the disk: whole or not at all."""

import hashlib
import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline.domain.columns import HORIZON, REAL, TARGET_WEEK, TEXT, Column, TableContract
from pipeline.domain.errors import InvalidRequest
from pipeline.files import parquet_bytes, write_file

FORECASTS_FILE = "forecasts.parquet"
SCORES_FILE = "scores.parquet"
SUMMARY_FILE = "summary.json"

BACKTEST_SCORES = TableContract(
    "backtest_scores",
    (
        TARGET_WEEK,
        HORIZON,
        Column("model", TEXT, "the model, or the name of a baseline"),
        Column("score", TEXT, "name of the score; in-city cells unless it starts with bbox_"),
        Column("value", REAL, "its value; null where it has no meaning, such as the hit rate of a "
               "week without reports", is_nullable=True),
    ),
    ("week_start", "horizon", "model", "score"),
)  # fmt: skip


def make_folder(folder: Path) -> None:
    """Make the folder of a backtest, before any time is spent on it.

    Raises:
        InvalidRequest: a file stands in its place, or it can't be written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidRequest(f"{folder} can't be made: {error}. Give another folder.") from error
    if not os.access(folder, os.W_OK):
        raise InvalidRequest(f"{folder} can't be written to. Give another folder.")


def write_backtest(
    folder: Path, forecasts: pa.Table, scores: pa.Table, summary: Mapping[str, Any]
) -> dict[str, Any]:
    """Write the three files and return the summary with the hashes of the other two.

    The summary comes last: where its hashes fit, the files beside it are of the same run.
    """
    tables = {FORECASTS_FILE: forecasts, SCORES_FILE: scores}
    contents = {name: parquet_bytes(table) for name, table in tables.items()}
    for name, content in contents.items():
        write_file(folder / name, content)
    files = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    whole = {**plain(summary), "files": files}
    text = json.dumps(whole, indent=1, allow_nan=False)
    write_file(folder / SUMMARY_FILE, text.encode())
    return whole


def plain(value: Any) -> Any:  # noqa: ANN401
    """Return value with None for every number that JSON has no word for."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
