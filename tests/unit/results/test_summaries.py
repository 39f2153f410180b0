from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest

from pipeline.results.summaries import clusters_summary, stability, totals_summary
from tests.unit.results.samples import TARGET, publish


@pytest.fixture
def frames(store, cells, city):
    publish(store, cells)
    return store.cells_frame(city.name, TARGET), store.totals(city.name, TARGET)


def test_stability_is_the_mean_over_the_hotspots_alone(frames):
    cells, _ = frames
    # One cell of six is the top 5 %, and three of four re-runs flag it.
    assert (cells["band"] > 0).sum() == 1
    assert stability(cells) == 0.75
    cells["band"] = [0, 5, 0, 0, 1, 0]
    assert stability(cells) == 0.5


def test_stability_is_unknown_where_a_hotspot_was_not_rerun(frames):
    cells, _ = frames
    assert stability(cells.assign(p_top5=np.nan)) is None
    assert stability(cells.assign(band=0)) is None


def test_clusters_add_up_and_are_led_by_their_highest_cell(frames, city):
    cells, _ = frames
    cells["cluster"] = [0, 2, 0, 2, 1, 2]
    first, second = (asdict(cluster) for cluster in clusters_summary(city, cells))
    assert first == {
        "cluster": 1, "row": 2, "col": 0, "cell_id": 8, "divisions": "Up", "place": "Up",
        "cells": 1, "size": "27.3 x 55.6 km", "mean": 4.0,
        "long_run_mean": 0.75, "p_top5": 0.75,
    }  # fmt: skip
    # 2.0 + 1.0 + 0.125 expected, 3 x 0.75 in the long run, a third of 0.25.
    assert second == {
        "cluster": 2, "row": 0, "col": 2, "cell_id": 2, "divisions": "Down, Up",
        "place": "Down, also Up", "cells": 3, "size": "54.6 x 166.8 km", "mean": 3.125,
        "long_run_mean": 2.25, "p_top5": pytest.approx(1 / 12),
    }  # fmt: skip


def test_a_cluster_with_an_unknown_cell_is_unknown_itself(frames, city):
    cells, _ = frames
    cells["cluster"] = [0, 1, 0, 0, 1, 0]
    cells.loc[1, ["long_run_mean", "p_top5"]] = np.nan
    (found,) = clusters_summary(city, cells)
    assert found.mean == 6.0
    assert np.isnan([found.long_run_mean, found.p_top5]).all()


def test_a_city_without_hotspots_has_no_clusters(frames, city):
    cells, _ = frames
    assert clusters_summary(city, cells.assign(cluster=0)) == []


def test_totals_get_the_long_run_means_of_their_cells(frames):
    cells, totals = frames
    found = totals_summary(totals, cells)
    assert found["name"].tolist() == ["city", "Up", "Down"]
    # Six cells of 0.75, two of them in Up.
    assert found["long_run_mean"].tolist() == [4.5, 1.5, 3.0]
    pd.testing.assert_frame_equal(found.drop(columns="long_run_mean"), totals)


def test_totals_of_unknown_cells_are_unknown(frames):
    cells, totals = frames
    cells.loc[cells["division"] == "Up", "long_run_mean"] = np.nan
    found = totals_summary(totals, cells).set_index("name")["long_run_mean"]
    assert found["Down"] == 3.0
    assert np.isnan([found["city"], found["Up"]]).all()
