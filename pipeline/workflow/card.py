"""The card of a model that was just registered, kept where people read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from pipeline.domain.city import City
from pipeline.domain.weeks import parse_date
from pipeline.files import write_file
from pipeline.grid.cube import CubeView
from pipeline.lake.lake import Lake, Ref
from pipeline.results.products.file_sums import note_sums
from pipeline.results.products.model_card import LearnedFrom, model_card, with_own_record
from pipeline.results.store.reader import ResultsReader
from pipeline.results.store.writer import ResultsStore
from pipeline.settings import Settings
from pipeline.workflow.plan import Plan
from pipeline.workflow.step_results import Gridded

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.model.saved import TrainedModel


def renew_cards(settings: Settings, city: City, weeks: Sequence[str]) -> list[Path]:
    """Tell in the cards of the models that forecast these weeks what their forecasts came to.

    A model without a card gets none.
    """
    reader, files = ResultsReader(settings.results_database), []
    runs = [reader.run(city.name, parse_date(week)).record for week in weeks]
    for version, sha256 in {run.model_version: run.model_sha256 for run in runs}.items():
        if reader.has_card(city.name, version):
            text = with_own_record(reader, city, version, reader.card(city.name, version))
            files.append(_keep(settings, city, version, sha256, text))
    return files


def write_card(
    settings: Settings,
    plan: Plan,
    grid: Gridded,
    view: CubeView,
    model: TrainedModel,
    *,
    version: str,
    mode: str,
) -> Path:
    """Write a model's card to the results store and to a file among the city's reports.

    It lies outside the model's folder and changes nothing of its hash.
    """
    city, ref = settings.city(plan.city), Ref.from_json(grid["ref"])
    counts = np.where(view.cells.mask, view.counts(city.offences.target), 0)
    data = LearnedFrom(
        provenance=str(Lake(settings.lake_root).info(ref)["origin"]),
        first_week=view.week_starts[0],
        edge_week=view.edge_week,
        reports=int(counts.sum()),
        cells=len(view.cells.row),
        sha256=ref.sha256,
    )
    store = ResultsStore(settings.results_database)
    store.migrate()
    text = model_card(store, city, model, version=version, mode=mode, data=data)
    return _keep(settings, city, version, model.sha256, text)


def _keep(settings: Settings, city: City, version: str, sha256: str, text: str) -> Path:
    ResultsStore(settings.results_database).save_card(city.name, version, sha256, text)
    folder = settings.home / "reports" / city.name / "models"
    path = write_file(folder / f"version_{version}.md", text.encode())
    note_sums([path])
    return path
