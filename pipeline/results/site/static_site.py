"""Writes the page, its answers, reports and downloads as files that any web server can serve."""

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

from pydantic import BaseModel

from pipeline.domain.city import City
from pipeline.domain.errors import InvalidRequest, WeekNotReady
from pipeline.domain.weeks import WEEK
from pipeline.files import replace_folder
from pipeline.results.page import views
from pipeline.results.page.divisions import CITY_WIDE, area_hits
from pipeline.results.page.roads import roads
from pipeline.results.page.schemas import CellColumns, WeekForecast, Weeks
from pipeline.results.page.score_schemas import AreaHits, Scores
from pipeline.results.page.track_record import scores
from pipeline.results.page.week_health import week_health
from pipeline.results.products.exports import week_files
from pipeline.results.products.plain_pages import card_page, checks_page
from pipeline.results.products.week_report import report_page
from pipeline.results.site.feed import feed
from pipeline.results.site.site_names import site_name
from pipeline.results.store.many_weeks import YEAR_WEEKS
from pipeline.results.store.reader import ResultsReader
from pipeline.settings import Settings

Watch = Callable[[str, int, int], None]
MARK = '<meta name="hotspots-site" content="{}">'
# As the API's own headers say it; a server of static files need not be set up to.
HEAD = (
    MARK + '\n<meta http-equiv="Content-Security-Policy" content="default-src \'self\'; '
    "img-src 'self' data:; base-uri 'none'; form-action 'none'\">\n"
    '<meta name="referrer" content="same-origin">\n'
    '<link rel="alternate" type="application/atom+xml" title="Hotspots" href="feed.xml">'
)
CHARSET = '<meta charset="utf-8">'
ROOT = "../../../../"  # of the site, from a page of a week or of a model
FEW_CELLS = 50  # fewer together are taken for cells of their own
NO_CELLS = CellColumns(**{name: [] for name in CellColumns.model_fields})
NOTHING_PUBLIC = (
    "HOTSPOTS_PUBLIC is 'nothing', which is the default: no forecast of this installation is "
    "public. Anybody could use what is, also for what it must not be used for: read "
    "docs/responsible-use.md, then set HOTSPOTS_PUBLIC to 'divisions' (figures of city and "
    "divisions only) or to 'all'."
)


def write_site(store: ResultsReader, settings: Settings, folder: Path, watch: Watch) -> int:
    """Write what is public in place of what the folder holds; return how many files.

    The folder is replaced whole, once all is written beside it; on an error it stays as it was.

    Args:
        store: what was forecast, of all cities.
        settings: say what is public, and where the built page is.
        folder: a new one, an empty one, or an earlier site.
        watch: called with what is being written, how much of it is done, and how much there is.

    Raises:
        InvalidRequest: nothing is public, the page isn't built, or the folder holds other things.
        WeekNotReady: no city has a forecast.
    """
    folder, is_site = folder.resolve(), _is_site(folder)
    if settings.public == "nothing":
        left = f" {folder} still holds an earlier site: delete it to end that." if is_site else ""
        raise InvalidRequest(NOTHING_PUBLIC + left)
    if folder.exists() and not is_site and (folder.is_file() or any(folder.iterdir())):
        raise InvalidRequest(
            f"{folder} holds something else than a site, and would be replaced. Name a new folder."
        )
    page, cities = _page(settings), [settings.city(name) for name in store.cities()]
    if not cities:
        raise WeekNotReady("No city has a forecast yet. Make one (hotspots run), then try again.")
    return replace_folder(folder, _files(store, settings, page, cities, watch))


def _is_site(folder: Path) -> bool:
    index = folder / "index.html"
    return index.is_file() and MARK.partition(" content")[0] in index.read_text(errors="replace")


def _page(settings: Settings) -> dict[str, bytes]:
    """Return the files of the built page by name."""
    folder, public = settings.built_page, settings.public
    if not (folder / "index.html").is_file():
        raise InvalidRequest(
            f"The page has not been built: there is no {folder / 'index.html'}. Run `make page`, "
            "or set HOTSPOTS_PAGE_DIR to the folder of a built page."
        )
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
    head = f"{CHARSET}\n{HEAD.format(public)}".encode()
    return {**files, "index.html": files["index.html"].replace(CHARSET.encode(), head)}


def _files(
    store: ResultsReader, settings: Settings, page: dict[str, bytes], cities: list[City],
    watch: Watch,
) -> Iterator[tuple[str, bytes]]:  # fmt: skip
    has_cells = settings.public == "all"
    weeks = [(city, views.weeks(store, city.name)) for city in cities]
    yield from page.items()
    yield "feed.xml", feed(weeks, contact=settings.contact, has_reports=has_cells)
    yield site_name("weeks"), _json(weeks[0][1])
    for city, lines in weeks:
        record = scores(store, city.name)
        yield from _city_files(store, settings, city, lines, record)
        for done, line in enumerate(lines.weeks):
            watch(f"weeks of {city.title}", done, len(lines.weeks))
            yield from _week_files(store, city, line.target_week, record, has_cells=has_cells)
        if has_cells:
            yield from _cards(store, city, lines)
            yield from _cell_files(store, city, lines, watch)


