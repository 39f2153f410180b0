import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import nbinom, poisson
from sklearn.metrics import brier_score_loss, mean_poisson_deviance

from pipeline.evaluation import scores

COUNTS = np.array([0.0, 1.0, 3.0])
RATES = np.array([0.5, 1.0, 2.0])


def test_poisson_deviance_by_hand():
    # terms y ln(y/f) - (y - f): 0 - (0 - .5) = .5; 0; 3 ln 1.5 - 1 = .216395
    # 2 / 3 * (.5 + 0 + .216395) = .477597
    assert scores.poisson_deviance(RATES, COUNTS) == pytest.approx(0.477597, abs=1e-6)


def test_a_rate_of_zero_is_scored_as_the_floor():
    # y = 1, f = .001: 2 * (ln 1000 - (1 - .001)) = 2 * (6.907755 - .999) = 11.817511
    assert scores.poisson_deviance([0.0], [1.0]) == pytest.approx(11.817511, abs=1e-6)
    # y = 0, f = .001: 2 * .001
    assert scores.poisson_deviance([0.0], [0.0]) == pytest.approx(0.002)


@settings(derandomize=True, max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(0.01, 20), st.integers(0, 30), st.floats(0.1, 50)),
        min_size=2,
        max_size=30,
    )
)
def test_scores_agree_with_reference_libraries(cells):
    mean, observed, size = (np.array(column, dtype=float) for column in zip(*cells, strict=True))
    expected = mean_poisson_deviance(observed, mean)
    assert scores.poisson_deviance(mean, observed) == pytest.approx(expected, abs=1e-9)
    p_any = 1 - nbinom.pmf(0, size, size / (size + mean))
    assert scores.probability_of_any(mean, size) == pytest.approx(p_any)
    brier = brier_score_loss(observed > 0, p_any, labels=[False, True])
    assert scores.brier_any(p_any, observed) == pytest.approx(brier)
    log_score = -nbinom.logpmf(observed, size, size / (size + mean)).mean()
    assert scores.nb_log_score(mean, size, observed) == pytest.approx(log_score, rel=1e-7)


def test_a_poisson_is_the_limit_of_the_negative_binomial():
    expected = -poisson.logpmf(COUNTS, RATES).mean()
    assert scores.nb_log_score(RATES, scores.POISSON, COUNTS) == pytest.approx(expected, abs=1e-5)


def test_crps_by_hand():
    # mean 1, size 1 is geometric with p = 1/2: F(k) = 1 - 2**-(k+1).
    # y = 0: sum over k of (2**-(k+1))**2 = 1/4 + 1/16 + ... = 1/3
    assert scores.crps_nb([1.0], [1.0], [0.0]) == pytest.approx(1 / 3, abs=1e-8)
    # y = 2: F(0)**2 + F(1)**2 + 1/64 + 1/256 + ... = 1/4 + 9/16 + 1/48 = 40/48
    assert scores.crps_nb([1.0], [1.0], [2.0]) == pytest.approx(40 / 48, abs=1e-8)


def test_crps_of_a_sure_zero_is_the_count_and_of_a_long_tail_is_whole():
    assert scores.crps_nb([0.0], [1.0], [3.0]) == pytest.approx(3.0)
    # E|X - y| - E|X - X'| / 2 by summing the distribution itself, far past the first 32 counts
    k = np.arange(4000)
    pmf = nbinom.pmf(k, 0.5, 0.5 / (0.5 + 40.0))
    known = pmf.cumsum()
    by_energy = (pmf * np.abs(k - 7)).sum() - (known * (1 - known)).sum()
    assert scores.crps_nb([40.0], [0.5], [7.0]) == pytest.approx(by_energy, rel=1e-6)


@settings(derandomize=True, max_examples=30, deadline=None)
@given(st.floats(0.001, 60), st.floats(0.2, 1e6), st.integers(0, 80))
def test_crps_agrees_with_the_distribution_of_a_library(mean, size, observed):
    k = np.arange(3000)
    cdf = nbinom.cdf(k, size, size / (size + mean))
    expected = ((cdf - (observed <= k)) ** 2).sum()
    assert scores.crps_nb([mean], [size], [observed]) == pytest.approx(expected, abs=1e-6)


def test_a_hole_in_a_forecast_is_a_hole_in_its_scores():
    assert np.isnan(scores.crps_nb([np.nan, 1.0], [1.0, 1.0], [0.0, 1.0]))
    assert np.isnan(scores.crps_nb([np.inf], [1.0], [0.0]))
    assert np.isnan(scores.crps_nb([1.0], [1.0], [np.nan]))


def test_weeks_are_scored_along_the_last_axis():
    mean, observed = np.stack([RATES, RATES[::-1]]), np.stack([COUNTS, COUNTS])
    for score in (scores.poisson_deviance, scores.rmse, scores.mae, scores.bias):
        both = score(mean, observed)
        assert both.shape == (2,)
        assert both[0] == score(RATES, COUNTS)
    assert scores.crps_nb(mean, np.ones((2, 3)), observed).shape == (2,)
    assert scores.hit_rate(mean, observed, 0.2, 1).tolist() == [0.75, 0.0]


def test_errors_by_hand():
    # f - y: .5, 0, -1
    assert scores.rmse(RATES, COUNTS) == pytest.approx((1.25 / 3) ** 0.5)
    assert scores.mae(RATES, COUNTS) == pytest.approx(0.5)
    assert scores.bias(RATES, COUNTS) == pytest.approx(3.5 / 4 - 1)
    assert np.isnan(scores.bias(RATES, np.zeros(3)))


