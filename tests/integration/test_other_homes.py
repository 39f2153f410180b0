"""Homes from elsewhere: of the last release, and restored in another folder and environment."""

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile

import pytest

from pipeline.domain.errors import StoreOutdated
from pipeline.replay.server import ReplayServer
from pipeline.results.store.reader import ResultsReader
from pipeline.results.store.writer import ResultsStore
from scripts.old_home import CITY, ISSUED, Simulated, run_one, settings_of, write_reports
from tests.page_app import page_answers
from tests.services import ROOT

pytestmark = pytest.mark.slow

FIXTURES = sorted((ROOT / "tests" / "fixtures").glob("home-*.tar.xz"))
NEXT, WEEK_AFTER = "2017-12-27", "2018-01-03"


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    """Give the address of the portal that the old homes were filled from."""
    folder = tmp_path_factory.mktemp("made_up")
    write_reports(folder)
    with ReplayServer(Simulated(folder)) as server:
        yield server.url


@pytest.fixture(scope="module")
def upgraded(url, tmp_path_factory):
    """Settings of a home that the last release wrote, opened and gone on with by this code."""
    settings = settings_of(tmp_path_factory.mktemp("old") / "home", url)
    with tarfile.open(FIXTURES[-1]) as archive:
        archive.extraction_filter = getattr(tarfile, "data_filter", None)  # from 3.11.4 on
        archive.extractall(settings.home)
    old = hashes(settings.home)
    store = ResultsStore(settings.results_database)
    with pytest.raises(StoreOutdated, match="Run `hotspots migrate`"):
        store.weeks(CITY)
    assert hotspots("migrate", home=settings.home) == "The results store is up to date.\n"
    assert len(store.weeks(CITY)) == len(ISSUED)
    assert "SIMULATED" in hotspots("show", "--city", CITY, home=settings.home)
    run_one(settings, NEXT)
    assert old.items() <= hashes(settings.home).items()
    return settings


def test_a_home_of_the_last_release_shows_its_weeks_and_goes_on(upgraded, airflow_home):
    weeks = ResultsReader(upgraded.results_database).weeks(CITY)
    assert [str(run.record.weeks.issue_date) for run in weeks] == [NEXT, *reversed(ISSUED)]
    assert {run.record.provenance for run in weeks} == {"simulated"}
    old, new = weeks[-1].record, weeks[0].record
    assert old.code_version.startswith("0.2.0")
    assert old.model_sha256 != new.model_sha256  # of another format: trained anew
    assert page_answers(upgraded.results_database, CITY)


def hashes(home):
    """Return the hash of every file that is written once, by its path below the home."""
    return {
        path.relative_to(home).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for part in ("lake", "mlruns", "reports", "data_docs")
        for path in (home / part).rglob("*")
        if path.is_file() and path.suffix != ".lock"
    }


def hotspots(*words, home, **environment):
    """Run a command in a fresh process, in a folder and an environment of its own."""
    home.parent.mkdir(parents=True, exist_ok=True)
    ours = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOTSPOTS_HOME": str(home)}
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "pipeline.cli.main", *map(str, words)],
        capture_output=True, text=True, check=False, cwd=home.parent,
        env={**ours, **environment},
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_a_restored_home_has_the_same_hashes_and_page_and_goes_on(upgraded, tmp_path, airflow_home):
    before = hashes(upgraded.home), page_answers(upgraded.results_database, CITY)
    backup = tmp_path / "backups" / "week.zip"
    said = hotspots("backup", backup, home=upgraded.home)
    assert "files of" in said
    assert "Not in it: Airflow's own database" in said
    run_one(upgraded, WEEK_AFTER)
    goes_on = ResultsReader(upgraded.results_database).latest(CITY).record
    shutil.rmtree(upgraded.home.parent)  # nothing can be read where it was

    new = upgraded.moved_to(tmp_path / "another machine" / "städte" / "home")
    hotspots(
        "restore", backup, home=new.home, TZ="Pacific/Auckland", LC_ALL="C.UTF-8", HOSTNAME="other"
    )
    assert (hashes(new.home), page_answers(new.results_database, CITY)) == before

    run_one(new, WEEK_AFTER)
    after = ResultsReader(new.results_database).latest(CITY).record
    assert after.weeks.issue_date.isoformat() == WEEK_AFTER
    assert after.forecast_sha256 == goes_on.forecast_sha256
    assert after.model_sha256 == goes_on.model_sha256
    assert not upgraded.home.exists()
    for path in (p for p in new.home.rglob("*") if p.is_file() and p.name != "mlflow.db"):
        assert str(upgraded.home).encode() not in path.read_bytes(), path
