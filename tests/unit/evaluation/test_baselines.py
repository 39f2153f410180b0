import numpy as np
import pytest

from pipeline.evaluation.baselines import BASELINES, REFERENCE

MASK = np.array([[True, True], [True, False]])


def counts(weeks: int) -> np.ndarray:
    """Cell (0, 0) holds 0, 1, 2, ... by week, the other cells 1."""
    grid = np.ones((weeks, 2, 2), np.float32)
    grid[:, 0, 0] = np.arange(weeks)
    return grid


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("zero", 0.0),
        ("last_week", 59.0),
        ("mean_4", 57.5),  # (56 + 57 + 58 + 59) / 4
        ("mean_20", 49.5),  # (40 + 59) / 2
        ("mean_52", 33.5),  # (8 + 59) / 2
        ("long_run_mean", 29.5),  # (0 + 59) / 2
    ],
)
def test_each_baseline(name, expected):
    for horizon in (1, 5):
        mean = BASELINES[name](counts(60), MASK, horizon)
        assert mean[0, 0] == pytest.approx(expected)
        assert mean[1, 0] == (0.0 if name == "zero" else 1.0)
        assert np.isnan(mean[1, 1])
        assert mean.dtype == np.float64


def test_short_history_gives_the_mean_of_what_there_is():
    assert BASELINES["mean_52"](counts(3), MASK, 1)[0, 0] == pytest.approx(1.0)


def test_the_reference_is_one_of_them():
    assert set(BASELINES) == {
        "zero", "last_week", "mean_4", "mean_20", "mean_52", "long_run_mean", "ewma_kernel", "kde",
    }  # fmt: skip
    assert REFERENCE == "long_run_mean"


WIDE = np.ones((12, 10), bool)
WIDE[:, -2:] = False


@pytest.mark.parametrize("name", ["ewma_kernel", "kde"])
def test_smooth_baselines_keep_the_known_total_and_stay_in_the_city(name):
    recent = np.random.default_rng(0).poisson(2.0, (60, 12, 10)).astype(np.float32) * WIDE
    mean = BASELINES[name](recent, WIDE, 1)
    weeks = 4 if name == "ewma_kernel" else 52
    assert np.nansum(mean) == pytest.approx(recent[-weeks:].sum() / weeks)
    assert np.isnan(mean[~WIDE]).all()
    assert (mean[WIDE] > 0).all()


def test_the_ewma_favours_newer_weeks_and_neighbours():
    grid = np.zeros((400, 12, 10), np.float32)
    grid[:200, 2, 2] = grid[200:, 8, 5] = 1
    mean = BASELINES["ewma_kernel"](grid, WIDE, 1)
    # Half-life 200: 200 old weeks weigh half of 200 new ones.
    assert mean[8, 5] / mean[2, 2] == pytest.approx(2.0, rel=1e-6)
    assert mean[8, 6] > mean[8, 7]


def test_the_density_spreads_reports_over_their_neighbourhood():
    grid = np.zeros((60, 12, 10), np.float32)
    grid[:, 5, 4] = 10
    mean = BASELINES["kde"](grid, WIDE, 1)
    # A Gaussian of half a cell: a neighbour gets exp(-1/2 / 0.5**2) of the middle.
    assert mean[5, 5] / mean[5, 4] == pytest.approx(np.exp(-2), rel=1e-2)
    assert np.nansum(mean) == pytest.approx(10)
