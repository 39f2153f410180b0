"""What is masked wherever something is written."""

import logging
import sys

import pytest

from pipeline.console import print_unforeseen
from pipeline.masking import HidingFormatter, hidden


@pytest.fixture(autouse=True)
def _secrets(monkeypatch):
    monkeypatch.setenv("HOTSPOTS_SOCRATA_TOKEN", " a-long-token ")
    monkeypatch.setenv("HTTPS_PROXY", "http://me:p%40ssword@proxy:3128")
    monkeypatch.setenv("HOTSPOTS_REPLAY_URL", "me:forgotten@replay:8765")
    monkeypatch.setenv("HOTSPOTS_AIRFLOW_URL", "http://me:abc@airflow:8080")


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("X-App-Token: b' a-long-token'", "X-App-Token: b' ***'"),
        ("http://me:p%40ssword@proxy:3128 is gone", "http://me:***@proxy:3128 is gone"),
        ("p@ssword was refused", "*** was refused"),
        ("me:forgotten@replay:8765", "me:***@replay:8765"),
        # Of no variable, and one too short to be looked for in every text.
        ("see postgresql://me:other@db/x", "see postgresql://me:***@db/x"),
        ("https://:o:d@d@host/a:b@c", "https://:***@host/a:b@c"),
        ("abc at http://me:abc@airflow:8080", "abc at http://me:***@airflow:8080"),
        # What holds none.
        ("at 12:30 by somebody@example.org", "at 12:30 by somebody@example.org"),
        ("https://data.lacity.org/d/2nrs-mtv8", "https://data.lacity.org/d/2nrs-mtv8"),
        ("http://host:8080/a@b", "http://host:8080/a@b"),
    ],
)
def test_secrets_are_masked_and_nothing_else(said, shown):
    assert hidden(said) == shown


def failed():
    try:
        int("the header a-long-token")
    except ValueError:
        return sys.exc_info()


def test_a_logged_traceback_shows_none():
    record = logging.LogRecord("a", 30, "a", 1, "asked %s", ("me:p%40ssword",), failed())
    said = HidingFormatter().format(record)
    assert "asked me:***" in said
    assert "ValueError: invalid literal" in said
    assert "'the header ***'" in said
    assert "a-long-token'\n" not in said


def test_an_error_that_nobody_caught_shows_none(capsys):
    print_unforeseen(*failed())
    said = capsys.readouterr().err
    assert said.startswith("Traceback (most recent call last):")
    assert said.endswith("with base 10: 'the header ***'\n")
