"""A home of each test's own, and the empty results store in it."""

import pytest

from pipeline.results.store.writer import ResultsStore
from pipeline.settings import Settings


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path)


@pytest.fixture(params=["disk", "s3"])
def any_lake(request, settings):
    """Settings with the lake in a folder, and with it in object storage."""
    url = request.getfixturevalue("s3_url") if request.param == "s3" else None
    return settings.model_copy(update={"lake_url": url})


@pytest.fixture
def store(settings):
    store = ResultsStore(settings.results_database)
    store.migrate()
    return store
