import json
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest

from pipeline.domain.errors import StorageUnavailable
from pipeline.evaluation.outputs import write_backtest

TABLE = pa.table({"week_start": [date(2020, 1, 5)], "mean": [0.5]})


def test_numbers_that_json_lacks_become_null(tmp_path):
    summary = {"pooled": {1: [float("nan"), 1.5], "hit": float("inf")}, "weeks": (1, 2)}
    written = write_backtest(tmp_path, TABLE, TABLE, summary)
    assert json.loads((tmp_path / "summary.json").read_text()) == written
    assert written["pooled"] == {"1": [None, 1.5], "hit": None}
    assert written["weeks"] == [1, 2]


def test_a_broken_off_write_leaves_the_earlier_files(tmp_path, monkeypatch):
    write_backtest(tmp_path, TABLE, TABLE, {"run": 1})
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}

    def no_space(_self: Path, _target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", no_space)
    with pytest.raises(StorageUnavailable, match="the disk is full"):
        write_backtest(tmp_path, TABLE.slice(0, 0), TABLE, {"run": 2})
    assert {n: (tmp_path / n).read_bytes() for n in before} == before


def test_a_second_run_replaces_the_first(tmp_path):
    write_backtest(tmp_path, TABLE, TABLE, {"run": 1})
    write_backtest(tmp_path, TABLE, TABLE, {"run": 2})
    assert json.loads((tmp_path / "summary.json").read_text())["run"] == 2
    assert len(list(tmp_path.iterdir())) == 3
