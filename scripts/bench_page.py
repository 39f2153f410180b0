"""Time the Hotspots page and its API with five years of weeks stored: `make bench-page`.

260 weeks of a made-up Los Angeles, all but the last three counted and scored, in SQLite, and roads
of 12,000 points; page, API and readers on loopback, on the same cores. Each part finds a fresh
server: the browser and the first readers one that has only just started, the others one that has
made its answers ahead.

The server is uvicorn with the plugin's own app, Airflow's check of what a viewer may see, and
Airflow's compression; in the last part it is Airflow's own, with its metadata in SQLite, which
also checks each reader's token and writes its access log.
"""

import asyncio
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
from rich.table import Table

from pipeline.console import Terminal
from pipeline.domain.city import load_city
from tests.e2e.conftest import BROWSER
from tests.made_up_year import CITY, LAST_TARGET, fill
from tests.page_app import for_viewer, plugin_app
from tests.services import free_port, is_open, wait_for
from tests.standalone import Standalone

WEEKS = 260
READERS, STEPS = 50, 12
LOADS, ARROWS, PAGES = 7, 20, 10
MADE_AHEAD_S = 30  # wait; it takes two thirds of that on two quiet cores
MOUNTED_AT = "/hotspots"
CELLS = 1663
FREEWAYS, STREETS, ROAD_POINTS = 20, 100, 100
# Targets.
PAINTED_MS, CHANGED_MS, ANSWERED_MS, WEIGHT_KB = 1500, 150, 100, 600
Answers = dict[str, list[float]]  # milliseconds, by route

# Says when a browser has painted what the map was last given: canvases are drawn in an animation
# frame, and a message posted in a later frame is read after the frame was painted.
WATCH = """
window.painted = []; window.pressed = 0;
addEventListener("keydown", (event) => { window.pressed = event.timeStamp; }, true);
addEventListener("DOMContentLoaded", () => new MutationObserver(() => requestAnimationFrame(() => {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => {
    document.body.dataset.painted = window.painted.push(performance.now() - window.pressed);
  };
  port2.postMessage(null);
})).observe(document.getElementById("map"), { attributeFilter: ["data-week"] }));
"""
TRANSFERRED = """
[...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
  .reduce((sum, part) => sum + part.transferSize, 0)
"""


def server() -> Any:  # noqa: ANN401
    """Return what uvicorn serves."""
    from starlette.applications import Starlette
    from starlette.middleware.gzip import GZipMiddleware

    plugin = plugin_app()
    app = Starlette(lifespan=plugin.router.lifespan_context)
    app.mount(MOUNTED_AT, for_viewer(plugin))
    app.add_middleware(GZipMiddleware, minimum_size=1024, compresslevel=5)
    return app


@contextmanager
def serving(home: Path, store: str) -> Iterator[str]:
    """Run a fresh server on loopback and give the page's address."""
    port = free_port()
    words = ["uvicorn", "scripts.bench_page:server", "--factory", "--port", str(port)]
    process = subprocess.Popen(  # noqa: S603 - our own words
        [sys.executable, "-W", "ignore", "-m", *words, "--log-level", "warning", "--ws", "none"],
        env={
            **os.environ,
            "AIRFLOW_HOME": str(home),
            "HOTSPOTS_RESULTS_URL": store,
            "HOTSPOTS_ROADS_FILE": str(home / "roads.geojson"),
            "HOTSPOTS_ROADS_SOURCE": "made up",
        },
    )
    try:
        wait_for(lambda: is_open(port), 120, "the server")
        yield f"http://127.0.0.1:{port}{MOUNTED_AT}/"
    finally:
        process.terminate()
        process.wait()


def write_roads(path: Path) -> None:
    """Write winding roads across the city's grid, some of them freeways."""
    rng, grid = np.random.default_rng(1), load_city(CITY).grid
    low, high = np.array([grid.west, grid.south]), np.array([grid.east, grid.north])
    features = []
    for k in range(FREEWAYS + STREETS):
        ends = low + rng.uniform(size=(2, 2)) * (high - low)
        points = np.linspace(*ends, ROAD_POINTS) + rng.normal(0, 1e-3, (ROAD_POINTS, 2))
        about = {"name": f"Road {k}", "highway": "motorway" if k < FREEWAYS else "primary"}
        line = {"type": "LineString", "coordinates": points.round(6).tolist()}
        features.append({"type": "Feature", "properties": about, "geometry": line})
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))


def browse(address: str) -> dict[str, Any]:
    """Return milliseconds of first paints and week changes in a browser, and bytes of a page."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        pages = [_load(browser, address) for _ in range(LOADS)]
        figures = {
            "paints": [page.evaluate("window.painted[0]") for page in pages],
            "bytes": pages[0].evaluate(TRANSFERRED),
            "changes": _change_weeks(pages[-1]),
        }
        browser.close()
    return figures


def _load(browser: Any, address: str) -> Any:  # noqa: ANN401
    """Return a page in a browser that held nothing of it, once map and roads are painted."""
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.add_init_script(WATCH)
    page.goto(address)
    page.wait_for_selector(f'body[data-painted="1"] #map[data-cells="{CELLS}"][data-roads]')
    return page


def _change_weeks(page: Any) -> list[float]:  # noqa: ANN401
    """Go back by weeks and by half years; each key is pressed as soon as the last is answered."""
    page.focus("#slider")
    for k, key in enumerate(["ArrowLeft"] * ARROWS + ["PageDown"] * PAGES):
        page.keyboard.press(key)
        page.wait_for_selector(f'body[data-painted="{k + 2}"]')
    return page.evaluate("window.painted.slice(1)")


def read(address: str, token: str = "", *, after_s: float = 0) -> Answers:
    """Let all readers ask at once, some time after the server's start; see `_read`."""
    time.sleep(after_s)
    return asyncio.run(_read(address, token))


