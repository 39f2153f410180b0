"""The fitted rival: it learns what there is to learn, and only from what was known."""

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from pipeline.evaluation.backtest import cube_of_events
from pipeline.evaluation.event_files import events_to_incidents
from pipeline.evaluation.rivals import FEATURES, PoissonGlm
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


def fitted(city, events, back=0):
    cube, _ = cube_of_events(city, events_to_incidents(city, events))
    weeks = cube.weeks_table.to_pandas()
    whole = list(weeks.loc[weeks["is_whole"], "week_start"])
    view = cube.as_of(whole[-1 - back])
    return PoissonGlm(view, city), view, cube


def test_eleven_features_and_a_forecast_of_the_right_size(city, busy_events):
    assert len(FEATURES) + 1 == 11
    glm, view, cube = fitted(city, busy_events)
    rates = glm.rates(view)
    assert rates.shape == (5, len(cube.cells))
    weekly = view.counts(city.offences.target).sum(axis=(1, 2)).mean()
    assert_allclose(rates.sum(axis=1), weekly, rtol=0.15)
    row, col = cube.cells.row[rates[0].argmax()], cube.cells.col[rates[0].argmax()]
    assert (row, col) == (0, 0)
    assert rates[0].max() > 3 * np.median(rates[0])


def test_later_weeks_change_nothing(city, busy_events):
    cut = busy_events[
        busy_events["occurred_at"]
        < busy_events["occurred_at"].iloc[0] + pd.Timedelta(weeks=WEEKS - 10)
    ]
    long, view, _ = fitted(city, busy_events, back=10)
    short, short_view, _ = fitted(city, cut)
    assert view.edge_week == short_view.edge_week
    assert_allclose(long.coefficients, short.coefficients, rtol=1e-9)
    assert_allclose(long.rates(view), short.rates(short_view), rtol=1e-9)


def test_the_rates_at_hand_are_those_of_the_view_it_was_fitted_to(city, busy_events):
    glm, view, cube = fitted(city, busy_events)
    assert_array_equal(glm.rates(), glm.rates(view))
    earlier = cube.as_of(view.edge_week - timedelta(weeks=5))
    assert np.abs(glm.rates(earlier) - glm.rates(view)).max() > 0.01
