"""From forecasts, checks and scores to the rows that the store keeps of them."""

import hashlib
import math
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.domain.cells import Cells
from pipeline.domain.distributions import NEARLY_POISSON_SIZE, Forecast
from pipeline.domain.errors import ModelRejected, SchemaDrift
from pipeline.evaluation.hotspots import Hotspots
from pipeline.evaluation.scores import probability_of_any
from pipeline.results.store.dictionary import CELL_ROWS
from pipeline.results.store.quantiles import quantiles
from pipeline.results.store.records import RunRecord
from pipeline.results.store.tables import Run

Row = dict[str, Any]


def cell_rows(
    forecast: Forecast,
    hotspots: Hotspots,
    cells: Cells,
    long_run_mean: NDArray[np.floating] | None,
) -> list[Row]:
    """Return one row per in-city cell.

    Raises:
        ModelRejected: a cell has no rate, or no size above 0, or a column breaks its rules.
    """
    place = (cells.row, cells.col)
    mean, size = forecast.mean[place], np.minimum(forecast.nb_size[place], NEARLY_POISSON_SIZE)
    if not (np.isfinite(mean).all() and (size > 0).all()):
        raise ModelRejected(
            f"{int((~np.isfinite(mean)).sum())} of {len(cells)} in-city cells have no rate, or "
            "some have no size above 0; each needs both. Nothing was stored; retrain the model."
        )
    columns = {
        "row": cells.row,
        "col": cells.col,
        "mean": mean,
        "nb_size": size,
        "p_any": probability_of_any(mean, size),
        "rank": hotspots.rank[place],
        "band": hotspots.band[place],
        "cluster": hotspots.cluster[place],
        **quantiles(mean, size),
    }
    values = {name: np.asarray(column).tolist() for name, column in columns.items()}
    values["division"] = list(cells.division)
    for name, grid in (("long_run_mean", long_run_mean), ("p_top5", forecast.p_top5)):
        values[name] = [None] * len(cells) if grid is None else grid[place].tolist()
    try:
        rows: list[Row] = CELL_ROWS.conform(pa.table(values)).to_pylist()
    except SchemaDrift as error:
        raise ModelRejected(f"{error} Nothing was stored; retrain the model.") from error
    return rows


def total_rows(forecast: Forecast) -> list[Row]:
    """Return one row for the city and one per division."""
    totals = [("city", "city", forecast.city)]
    totals += [("division", name, total) for name, total in forecast.divisions.items()]
    mean = [float(total.mean) for _, _, total in totals]
    size = [min(float(total.size), NEARLY_POISSON_SIZE) for _, _, total in totals]
    levels = {name: level.tolist() for name, level in quantiles(mean, size).items()}
    return [
        {
            "kind": kind,
            "name": name,
            "mean": mean[k],
            "nb_size": size[k],
            **{level: values[k] for level, values in levels.items()},
        }
        for k, (kind, name, _) in enumerate(totals)
    ]


def health_rows(health: Sequence[Mapping[str, Any]]) -> list[Row]:
    """Return one row per check, numbered in the order given."""
    names = ("table", "name", "outcome", "found", "expected", "rows")
    return [{"position": k, **{n: row[n] for n in names}} for k, row in enumerate(health)]


def score_rows(
    run_pk: int, scores: Mapping[str, Mapping[str, float]], scored_edge_week: date
) -> list[Row]:
    """Return one row per model and score."""
    return [
        {
            "run_pk": run_pk,
            "model": model,
            "score": score,
            # SQLite can't hold NaN.
            "value": float(value) if math.isfinite(value) else None,
            "scored_edge_week": scored_edge_week,
        }
        for model, values in scores.items()
        for score, value in values.items()
    ]


def observed_week_rows(
    city: str, counts: Mapping[date, NDArray[np.floating]], edge_week: date
) -> list[Row]:
    """Return one row per known week, with the hash of its cells' reports."""
    return [
        {
            "city": city,
            "week_start": week,
            "observed_edge_week": edge_week,
            "reports": int(grid.sum()),
            "sha256": hashlib.sha256(grid.astype("<i4").tobytes()).hexdigest(),
        }
        for week, grid in counts.items()
    ]


def observed_cell_rows(city: str, week: date, grid: NDArray[np.floating]) -> list[Row]:
    """Return one row per cell that has reports in a known week."""
    row, col = np.nonzero(grid)
    columns = (row.tolist(), col.tolist(), grid[row, col].astype(int).tolist())
    key = {"city": city, "week_start": week}
    return [{**key, "row": r, "col": c, "reports": n} for r, c, n in zip(*columns, strict=True)]


def run_row(run: RunRecord, model_id: int, revision: int, *, is_backfill: bool) -> Run:
    """Return a run as the store keeps it."""
    return Run(
        city=run.city,
        target_week=run.weeks.target_week,
        revision=revision,
        is_backfill=is_backfill,
        run_id=run.run_id,
        issue_date=run.weeks.issue_date,
        edge_week=run.weeks.edge_week,
        provenance=run.provenance,
        input_ref=run.input_ref,
        input_sha256=run.input_sha256,
        snapshot_age_days=run.snapshot_age_days,
        model_id=model_id,
        training_mode=run.training_mode,
        code_version=run.code_version,
        config_sha256=run.config_sha256,
        forecast_sha256=run.forecast_sha256,
        tally=dict(run.tally),
        notes=list(run.notes),
        created_at=run.created_at,
    )
