"""A home of each test's own, and the empty results store in it."""

import pytest

from pipeline.results.store import ResultsStore
from pipeline.settings import Settings


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path)


@pytest.fixture
def store(settings):
    store = ResultsStore(settings.results_database)
    store.migrate()
    return store
