"""The opinions beside the network: what they learn, and how they are mixed."""

import builtins
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from pipeline.domain.errors import InvalidRequest
from pipeline.model.channels import CHANNELS
from pipeline.model.opinions import REGRESSION_START, TREES_START, fit_opinions
from pipeline.model.saved import TREES, read_opinions
from pipeline.model.trees import read_trees
from tests.unit.model.made_up_city import small_config

ORIGINS, CELLS = 60, 200


def a_city(seed=0, effect=1.0):
    """Rates and counts where the last channel, of a class, moves a cell by its effect."""
    random = np.random.default_rng(seed)
    rates = random.normal(0, 0.05, (ORIGINS, CELLS, len(CHANNELS) + 2)).astype(np.float32)
    busy = random.normal(size=CELLS)
    rates[..., REGRESSION_START] += busy
    rates[..., TREES_START] += busy
    rates[..., -1] += random.normal(size=CELLS)
    mean = 3 * np.exp(rates[..., REGRESSION_START] + effect * rates[..., -1])
    return rates, random.poisson(mean).astype(np.float32), mean


@pytest.fixture(scope="module")
def learned():
    rates, counts, mean = a_city()
    return fit_opinions(rates, counts, ["theft"], small_config()), rates, counts, mean


def test_the_regression_starts_from_the_long_run_and_learns_the_rest(learned):
    opinions, *_ = learned
    assert opinions.classes == ("theft",)
    assert opinions.slopes[-1] == pytest.approx(1.0, abs=0.05)
    # The long-run rate and that of a year are the same but for noise here: together they are one.
    of_busy = opinions.slopes[REGRESSION_START] + opinions.slopes[TREES_START]
    assert of_busy == pytest.approx(1.0, abs=0.05)
    assert_allclose(opinions.slopes[1:4], 0, atol=0.2)


@pytest.mark.parametrize("weights", [(1.0, 0.0), (0.0, 1.0), (0.5, 0.5)])
def test_each_and_both_find_where_reports_are(learned, weights):
    opinions, rates, _, mean = learned
    config = small_config(regression_weight=weights[0], trees_weight=weights[1])
    found = np.exp(opinions.log_shares(rates, config))
    assert_allclose(found.sum(axis=1), 1.0, rtol=1e-6)
    true = mean / mean.sum(axis=1, keepdims=True)
    assert np.corrcoef(np.log(found[-1]), np.log(true[-1]))[0, 1] > 0.97


def test_both_together_lie_between_them(learned):
    opinions, rates, *_ = learned
    one, other, both = (
        opinions.log_shares(rates, small_config(regression_weight=r, trees_weight=t))
        for r, t in ((1.0, 0.0), (0.0, 1.0), (0.2, 0.2))
    )
    middle = (one + other) / 2
    assert_allclose(both - both[:, :1], middle - middle[:, :1], atol=1e-6)


def test_without_weight_they_say_nothing(learned):
    opinions, rates, *_ = learned
    silent = small_config(regression_weight=0.0, trees_weight=0.0)
    assert_allclose(np.exp(opinions.log_shares(rates, silent)), 1 / CELLS)


def test_chance_teaches_little():
    rates, counts, _ = a_city(seed=1, effect=0.0)
    opinions = fit_opinions(rates, counts, ["theft"], small_config())
    assert abs(opinions.slopes[-1]) < 0.02


def test_origins_without_a_report_are_left_out(learned):
    rates, counts, _ = a_city()
    silent = counts.copy()
    silent[:10] = 0
    fitted = fit_opinions(rates, silent, ["theft"], small_config())
    again = fit_opinions(rates[10:], counts[10:], ["theft"], small_config())
    assert_allclose(fitted.slopes, again.slopes)


def test_trees_are_read_back_as_they_were_saved(trained, tmp_path):
    kept = read_opinions(trained.folder)
    assert kept.classes == trained.classes == ("theft",)
    assert len(kept.slopes) == len(CHANNELS) + 2
    (tmp_path / TREES).write_text(kept.trees.model_to_string())
    again = replace(kept, trees=read_trees(tmp_path / TREES))
    rates = np.random.default_rng(0).normal(size=(1, 45, 16)).astype(np.float32)
    config = small_config()
    assert np.array_equal(again.log_shares(rates, config), kept.log_shares(rates, config))


def test_a_machine_without_the_openmp_runtime_is_told_what_to_install(monkeypatch):
    real = builtins.__import__

    def refuse(name, *rest):
        if name == "lightgbm":
            raise OSError("libgomp.so.1: cannot open shared object file")
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", refuse)
    rates, counts, _ = a_city()
    with pytest.raises(InvalidRequest, match=r"libgomp.so.1.* Install .*: libgomp1 on Debian"):
        fit_opinions(rates, counts, [], small_config())
