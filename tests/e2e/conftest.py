"""What the browser tests share: a year of made-up weeks, a browser, a folder for screenshots."""

from pathlib import Path

import pytest

from pipeline.results.history import HistoryReader
from tests.conftest import ROOT
from tests.made_up_year import fill

WEB = ROOT / "plugins" / "hotspots_ui" / "web"
SHOTS = ROOT / "var" / "screenshots"  # kept, to be looked at
BROWSER = Path("/usr/bin/chromium")
NEEDS_THE_PAGE = [
    pytest.mark.slow,
    pytest.mark.skipif(not BROWSER.is_file(), reason=f"no browser at {BROWSER}"),
    pytest.mark.skipif(not (WEB / "dist").is_dir(), reason="the page isn't built: make page"),
]


@pytest.fixture(scope="session")
def database(tmp_path_factory):
    """A store with a year of simulated weeks."""
    url = f"sqlite:///{tmp_path_factory.mktemp('year') / 'results.db'}"
    fill(url)
    return url


@pytest.fixture(scope="session")
def year(database):
    return HistoryReader(database)


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    SHOTS.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield browser
        browser.close()
