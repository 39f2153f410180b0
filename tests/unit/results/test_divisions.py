from datetime import timedelta

import numpy as np
import pytest

from pipeline.results.page.divisions import area_hits
from pipeline.results.store.reader import ResultsReader
from tests.unit.results.samples import TARGET, publish

CITY = "smallville"
WEEK = timedelta(days=7)
SCORES = {"dual_branch_cnn": {"poisson_deviance": 0.5}}


@pytest.fixture
def history(store, cells, tmp_path):
    """Two scored weeks, one that is counted and not scored, one to come."""
    for k in range(4):
        publish(store, cells, target=TARGET + k * WEEK)
    weeks = [TARGET + k * WEEK for k in range(3)]
    counts = np.zeros((3, 3, 4))
    counts[:, 2, 0], counts[:, 1, 1], counts[2] = 3, 2, 50
    store.save_observed(CITY, weeks, counts, TARGET + 9 * WEEK)
    for week in weeks[:2]:
        store.save_scores(CITY, week, 1, SCORES, TARGET + 9 * WEEK)
    return ResultsReader(f"sqlite:///{tmp_path / 'deep' / 'results.db'}")


def test_hits_are_the_stores_over_the_scored_weeks(history):
    found = area_hits(history, CITY)
    assert found.weeks == [TARGET, TARGET + WEEK]
    # The one flagged cell of six is 2,0, of division Up, where 4.0 were expected.
    top = {a.name: a for a in found.areas if a.top_percent == 5}
    assert list(top) == ["city", "Down", "Up"]
    city, down, up = top.values()
    assert (up.flagged, up.expected, up.observed, up.reports, up.hit_rate) == (2, 8.0, 6, 6, 1.0)
    assert (down.flagged, down.expected, down.observed, down.reports) == (0, 0.0, 0, 4)
    assert down.hit_rate == 0.0
    assert (city.observed, city.reports, city.hit_rate) == (6, 10, 0.6)


def test_every_share_of_cells_holds_those_above_it(history):
    by_top = {}
    for area in area_hits(history, CITY).areas:
        by_top.setdefault(area.name, []).append(area.observed)
    assert by_top == {"city": [6, 6, 6], "Down": [0, 0, 0], "Up": [6, 6, 6]}


def test_only_the_current_revision_counts(store, cells, history):
    publish(store, cells, scale=2.0, forecast_sha256="b" * 64)
    assert area_hits(history, CITY).weeks == [TARGET + WEEK]


def test_without_scores_there_are_no_areas(store, cells, tmp_path):
    publish(store, cells)
    reader = ResultsReader(f"sqlite:///{tmp_path / 'deep' / 'results.db'}")
    found = area_hits(reader, CITY)
    assert (found.weeks, found.areas) == ([], [])
