"""The city total: ridge, level, context and spread, on numbers small enough to follow."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from pipeline.domain.errors import InvalidRequest
from pipeline.domain.tables import CUBE_WEATHER
from pipeline.model import totals as city_totals
from pipeline.model.glm import fit_poisson
from pipeline.model.totals import LATEST_DELAY, Totals
from pipeline.model.windows import read_reports
from tests.unit.model.made_up_city import make_cube, week


def steady(weekly, weeks=60, season=None):
    """Totals of one group, all known at once, with an intercept and the season given."""
    known = np.repeat(np.broadcast_to(weekly, weeks)[None, :, None], LATEST_DELAY + 1, axis=2)
    features = np.zeros((weeks + 5, 4))
    features[:, 0] = 1
    if season is not None:
        features[:, 1] = season
    return Totals(
        known.astype(float), np.ones(LATEST_DELAY + 1), features, np.full(weeks + 5, 12.0)
    )


@pytest.fixture(scope="module")
def read(cube, town):
    view = cube.as_of(week(40))
    return view, *city_totals.read_totals(view, read_reports(view, town)[0])


def test_totals_by_division_add_up_to_the_reports(read, town):
    view, totals, names = read
    target = read_reports(view, town)[0]
    assert names == ("north", "south")
    assert_allclose(totals.known[:, :, -1].sum(), target.number.sum())
    # As of week 20 only what was reported by then counts, made good for its age.
    known = np.bincount(target.week[(target.week + target.delay) <= 20], minlength=21)
    assert totals.city_as_of(20).shape == known.shape
    raw = totals.known[:, np.arange(21), 20 - np.arange(21)].sum(axis=0)
    then = (target.week + target.delay) <= 20
    assert_allclose(raw, np.bincount(target.week[then], target.number[then], 21))


def test_a_steady_city_is_forecast_as_it_is():
    totals = steady(99.5)
    assert_allclose(city_totals.base_log_total(totals, 50), np.log(100), atol=1e-6)


def test_a_jump_moves_the_level_and_fades_with_the_horizon():
    weekly = np.full(60, 99.5)
    weekly[-8:] = 199.5
    base = city_totals.base_log_total(steady(weekly), 59)
    assert np.log(100) < base[4] < base[0] < np.log(200)


def test_season_is_learned():
    season = np.sin(2 * np.pi * np.arange(65) / 52)
    totals = steady(np.exp(5 + 0.3 * season[:60]), season=season)
    forecast = city_totals.base_log_total(totals, 59)
    assert_allclose(forecast, 5 + 0.3 * season[60:], atol=0.02)


def test_context_and_calendar_hold_what_their_names_say(read):
    view, totals, _ = read
    weather = city_totals.weekly_weather(view, totals.weeks)
    # Cells have 15 and 25 degC: mean 20, scaled (20 - 15) / 10. Seven warm days: 7 / 3.5.
    assert_allclose(weather[4], [0.5, 0, 2, 0])
    assert_allclose(weather[3], [0, 0, 0, 1])
    context = city_totals.context_windows(totals, weather, 6, range(8, 10))
    assert context.shape == (2, 6, len(city_totals.CONTEXT_NAMES))
    assert_allclose(context[0, 0, :4], weather[3])
    assert_allclose(context[1, :, 4], totals.season[4:10, 3])
    calendar = city_totals.target_calendar(totals, range(8, 10))
    assert calendar.shape == (2, 5, len(city_totals.CALENDAR_NAMES))
    assert_allclose(calendar[0, :, 4], [0.2, 0.4, 0.6, 0.8, 1.0])
    assert_allclose(calendar[0, :, 2], totals.season[9:14, 3])


def test_no_weather_at_all_is_zeros_and_missing(cube):
    dry = replace(cube, weather=CUBE_WEATHER.schema.empty_table())
    assert_allclose(city_totals.weekly_weather(dry.as_of(week(10)), 3), [[0, 0, 0, 1]] * 3)


def test_a_calendar_that_ends_too_early_is_refused(town):
    cube = make_cube(40)
    short = replace(cube, weeks=cube.weeks.slice(0, 43))
    view = short.as_of(week(39))
    with pytest.raises(InvalidRequest, match="calendar ends"):
        city_totals.read_totals(view, read_reports(view, town)[0])


def test_targets_past_the_edge_are_unknown():
    goals = city_totals.target_log_totals(steady(99.5), range(56, 59))
    assert_allclose(goals[0, :3], np.log(100))
    assert np.isnan(goals[0, 3:]).all()
    assert np.isnan(goals[2, 1:]).all()


def test_dispersion_by_moments_leaves_unknown_outcomes_out():
    # Errors 3 and -3 around 2: (9 - 2 + 9 - 2) / (4 + 4) = 1.75.
    observed = np.array([5.0, -1.0, np.nan])
    assert_allclose(city_totals.dispersion(observed, np.full(3, 2.0)), 1.75)
    assert city_totals.dispersion(np.full(9, 2.0), np.full(9, 2.0)) == pytest.approx(1e-4)


def test_spread_recovers_the_dispersion_it_was_made_with():
    random = np.random.default_rng(0)
    # Variance 1000 + 0.01 * 1000 ** 2: size 100.
    weekly = random.negative_binomial(100, 100 / 1100, 400)
    spread = city_totals.past_spread(steady(weekly, 400))
    assert spread.city.shape == (5,)
    assert spread.divisions.shape == (5, 1)
    assert 0.005 < spread.city[0] < 0.02


def test_poisson_regression_recovers_its_coefficients():
    random = np.random.default_rng(0)
    features = random.normal(size=(4000, 2))
    offset = random.normal(size=4000)
    counts = random.poisson(np.exp(offset + 0.4 + features @ [0.8, -0.5]))
    assert_allclose(fit_poisson(features, counts, offset), [0.4, 0.8, -0.5], atol=0.05)
