"""The likelihood tests, against pyCSEP's own figures and against forecasts known to be right."""

import json
from pathlib import Path

import numpy as np
import pytest

from pipeline.evaluation import consistency
from pipeline.evaluation.calibration import n_test
from pipeline.evaluation.scores import POISSON, poisson_information

REFERENCE = json.loads((Path(__file__).parent / "pycsep_reference.json").read_text())
CASES = REFERENCE["cases"]
# Two estimates from 4,000 simulations each differ by 0.011 (one standard deviation) at most.
TOLERANCE = 0.035


@pytest.mark.parametrize("name", CASES)
def test_number_tests_are_those_of_pycsep(name):
    case = CASES[name]
    total, number = sum(case["mean"]), sum(case["observed"])
    assert n_test(total, case["nb_size"], number) == pytest.approx(case["n_nb"], abs=1e-9)
    assert n_test(total, 1e12, number) == pytest.approx(case["n_poisson"], abs=1e-4)


@pytest.mark.parametrize("name", CASES)
def test_likelihood_tests_are_those_of_pycsep(name):
    case, simulations = CASES[name], REFERENCE["simulations"]
    ours = consistency.conditional_likelihood_quantile(
        case["mean"], case["observed"], 1, simulations
    )
    assert ours == pytest.approx(case["cl"], abs=TOLERANCE)
    # Given the number, scaling the rates to it changes nothing: the S-test is the CL-test.
    assert ours == pytest.approx(case["s"], abs=TOLERANCE)
    whole = consistency.likelihood_quantile(case["mean"], POISSON, case["observed"], 1, simulations)
    assert whole == pytest.approx(case["l"], abs=TOLERANCE)


@pytest.mark.parametrize("name", CASES)
def test_information_gain_is_that_of_pycsep(name):
    case = CASES[name]
    gap = poisson_information(case["mean"], case["observed"]) - poisson_information(
        case["rival"], case["observed"]
    )
    assert gap / sum(case["observed"]) == pytest.approx(case["information_gain"], abs=1e-9)


def test_wrong_places_fail_and_a_wide_total_forgives_a_wrong_number():
    wrong = CASES["wrong places"]
    quantile = consistency.conditional_likelihood_quantile(wrong["mean"], wrong["observed"], 1)
    assert quantile < consistency.PASSED_FROM
    few = CASES["too few"]
    mean = np.array(few["mean"])
    sharp = consistency.likelihood_quantile(mean, POISSON, few["observed"], 1)
    wide = consistency.likelihood_quantile(mean, 4.0, few["observed"], 1)
    assert sharp < consistency.PASSED_FROM < wide


def test_right_maps_pass_as_often_as_the_level_says():
    random = np.random.default_rng(3)
    mean = random.gamma(0.7, 1.0, 300) + 0.02
    found = [
        consistency.conditional_likelihood_quantile(mean, random.poisson(mean), seed)
        for seed in range(200)
    ]
    # 190 of 200 expected, with a standard deviation of 3
    assert 180 <= np.sum(np.array(found) >= consistency.PASSED_FROM) <= 199
    assert len(set(found)) > 50


def test_a_week_without_reports_has_no_quantile():
    assert np.isnan(consistency.conditional_likelihood_quantile([0.1, 0.2], [0, 0], 1))
    assert np.isnan(consistency.likelihood_quantile([0.1, 0.2], 3.0, [0, 0], 1))
