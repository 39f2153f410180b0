"""Every command prints what isn't ours letter by letter, and ends with the right exit code."""

import contextlib
import io
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from unittest.mock import patch

import pytest
from hypothesis import given, settings

from pipeline.cli import main as cli
from pipeline.settings import get_settings
from tests.integration.conftest import ISSUE_DATE
from tests.printed import letters, printable


def hotspots(*words):
    """Run a command; return its exit code and all that it printed."""
    get_settings.cache_clear()
    with (
        patch("sys.argv", ["hotspots", *map(str, words)]),
        contextlib.redirect_stdout(io.StringIO()) as out,
        contextlib.redirect_stderr(io.StringIO()) as err,
        pytest.raises(SystemExit) as end,
    ):
        cli.main()
    return end.value.code or 0, out.getvalue() + err.getvalue()


@pytest.fixture(scope="module")
def portal():
    """A portal that refuses every request in the words that a test sets."""

    class Portal(BaseHTTPRequestHandler):
        status, words = 403, ""

        def do_GET(self):
            self.send_response(Portal.status)
            self.end_headers()
            self.wfile.write(json.dumps({"message": Portal.words}).encode())

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Portal) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        Portal.url = f"http://127.0.0.1:{server.server_port}"
        yield Portal
        server.shutdown()


@pytest.fixture(autouse=True)
def _home(monkeypatch, tmp_path_factory):
    monkeypatch.setenv("HOTSPOTS_HOME", str(tmp_path_factory.mktemp("home")))


@pytest.mark.parametrize(
    "words",
    [
        ["run", "--source-dir"],
        ["replay", "serve", "--data"],
        ["cells"],
        ["backtest", "--city", "chicago", "--out", "/tmp/not-made", "--events"],
        ["run", "--issue-date"],
        ["history", "--city"],
        ["show", "of"],
        ["replay", "fault", "none", "--url"],
    ],
    ids=" ".join,
)
@settings(max_examples=30)
@given(text=printable)
def test_what_was_typed_is_said_again(words, text):
    typed = f"/nowhere/{text.replace('/', '')}"
    code, said = hotspots(*words, typed)
    assert code == (3 if words[-1] == "--url" else 2)
    assert letters(typed) in letters(said) or letters(repr(typed)[1:-1]) in letters(said)
    assert "Traceback" not in said


@settings(max_examples=40)
@given(text=printable)
def test_what_a_portal_says_is_said(portal, text):
    portal.status, portal.words = 403, f"not {text} here"
    with patch.dict("os.environ", HOTSPOTS_REPLAY_URL=portal.url):
        code, said = hotspots("cube", "--city", "chicago", "--issue-date", ISSUE_DATE)
    assert (code, "DatasetMoved: " in said) == (3, True)
    assert letters(portal.words) in letters(said)


def test_what_a_portal_says_does_not_reach_the_terminal_as_a_command(portal):
    portal.status, portal.words = 403, "\x1b]0;owned\x07 \x1b[2J \x9b1m \u202e"
    with patch.dict("os.environ", HOTSPOTS_REPLAY_URL=portal.url):
        code, said = hotspots("cube", "--city", "chicago", "--issue-date", ISSUE_DATE)
    assert code == 3
    assert "says: ]0;owned [2J 1m." in said
    assert all(c.isprintable() or c == "\n" for c in said)
