"""A small race of the command that trains several models of one city at the same time."""

import pytest

from tests.many_trainings import is_right, race

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def test_each_is_as_it_would_be_alone_and_the_champion_knows_most(tmp_path):
    came_to = race(tmp_path, trainings=2, readers=1)
    assert is_right(came_to, 2), came_to
    assert came_to["reads"] > 0
