"""What is checked before each commit, offline and with the locked tools."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

PRE_COMMIT = Path(sys.executable).with_name("pre-commit")


@pytest.fixture
def checkout(tmp_path):
    """A repository with our hooks and tools, and nothing else yet."""
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    for name in (".pre-commit-config.yaml", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / ".venv").symlink_to(Path(sys.executable).parent.parent)
    return tmp_path


def commit(checkout, name, text):
    """Run what a commit of a file runs, but for what looks at the whole package."""
    (checkout / name).write_text(text)
    subprocess.run(["git", "add", name], cwd=checkout, check=True)
    return subprocess.run(
        [PRE_COMMIT, "run"],
        cwd=checkout,
        env={**os.environ, "SKIP": "mypy,page", "PRE_COMMIT_HOME": str(checkout / "cache")},
        capture_output=True,
        text=True,
    )


def test_a_commit_is_put_in_form_and_has_to_be_made_again(checkout):
    done = commit(checkout, "odd.py", '"""Odd."""\nx = {  "a":1 }\n')
    assert done.returncode == 1, done.stdout + done.stderr
    assert (checkout / "odd.py").read_text() == '"""Odd."""\n\nx = {"a": 1}\n'
    assert commit(checkout, "odd.py", (checkout / "odd.py").read_text()).returncode == 0


def test_what_cannot_be_put_right_stops_a_commit(checkout):
    done = commit(checkout, "odd.py", '"""Odd."""\n\nprint(undefined)\n')
    assert done.returncode == 1
    assert "F821" in done.stdout
