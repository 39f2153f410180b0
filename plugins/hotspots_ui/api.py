"""The Hotspots page and its read-only API. Every route asks for a user with the right to read."""

import gc
import sys
from asyncio import create_task
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI, Query, Request, Response
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, PlainTextResponse
from hotspots_ui import questions
from hotspots_ui.ahead import make_ahead
from hotspots_ui.answering import Results, answer, cells, files, keep, kept, packed, send, tagged
from hotspots_ui.guard import (
    CellIndex,
    CityName,
    Kind,
    LastWeek,
    ModelVersion,
    Week,
    guard,
    may_read,
)

from pipeline.results.page import divisions as areas
from pipeline.results.page import schemas as answers
from pipeline.results.page import score_schemas, track_record, views
from pipeline.results.products import plain_pages
from pipeline.results.store.reader import ResultsReader
from pipeline.settings import get_settings

PAGE = Path(__file__).resolve().parent / "web" / "dist"
# A page may load nothing from elsewhere, but for the tiles of a base map that was set up.
POLICY = (
    "default-src 'self'; img-src {}; frame-ancestors 'self'; base-uri 'none'; form-action 'none'"
)
# A report holds its style and pictures itself, and runs nothing.
REPORT_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'; "
    "base-uri 'none'; form-action 'none'"
)
PAGE_HEADERS = {
    "Referrer-Policy": "same-origin",
    "Cache-Control": "private, no-cache",
}
NOT_BUILT = (
    "The Hotspots page has not been built. Run `make page`, which says what stands in the way, and "
    "load this again. The API under v1/ works without it."
)
MEDIA_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "geojson": "application/geo+json",
    "geoparquet": "application/vnd.apache.parquet",
    "totals": "text/csv; charset=utf-8",
    "hub": "application/vnd.apache.parquet",
    "geopackage": "application/geopackage+sqlite3",
    "style": "application/xml",
    "dictionary": "text/csv; charset=utf-8",
    "manifest": "application/json",
}
DESCRIPTION = """
Weekly forecasts of reported violent crime by grid cell: read-only, for users of this Airflow.

Ask with the browser's session or with `Authorization: Bearer TOKEN`, a token from
`POST /auth/token`. Every answer has an ETag; send it back as `If-None-Match` and get 304 while
nothing changed. A week is named by its Sunday, as YYYY-MM-DD; row 0 of the grid is the
southernmost, column 0 the westernmost. What `banner` says must stand over anything made from the
answer.
"""
SetTheme = Annotated[
    plain_pages.Theme | None, Query(description="that of the page around; else the system's")
]
CITY = "los_angeles"
SWITCH_S = 0.0005


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
    """Set this server up to answer many at once, and make answers ahead.

    What it has imported is taken out of the garbage collector's rounds: going through it, 380,000
    objects of Airflow, pandas and more, stops every answer for a quarter of a second, again and
    again. A thread that reads rows lets go of the interpreter at each, and has it back after at
    most SWITCH_S; Python's own 5 ms would make an answer of a thousand rows take seconds.
    """
    gc.collect()
    gc.freeze()
    sys.setswitchinterval(SWITCH_S)
    ahead = create_task(make_ahead(questions.soon_asked))
    yield
    ahead.cancel()


# The interactive documentation would be open to anybody and load from elsewhere.
app = FastAPI(
    title="Hotspots",
    version="1",
    description=DESCRIPTION,
    dependencies=[may_read],
    lifespan=lifespan,
    docs_url=None,
    redoc_url=None,
    openapi_url=None,
    responses={422: {"model": answers.Refusal, "description": "A parameter can't be so."}},
)
guard(app)


@app.get("/", include_in_schema=False)
def page() -> Response:
    """Return the page."""
    if not (PAGE / "index.html").is_file():
        return PlainTextResponse(NOT_BUILT, 503)
    return FileResponse(PAGE / "index.html", headers={**PAGE_HEADERS, **_policy()})


@app.get("/assets/{name}", include_in_schema=False)
def asset(name: str) -> Response:
    """Return a part of the page; its name holds its hash, so that it never changes."""
    known = {path.name: path for path in (PAGE / "assets").glob("*")}
    if name not in known:
        return JSONResponse({"detail": f"The page has no part {name}. Load it again."}, 404)
    kept = {**PAGE_HEADERS, **_policy(), "Cache-Control": "private, max-age=31536000, immutable"}
    return FileResponse(known[name], headers=kept)


def _policy() -> dict[str, str]:
    """Return the header that says where the page may load from."""
    images = filter(None, ["'self'", "data:", get_settings().base_map_origin])
    return {"Content-Security-Policy": POLICY.format(" ".join(images))}


@app.get("/v1/openapi.json", include_in_schema=False)
def schema() -> dict[str, Any]:
    """Return the description of this API."""
    return app.openapi()


@app.get("/v1/weeks", response_model=answers.Weeks)
async def weeks(request: Request, store: Results, city: CityName = CITY) -> Response:
    """Return every issued week, newest first, how far each has come, and what is stale."""
    return await answer(request, store, city, views.weeks)


@app.get("/v1/weeks/{week}/forecast", response_model=answers.WeekForecast)
async def forecast(request: Request, store: Results, week: Week, city: CityName = CITY) -> Response:
    """Return a week's forecast: cells, bands, clusters, divisions and the city's total."""
    return await answer(request, store, city, questions.forecast_of, week)


