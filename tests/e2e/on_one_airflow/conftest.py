"""One Airflow with a year of stored weeks, for tests that run no week on it."""

import shutil
from datetime import timedelta

import pytest

from pipeline.domain.city import load_city
from pipeline.domain.columns import INCIDENTS
from pipeline.quality.gate import check_incidents
from pipeline.settings import Settings
from tests.e2e.conftest import served
from tests.made_up_year import CITY, LAST_TARGET
from tests.standalone import Standalone
from tests.unit.quality.quality_samples import AS_OF, LAST_DAY, as_table, good_incidents

TARGET = LAST_TARGET - timedelta(weeks=9)
ISSUE_DATE = TARGET - timedelta(days=4)


@pytest.fixture(scope="package")
def store(tmp_path_factory, database):
    """A copy of the year's store, which a test may change."""
    copy = tmp_path_factory.mktemp("store") / "results.db"
    shutil.copy(database.removeprefix("sqlite:///"), copy)
    return f"sqlite:///{copy}"


@pytest.fixture(scope="package")
def home(tmp_path_factory):
    """The folder of an Airflow's all, with the Data Docs of the target week in it."""
    home, city = tmp_path_factory.mktemp("page"), load_city(CITY)
    docs = Settings(home=home / "hotspots").data_docs_dir(CITY, ISSUE_DATE)
    incidents = as_table(INCIDENTS, good_incidents(city))
    check_incidents(
        city, incidents, issue_date=AS_OF, known_through=LAST_DAY, docs_dir=docs / "incidents"
    )
    return home


@pytest.fixture(scope="package")
def data_docs(home):
    """The address of a server of all Data Docs."""
    with served(home / "hotspots" / "data_docs") as address:
        yield address


@pytest.fixture(scope="package")
def airflow(home, store, data_docs):
    """A year of weeks is stored; the sources are out of reach."""
    pytest.importorskip("airflow", reason="Airflow isn't installed", exc_type=ImportError)
    airflow = Standalone(
        home,
        HOTSPOTS_RESULTS_URL=store,
        HOTSPOTS_REPLAY_URL="http://127.0.0.1:1",
        HOTSPOTS_DATA_DOCS_URL=data_docs,
    )
    with airflow.up():
        yield airflow
