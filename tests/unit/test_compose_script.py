"""scripts/compose-test.sh where no container engine answers: an error, or a skip said aloud."""

import os
import subprocess

import pytest

from tests.conftest import ROOT


@pytest.fixture
def script(tmp_path):
    """Give a call that runs the script with programs of this folder in front of the machine's."""

    def run(**programs):
        for name, text in ({"docker": "exit 1"} | programs).items():
            (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
            (tmp_path / name).chmod(0o755)
        return subprocess.run(
            ["bash", ROOT / "scripts/compose-test.sh"], capture_output=True, text=True,
            env={"PATH": f"{tmp_path}:{os.environ['PATH']}", **own},
        )  # fmt: skip

    own = {}
    run.own = own
    return run


def test_without_an_engine_it_fails_and_says_what_to_do(script):
    done = script()
    assert done.returncode == 3
    assert "No container engine answers" in done.stderr


@pytest.mark.parametrize(
    ("programs", "reason"),
    [
        ({"id": "echo 1000"}, "only root on Debian"),
        ({"id": "echo 0", "apt-get": "exit 100", "dockerd": "exit 1"}, "could be started"),
    ],
    ids=["no root", "no network"],
)
def test_where_none_can_be_had_ci_goes_on_and_says_so_aloud(script, programs, reason):
    script.own["OWN_ENGINE"] = "1"
    done = script(**programs)
    assert done.returncode == 0
    assert "SKIPPED: the distributed form was NOT tested" in done.stderr
    assert reason in done.stderr
