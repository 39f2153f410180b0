"""Simulated weeks of which every fifth request goes wrong; `make soak` runs them for an hour."""

import json
import subprocess
import sys

import pytest

from pipeline.domain.weeks import WEEK
from tests import soak_weeks
from tests.services import ROOT

pytestmark = pytest.mark.slow


def test_weeks_of_which_every_fifth_request_fails_come_to_the_undisturbed_cube():
    command = [sys.executable, "-m", "tests.soak", "--minutes", "0.2"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    told = json.loads(ran.stdout)
    assert told["unforeseen"] == {}
    assert ran.returncode == 0
    assert told["weeks"] >= 1
    assert told["as_undisturbed"] + sum(told["came_to_else"].values()) == told["weeks"]
    assert told["requests_undisturbed"] < told["most_requests"] <= told["bound"]


def test_years_of_one_week_each_come_twice_to_the_same(tmp_path, monkeypatch):
    """A portal that moves on between them, for longer than a week's data stay fresh."""
    monkeypatch.setattr(soak_weeks.pull, "HttpClient", soak_weeks.AT_ONCE)
    monkeypatch.setattr(soak_weeks, "YEAR_WEEKS", 1)
    monkeypatch.setattr(soak_weeks, "BETWEEN_YEARS", 6 * WEEK)
    monkeypatch.setenv("HOTSPOTS_WINDOW_WEEKS", "6")
    monkeypatch.setenv("HOTSPOTS_TRAIN_MEMBERS", "1")
    found = soak_weeks.soak(tmp_path, weeks=2, seed=7)
    assert (found["errors"], found["second_pass"]) == ({}, {"same": 2, "differs": {}})
    assert [year["weeks"] for year in found["years"]] == [1, 1]
    assert found["requests"] > 50
    assert soak_weeks.soak(tmp_path, weeks=2, seed=7)["years"] == []  # it goes on where it ended
