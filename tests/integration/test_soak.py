"""Simulated weeks of which every fifth request goes wrong; `make soak` runs them for an hour."""

import json
import subprocess
import sys

import pytest

from tests.services import ROOT


@pytest.mark.slow
def test_weeks_of_which_every_fifth_request_fails_come_to_the_undisturbed_cube():
    command = [sys.executable, "-m", "tests.soak", "--minutes", "0.2"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    told = json.loads(ran.stdout)
    assert told["unforeseen"] == {}
    assert ran.returncode == 0
    assert told["weeks"] >= 1
    assert told["as_undisturbed"] + sum(told["came_to_else"].values()) == told["weeks"]
    assert told["requests_undisturbed"] < told["most_requests"] <= told["bound"]
