"""Re-runs of history on the made-up city: what they draw, and what the network makes of it."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from pipeline.evaluation.hotspots import share_in_top
from pipeline.model.inputs import crime_inputs, read_history
from pipeline.model.predict import forecast, prepare
from pipeline.model.reruns import RERUNS, Together, as_counted, redraw, rerun_rates
from pipeline.model.windows import OTHER
from tests.unit.model.made_up_city import small_config, week, weeks_of


@pytest.fixture(scope="module")
def view(cube):
    return cube.as_of(week(50))


@pytest.fixture(scope="module")
def rates(trained, view, town):
    return rerun_rates(prepare(trained, view, town, weeks_of(50, 2)), seed=7)


def test_history_as_it_was_gives_the_inputs_of_the_forecast(view, town):
    history = read_history(view, town)
    kinds = history.kinds
    assert list(kinds.classes) == ["theft"]
    theft, none = (as_counted(of, weeks_apart=40) for of in (kinds.classes["theft"], kinds.rest))
    others = {OTHER: Together((theft, none), kinds.other.completeness), "theft": theft}
    place = (view.cells, small_config(), history.newest)
    for ours, real in zip(
        crime_inputs(as_counted(kinds.target), others, *place),
        crime_inputs(kinds.target, kinds.others, *place),
        strict=True,
    ):
        assert_allclose(ours, real, atol=1e-5)


def test_a_redraw_is_a_poisson_count_around_each_count(view, town):
    reports = read_history(view, town).target
    real = as_counted(reports)
    drawn = redraw(real, 400, np.random.default_rng(1))
    (counted,) = real.number
    assert counted.sum() == reports.weekly().sum()
    # Mean and variance are both the count; over 400 draws of all weeks and cells within 1 %.
    assert drawn.number.mean(axis=0).sum() == pytest.approx(counted.sum(), rel=0.01)
    assert drawn.number.var(axis=0).sum() == pytest.approx(counted.sum(), rel=0.01)
    assert np.abs(drawn.number.mean(axis=0) - counted).max() < 1
    assert drawn.completeness is reports.completeness


def test_old_weeks_are_drawn_as_one(view, town):
    reports = read_history(view, town).kinds.other
    real, apart = as_counted(reports), as_counted(reports, weeks_apart=40)
    origin = range(reports.weeks - 1, reports.weeks)
    assert apart.number.sum() == real.number.sum()
    assert apart.number.size < real.number.size
    assert set(apart.week) == {-1, *range(reports.weeks - 40, reports.weeks)}
    for half_life in (np.inf, 8):
        both = [
            redraw(kind, 400, np.random.default_rng(2)).discounted(half_life, origin)
            for kind in (real, apart)
        ]
        assert_allclose(*(drawn.mean(axis=0).sum() for drawn in both), rtol=0.02)
        assert_allclose(*(drawn.var(axis=0).sum() for drawn in both), rtol=0.05)


def test_each_rerun_is_a_forecast_of_its_own_with_the_same_total(rates, trained, view, town, cube):
    made = forecast(trained, view, town, weeks_of(50, 2))
    mask = cube.cells.mask
    assert rates.shape == (RERUNS, *mask.shape)
    assert np.isnan(rates[:, ~mask]).all()
    assert len(np.unique(rates[:, mask], axis=0)) == RERUNS
    assert_allclose(rates[:, mask].sum(axis=1), made.city.mean, rtol=1e-5)
    # Chance deals to both sides of the forecast.
    assert_allclose(rates.mean(axis=0)[mask], made.mean[mask], rtol=0.3)


def test_the_seed_decides(rates, trained, view, town):
    ready = prepare(trained, view, town, weeks_of(50, 2))
    again, other = (rerun_rates(ready, seed) for seed in (7, 8))
    assert np.array_equal(again, rates, equal_nan=True)
    assert not np.array_equal(other, rates, equal_nan=True)


def test_the_busiest_cells_are_flagged_again_and_the_quiet_never(rates, trained, view, town):
    mean = forecast(trained, view, town, weeks_of(50, 2)).mean
    share = share_in_top(rates, seed=1)
    # Two of 45 cells are the top 5 %.
    assert np.nansum(share) == pytest.approx(2)
    assert share[np.unravel_index(np.nanargmax(mean), mean.shape)] > 0.6
    assert share[np.unravel_index(np.nanargmin(mean), mean.shape)] == 0
