"""A home backed up and restored elsewhere: the same hashes and pages, and the week after."""

import hashlib
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from pipeline.results.store.reader import ResultsReader
from pipeline.workflow.plan import make_plan
from pipeline.workflow.run import run_week
from tests.integration.conftest import ISSUE_DATE, SMALL, small_settings
from tests.page_app import page_answers
from tests.services import ROOT

pytestmark = pytest.mark.slow

NOW = datetime(2018, 3, 1, 15, tzinfo=UTC)
CITY, NEXT = "chicago", "2017-12-20"


def run_one(settings, issue_date):
    return run_week(
        settings, make_plan(settings, city=CITY, issue_date=issue_date, now=NOW), now=NOW
    )


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
        env={**ours, **SMALL, **environment},
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_a_restored_home_has_the_same_hashes_and_page_and_goes_on(
    portal, tmp_path, airflow_home, monkeypatch
):
    portal.clear_faults()
    old = small_settings(portal.url, tmp_path / "old" / "home")
    run_one(old, ISSUE_DATE)
    before = hashes(old.home), page_answers(old.results_database, CITY)

    backup = tmp_path / "backups" / "week.zip"
    said = hotspots("backup", backup, home=old.home)
    assert "files of" in said
    assert "Not in it: Airflow's own database" in said
    run_one(old, NEXT)
    goes_on = ResultsReader(old.results_database).latest(CITY).record
    shutil.rmtree(old.home.parent)  # nothing can be read where it was

    new = small_settings(portal.url, tmp_path / "another machine" / "städte" / "home")
    hotspots(
        "restore", backup, home=new.home, TZ="Pacific/Auckland", LC_ALL="C.UTF-8", HOSTNAME="other"
    )
    assert (hashes(new.home), page_answers(new.results_database, CITY)) == before

    run_one(new, NEXT)
    after = ResultsReader(new.results_database).latest(CITY).record
    assert after.forecast_sha256 == goes_on.forecast_sha256
    assert after.model_sha256 == goes_on.model_sha256
    assert not old.home.exists()
    for path in (p for p in new.home.rglob("*") if p.is_file() and p.name != "mlflow.db"):
        assert str(tmp_path / "old").encode() not in path.read_bytes(), path
