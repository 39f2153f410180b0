import pandas as pd
import pytest

from pipeline.domain.city import City, load_city
from pipeline.domain.columns import INCIDENTS, WEATHER_DAILY
from tests.unit.quality.quality_samples import as_table, good_incidents, good_weather


@pytest.fixture(scope="session")
def city() -> City:
    return load_city("los_angeles")


@pytest.fixture
def incidents(city: City) -> pd.DataFrame:
    return good_incidents(city)


@pytest.fixture
def weather() -> pd.DataFrame:
    return good_weather()


@pytest.fixture(scope="session")
def incidents_table():
    return lambda frame: as_table(INCIDENTS, frame)


@pytest.fixture(scope="session")
def weather_table():
    return lambda frame: as_table(WEATHER_DAILY, frame)
