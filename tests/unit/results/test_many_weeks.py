import sqlite3
from contextlib import closing
from datetime import timedelta

import numpy as np
import pytest

from pipeline.domain.errors import WeekNotReady
from pipeline.results.store.reader import ResultsReader
from tests.unit.results.samples import TARGET, publish

CITY = "smallville"
WEEK = timedelta(days=7)
NEXT = TARGET + WEEK
SCORES = {"dual_branch_cnn": {"poisson_deviance": 0.5}}


@pytest.fixture
def history(store, tmp_path):
    return ResultsReader(f"sqlite:///{tmp_path / 'deep' / 'results.db'}")


@pytest.fixture
def rows(tmp_path):
    """The tables themselves, each statement kept at once."""
    path = tmp_path / "deep" / "results.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        yield connection


def reports():
    """Two reports in cell 1,1."""
    grid = np.zeros((3, 4))
    grid[1, 1] = 2
    return grid


@pytest.fixture
def known(store, cells):
    publish(store, cells)
    publish(store, cells, target=NEXT, scale=2.0)
    store.save_observed(CITY, [TARGET], [reports()], edge_week=TARGET)


def test_outcomes_are_kept_by_week_and_cell(history, known):
    weeks = history.observed_weeks(CITY).to_dict("records")
    assert weeks == [{"week_start": TARGET, "observed_edge_week": TARGET, "reports": 2}]
    assert history.observed_cells(CITY, TARGET).to_dict("records") == [
        {"row": 1, "col": 1, "reports": 2}
    ]
    with pytest.raises(WeekNotReady, match="isn't known yet"):
        history.observed_cells(CITY, NEXT)


def test_later_knowledge_replaces_earlier_and_never_the_other_way_round(store, history, known):
    store.save_observed(CITY, [TARGET], [3 * reports()], edge_week=NEXT)
    assert history.observed_cells(CITY, TARGET)["reports"].tolist() == [6]
    store.save_observed(CITY, [TARGET], [reports()], edge_week=TARGET)
    assert history.observed_cells(CITY, TARGET)["reports"].tolist() == [6]
    store.save_observed(CITY, [TARGET], [np.zeros((3, 4))], edge_week=NEXT + WEEK)
    assert history.observed_cells(CITY, TARGET).empty


def test_cells_of_a_week_are_written_again_only_when_its_counts_change(store, history, known, rows):
    # A row that nobody but this test put there shows whether the week's cells were written anew.
    rows.execute("UPDATE observed_cells SET reports = 9")
    store.save_observed(CITY, [TARGET], [reports()], edge_week=NEXT)
    assert history.observed_week(CITY, TARGET) == (NEXT, 2)
    assert history.observed_cells(CITY, TARGET)["reports"].tolist() == [9]
    moved = np.roll(reports(), 1, axis=1)  # as many reports, in another cell
    store.save_observed(CITY, [TARGET], [moved], edge_week=NEXT + WEEK)
    assert history.observed_cells(CITY, TARGET).to_dict("records") == [
        {"row": 1, "col": 2, "reports": 2}
    ]


def test_a_week_stored_before_hashes_were_kept_is_written_again(store, history, known, rows):
    rows.execute("UPDATE observed_weeks SET sha256 = NULL")
    rows.execute("UPDATE observed_cells SET reports = 9")
    store.save_observed(CITY, [TARGET], [reports()], edge_week=NEXT)
    assert history.observed_cells(CITY, TARGET)["reports"].tolist() == [2]


def test_city_totals_are_those_of_the_current_revisions(store, cells, history, known):
    publish(store, cells, scale=3.0, forecast_sha256="b" * 64)
    totals = history.city_totals(CITY)
    # 7.875 reports; the first week was revised to three times, the second is twice that.
    assert totals["target_week"].tolist() == [TARGET, NEXT]
    assert totals["mean"].tolist() == [23.625, 15.75]


def test_a_cells_past_has_all_weeks_that_are_forecast_or_known(store, history, known):
    store.save_observed(CITY, [TARGET - WEEK], [2 * reports()], edge_week=TARGET)
    past = history.cell_past(CITY, 1, 1)
    # Cell 1,1 was forecast 0.25, then twice that; 4 and 2 were counted, none is known of the last.
    assert {week: (of.reports, of.mean) for week, of in past.items()} == {
        TARGET - WEEK: (4, None),
        TARGET: (2, 0.25),
        NEXT: (None, 0.5),
    }
    stored = store.cells_frame(CITY, TARGET).query("row == 1 and col == 1").iloc[0]
    assert past[TARGET][2:] == (stored["q10"], stored["q90"])


def test_a_cells_past_is_of_the_current_revisions(store, cells, history, known):
    publish(store, cells, scale=3.0, forecast_sha256="b" * 64)
    assert history.cell_past(CITY, 1, 1)[TARGET].mean == 0.75


def test_a_known_week_without_reports_counts_as_none(history, known):
    assert history.cell_past(CITY, 0, 1)[TARGET].reports == 0


def test_a_cell_outside_the_city_has_no_past(history, known):
    assert history.cell_past(CITY, 0, 0) == {}


def test_reliability_counts_cells_with_any_report_by_their_chance(history, store, known):
    found = history.reliability(CITY)
    cells = store.cells_frame(CITY, TARGET)
    assert found["cells"].sum() == 6
    # One of six cells had a report: 1,1, whose chance is 1 - (2 / 2.25) ** 2 = 0.21.
    hit = cells[(cells["row"] == 1) & (cells["col"] == 1)]["p_any"].iloc[0]
    assert hit == pytest.approx(0.2099, abs=1e-4)
    low = found[found["chance"].between(0.2, 0.3)].iloc[0]
    assert low["share"] == 1 / low["cells"]
    assert (found["cells"] * found["share"]).sum() == 1


def test_version_changes_with_all_that_is_stored(store, cells, history):
    seen = [history.version(CITY)]
    for change in (
        lambda: publish(store, cells),
        lambda: store.save_observed(CITY, [TARGET], [reports()], edge_week=TARGET),
        lambda: store.save_scores(CITY, TARGET, 1, SCORES, NEXT),
        lambda: store.mark_stale(CITY, "the feed is old", NEXT),
    ):
        change()
        assert history.version(CITY) not in seen
        seen.append(history.version(CITY))
    assert history.version(CITY) == seen[-1]
