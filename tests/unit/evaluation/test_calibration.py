"""Intervals, probability transforms and number tests, against scipy, hand sums and simulation."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.special import xlogy
from scipy.stats import nbinom, poisson

from pipeline.evaluation import calibration as cal


def test_central_intervals_are_the_quantiles_and_hold_at_least_their_level():
    mean, size = np.array([0.3, 5.0, 1200.0]), np.array([2.0, 8.0, 250.0])
    low, high = cal.central_interval(mean, size, 0.8)
    chance = size / (size + mean)
    assert_allclose(low, nbinom.ppf(0.1, size, chance))
    assert_allclose(high, nbinom.ppf(0.9, size, chance))
    mass = nbinom.cdf(high, size, chance) - nbinom.cdf(low - 1, size, chance)
    assert (mass >= 0.8 - 1e-12).all()
    assert mass[0] > 0.9  # a low count can't be cut at a tenth


def test_an_interval_covers_its_ends_and_nothing_beyond():
    low, high = cal.central_interval(20.0, 10.0, 0.9)
    outcomes = np.array([low - 1, low, high, high + 1])
    assert cal.covers(20.0, 10.0, outcomes, 0.9).tolist() == [False, True, True, False]


def test_the_transform_is_uniform_where_the_forecast_is_the_truth():
    random = np.random.default_rng(1)
    mean = random.gamma(0.7, 1.0, 40_000) + 0.05
    observed = random.negative_binomial(3.0, 3.0 / (3.0 + mean))
    share = cal.pit_histogram(cal.randomised_pit(mean, 3.0, observed, seed=2)) / 40_000
    assert_allclose(share, 0.1, atol=0.006)
    narrow = cal.pit_histogram(cal.randomised_pit(mean, 1e5, observed, seed=2)) / 40_000
    assert narrow[-1] > 0.11


def weekly_histograms(weeks, dispersion_told):
    random = np.random.default_rng(3)
    mean = np.full(800, 0.8)
    rows = []
    for week in range(weeks):
        observed = random.negative_binomial(1.0, 1.0 / (1.0 + mean))
        pit = cal.randomised_pit(mean, 1 / dispersion_told, observed, seed=week)
        rows.append(cal.pit_histogram(pit))
    return np.array(rows)


def test_the_band_holds_a_right_forecast_and_refuses_a_wrong_one():
    right = cal.pit_band(weekly_histograms(26, 1.0), seed=1)
    wrong = cal.pit_band(weekly_histograms(26, 0.05), seed=1)
    assert right["is_inside"]
    assert right["largest_departure"] <= right["limit"]
    assert not wrong["is_inside"]
    assert sum(right["share"]) == pytest.approx(1)
    assert all(low <= high for low, high in zip(right["low"], right["high"], strict=True))


def test_number_test_is_the_two_tails():
    more, fewer = cal.n_test(100.0, 20.0, 130)
    chance = 20 / 120
    assert more == pytest.approx(1 - nbinom.cdf(129, 20, chance))
    assert fewer == pytest.approx(nbinom.cdf(130, 20, chance))
    # With a very large size it is the Poisson test.
    more, _ = cal.n_test(100.0, 1e9, 130)
    assert more == pytest.approx(poisson.sf(129, 100), rel=1e-4)


def test_calibrated_totals_pass_and_overconfident_ones_do_not():
    random = np.random.default_rng(5)
    mean = np.full(400, 500.0)
    observed = random.negative_binomial(100, 100 / 600, 400)
    told = pd.DataFrame({"mean": mean, "nb_size": 100.0, "observed": observed})
    found = cal.totals_calibration(told)
    assert found["forecasts"] == 400
    assert abs(found["coverage_percent"]["80"] - 80) < 5
    assert found["n_test_passed_percent"] > 92
    assert abs(found["bias_percent"]) < 1.5
    sure = cal.totals_calibration(told.assign(nb_size=1e6))
    assert sure["n_test_passed_percent"] < 75
    exact = pd.DataFrame({"mean": [90.0, 110.0], "nb_size": 50.0, "observed": [100.0, 100.0]})
    assert cal.totals_calibration(exact)["mape_percent"] == pytest.approx(10)
    assert cal.totals_calibration(exact)["bias_percent"] == pytest.approx(0)


def test_city_and_divisions_are_told_apart():
    rows = [
        {"horizon": 2, "place": place, "mean": mean, "nb_size": 50.0, "observed": 100.0}
        for place, mean in (("city", 110.0), ("north", 80.0), ("south", 120.0))
        for _ in range(5)
    ]
    checks = pd.DataFrame({"horizon": [2] * 4, "l_quantile": 0.5, "cl_quantile": [0.01, 0.1, 1, 1]})
    checks = checks.assign(**{f"covered_{level}": level / 100 for level in cal.LEVELS})
    found = cal.calibration(pd.DataFrame(rows), {2: np.full((5, 10), 7)}, checks, seed=1)
    assert found["2"]["city"]["bias_percent"] == pytest.approx(10)
    assert found["2"]["divisions"]["mape_percent"] == pytest.approx(20)
    assert found["2"]["divisions"]["forecasts"] == 10
    assert found["2"]["cells_pit"]["is_inside"] is None  # five weeks say nothing of chance
    assert found["2"]["cells_pit"]["share"] == pytest.approx([0.1] * 10)
    # three of four quantiles reach 0.05
    assert found["2"]["cells"]["cl_test_passed_percent"] == 75
    assert found["2"]["cells"]["l_test_passed_percent"] == 100
    assert found["2"]["cells"]["coverage_percent"]["80"] == pytest.approx(80)


def test_a_week_of_cells_is_checked_for_coverage_and_likelihood():
    random = np.random.default_rng(8)
    mean = random.gamma(2.0, 20.0, 3000)
    observed = random.negative_binomial(50.0, 50.0 / (50.0 + mean))
    found = cal.check_cells(mean, 50.0, 100.0, observed, seed=1)
    # large counts: the intervals hold little more than they say
    assert found["covered_80"] == pytest.approx(0.81, abs=0.03)
    assert found["covered_50"] < found["covered_80"] < found["covered_90"] < found["covered_95"]
    # over-dispersed cells are less likely than a Poisson's
    assert found["cl_quantile"] < 0.05


def test_the_noise_floor_is_what_the_truth_itself_scores():
    random = np.random.default_rng(6)
    mean = random.gamma(0.7, 1.0, 30_000) + 0.02
    told = pd.DataFrame({"horizon": 3, "mean": mean, "nb_size": 2.0})
    floor = cal.noise_floor(told, seed=1)["3"]
    outcome = random.negative_binomial(2.0, 2.0 / (2.0 + mean))
    scored = 2 * np.mean(xlogy(outcome, outcome / mean) - (outcome - mean))
    assert floor["negative_binomial"] == pytest.approx(scored, rel=0.03)
    assert abs(floor["negative_binomial"] - scored) < 4 * floor["negative_binomial_sd"]
    assert floor["poisson"] < floor["negative_binomial"]
    sure = cal.noise_floor(told.assign(nb_size=1e7), seed=1)["3"]
    assert sure["negative_binomial"] == pytest.approx(sure["poisson"], rel=0.01)


def test_luck_moves_the_floor_less_the_more_cells_there_are():
    told = pd.DataFrame({"horizon": 1, "mean": np.full(400, 0.5), "nb_size": 5.0})
    few = cal.noise_floor(told, seed=1)["1"]
    many = cal.noise_floor(pd.concat([told] * 16), seed=1)["1"]
    assert many["negative_binomial_sd"] == pytest.approx(few["negative_binomial_sd"] / 4, rel=0.3)
