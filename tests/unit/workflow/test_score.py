"""The rivals a stored forecast is scored beside: as known at its own edge week."""

from dataclasses import replace

import numpy as np
from numpy.testing import assert_allclose

from pipeline.domain.columns import CUBE_COUNTS
from pipeline.domain.weeks import WEEK
from pipeline.evaluation.baselines import BASELINES
from pipeline.evaluation.rivals import BOOSTED_TREES, POISSON_GLM, BoostedTrees, PoissonGlm
from pipeline.workflow.score import rival_rates
from tests.unit.model.made_up_city import WEEKS, make_cube, make_town, week

EDGE, HORIZON, SEED = week(WEEKS - 6), 3, 7


def test_regression_and_trees_stand_beside_the_baselines_as_in_a_backtest():
    cube, city = make_cube(), make_town()
    view, cells = cube.as_of(EDGE), cube.cells
    rates = rival_rates(view, city, HORIZON, SEED)
    assert set(rates) == {*BASELINES, POISSON_GLM, BOOSTED_TREES}
    fitted = {POISSON_GLM: PoissonGlm(view, city), BOOSTED_TREES: BoostedTrees(view, city, SEED)}
    for name, rival in fitted.items():
        rate = rates[name]
        assert_allclose(rate[cells.row, cells.col], rival.rates(view)[HORIZON - 1], rtol=1e-12)
        assert np.isnan(rate[~cells.mask]).all()


def test_reports_that_became_known_after_the_edge_change_no_rival():
    cube, city = make_cube(), make_town()
    counts = cube.counts_table.to_pandas()
    known = [
        start + WEEK * int(n)
        for start, n in zip(counts["week_start"], counts["delay_weeks"], strict=True)
    ]
    counts.loc[[moment > EDGE for moment in known], "reports"] *= 50
    changed = replace(cube, counts_table=CUBE_COUNTS.conform(counts))
    before = rival_rates(cube.as_of(EDGE), city, HORIZON, SEED)
    for name, rate in rival_rates(changed.as_of(EDGE), city, HORIZON, SEED).items():
        assert_allclose(rate, before[name], rtol=1e-12, err_msg=name)
