"""What all tests share: no settings of the machine they run on, and no network but loopback."""

import os
import secrets
import socket

import pytest
import requests
from hypothesis import settings as hypothesis_settings

from pipeline.settings import PREFIX, get_settings
from tests.services import (
    ROOT,
    deployed_databases,
    object_storage,
    postgres_server,
    redis_server,
)

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")

# The same examples each time, and no clock in a test's verdict.
hypothesis_settings.register_profile("steady", derandomize=True, deadline=None)
hypothesis_settings.load_profile("steady")

SHARED_DATA = ROOT.parent / "shared" / "data"


@pytest.fixture(autouse=True)
def _own_settings(monkeypatch):
    for name in list(os.environ):
        if name.startswith((PREFIX, "AWS_")):
            monkeypatch.delenv(name)
    get_settings.cache_clear()
    yield
    get_settings.cache_clear()


@pytest.fixture(autouse=True)
def _only_loopback(monkeypatch):
    real = socket.socket.connect

    def connect(self, address):
        if isinstance(address, tuple) and address[0] not in ("127.0.0.1", "::1", "localhost"):
            raise AssertionError(f"A test tried to reach {address}; tests are offline.")
        return real(self, address)

    monkeypatch.setattr(socket.socket, "connect", connect)


@pytest.fixture(scope="session")
def shared_data():
    if not SHARED_DATA.is_dir():
        pytest.skip(f"the real data are not at {SHARED_DATA}")
    return SHARED_DATA


@pytest.fixture(scope="session")
def airflow_home(tmp_path_factory):
    """Give Airflow, which the test imports, a folder of its own; skip the test without Airflow."""
    pytest.importorskip("airflow", reason="Airflow isn't installed", exc_type=ImportError)
    os.environ.setdefault("AIRFLOW_HOME", str(tmp_path_factory.mktemp("airflow")))


@pytest.fixture(scope="session")
def postgres():
    """Start a PostgreSQL of its own and give the URL of it without a database."""
    with postgres_server() as server:
        yield server


@pytest.fixture(scope="module")
def databases():
    """Start a PostgreSQL with the databases of the distributed form; role -> URL."""
    with postgres_server() as server:
        yield deployed_databases(server)


@pytest.fixture(scope="session")
def redis():
    """Start a Redis of its own and give its URL."""
    with redis_server() as url:
        yield url


@pytest.fixture(scope="session")
def object_store():
    """Start S3-compatible storage of its own and give the variables that lead to it."""
    with object_storage() as variables:
        yield variables


@pytest.fixture
def s3_url(object_store, monkeypatch):
    """Give the URL of a lake in a new bucket, with the variables that lead to it set."""
    for name, value in object_store.items():
        monkeypatch.setenv(name, value)
    bucket = f"lake-{secrets.token_hex(8)}"
    requests.put(f"{object_store['AWS_ENDPOINT_URL']}/{bucket}", timeout=10).raise_for_status()
    return f"s3://{bucket}/hotspots"


@pytest.fixture(params=["disk", "s3"])
def lake_root(request, tmp_path):
    """Give the root of a new lake of each kind."""
    return request.getfixturevalue("s3_url") if request.param == "s3" else tmp_path / "lake"


# Each of them takes minutes; they start first, so that no core waits for one of them at the end.
LONGEST = (
    "test_first_contact.py",
    "test_by_hand.py",
    "test_killed_workers.py",
    "test_backfill.py",
    "on_one_airflow",
    "test_many_cities.py",
    "test_distributed.py",
    "test_own_executor.py",
    "test_own_city.py",
    "test_dags.py",
)


def pytest_xdist_make_scheduler(config, log):
    """Keep in one process the tests that share what takes long to make."""
    from xdist.scheduler import LoadFileScheduling

    class Sharing(LoadFileScheduling):
        def _split_scope(self, nodeid):
            return _group_of(super()._split_scope(nodeid))

    return Sharing(config, log) if config.getoption("dist") == "loadfile" else None


@pytest.hookimpl(tryfirst=True)  # before tests are chosen by their marks
def pytest_collection_modifyitems(items):
    """Run the fast tests first: units, then rooms together, then whole commands, then the slow.

    In several processes the longest come first. All that needs Airflow counts as slow.
    """
    for item in items:
        if "e2e" in item.path.relative_to(ROOT / "tests").parts:
            item.add_marker(pytest.mark.slow)
    items.sort(key=_place_among_several if "PYTEST_XDIST_WORKER" in os.environ else _place)


def _group_of(file):
    """Return what a file's tests are kept together with: themselves, or the folder of an Airflow.

    Args:
        file: below the repository's root.
    """
    folder, _, _ = file.rpartition("/")
    return folder if folder.endswith("on_one_airflow") else file


def _place(item):
    order = ["unit", "test_architecture.py", "integration", "e2e"]
    part = item.path.relative_to(ROOT / "tests").parts[0]
    return item.get_closest_marker("slow") is not None, order.index(part)


def _place_among_several(item):
    name = _group_of(item.path.relative_to(ROOT).as_posix()).rpartition("/")[2]
    place = LONGEST.index(name) if name in LONGEST else len(LONGEST)
    is_slow, order = _place(item)
    return place, not is_slow, -order
