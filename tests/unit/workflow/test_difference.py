"""A new forecast is told apart from the stored one before anything is replaced."""

import pytest

from pipeline.results.store.writer import ResultsStore
from pipeline.workflow.difference import difference
from tests.unit.results.samples import TARGET, make_forecast, publish, small_cells


@pytest.fixture
def store(tmp_path):
    return ResultsStore(f"sqlite:///{tmp_path / 'results.db'}")


def told(store, forecast, sha256):
    return difference(store, "smallville", TARGET, forecast, sha256, 1)


def test_without_a_stored_forecast_it_is_new_and_nothing_is_made(store, tmp_path):
    assert told(store, make_forecast(), "a" * 64) == "new: none is stored"
    assert not (tmp_path / "results.db").exists()


def test_what_moved_is_told_in_figures(store):
    store.migrate()
    publish(store, small_cells())
    assert told(store, make_forecast(), "a" * 64) == "same as revision 1"
    # Twice the rates: the total doubles, and the cell of 4 moves most; the order stays.
    assert told(store, make_forecast(2.0), "b" * 64) == (
        "differs from revision 1: city total 7.9 to 15.8, at most +4.000 in cell 8, "
        "1 of 1 cells still hotspots"
    )
