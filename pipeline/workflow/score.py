"""Score: forecasts of past weeks, scored beside their baselines once their week is known."""

from datetime import date

import numpy as np
from numpy.typing import NDArray

from pipeline.domain.city import City
from pipeline.domain.distributions import NEARLY_POISSON_SIZE
from pipeline.domain.weeks import weeks_between
from pipeline.evaluation.baselines import BASELINES
from pipeline.evaluation.rivals import BOOSTED_TREES, POISSON_GLM, BoostedTrees, PoissonGlm
from pipeline.evaluation.scores import score_week
from pipeline.grid.cube import CubeView
from pipeline.lake.lake import Lake
from pipeline.results.store.records import StoredRun
from pipeline.results.store.writer import ResultsStore
from pipeline.settings import Settings
from pipeline.workflow.plan import Plan
from pipeline.workflow.reads import Reads
from pipeline.workflow.step_results import Gridded, Scored


def score_past(
    settings: Settings, plan: Plan, grid: Gridded, *, reads: Reads | None = None
) -> Scored:
    """Score every stored forecast whose target week is now known, as it is known now."""
    if not plan.publish:
        return Scored(weeks=[])
    city = settings.city(plan.city)
    store = ResultsStore(settings.results_database)
    store.migrate()
    view = (reads or Reads()).view(Lake(settings.lake_root), city, grid)
    runs = store.unscored(city.name, view.edge_week)
    for run in runs:
        week = run.record.weeks.target_week
        scores = _scores(settings, city, view, store, run)
        store.save_scores(city.name, week, run.revision, scores, scored_edge_week=view.edge_week)
    return Scored(weeks=[run.record.weeks.target_week.isoformat() for run in runs])


def observed_week(view: CubeView, city: City, week: date) -> NDArray[np.float32]:
    """Return the (rows, cols) target reports of a week, as the view knows them."""
    index = weeks_between(view.week_starts[0], week)
    counts: NDArray[np.float32] = view.counts(city.offences.target)[index]
    return counts


def _scores(
    settings: Settings, city: City, view: CubeView, store: ResultsStore, run: StoredRun
) -> dict[str, dict[str, float]]:
    """Return the scores of one stored forecast and of its rivals as they were known then."""
    weeks = run.record.weeks
    cells = store.cells_frame(city.name, weeks.target_week, run.revision)
    place = (cells["row"].to_numpy(), cells["col"].to_numpy())
    observed = observed_week(view, city, weeks.target_week)[place]
    mean, size = cells["mean"].to_numpy(), cells["nb_size"].to_numpy()
    scores = {run.record.model_name: score_week(mean, size, observed, settings.seed)}
    poisson = np.full(len(observed), NEARLY_POISSON_SIZE)
    for name, rate in rival_rates(
        view.earlier(weeks.edge_week), city, weeks.horizon, settings.seed
    ).items():
        scores[name] = score_week(rate[place], poisson, observed, settings.seed)
    return scores


def rival_rates(
    view: CubeView, city: City, horizon: int, seed: int
) -> dict[str, NDArray[np.float64]]:
    """Return the (rows, cols) rates of each baseline, the regression and the trees, by name.

    All are made of what the view knows, and the last two are fitted to it.
    """
    counts, cells = view.counts(city.offences.target), view.cells
    rates = {name: make(counts, cells.mask, horizon) for name, make in BASELINES.items()}
    fitted: dict[str, PoissonGlm | BoostedTrees] = {
        POISSON_GLM: PoissonGlm(view, city, [horizon]),
        BOOSTED_TREES: BoostedTrees(view, city, seed, [horizon]),
    }
    for name, rival in fitted.items():
        rates[name] = np.full(cells.shape, np.nan)
        rates[name][cells.row, cells.col] = rival.rates()[horizon - 1]
    return rates
