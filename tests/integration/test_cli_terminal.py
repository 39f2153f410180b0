"""What a person sees in a terminal, and what a pipe gets: our words, and no library's."""

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.conftest import ISSUE_DATE

HOTSPOTS = Path(sys.executable).parent / "hotspots"
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

CHATTER = re.compile(r"absl|oneDNN|tensorflow|cuda|computation_placer|^[IWE]\d{4} |Warning", re.M)


@pytest.fixture
def week(made_up_folder, tmp_path):
    """A command that forecasts a week, and its environment: nothing that quietens a library."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("TF_", "PYTHONWARNINGS"))}
    small = {"WINDOW_WEEKS": "6", "TRAIN_EPOCHS": "1", "TRAIN_MEMBERS": "1", "HOME": str(tmp_path)}
    environment = {**kept, "COLUMNS": "120"} | {f"HOTSPOTS_{k}": v for k, v in small.items()}
    words = ("run", "--city", "chicago", "--source-dir", made_up_folder, "--issue-date", ISSUE_DATE)
    return [str(word) for word in (HOTSPOTS, *words)], environment


def in_terminal(words, environment):
    """Run a command in a pseudo-terminal; return its exit code and all that the screen got."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        words, env=environment, stdin=theirs, stdout=theirs, stderr=theirs, close_fds=True
    )
    os.close(theirs)
    shown = []
    try:
        while some := os.read(ours, 65_536):
            shown.append(some)
    except OSError:  # a terminal that its last process has left
        pass
    os.close(ours)
    return process.wait(), b"".join(shown).decode()


def test_a_terminal_shows_no_librarys_chatter(week):
    code, shown = in_terminal(*week)
    assert code == 0, shown
    assert "Forecasting: train" in shown
    assert "Top 10 cells" in shown
    assert CHATTER.findall(shown) == []


def test_a_pipe_gets_none_either(week):
    words, environment = week
    done = subprocess.run(words, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert CHATTER.findall(done.stdout + done.stderr) == []
    assert all(line.startswith("done Forecasting: ") for line in done.stderr.split("\n") if line)
