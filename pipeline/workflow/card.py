"""The card of a model that was just registered, kept where people read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipeline.grid.cube import CubeView
from pipeline.lake import Lake, Ref
from pipeline.results.files import write_file
from pipeline.results.history import HistoryReader
from pipeline.results.model_card import LearnedFrom, model_card
from pipeline.results.store import ResultsStore
from pipeline.settings import Settings
from pipeline.workflow.plan import Gridded, Plan, city_of

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.model.saved import TrainedModel


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
    city, ref = city_of(plan), Ref.from_json(grid["ref"])
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
    reader = HistoryReader(settings.results_database)
    text = model_card(reader, city, model, version=version, mode=mode, data=data)
    store.save_card(city.name, version, model.sha256, text)
    folder = settings.home / "reports" / city.name / "models"
    return write_file(folder / f"version_{version}.md", text.encode())
