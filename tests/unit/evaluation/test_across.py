"""Backtests of several cities in one table: plain means over cities, weeks drawn within each."""

import json

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from pipeline.evaluation.across import (
    ACROSS_FILE,
    ALL_CITIES,
    PAGE_FILE,
    RIVALS,
    compare_cities,
    write_comparison,
)
from pipeline.evaluation.outputs import BACKTEST_SCORES, SCORES_FILE, SUMMARY_FILE
from pipeline.evaluation.rivals import BOOSTED_TREES
from tests.unit.evaluation.conftest import backtest_events, make_events, mean_forecaster


@pytest.fixture(scope="module")
def folders(city, settings, tmp_path_factory):
    """Backtests of two cities of the same place, by horizons that differ."""
    place = tmp_path_factory.mktemp("across")
    for name, seed, horizons in (("tinytown", 1, [1, 2]), ("othertown", 5, [1])):
        own = city.model_copy(update={"name": name})
        events = place / f"{name}.parquet"
        make_events(seed=seed).to_parquet(events)
        backtest_events(
            own, events, settings=settings, make_forecaster=mean_forecaster(own), last_weeks=4,
            horizons=horizons, out=place / name,
        )  # fmt: skip
    return {name: place / name for name in ("tinytown", "othertown")}


def test_a_pooled_difference_is_the_mean_over_cities(folders):
    found = compare_cities(folders, seed=1)
    assert found["horizons"] == [1]
    assert set(found["percent_against"]) == set(RIVALS)
    against = found["percent_against"][BOOSTED_TREES]["1"]
    assert set(against) == {"tinytown", "othertown", ALL_CITIES}
    for name, folder in folders.items():
        pooled = json.loads((folder / SUMMARY_FILE).read_text())["pooled"]
        ours, theirs = (
            pooled[model]["1"]["poisson_deviance"] for model in ("view_mean", BOOSTED_TREES)
        )
        assert against[name]["difference"] == pytest.approx(100 * (ours / theirs - 1))
    mean = np.mean([against[name]["difference"] for name in folders])
    assert against[ALL_CITIES]["difference"] == pytest.approx(mean)
    assert np.isnan(against[ALL_CITIES]["low"])  # of four weeks


def test_it_is_written_as_a_page_and_as_json_without_nan(folders, tmp_path):
    write_comparison(tmp_path, compare_cities(folders, seed=1))
    kept = json.loads((tmp_path / ACROSS_FILE).read_text())
    assert kept["percent_against"][BOOSTED_TREES]["1"][ALL_CITIES]["low"] is None
    page = (tmp_path / PAGE_FILE).read_text()
    assert page.count("| tinytown |") == 5
    assert page.count("| all cities | 1 |") == 1
    assert "nan" not in page


def known_deviance(folder, name, gain, weeks=26, seed=0):
    """A backtest's files: the model is better by `gain` percent, give or take ten times that."""
    random = np.random.default_rng(seed)
    folder.mkdir()
    rival = 1 + 0.1 * random.random(weeks)
    ours = rival * (1 - gain / 100 * (1 + 10 * random.normal(size=weeks)))
    starts = [stamp.date() for stamp in pd.date_range("2020-01-05", periods=weeks, freq="7D")]
    parts = [
        pd.DataFrame(
            {"week_start": starts, "horizon": 1, "model": model, "score": "poisson_deviance",
             "value": values}
        )
        for model, values in (("ours", ours), *((rival_name, rival) for rival_name in RIVALS))
    ]  # fmt: skip
    pq.write_table(BACKTEST_SCORES.conform(pd.concat(parts)), folder / SCORES_FILE)
    summary = {"city": name, "horizons": [1], "model": "ours", "weeks": weeks}
    (folder / SUMMARY_FILE).write_text(json.dumps(summary))
    return folder


def test_many_cities_together_show_more_than_one_alone(tmp_path):
    folders = {n: known_deviance(tmp_path / n, n, 0.5, seed=k) for k, n in enumerate("abcdefgh")}
    against = compare_cities(folders, seed=1)["percent_against"][BOOSTED_TREES]["1"]
    width = {place: figure["high"] - figure["low"] for place, figure in against.items()}
    alone = np.mean([width[name] for name in folders])
    # Eight independent cities: an interval narrower by the square root of eight.
    assert width[ALL_CITIES] == pytest.approx(alone / np.sqrt(8), rel=0.25)
