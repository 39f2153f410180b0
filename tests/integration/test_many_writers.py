"""A small race of the command that lets many write to one store while others read."""

import pytest

from tests.many_writers import race
from tests.services import create_database

pytestmark = pytest.mark.slow


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'results.db'}"
    return create_database(request.getfixturevalue("postgres"), "race")


def test_every_week_is_stored_and_no_reader_meets_half_of_one(url):
    came_to = race(url, writers=2, weeks=2, readers=1)
    assert (came_to["weeks"], came_to["half"]) == (4, 0)
    assert came_to["reads"] > 0
