"""All weeks and all scores, as somebody with pandas reads them."""

import hashlib
import json
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from pipeline.domain.errors import WeekNotReady
from pipeline.results.products.all_weeks import export_all
from pipeline.results.store.reader import ResultsReader
from tests.unit.results.samples import TARGET, publish

LAST = TARGET - timedelta(weeks=1)  # in 2025


@pytest.fixture
def reader(store, cells, tmp_path):
    publish(store, cells, target=LAST, provenance="simulated")
    publish(store, cells, target=TARGET, provenance="simulated")
    publish(store, cells, scale=2.0, forecast_sha256="b" * 64, provenance="simulated")
    counts = np.zeros((3, 4))
    counts[2, 0], counts[0, 1] = 3, 1
    store.save_observed("smallville", [LAST], [counts], TARGET)
    scores = {"dual_branch_cnn": {"mae": 0.123456}, "long_run_mean": {"mae": 0.2, "crps": np.nan}}
    store.save_scores("smallville", LAST, 1, scores, TARGET)
    return ResultsReader(f"sqlite:///{tmp_path / 'deep' / 'results.db'}")


@pytest.fixture
def folder(reader, city, tmp_path):
    written = export_all(reader, city, tmp_path / "all")
    assert sorted(written) == sorted(p for p in (tmp_path / "all").rglob("*") if p.is_file())
    return tmp_path / "all"


def test_cells_of_all_weeks_are_read_as_one_table(folder, reader):
    cells = pd.read_parquet(folder / "cells")
    assert len(cells) == 2 * 6
    assert cells["target_year"].astype(int).value_counts().to_dict() == {2025: 6, 2026: 6}
    assert set(cells["target_week"]) == {LAST, TARGET}
    newest = cells[cells["target_week"] == TARGET]
    # The second revision, twice the first.
    assert newest["mean"].tolist() == reader.cells_frame("smallville", TARGET)["mean"].tolist()
    assert newest["mean"].max() == 8.0
    assert set(newest["revision"]) == {2}
    assert newest["counted"].isna().all()
    of_last = cells[cells["target_week"] == LAST].set_index("cell_id")
    assert of_last["counted"].to_dict() == {1: 1, 2: 0, 5: 0, 6: 0, 8: 3, 9: 0}
    assert of_last["cluster"].dropna().to_dict() == {8: 1}


def test_totals_say_what_was_counted_in_each_place(folder):
    totals = pd.read_parquet(folder / "totals").set_index(["target_week", "name"])
    assert totals.loc[LAST, "counted"].to_dict() == {"city": 4, "Up": 3, "Down": 1}
    assert totals.loc[TARGET, "counted"].isna().all()


def test_scores_are_all_there_with_our_model_named_forecast(folder):
    scores = pd.read_parquet(folder / "scores")
    assert scores[["model", "score"]].to_numpy().tolist() == [
        ["forecast", "mae"], ["long_run_mean", "crps"], ["long_run_mean", "mae"],
    ]  # fmt: skip
    assert scores["value"].iloc[0] == 0.1235
    assert np.isnan(scores["value"].iloc[1])
    assert set(scores["target_week"]) == {LAST}
    assert isinstance(scores["scored_edge_week"].iloc[0], date)


def test_files_say_that_they_are_simulated_and_what_they_hold(folder):
    tables = sorted(str(p.relative_to(folder)) for p in folder.rglob("*.parquet"))
    assert tables == [
        "cells/target_year=2025/smallville_simulated.parquet",
        "cells/target_year=2026/smallville_simulated.parquet",
        "scores/target_year=2025/smallville_simulated.parquet",
        "totals/target_year=2025/smallville_simulated.parquet",
        "totals/target_year=2026/smallville_simulated.parquet",
    ]
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["provenance"] == ["simulated"]
    assert manifest["target_weeks"] == [str(LAST), str(TARGET)]
    for name, sha256 in manifest["files"].items():
        assert sha256 == hashlib.sha256((folder / name).read_bytes()).hexdigest()
    assert {*tables, "data_dictionary.csv"} == manifest["files"].keys()
    columns = pd.read_csv(folder / "data_dictionary.csv").set_index("column")
    assert set(columns.index) == {
        name for kind in ("cells", "totals", "scores") for name in pd.read_parquet(folder / kind)
    }
    assert columns.loc["counted", "unit"] == "reports"


def test_a_city_without_forecast_gives_nothing(store, city, tmp_path):
    reader = ResultsReader(f"sqlite:///{tmp_path / 'deep' / 'results.db'}")
    with pytest.raises(WeekNotReady):
        export_all(reader, city, tmp_path / "all")
    assert not (tmp_path / "all").exists()
