"""A day that holds a pile of wrong dates loses what is more than usual, and no other day does."""

import numpy as np
import pyarrow as pa
import pytest

from pipeline.quality.piles import excess

A_DAY = 50


def reports(by_age: dict[int, int], days: int = 200) -> tuple[np.ndarray, pa.ChunkedArray]:
    counts = dict.fromkeys(range(days), A_DAY) | by_age
    ages = np.repeat(list(counts), list(counts.values())).astype(float)
    return ages, pa.chunked_array([[f"lapd:{k:06d}" for k in range(len(ages))]])


@pytest.mark.parametrize("age", [0, 30])
def test_of_a_pile_as_many_stay_as_usual(age):
    ages, names = reports({age: 40 * A_DAY})
    found = excess(ages, names)
    assert set(ages[found]) == {age}
    assert (~found & (ages == age)).sum() == pytest.approx(A_DAY, abs=20)


def test_the_same_stay_however_the_rows_are_ordered():
    ages, names = reports({30: 40 * A_DAY})
    order = np.random.default_rng(1).permutation(len(ages))
    found, shuffled = excess(ages, names), excess(ages[order], names.take(order))
    assert set(names.filter(found)) == set(names.take(order).filter(shuffled))


@pytest.mark.parametrize(
    "by_age",
    [
        {},
        {30: 2 * A_DAY},  # unrest
        dict.fromkeys(range(100, 200), 5),  # the feed of one division, then of the whole city
        dict.fromkeys(range(40, 100), 0),  # a hole, and reports again
    ],
)
def test_busy_days_and_days_after_a_hole_are_no_pile(by_age):
    assert not excess(*reports(by_age)).any()


def test_days_of_few_reports_and_rows_without_a_day_are_left_alone():
    few = np.repeat(np.arange(100), 2).astype(float)
    ages = np.concatenate([few, [30.0] * 100, [np.nan, -5.0, 1e6]])
    assert not excess(ages, pa.chunked_array([ages.astype(str)])).any()
