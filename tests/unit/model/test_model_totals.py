"""The city total: ridge, level, context and spread, on numbers small enough to follow."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from pipeline.domain.columns import CUBE_STATION_WEEKS
from pipeline.domain.errors import InvalidRequest
from pipeline.model import totals as city_totals
from pipeline.model.glm import fit_poisson
from pipeline.model.levels import find_shift, fit_season
from pipeline.model.spread import dispersion, past_spread
from pipeline.model.totals import LATEST_DELAY, Totals, sure_share
from pipeline.model.windows import read_reports
from tests.unit.model.made_up_city import make_cube, week


def steady(weekly, weeks=60, season=None, nibrs_share=None):
    """Totals of one group, all known at once, with an intercept and the season given."""
    known = np.repeat(np.broadcast_to(weekly, weeks)[None, :, None], LATEST_DELAY + 1, axis=2)
    features = np.zeros((weeks + 5, 4))
    features[:, 0] = 1
    if season is not None:
        features[:, 1] = season
    return Totals(
        known.astype(float),
        np.ones(LATEST_DELAY + 1),
        features,
        np.full(weeks + 5, 12.0),
        np.zeros(weeks) if nibrs_share is None else nibrs_share,
    )


@pytest.fixture(scope="module")
def read(cube, town):
    view = cube.as_of(week(40))
    return view, *city_totals.read_totals(view, read_reports(view, town).target)


def test_totals_by_division_add_up_to_the_reports(read, town):
    view, totals, names = read
    target = read_reports(view, town).target
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
    assert_allclose(fit_season(totals, 50).base(), np.log(100), atol=1e-6)


def test_a_jump_moves_the_level_as_far_at_every_horizon():
    weekly = np.full(60, 99.5)
    weekly[-8:] = 199.5
    base = fit_season(steady(weekly), 59, handles_breaks=False).base()
    assert np.log(130) < base[0] < np.log(200)
    assert_allclose(base, base[0])


def test_a_lasting_shift_becomes_the_new_level_and_does_not_fade():
    random = np.random.default_rng(1)
    weekly = np.exp(np.log(400) + random.normal(0, 0.03, 90))
    weekly[70:] *= 0.7
    ignored = fit_season(steady(weekly, 90), 89, handles_breaks=False)
    handled = fit_season(steady(weekly, 90), 89)
    assert handled.shifts == (70,)
    assert ignored.shifts == ()
    assert_allclose(handled.base(), np.log(280), atol=0.03)
    assert ignored.ahead[4] > np.log(300)


def test_a_shift_is_not_seen_before_it_shows():
    random = np.random.default_rng(2)
    weekly = np.exp(np.log(400) + random.normal(0, 0.03, 90))
    shifted = weekly.copy()
    shifted[70:] *= 0.7
    one, other = fit_season(steady(weekly, 90), 69), fit_season(steady(shifted, 90), 69)
    assert one.shifts == other.shifts == ()
    assert_allclose(one.base(), other.base(), rtol=1e-12)


def test_steps_are_found_where_they_are_and_noise_is_rarely_taken_for_one():
    random = np.random.default_rng(3)
    noise = random.normal(0, 0.05, (200, 156))
    found = [find_shift(row) for row in noise]
    assert sum(shift is not None for shift in found) <= 10
    stepped = noise + 0.2 * (np.arange(156) >= 100)
    assert all(abs(find_shift(row) - 100) <= 3 for row in stepped)
    assert find_shift(np.zeros(156)) is None
    assert find_shift(stepped[0, :25]) is None


def test_a_change_of_the_records_system_is_a_step_from_its_first_week():
    share = (np.arange(60) >= 57).astype(float)
    weekly = np.where(share > 0, 320.0, 400.0)
    told = fit_season(steady(weekly, 60, nibrs_share=share), 59)
    untold = fit_season(steady(weekly, 60), 59)
    assert_allclose(told.base(), np.log(320.5), atol=0.02)
    assert untold.base()[4] > told.base()[4] + 0.01


def test_season_is_learned():
    season = np.sin(2 * np.pi * np.arange(65) / 52)
    totals = steady(np.exp(5 + 0.3 * season[:60]), season=season)
    forecast = fit_season(totals, 59).base()
    assert_allclose(forecast, 5 + 0.3 * season[60:], atol=0.02)


def test_context_and_calendar_hold_what_their_names_say(read):
    view, totals, _ = read
    weather = city_totals.weekly_weather(view, totals.weeks)
    # Every cell has 20 degC, scaled (20 - 15) / 10. Seven warm days: 7 / 3.5.
    assert_allclose(weather[4], [0.5, 0, 2, 0])
    assert_allclose(weather[3], [0, 0, 0, 1])
    residuals = {8: np.arange(9.0), 9: np.arange(10.0)}
    context = city_totals.context_windows(totals, weather, residuals, 6, range(8, 10))
    assert context.shape == (2, 6, len(city_totals.CONTEXT_NAMES))
    assert_allclose(context[0, 0, :4], weather[3])
    assert_allclose(context[1, :, 4], totals.season[4:10, 3])
    assert_allclose(context[:, :, 5], [np.arange(3, 9), np.arange(4, 10)])
    calendar = city_totals.target_calendar(totals, range(8, 10))
    assert calendar.shape == (2, 5, len(city_totals.CALENDAR_NAMES))
    assert_allclose(calendar[0, :, 4], [0.2, 0.4, 0.6, 0.8, 1.0])
    assert_allclose(calendar[0, :, 2], totals.season[9:14, 3])


def test_no_weather_at_all_is_zeros_and_missing(cube):
    nothing = replace(cube.station_weather, weeks=CUBE_STATION_WEEKS.schema.empty_table())
    dry = replace(cube, station_weather=nothing)
    assert_allclose(city_totals.weekly_weather(dry.as_of(week(10)), 3), [[0, 0, 0, 1]] * 3)


def test_a_calendar_that_ends_too_early_is_refused(town):
    cube = make_cube(40)
    short = replace(cube, weeks_table=cube.weeks_table.slice(0, 43))
    view = short.as_of(week(39))
    with pytest.raises(InvalidRequest, match="calendar ends"):
        city_totals.read_totals(view, read_reports(view, town).target)


def test_targets_past_the_edge_are_unknown():
    goals = city_totals.target_log_totals(steady(99.5), range(56, 59))
    assert_allclose(goals[0, :3], np.log(100))
    assert np.isnan(goals[0, 3:]).all()
    assert np.isnan(goals[2, 1:]).all()


def test_dispersion_by_moments_leaves_unknown_outcomes_out():
    # Errors 3 and -3 around 2: (9 - 2 + 9 - 2) / (4 + 4) = 1.75.
    observed = np.array([5.0, -1.0, np.nan])
    assert_allclose(dispersion(observed, np.full(3, 2.0)), 1.75)
    assert dispersion(np.full(9, 2.0), np.full(9, 2.0)) == pytest.approx(1e-4)


def test_spread_recovers_the_dispersion_it_was_made_with():
    random = np.random.default_rng(0)
    # Variance 1000 + 0.01 * 1000 ** 2: size 100.
    weekly = random.negative_binomial(100, 100 / 1100, 400)
    totals = steady(weekly, 400)
    seasons = {origin: fit_season(totals, origin) for origin in range(200, 400)}
    spread = past_spread(totals, ["all"], seasons, np.full(5, 1e-3))
    assert len(spread.city) == len(spread.divisions["all"]) == 5
    assert 0.005 < spread.city[0] < 0.02


def test_no_part_is_less_dispersed_than_the_whole_nor_more_than_a_cell():
    random = np.random.default_rng(0)
    share = np.array([0.7, 0.2, 0.1])[:, None]
    weekly = random.poisson(share * random.gamma(100, 10, 200))
    known = np.repeat(weekly[:, :, None], LATEST_DELAY + 1, axis=2).astype(float)
    totals = replace(steady(1.0, 200), known=known)
    seasons = {origin: fit_season(totals, origin) for origin in range(100, 200)}
    spread = past_spread(totals, ["a", "b", "c"], seasons, np.full(5, 0.02))
    for horizon in range(5):
        parts = [spread.divisions[name][horizon] for name in "abc"]
        assert spread.city[horizon] <= min(parts)
        assert max(parts) <= spread.cell[horizon]
    low = past_spread(totals, ["a", "b", "c"], seasons, np.full(5, 1e-4))
    assert low.cell == low.city


def test_poisson_regression_recovers_its_coefficients():
    random = np.random.default_rng(0)
    features = random.normal(size=(4000, 2))
    offset = random.normal(size=4000)
    counts = random.poisson(np.exp(offset + 0.4 + features @ [0.8, -0.5]))
    assert_allclose(fit_poisson(features, counts, offset), [0.4, 0.8, -0.5], atol=0.05)


def a_correction(seed, slope, weeks=50):
    """Errors that follow a correction by so much, and chance as large as it."""
    random = np.random.default_rng(seed)
    correction, chance = random.normal(0, 0.05, (2, weeks, 5))
    return slope * correction + chance, correction


def test_a_correction_that_chance_explains_is_dropped():
    shares = [sure_share(*a_correction(seed, slope=0.0)) for seed in range(100)]
    assert np.mean(np.array(shares) > 0) < 0.1
    assert max(shares) < 0.15


def test_a_correction_that_holds_is_kept_for_the_most_part():
    shares = [sure_share(*a_correction(seed, slope=1.0)) for seed in range(20)]
    assert min(shares) > 0.6
    assert max(shares) <= 1


def test_weeks_not_yet_known_confirm_nothing():
    error, correction = a_correction(1, slope=0.6)
    late = error.copy()
    late[-4:, 2:] = np.nan
    assert sure_share(late, correction) == pytest.approx(sure_share(error, correction), abs=0.1)
    assert sure_share(np.full_like(error, np.nan), correction) == 0
    assert sure_share(error[:14], correction[:14]) == 0
