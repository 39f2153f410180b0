"""Ten thousand spoiled answers to each client: every pull ends well or by name, and in time."""

import json
import subprocess
import sys

import pytest

from tests.fuzz import CLIENTS
from tests.services import ROOT


@pytest.mark.slow
@pytest.mark.parametrize("client", CLIENTS)
def test_whatever_a_service_answers_a_pull_ends_by_name(client):
    command = [sys.executable, "-m", "tests.fuzz", client, "--answers", "10000", "--seed", "20"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    told = json.loads(ran.stdout)
    assert told["unforeseen"] == {}
    assert ran.returncode == 0
    assert told["answers"] >= 10_000
    assert told["came_to"]["pulled"] > 100  # it got through to the parsers
    assert told["longest_s"] < 5  # the deadline
    assert told["peak_mb"] < 500


def test_an_error_that_is_none_of_ours_ends_with_one(monkeypatch, capsys):
    from tests import fuzz

    def careless(http, _settings):
        http.get_json("https://data.lacity.org/api/views/x.json")["columns"].clear()

    monkeypatch.setitem(fuzz.CLIENTS, "legacy", (careless, *fuzz.CLIENTS["legacy"][1:]))
    monkeypatch.setattr(sys, "argv", ["fuzz", "legacy", "--answers", "500"])
    assert fuzz.main() == 1
    assert "careless" in capsys.readouterr().out
