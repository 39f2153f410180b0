"""Report: the files that people read, map, page and exports."""

from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.domain.cells import Cells
from pipeline.domain.city import City
from pipeline.domain.weeks import parse_date
from pipeline.files import write_file
from pipeline.lake.lake import Lake
from pipeline.results.products.exports import export_week
from pipeline.results.products.file_sums import note_sums
from pipeline.results.products.week_report import report_page
from pipeline.results.store.reader import ResultsReader
from pipeline.settings import Settings
from pipeline.workflow.card import renew_cards
from pipeline.workflow.plan import Plan
from pipeline.workflow.reads import Reads
from pipeline.workflow.score import observed_week
from pipeline.workflow.step_results import Gridded, Published, Reported, Scored


def report(
    settings: Settings,
    plan: Plan,
    grid: Gridded,
    scored: Scored,
    published: Published,
    *,
    reads: Reads | None = None,
) -> Reported:
    """Write the week's map, page and exports; show the outcome of weeks that came true.

    Their maps and pages are written anew, and the cards of the models that forecast them.

    A dry run has published nothing, and so writes nothing. A run without files of its own writes
    anew only what lies there.
    """
    city = settings.city(plan.city)
    folder = settings.home / "reports" / city.name
    week = folder / plan.target_week.isoformat()
    if not published["revision"]:
        return Reported(folder=str(week), files=[])
    view, target = (reads or Reads()).view(Lake(settings.lake_root), city, grid), plan.target_week
    reader = ResultsReader(settings.results_database)
    files: list[Path] = []
    if plan.files:
        files += export_week(reader, city, target, week)
        files.append(_draw(reader, city, view.cells, target, week, None))
        files.append(_write_page(reader, city, target, week))
        files += renew_cards(settings, city, scored["weeks"])
    for past in map(parse_date, scored["weeks"]):
        of_past = folder / past.isoformat()
        if plan.files or of_past.is_dir():
            observed = observed_week(view, city, past)
            files.append(_draw(reader, city, view.cells, past, of_past, observed))
            files.append(_write_page(reader, city, past, of_past))
    note_sums(files)
    return Reported(folder=str(week), files=[str(file) for file in files])


def _write_page(reader: ResultsReader, city: City, week: date, folder: Path) -> Path:
    return write_file(folder / "report.html", report_page(reader, city, week).encode())


def _draw(
    reader: ResultsReader,
    city: City,
    cells: Cells,
    week: date,
    folder: Path,
    observed: NDArray[np.float32] | None,
) -> Path:
    from pipeline.results.products.maps import draw_week

    path = folder / ("forecast.png" if observed is None else "forecast_and_outcome.png")
    draw_week(
        path, city, cells, reader.cells_frame(city.name, week), reader.run(city.name, week),
        observed=observed,
    )  # fmt: skip
    return path
