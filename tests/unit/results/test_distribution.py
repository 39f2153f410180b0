import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import nbinom, poisson

from pipeline.results.store.quantiles import QUANTILES, quantiles


def test_quantiles_of_a_geometric():
    # Size 1, mean 1: P(0) = 1/2, P(<=1) = 3/4, P(<=2) = 7/8, P(<=3) = 15/16, P(<=4) = 31/32.
    found = quantiles([1.0], [1.0])
    assert {name: int(level[0]) for name, level in found.items()} == {
        "q05": 0, "q10": 0, "q25": 0, "q50": 0, "q75": 1, "q90": 3, "q95": 4,
    }  # fmt: skip


def test_cell_without_reports_has_quantiles_of_zero():
    assert all(level.tolist() == [0] for level in quantiles([0.0], [2.0]).values())


def test_size_without_bound_is_a_poisson():
    found = quantiles([3.0, 480.0], [np.inf, np.inf])
    for name, level in QUANTILES.items():
        assert found[name].tolist() == poisson.ppf(level, [3.0, 480.0]).tolist()


@settings(derandomize=True, max_examples=50)
@given(mean=st.floats(0.001, 800), size=st.floats(0.05, 500))
def test_each_quantile_is_the_smallest_count_that_reaches_its_level(mean, size):
    found = quantiles([mean], [size])
    chance = size / (size + mean)
    for name, level in QUANTILES.items():
        count = int(found[name][0])
        assert nbinom.cdf(count, size, chance) >= level - 1e-9
        assert nbinom.cdf(count - 1, size, chance) < level + 1e-9
    assert sorted(found, key=lambda name: (int(found[name][0]), name)) == list(QUANTILES)


def test_shape_is_kept():
    assert quantiles(np.ones(4), np.ones(4))["q50"].shape == (4,)
    assert quantiles(np.ones(4), np.ones(4))["q50"].dtype == np.int64