def _city_files(
    store: ResultsReader, settings: Settings, city: City, lines: Weeks, record: Scores
) -> Iterator[tuple[str, bytes]]:
    hits = area_hits(store, city.name)
    has_cells = settings.public == "all"
    has_roads = has_cells and settings.roads_file is not None
    # A site asks nobody else, and so has no streets of a tile server.
    without = {"base_map": None, "has_roads": has_roads}
    answers: dict[str, BaseModel] = {
        "weeks": lines,
        "geometry": views.geometry(city, settings).model_copy(update=without),
        "scores": record if has_cells else _of_many_cells(record),
        "scores/areas": hits if has_cells else _of_the_city(hits),
    }
    if has_roads:
        answers["roads"] = roads(city, settings)
    for path, said in answers.items():
        yield site_name(path, city.name), _json(said)


def _week_files(
    store: ResultsReader, city: City, week: date, record: Scores, *, has_cells: bool
) -> Iterator[tuple[str, bytes]]:
    """Yield a week's answers and, where its cells are public, its report and downloads.

    What only those who run the installation can follow, or should read, is left out.
    """
    forecast = views.week_forecast(store, city, week)
    health = week_health(store, city.name, week)
    within: dict[str, object] = {"airflow_run": None, "stale_detail": None}
    if not has_cells:
        within["has_card"] = False  # it has hits by division
    answers: dict[str, BaseModel] = {
        "forecast": forecast if has_cells else _without_cells(forecast),
        "health": health.model_copy(update=within),
    }
    if week in set(store.observed_weeks(city.name)["week_start"]):
        outcome = views.week_outcome(store, city.name, week)
        answers["outcome"] = outcome if has_cells else outcome.model_copy(update={"cells": []})
    files = {"checks.html": checks_page(city, health, ROOT).encode()}
    if has_cells:
        files["report.html"] = report_page(store, city, week, record).encode()
        made = week_files(store, city, week)
        answers["downloads"] = views.downloads(made)
        files |= {f"downloads/{name}": content for name, content in made.values()}
    for path, said in answers.items():
        yield site_name(f"weeks/{week}/{path}", city.name), _json(said)
    for path, content in files.items():
        yield site_name(f"weeks/{week}/{path}", city.name), content


def _cards(store: ResultsReader, city: City, lines: Weeks) -> Iterator[tuple[str, bytes]]:
    runs = (store.run(city.name, line.target_week) for line in lines.weeks)
    for version in sorted({run.record.model_version for run in runs}):
        if store.has_card(city.name, version):
            page = card_page(city, version, store.card(city.name, version), ROOT)
            yield site_name(f"models/{version}/card.html", city.name), page.encode()


def _without_cells(forecast: WeekForecast) -> WeekForecast:
    return forecast.model_copy(update={"clusters": [], "cells": NO_CELLS})


def _of_many_cells(record: Scores) -> Scores:
    bins = [part for part in record.reliability if part.cells >= FEW_CELLS]
    return record.model_copy(update={"reliability": bins})


def _of_the_city(hits: AreaHits) -> AreaHits:
    """Return the hits without the divisions': of a division a single cell may be flagged."""
    return hits.model_copy(update={"areas": [hit for hit in hits.areas if hit.name == CITY_WIDE]})


def _cell_files(
    store: ResultsReader, city: City, lines: Weeks, watch: Watch
) -> Iterator[tuple[str, bytes]]:
    """Yield each cell's whole past: that of any week's answer is a part of it."""
    weeks = [line.target_week for line in lines.weeks]
    first, last = min(weeks), max(weeks)
    length = (last - first) // WEEK + YEAR_WEEKS
    cells = sorted({cell for week in weeks for cell in _cells(store, city, week)})
    for done, (row, col) in enumerate(cells):
        watch(f"cells of {city.title}", done, len(cells))
        past = store.cell_past(city.name, row, col)
        said = views.cell_history(past, city.name, row, col, last, length)
        yield site_name(f"cells/{row}/{col}", city.name), _json(said)


def _cells(store: ResultsReader, city: City, week: date) -> Iterator[tuple[int, int]]:
    _, cells, _ = store.week(city.name, week)
    return zip(cells["row"], cells["col"], strict=True)


def _json(said: BaseModel) -> bytes:
    return said.model_dump_json().encode()