@app.get("/v1/weeks/{week}/outcome", response_model=answers.WeekOutcome)
async def outcome(request: Request, store: Results, week: Week, city: CityName = CITY) -> Response:
    """Return what was counted in a week; 404 until it is known."""
    return await answer(request, store, city, views.week_outcome, week)


@app.get("/v1/weeks/{week}/health", response_model=answers.WeekHealth)
async def health(request: Request, store: Results, week: Week, city: CityName = CITY) -> Response:
    """Return what a week was made from, where its rows went, and what the checks found."""
    return await answer(request, store, city, questions.health_of, week)


@app.get("/v1/cells/{row}/{col}", response_model=answers.CellHistory)
async def cell(
    request: Request,
    store: Results,
    row: CellIndex,
    col: CellIndex,
    week: LastWeek,
    city: CityName = CITY,
) -> Response:
    """Return a cell's 52 weeks up to a week: what was forecast and what was counted."""
    past = await keep(cells, store, city, (row, col), lambda: store.cell_past(city, row, col))
    return send(request, *packed(views.cell_history(past, city, row, col, week)))


@app.get("/v1/scores", response_model=score_schemas.Scores)
async def scores(request: Request, store: Results, city: CityName = CITY) -> Response:
    """Return how the forecasts came true, week by week, beside every baseline."""
    return await answer(request, store, city, track_record.scores)


@app.get("/v1/scores/areas", response_model=score_schemas.AreaHits)
async def area_hits(request: Request, store: Results, city: CityName = CITY) -> Response:
    """Return the reports in flagged cells, expected and counted, of the city and each division."""
    return await answer(request, store, city, areas.area_hits)


@app.get("/v1/models/{version}/card", response_class=Response)
def model_card(
    request: Request, store: Results, version: ModelVersion, city: CityName = CITY
) -> Response:
    """Return the card of a model as Markdown: its data, training, scores, audit and limits."""
    content = store.card(city, version).encode()
    attached = {"Content-Disposition": f'attachment; filename="{city}_model_{version}.md"'}
    return tagged(request, content, "text/markdown; charset=utf-8", attached)


@app.get("/v1/models/{version}/card.html", response_class=HTMLResponse)
def card_page(
    request: Request,
    store: Results,
    version: ModelVersion,
    city: CityName = CITY,
    theme: SetTheme = None,
) -> Response:
    """Return the card of a model as a page that loads nothing from elsewhere."""
    card, settings = store.card(city, version), get_settings()
    page = plain_pages.card_page(settings.city(city), version, card, theme=theme)
    return _text_page(request, page.encode())


@app.get("/v1/weeks/{week}/checks.html", response_class=HTMLResponse)
def checks_page(
    request: Request, store: Results, week: Week, city: CityName = CITY, theme: SetTheme = None
) -> Response:
    """Return all checks of a week's data as a page that loads nothing from elsewhere."""
    health, settings = questions.health_of(store, city, week), get_settings()
    page = plain_pages.checks_page(settings.city(city), health, theme=theme)
    return _text_page(request, page.encode())


def _text_page(request: Request, content: bytes) -> Response:
    headers = {**PAGE_HEADERS, "Content-Security-Policy": REPORT_POLICY}
    return tagged(request, content, "text/html; charset=utf-8", headers)


@app.get("/v1/geometry", response_model=answers.Geometry)
async def geometry(request: Request, store: Results, city: CityName = CITY) -> Response:
    """Return the grid, the outlines of the city and its divisions, and where streets come from."""
    return await answer(request, store, city, questions.geometry_of)


@app.get("/v1/roads", response_model=answers.Roads)
async def roads(request: Request, store: Results, city: CityName = CITY) -> Response:
    """Return the lines of freeways and main streets, and the cells that each crosses."""
    return await answer(request, store, city, questions.roads_of)


@app.get("/v1/weeks/{week}/downloads", response_model=answers.Downloads)
async def downloads(
    request: Request, store: Results, week: Week, city: CityName = CITY
) -> Response:
    """Return the files of a week with their sha256."""
    found = await _files(store, city, week)
    what = ("downloads", week)
    return send(
        request, *await keep(kept, store, city, what, lambda: packed(views.downloads(found)))
    )


@app.get("/v1/weeks/{week}/downloads/{kind}", response_class=Response)
async def download(
    request: Request, store: Results, week: Week, kind: Kind, city: CityName = CITY
) -> Response:
    """Return one file of a week: a table, a map's layer and its style, or what explains them."""
    name, content = (await _files(store, city, week))[kind]
    attached = {"Content-Disposition": f'attachment; filename="{name}"'}
    return tagged(request, content, MEDIA_TYPES[kind], attached)


@app.get("/v1/weeks/{week}/report", response_class=HTMLResponse)
async def report(request: Request, store: Results, week: Week, city: CityName = CITY) -> Response:
    """Return a week on one page that prints well, as `hotspots report` writes it."""
    content = await keep(files, store, city, ("report", week), lambda: _report(store, city, week))
    return _text_page(request, content)


def _report(store: ResultsReader, city: str, week: date) -> bytes:
    from pipeline.results.products.week_report import report_page

    return report_page(store, get_settings().city(city), week).encode()


async def _files(store: ResultsReader, city: str, week: date) -> dict[str, tuple[str, bytes]]:
    from pipeline.results.products.exports import week_files

    def make() -> dict[str, tuple[str, bytes]]:
        return week_files(store, get_settings().city(city), week)

    return await keep(files, store, city, week, make)
