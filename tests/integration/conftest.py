"""A small made-up city, served on loopback as if it were Chicago's portal."""

import sys
from datetime import UTC, datetime
from functools import partial
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from pipeline.cli import main as cli
from pipeline.domain.city import load_city
from pipeline.model.config import ModelConfig
from pipeline.model.identity import features_sha256
from pipeline.replay.recorded import RecordedData
from pipeline.replay.server import ReplayServer
from pipeline.settings import Settings, get_settings
from pipeline.sources.http import HttpClient
from pipeline.workflow import pull
from pipeline.workflow.plan import make_plan
from pipeline.workflow.run import run_to_cube
from pipeline.workflow.training.job import Job

FIRST_DAY = pd.Timestamp("2016-12-04")
DAYS = 60 * 7
HOT_CELLS = 60
REPORTS_A_DAY = 60
ISSUE_DATE = "2017-12-13"
SMALL = {
    "HOTSPOTS_WINDOW_WEEKS": "6",
    "HOTSPOTS_TRAIN_EPOCHS": "2",
    "HOTSPOTS_TRAIN_MEMBERS": "1",
    "COLUMNS": "120",
}


def made_up_reports() -> pd.DataFrame:
    """Return reports of 60 weeks in 60 cells, the first cells busier than the last."""
    rng = np.random.default_rng(3)
    grid = load_city("chicago").grid
    places = rng.choice(grid.rows * grid.cols, HOT_CELLS, replace=False)
    weights = 1 / np.arange(1, HOT_CELLS + 1)
    n = DAYS * REPORTS_A_DAY
    place = rng.choice(places, n, p=weights / weights.sum())
    row, col = np.divmod(place, grid.cols)
    return pd.DataFrame(
        {
            "occurred_at": FIRST_DAY + pd.to_timedelta(rng.integers(0, DAYS * 1440, n), unit="min"),
            "primary_type": rng.choice(["BATTERY", "ASSAULT", "THEFT"], n, p=[0.3, 0.2, 0.5]),
            "latitude": grid.south + (row + rng.uniform(0.1, 0.9, n)) * grid.cell_height_deg,
            "longitude": grid.west + (col + rng.uniform(0.1, 0.9, n)) * grid.cell_width_deg,
        }
    )


@pytest.fixture(scope="session")
def made_up_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made_up_chicago")
    made_up_reports().to_parquet(folder / "crime_2016_2017.parquet")
    return folder


@pytest.fixture(scope="session")
def portal(made_up_folder):
    with ReplayServer(RecordedData(made_up_folder)) as server:
        yield server


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    monkeypatch.setattr(pull, "HttpClient", partial(HttpClient, sleep=lambda _seconds: None))


@pytest.fixture
def settings(portal, tmp_path):
    portal.clear_faults()
    return small_settings(portal.url, tmp_path / "home")


def small_settings(replay_url, home):
    return Settings(
        home=home,
        replay_url=replay_url,
        page_rows=5_000,
        read_timeout_s=2,
        window_weeks=6,
        train_epochs=2,
        train_members=1,
    )


@pytest.fixture(scope="session")
def training(portal, tmp_path_factory):
    """Settings of a home with a cube in its lake, and the job of a model trained on it."""
    portal.clear_faults()
    settings = small_settings(portal.url, tmp_path_factory.mktemp("cube"))
    now = datetime(2018, 3, 1, 15, tzinfo=UTC)
    plan = make_plan(settings, city="chicago", issue_date=ISSUE_DATE, now=now)
    _, grid = run_to_cube(settings, plan, now=now)
    job = Job(
        city="chicago",
        cube=grid["ref"],
        edge_week=grid["edge_week"],
        config=ModelConfig.from_settings(settings).model_dump(),
        features=features_sha256(),
        mode="retrain",
        start_from=None,
    )
    return SimpleNamespace(settings=settings, plan=plan, grid=grid, job=job)


@pytest.fixture
def own_home(training, tmp_path):
    """Settings of a new home with the same lake."""
    (tmp_path / "lake").symlink_to(training.settings.lake_root.resolve())
    return training.settings.model_copy(update={"home": tmp_path})


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("cli_home")


@pytest.fixture
def hotspots(monkeypatch, capsys, home):
    """Run a command; return its exit code, standard output and standard error."""
    monkeypatch.setenv("HOTSPOTS_HOME", str(home))
    for name, value in SMALL.items():
        monkeypatch.setenv(name, value)

    def run(*words, **environment):
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        get_settings.cache_clear()
        monkeypatch.setattr(sys, "argv", ["hotspots", *map(str, words)])
        code = 0
        try:
            cli.main()
        except SystemExit as end:
            code = end.code or 0
        said = capsys.readouterr()
        return code, said.out, said.err

    return run
