import pytest

from pipeline.results.store.writer import ResultsStore
from tests.unit.results.samples import small_cells, small_city


@pytest.fixture
def city():
    return small_city()


@pytest.fixture
def cells():
    return small_cells()


@pytest.fixture
def store(tmp_path):
    store = ResultsStore(f"sqlite:///{tmp_path / 'deep' / 'results.db'}")
    store.migrate()
    return store
