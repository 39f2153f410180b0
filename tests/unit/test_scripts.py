"""What the scripts of `make run` and `make ui` share: starting, waiting and ending."""

import subprocess

import pytest

from tests.conftest import ROOT


@pytest.fixture
def bash(tmp_path, monkeypatch):
    """Run lines after environment.sh; return exit code, output and errors."""
    monkeypatch.setenv("HOTSPOTS_HOME", str(tmp_path / "home"))

    def run(script):
        done = subprocess.run(
            ["bash"], input=f"source scripts/environment.sh\n{script}",
            cwd=ROOT, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        return done.returncode, done.stdout, done.stderr

    return run


def test_a_wait_lasts_until_what_is_waited_for_is_there(bash, tmp_path):
    flag = tmp_path / "flag"
    lines = f"(sleep 2; touch {flag}) &\nwait_for 'a flag' test -e {flag}\necho there"
    assert bash(lines) == (0, "there\n", "")


def test_a_wait_ends_with_what_has_ended(bash, tmp_path):
    log = tmp_path / "log"
    code, said, why = bash(
        f"start 'the part' {log} bash -c 'echo its last words; exit 1'\nwait_for 'a flag' false"
    )
    assert (code, said) == (1, "")
    assert why == f"its last words\nthe part has ended; the whole log is {log}\n"


@pytest.mark.slow
def test_the_end_is_everybodys(bash, tmp_path):
    """What a part has started ends too, and so does what doesn't care for a kind word."""
    lines = f"""
    trap end_all EXIT
    start 'a parent' {tmp_path}/a bash -c 'sleep 987654 & wait'
    start 'a stubborn one' {tmp_path}/b bash -c 'trap "" TERM; while true; do sleep 1; done'
    sleep 2
    """
    code, said, why = bash(lines)
    assert (code, said, why) == (0, "", "")
    assert subprocess.run(["pgrep", "-f", "sleep 987654"], capture_output=True).stdout == b""


def test_what_is_written_is_its_owners_alone(bash, tmp_path):
    assert bash('touch "$HOTSPOTS_HOME/secret"')[0] == 0
    home = tmp_path / "home"
    assert [oct(p.stat().st_mode & 0o777) for p in (home, home / "secret")] == ["0o700", "0o600"]
