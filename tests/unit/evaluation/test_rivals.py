"""The fitted rival: it learns what there is to learn, and only from what was known."""

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from pipeline.evaluation.backtest import cube_of_events
from pipeline.evaluation.event_files import events_to_incidents
from pipeline.evaluation.rivals import TARGET_CHANNELS, BoostedTrees, PoissonGlm
from tests.unit.evaluation.conftest import make_events

WEEKS = 60


@pytest.fixture(scope="module")
def busy_events():
    """Four reports a week in one cell, beside the even noise of the others."""
    events = make_events(weeks=WEEKS, per_week=40, seed=4)
    extra = events.head(4 * WEEKS).assign(
        occurred_at=events["occurred_at"].iloc[0]
        + pd.to_timedelta(np.repeat(np.arange(WEEKS), 4) * 7, unit="D"),
        offence="ROBBERY",
        latitude=40.05,
        longitude=-90.75,
    )
    return pd.concat([events, extra], ignore_index=True)


GLM = pytest.param(PoissonGlm, id="regression")
TREES = pytest.param(lambda view, city: BoostedTrees(view, city, seed=7), id="trees")


def viewed(city, events, back=0):
    cube, _ = cube_of_events(city, events_to_incidents(city, events))
    return cube.as_of(cube.whole_weeks[-1 - back]), cube


def test_the_regression_has_eleven_features(city, busy_events):
    assert len(TARGET_CHANNELS) + 1 == 11
    view, _ = viewed(city, busy_events)
    assert PoissonGlm(view, city).coefficients.shape == (5, 12)


@pytest.mark.parametrize("fit", [GLM, TREES])
def test_a_forecast_finds_the_busy_cell_and_the_level(city, busy_events, fit):
    view, cube = viewed(city, busy_events)
    rates = fit(view, city).rates(view)
    assert rates.shape == (5, len(cube.cells))
    weekly = view.counts(city.offences.target).sum(axis=(1, 2)).mean()
    assert_allclose(rates.sum(axis=1), weekly, rtol=0.15)
    row, col = cube.cells.row[rates[0].argmax()], cube.cells.col[rates[0].argmax()]
    assert (row, col) == (0, 0)
    assert rates[0].max() > 3 * np.median(rates[0])


@pytest.mark.parametrize("fit", [GLM, TREES])
def test_later_weeks_change_nothing(city, busy_events, fit):
    start = busy_events["occurred_at"].iloc[0]
    cut = busy_events[busy_events["occurred_at"] < start + pd.Timedelta(weeks=WEEKS - 10)]
    long_view, _ = viewed(city, busy_events, back=10)
    short_view, _ = viewed(city, cut)
    assert long_view.edge_week == short_view.edge_week
    long, short = fit(long_view, city), fit(short_view, city)
    assert_allclose(long.rates(long_view), short.rates(short_view), rtol=1e-9)


@pytest.mark.parametrize("fit", [GLM, TREES])
def test_the_rates_at_hand_are_those_of_the_view_it_was_fitted_to(city, busy_events, fit):
    view, cube = viewed(city, busy_events)
    rival = fit(view, city)
    assert_array_equal(rival.rates(), rival.rates(view))
    earlier = cube.as_of(view.edge_week - timedelta(weeks=5))
    assert np.abs(rival.rates(earlier) - rival.rates(view)).max() > 0.01


@pytest.mark.parametrize("fit", [PoissonGlm, lambda *given: BoostedTrees(*given[:2], 7, given[2])])
def test_only_the_horizons_asked_for_are_fitted(city, busy_events, fit):
    view, _ = viewed(city, busy_events)
    rates = fit(view, city, [2]).rates()
    assert np.isnan(rates).all(axis=1).tolist() == [True, False, True, True, True]
