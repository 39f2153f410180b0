"""Which code runs: from git, from an image's variable, or from the package alone."""

import re
import subprocess
import sys
import tomllib
from importlib.metadata import version as installed

import pytest
from packaging.version import Version

from pipeline import version
from pipeline.settings import get_settings
from tests.conftest import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CHANGELOG = (ROOT / "CHANGELOG.md").read_text()


@pytest.fixture
def anew(monkeypatch):
    """Forget what was found out before."""
    monkeypatch.delenv(version.COMMIT, raising=False)
    version.code_version.cache_clear()
    yield monkeypatch
    version.code_version.cache_clear()


@pytest.fixture
def checkout(anew, tmp_path):
    """A repository with one commit, in place of ours."""
    anew.setattr(version, "ROOT", tmp_path)
    (tmp_path / "code.py").write_text("1\n")
    for words in (
        ("init", "--quiet"),
        ("add", "."),
        ("-c", "user.name=t", "-c", "user.email=t@t", "commit", "--quiet", "-m", "first"),
    ):
        subprocess.run(["git", "-C", tmp_path, *words], check=True)
    return tmp_path


def test_a_checkout_says_its_commit_and_whether_it_was_changed(checkout):
    clean = version.code_version()
    head = subprocess.run(
        ["git", "-C", checkout, "rev-parse", "HEAD"], capture_output=True, text=True, check=True
    ).stdout
    base, _, commit = clean.partition("+g")
    assert base == installed("la-hotspots")
    assert head.startswith(commit)
    assert len(commit) >= 9
    (checkout / "code.py").write_text("2\n")
    assert version.code_version() == clean  # git is asked once
    version.code_version.cache_clear()
    assert version.code_version() == f"{clean}.dirty"
    assert str(Version(f"{clean}.dirty")) == f"{clean}.dirty"


def test_a_tag_changes_nothing_of_it(checkout):
    clean = version.code_version()
    subprocess.run(["git", "-C", checkout, "tag", "v9.9.9"], check=True)
    version.code_version.cache_clear()
    assert version.code_version() == clean


def test_an_image_says_the_commit_it_was_built_from(anew, tmp_path):
    anew.setattr(version, "ROOT", tmp_path)
    anew.setenv(version.COMMIT, "1a2b3c4d5")
    assert version.code_version() == f"{installed('la-hotspots')}+g1a2b3c4d5"


def test_a_package_without_a_checkout_says_its_version_alone(anew, tmp_path):
    anew.setattr(version, "ROOT", tmp_path)
    assert version.code_version() == installed("la-hotspots")


def test_a_checkout_without_git_does_too(checkout, anew):
    anew.setenv("PATH", "")
    assert version.code_version() == installed("la-hotspots")


def test_the_command_line_says_it():
    done = subprocess.run(
        [sys.executable, "-m", "pipeline.cli.main", "--version"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    found = done.stdout.split()
    assert found[0] == "la-hotspots"
    assert Version(found[1]).public == PROJECT["version"]


def test_the_changelog_tells_of_this_version_first():
    headings = re.findall(r"^## \[(\S+?)\](?: - (\d{4}-\d\d-\d\d))?$", CHANGELOG, re.MULTILINE)
    assert headings[0] == ("Unreleased", "")
    assert headings[1][0] == PROJECT["version"]
    assert all(date for _, date in headings[1:])


def test_the_commit_of_an_image_is_no_unknown_setting(monkeypatch):
    """In an image it is always set, and whatever begins as settings do must be one."""
    monkeypatch.setenv(version.COMMIT, "1a2b3c4d5")
    get_settings.cache_clear()
    assert get_settings()
