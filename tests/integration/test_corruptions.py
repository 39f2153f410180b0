"""A sample of the corruptions of `make corruptions`, and what `hotspots verify` says of one."""

import shutil

import pytest

from pipeline.settings import Settings
from pipeline.workflow.operations.verification import find_faults
from tests.corruptions import make_home, spoil_and_look

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

SAMPLE = range(2001, 2061)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    home = tmp_path_factory.mktemp("whole") / "home"
    make_home(home)
    return home


@pytest.fixture
def spoilt(whole, tmp_path):
    shutil.copytree(whole, tmp_path / "home")
    return Settings(home=tmp_path / "home")


def test_a_home_that_nothing_changed_has_no_fault(spoilt):
    assert list(find_faults(spoilt)) == []


def test_each_of_a_sample_of_corruptions_is_found_and_named(whole, spoilt):
    missed = []
    for seed in SAMPLE:
        kind, spoiled, is_found = spoil_and_look(spoilt, whole, seed)
        missed += [] if is_found else [(seed, kind, spoiled)]
    assert not missed
    assert list(find_faults(spoilt)) == []


def test_verify_says_what_is_wrong_what_it_means_and_what_to_do(spoilt, hotspots):
    home = {"HOTSPOTS_HOME": str(spoilt.home)}
    assert hotspots("verify", **home)[:2] == (
        0, "All is whole: lake, results store, model registry and reports.\n",
    )  # fmt: skip
    page = spoilt.home / "reports" / "chicago" / "2017-12-17" / "report.html"
    page.write_text(page.read_text().replace("2017", "2071"))
    code, out, err = hotspots("verify", **home)
    assert code == 4
    assert "reports: reports/chicago/2017-12-17/report.html\n    It has the sha256 " in out
    assert "hotspots report --city chicago --week 2017-12-17" in out
    assert err.startswith("CorruptArtifact: 1 fault found")
