"""Long-memory channels: rates by hand, and nothing from after the origin."""

import numpy as np
from numpy.testing import assert_allclose

from pipeline.model import channels, windows
from pipeline.model.windows import LATEST_DELAY, TARGET
from tests.unit.model.made_up_city import week
from tests.unit.model.test_model_windows import reports


def test_exposure_counts_weeks_by_how_complete_they_are():
    complete = np.array([0.5] + [1.0] * LATEST_DELAY)
    assert_allclose(channels.exposure(complete, np.inf, range(3)).ravel(), [0.5, 1.5, 2.5])
    assert_allclose(channels.exposure(complete, 1.0, range(1, 3)).ravel(), [1.0, 1.25])


def test_smoothing_keeps_a_flat_city_flat_up_to_its_border():
    mask = np.array([[True, True, False], [True, True, True]])
    flat = np.full((1, 2, 3), 2.0)
    assert_allclose(channels.smooth(flat, 1.0, mask)[0], 2.0 * mask)
    assert_allclose(channels.smooth(flat, 0, mask)[0], 2.0 * mask)


def test_first_channel_is_the_pooled_long_run_rate():
    # Two cells, two weeks, 6 and 0 reports: rates 3 and 0. Smoothed over both with weights
    # g = exp(-1/2) / (1 + exp(-1/2)) on the neighbour, plus 0.005; then (S + 3 b) / (2 + 3).
    some = reports([(0, 0, 0, 6)], weeks=2)
    mask = np.ones((1, 2), bool)
    rates = channels.log_rates({TARGET: some}, mask, range(1, 2), channels.CHANNELS[:1])
    g = np.exp(-0.5) / (1 + np.exp(-0.5))
    around = np.array([3 * (1 - g), 3 * g]) + 0.005
    expected = np.log((np.array([6, 0]) + 3 * around) / 5)
    assert_allclose(rates[0, :, 0], expected, rtol=1e-5)


def test_features_of_an_origin_do_not_depend_on_later_weeks(cube, town):
    now, later = (windows.read_reports(cube.as_of(week(k)), town, ["theft"]) for k in (30, 59))
    for kinds in (now, later):  # the delay curve is the one thing learned from all weeks
        for each in (kinds.target, *kinds.others.values()):
            each.__dict__["completeness"] = np.ones(LATEST_DELAY + 1)
    asked = (*channels.CHANNELS, *channels.class_channels(["theft"]))
    mask, at = cube.cells.mask, range(30, 31)
    ours, theirs = (
        channels.log_rates({TARGET: kinds.target, **kinds.others}, mask, at, asked)
        for kinds in (now, later)
    )
    assert ours.shape == (1, 45, 16)
    assert_allclose(ours, theirs, rtol=1e-5)
    assert_allclose(now.target.window(6, at), later.target.window(6, at), rtol=1e-6)


def test_a_class_has_two_channels_of_its_own_reports():
    theft, arson = reports([(0, 0, 0, 6)], weeks=2), reports([(1, 0, 1, 3)], weeks=2)
    asked = channels.class_channels(["arson", "theft"])
    assert [channel.of for channel in asked] == ["arson", "arson", "theft", "theft"]
    mask = np.ones((1, 2), bool)
    rates = channels.log_rates({"theft": theft, "arson": arson}, mask, range(1, 2), asked)
    assert (rates[0, 0] > rates[0, 1]).tolist() == [False, False, True, True]


def test_on_the_map_there_is_nothing_outside_the_city(cube):
    mask = cube.cells.mask
    rates = np.arange(2 * 45 * 3, dtype=np.float32).reshape(2, 45, 3) + 1
    grid = channels.on_map(rates, mask)
    assert_allclose(grid[:, mask], rates)
    assert not grid[:, ~mask].any()
