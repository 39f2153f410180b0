"""The prototype's network: its published size, and that it learns from what its view knows."""

import numpy as np
import pytest

from pipeline.model.prototype import Prototype, _weeks, prototype_network
from tests.unit.model.made_up_city import SHAPE, week


def test_it_has_the_weights_and_shapes_that_were_published():
    network = prototype_network(20, (60, 75))
    assert network.count_params() == pytest.approx(64.9e6, rel=0.001)
    assert network.output_shape == (None, 60, 75, 1)


def test_its_branches_see_counts_and_weather_with_holidays(cube, town):
    view = cube.as_of(week(30))
    crime, weather = _weeks(view, town)
    assert crime.shape == (len(view.week_starts), *SHAPE, 1)
    assert weather.shape == (len(view.week_starts), *SHAPE, 3)
    np.testing.assert_array_equal(crime[..., 0], view.counts(town.offences.target))
    assert np.isfinite(weather).all()
    holidays = view.calendar()["holiday_days"].to_numpy() > 0
    assert 0 < holidays.sum() < len(holidays)
    np.testing.assert_array_equal(weather[:, 0, 0, 2] > 0, holidays)


@pytest.mark.slow
def test_it_learns_and_forecasts_from_what_is_known(cube, town):
    def trained(epochs):
        return Prototype(cube.as_of(week(50)), town, window_weeks=6, seed=3, epochs=epochs)

    def error(prototype):
        edges = range(20, 50)
        known = [cube.as_of(week(edge + 1)).counts(town.offences.target)[-1] for edge in edges]
        rates = [prototype.rates(cube.as_of(week(edge))) for edge in edges]
        return ((np.array(rates) - np.array(known)) ** 2).mean()

    few, many, again = trained(1), trained(30), trained(30)
    view = cube.as_of(week(52))
    assert error(many) < 0.9 * error(few)
    np.testing.assert_array_equal(many.rates(view), again.rates(view))
    assert (many.rates(view)[~view.cells.mask] == 0).all()
