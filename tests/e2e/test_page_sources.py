"""The page's sources: the types of what the API answers, and the dev server."""

import os
import re
import signal
import subprocess
from contextlib import contextmanager

import pytest

from scripts.page_types import TYPES, types_of
from tests.e2e.conftest import BIN, NEEDS_THE_PAGE, WEB
from tests.made_up_year import LAST_TARGET
from tests.page_app import plugin_app, served_page

pytestmark = NEEDS_THE_PAGE
# A machine without Node.js has the locked one in .venv.
WITH_NODE = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", "NO_COLOR": "1"}


@contextmanager
def dev_server(airflow):
    """What `npm run dev` serves, in front of an Airflow."""
    started = subprocess.Popen(
        ["npm", "run", "dev", "--", "--port", "0", "--host", "127.0.0.1"],
        cwd=WEB,
        env={**WITH_NODE, "AIRFLOW": airflow},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        for line in started.stdout:
            if found := re.search(r"http://127\.0\.0\.1:\d+/hotspots/", line):
                yield found[0]
                break
        else:
            pytest.fail("npm run dev ended without an address")
    finally:
        os.killpg(started.pid, signal.SIGTERM)
        started.wait(30)
        started.stdout.close()


def test_the_pages_types_are_those_of_the_api(airflow_home):
    said = types_of(plugin_app().openapi())
    assert TYPES.read_text(encoding="utf-8") == said, "make page-types writes them anew"


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ('import { askOnce } from "./api.js";\naskOnce("scores").then((s) => s.week);', "'week'"),
        ("export const total = (city) => city.mean;", "implicitly has an 'any' type"),
        ("var unused = 1;", "no-var"),
    ],
)
def test_a_wrong_line_of_script_is_found(written, said):
    spoiled = WEB / "src" / "spoiled_by_a_test.js"
    spoiled.write_text(f"{written}\n")
    try:
        checked = subprocess.run(
            ["npm", "run", "check"], cwd=WEB, env=WITH_NODE, capture_output=True, text=True
        )
    finally:
        spoiled.unlink()
    assert checked.returncode != 0
    assert said in checked.stdout


def test_the_dev_server_shows_the_sources_with_the_answers_of_an_airflow(
    browser, airflow_home, year, database
):
    with served_page(database, "/hotspots") as airflow, dev_server(airflow) as address:
        page = browser.new_page()
        loaded = []
        page.on("response", lambda r: loaded.append((r.status, r.url.removeprefix(address))))
        page.goto(address)
        page.wait_for_selector(f'body[data-week="{LAST_TARGET}"]')
        page.close()
    assert (200, "src/main.js") in loaded
    assert any(path.startswith("v1/weeks") and status == 200 for status, path in loaded)
