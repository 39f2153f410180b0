"""The made-up city and one small model of it, shared by the room's tests."""

import pytest

from pipeline.domain.city import City
from pipeline.grid.cube import Cube
from tests.unit.model.made_up_city import make_cube, make_town, small_config, week


@pytest.fixture(scope="session")
def town() -> City:
    return make_town()


@pytest.fixture(scope="session")
def cube() -> Cube:
    return make_cube()


@pytest.fixture(scope="session")
def trained(cube, town, tmp_path_factory):
    from pipeline.model.training import train

    folder = tmp_path_factory.mktemp("model") / "first"
    view = cube.as_of(week(50))
    return train(view, town, small_config(), mode="retrain", folder=folder)