def test_hits_by_hand():
    mean = np.arange(10.0)  # the last cells rank first
    observed = np.array([4, 0, 0, 0, 0, 0, 0, 0, 1, 3])
    # top 20 % = cells 9 and 8 with 3 + 1 of 8 reports; the best two cells hold 4 + 3
    assert scores.hit_rate(mean, observed, 0.2, seed=1) == pytest.approx(4 / 8)
    assert scores.pai(mean, observed, 0.2, seed=1) == pytest.approx((4 / 8) / (2 / 10))
    assert scores.pei_star(mean, observed, 0.2, seed=1) == pytest.approx(4 / 7)
    assert np.isnan(scores.hit_rate(mean, np.zeros(10), 0.2, seed=1))
    assert np.isnan(scores.pei_star(mean, np.zeros(10), 0.2, seed=1))


def test_capture_and_information_by_hand():
    mean, observed = np.array([1.0, 4.0, 2.0, 3.0]), np.array([2.0, 3.0, 0.0, 1.0])
    found = scores.score_week(mean, scores.POISSON, observed, seed=1)
    # ranks 4, 1, 3, 2: shares of cells still below 1/8, 7/8, 3/8, 5/8 of the way
    # (2 * 1/8 + 3 * 7/8 + 1 * 5/8) / 6 = 3.5 / 6
    assert found["capture_area"] == pytest.approx(3.5 / 6)
    # at best the order is 3, 2, 1, 0 reports: (3 * 7/8 + 2 * 5/8 + 1 * 3/8) / 6 = 4.25 / 6
    assert found["best_capture_area"] == pytest.approx(4.25 / 6)
    # (2 ln 1 + 3 ln 4 + 0 + ln 3 - 10) / 6 = (4.158883 + 1.098612 - 10) / 6
    assert found["information"] == pytest.approx(-0.790417, abs=1e-6)


def test_ties_follow_the_seed_and_favour_no_cell():
    level, observed = np.ones(1000), np.zeros(1000)
    observed[:100] = 1  # in the first cells, which an unstable order would pick or miss
    hits = [float(scores.hit_rate(level, observed, 0.2, seed)) for seed in range(40)]
    assert hits[3] == scores.hit_rate(level, observed, 0.2, seed=3)
    assert len(set(hits)) > 1
    # each draw is hypergeometric with mean .2 and sd .038; the mean of 40 has .006
    assert np.mean(hits) == pytest.approx(0.2, abs=0.02)


def test_score_week_holds_every_score_and_agrees_with_the_functions():
    rng = np.random.default_rng(5)
    mean, observed = rng.gamma(1, 1, 200), rng.poisson(1.0, 200)
    found = scores.score_week(mean, np.full(200, 4.0), observed, seed=9)
    assert found["poisson_deviance"] == pytest.approx(scores.poisson_deviance(mean, observed))
    assert found["crps"] == pytest.approx(scores.crps_nb(mean, np.full(200, 4.0), observed))
    assert found["rmse"] == pytest.approx(scores.rmse(mean, observed))
    assert found["bias"] == pytest.approx(scores.bias(mean, observed))
    for percent in scores.TOP_PERCENTS:
        for name in ("hit_rate", "pai", "pei_star"):
            alone = getattr(scores, name)(mean, observed, percent / 100, seed=9)
            assert found[f"{name}_{percent}"] == pytest.approx(alone)
    curve = [found[f"hit_rate_{percent}"] for percent in scores.CURVE_PERCENTS]
    assert curve == sorted(curve)
    assert found["capture_area"] <= found["best_capture_area"] < 1
    assert len(found) == 10 + 2 * 5 + 12
    assert all(isinstance(value, float) for value in found.values())


def test_a_week_without_reports_has_scores_where_they_mean_something():
    found = scores.score_week(RATES, scores.POISSON, np.zeros(3), seed=1)
    assert found["mae"] == pytest.approx(3.5 / 3)
    assert {name for name, value in found.items() if np.isnan(value)} == {
        "bias",
        "information",
        "capture_area",
        "best_capture_area",
        *(f"{n}_{p}" for n in ("pai", "pei_star") for p in scores.TOP_PERCENTS),
        *(f"hit_rate_{p}" for p in scores.CURVE_PERCENTS),
    }


def test_pooled_scores_come_from_sums_not_from_means_of_weeks():
    busy = scores.statistics([2.0, 1.0], 1.0, [4.0, 0.0], seed=1)
    quiet = scores.statistics([2.0, 1.0], 1.0, [0.0, 1.0], seed=1)
    sums = {name: busy[name] + quiet[name] for name in busy} | {"box_cells": 8.0}
    pooled = scores.metrics(sums)
    # squared errors 4 + 1 + 4 + 0 over 4 cell-weeks in the city, 8 in the box
    assert pooled["rmse"] == pytest.approx((9 / 4) ** 0.5)
    assert pooled["bbox_rmse"] == pytest.approx((9 / 8) ** 0.5)
    # absolute errors 2 + 1 + 2 + 0 = 5
    assert pooled["bbox_mae"] == pytest.approx(5 / 8)
    # the top cell holds 4 of 5 reports, and the best cell of each week 4 + 1
    assert pooled["hit_rate_20"] == pytest.approx(4 / 5)
    assert pooled["pei_star_20"] == pytest.approx(4 / 5)
    assert pooled["bias"] == pytest.approx(6 / 5 - 1)
