"""A simulated Los Angeles of fifteen months on loopback, small enough to train in seconds."""

from datetime import date

import pytest

from pipeline.replay.server import ReplayServer
from pipeline.replay.simulator import simulate

FIRST_DAY, LAST_DAY = date(2025, 8, 3), date(2026, 11, 11)


@pytest.fixture(scope="session")
def city():
    """The simulated city as its portal shows it on the last day."""
    return simulate(7, FIRST_DAY, LAST_DAY, LAST_DAY)


@pytest.fixture(scope="session")
def sources(city):
    with ReplayServer(city) as server:
        yield server


@pytest.fixture
def small(sources):
    """Settings, as environment variables, of a pipeline that is quick on that city."""
    return {
        "HOTSPOTS_REPLAY_URL": sources.url,
        "HOTSPOTS_HISTORY_START": FIRST_DAY.isoformat(),
        "HOTSPOTS_WINDOW_WEEKS": "6",
        "HOTSPOTS_TRAIN_EPOCHS": "1",
        "HOTSPOTS_TRAIN_MEMBERS": "1",
    }
