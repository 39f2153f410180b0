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
        "zero", "last_week", "mean_4", "mean_20", "mean_52", "long_run_mean",
    }  # fmt: skip
    assert REFERENCE == "long_run_mean"