def read_in_airflow(home: Path, store: str) -> Answers:
    """Let all readers ask Airflow's own server once it has made its answers."""
    airflow = Standalone(home, HOTSPOTS_RESULTS_URL=store)
    with airflow.up("api-server"):
        address = f"{airflow.address}{MOUNTED_AT}/"
        return read(address, airflow.api("viewer").token, after_s=MADE_AHEAD_S)


async def _read(address: str, token: str) -> Answers:
    """Return milliseconds of every answer, by route; a reader sends the token as a browser does."""
    took: Answers = defaultdict(list)

    async def ask(route: str, path: str) -> None:
        began = time.perf_counter()
        async with session.get(f"{address}v1/{path}") as answer:
            answer.raise_for_status()
            await answer.read()
        took[route].append(1000 * (time.perf_counter() - began))

    own = {"connector": aiohttp.TCPConnector(limit=READERS), "cookies": {"_token": token}}
    async with aiohttp.ClientSession(**own, auto_decompress=False) as session:
        await asyncio.gather(*(_reader(k, ask) for k in range(READERS)))
    return took


async def _reader(number: int, ask: Any) -> None:  # noqa: ANN401
    """Ask as the page does for somebody who walks back from a week, each from another."""
    rng = random.Random(number)  # noqa: S311
    listed = load_city(CITY).listed_cells()
    chosen = rng.randrange(CELLS)
    cell = f"cells/{listed.row[chosen]}/{listed.col[chosen]}"
    await ask("weeks", "weeks")
    start = rng.randrange(3, WEEKS - STEPS)
    for step in range(STEPS):
        week = LAST_TARGET - timedelta(weeks=start + step)
        await ask("forecast", f"weeks/{week}/forecast")
        await ask("outcome", f"weeks/{week}/outcome")
        await ask("cell", f"{cell}?week={week}")
        if step % 4 == number % 4:
            await ask("health", f"weeks/{week}/health")
        if step == number % STEPS:
            await ask("scores", "scores")
            await ask("areas", "scores/areas")


def main() -> None:
    """Measure, and print each figure beside its target."""
    if not BROWSER.is_file():
        sys.exit(f"There is no browser at {BROWSER}. Install it: apt-get install {BROWSER.name}.")
    with tempfile.TemporaryDirectory() as folder:
        home, store = Path(folder), f"sqlite:///{folder}/results.db"
        fill(store, WEEKS)
        write_roads(home / "roads.geojson")
        with serving(home, store) as address:
            seen = browse(address)
        with serving(home, store) as address:
            starting = read(address)
        with serving(home, store) as address:
            later = read(address, after_s=MADE_AHEAD_S)
        within = read_in_airflow(home / "within", store)
    console = Terminal()
    console.print(_targets(seen, starting, later, within))
    console.print(_routes(starting, later, within))


def _targets(seen: dict[str, Any], starting: Answers, later: Answers, within: Answers) -> Table:
    table = _table(f"{WEEKS} weeks of {CITY}, {os.cpu_count()} cores", "figure", "target", "met")
    for what, figure, target, unit in (
        ("first map paint, median", np.median(seen["paints"]), PAINTED_MS, "ms"),
        ("first map paint, longest", max(seen["paints"]), PAINTED_MS, "ms"),
        ("week change, median", np.median(seen["changes"]), CHANGED_MS, "ms"),
        ("week change, p95", np.percentile(seen["changes"], 95), CHANGED_MS, "ms"),
        ("page with its first weeks, compressed", seen["bytes"] / 1000, WEIGHT_KB, "kB"),
        (f"API p95, {READERS} readers", _p95(later), ANSWERED_MS, "ms"),
        (f"API p95, {READERS} readers, in Airflow's server", _p95(within), ANSWERED_MS, "ms"),
        (f"API p95, {READERS} readers as the server starts", _p95(starting), ANSWERED_MS, "ms"),
    ):
        met = "yes" if figure < target else "no"
        table.add_row(what, f"{figure:.0f} {unit}", f"{target}", met)
    return table


def _routes(starting: Answers, later: Answers, within: Answers) -> Table:
    parts = {"start": starting, "later": later, "Airflow": within}
    heads = (f"{part} {place}" for part in parts for place in ("p50", "p95"))
    table = _table("The API by route, ms", "answers", *heads)
    for route in later:
        figures = [np.percentile(took[route], q) for took in parts.values() for q in (50, 95)]
        table.add_row(route, str(len(later[route])), *(f"{figure:.0f}" for figure in figures))
    return table


def _table(title: str, *numbers: str) -> Table:
    table = Table(title=title)
    table.add_column("what")
    for heading in numbers:
        table.add_column(heading, justify="right")
    return table


def _p95(took: Answers) -> float:
    return float(np.percentile([ms for route in took.values() for ms in route], 95))


if __name__ == "__main__":
    main()
