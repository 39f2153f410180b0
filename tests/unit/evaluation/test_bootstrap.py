import numpy as np
import pytest

from pipeline.evaluation.bootstrap import compare, draw_weeks, recent_skill, skill
from pipeline.evaluation.scores import statistics


def weekly(means: list[float], observed: list[float]) -> dict[str, np.ndarray]:
    """Statistics of weeks of ten cells, each with one mean and one count throughout."""
    rows = [
        statistics(np.full(10, m), 5.0, np.full(10, y), seed=1)
        for m, y in zip(means, observed, strict=True)
    ]
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def test_draws_are_blocks_of_consecutive_weeks():
    drawn = draw_weeks(10, seed=1, block=4, draws=50)
    assert drawn.shape == (50, 10)
    # two blocks of four and the first two weeks of a third, each inside 0..9
    for block in (drawn[:, :4], drawn[:, 4:8], drawn[:, 8:]):
        assert (np.diff(block, axis=1) == 1).all()
    assert drawn.min() == 0
    assert drawn.max() == 9
    assert np.array_equal(drawn, draw_weeks(10, seed=1, block=4, draws=50))
    assert not np.array_equal(drawn, draw_weeks(10, seed=2, block=4, draws=50))


def test_fewer_weeks_than_a_block_are_drawn_whole():
    assert draw_weeks(3, seed=1, draws=2).tolist() == [[0, 1, 2], [0, 1, 2]]


def test_difference_interval_and_weeks_won():
    observed = [1.0, 2.0, 1.0, 3.0, 1.0, 2.0] * 3
    better = [*observed[:5], 5.0] * 3  # exact but for every sixth week
    found = compare(weekly(better, observed), weekly([2.0] * 18, observed), seed=1)["mae"]
    # errors of the model 0 0 0 0 0 3, of the reference 1 0 1 1 1 0: .5 - 4 / 6
    assert found.difference == pytest.approx(3 / 6 - 4 / 6)
    assert found.low <= found.difference <= found.high
    assert (found.weeks_won, found.weeks) == (12, 18)  # the second of each six is a draw


@pytest.mark.parametrize(("weeks", "is_known"), [(1, False), (4, False), (12, False), (13, True)])
def test_no_interval_from_fewer_than_thirteen_weeks(weeks, is_known):
    observed = [1.0 + week % 3 for week in range(weeks)]
    found = compare(weekly([1.5] * weeks, observed), weekly([2.0] * weeks, observed), seed=1)
    assert np.isfinite(found["mae"].difference)
    assert np.isfinite([found["mae"].low, found["mae"].high]).tolist() == [is_known] * 2
    value, low, high = skill(np.ones(weeks), np.full(weeks, 2.0), seed=1)
    assert value == pytest.approx(0.5)
    assert np.isfinite([low, high]).tolist() == [is_known] * 2


def test_higher_is_better_for_hits():
    observed = np.zeros(100)
    observed[:5] = 1
    good = statistics(observed + 0.1, 5.0, observed, seed=1)
    bad = statistics(1.1 - observed, 5.0, observed, seed=1)
    as_weeks = [{name: np.array([row[name]] * 13) for name in row} for row in (good, bad)]
    found = compare(*as_weeks, seed=1)["hit_rate_5"]
    # every week 5 of 5 against 0 of 5, so every draw says the same
    assert (found.difference, found.low, found.high, found.weeks_won) == (1.0, 1.0, 1.0, 13)


def test_weeks_without_reports_leave_rates_undefined_and_errors_fine():
    silent = weekly([1.0, 1.0], [0.0, 0.0])
    found = compare(silent, weekly([0.5, 0.5], [0.0, 0.0]), seed=1)
    assert np.isnan(found["hit_rate_5"].difference)
    assert found["hit_rate_5"].weeks_won == 0
    assert found["mae"].difference == pytest.approx(0.5)


def test_skill_of_all_weeks_with_an_interval_of_pairs():
    theirs = np.tile([1.0, 2.0, 4.0, 1.0, 2.0], 3)
    value, low, high = skill(0.9 * theirs, theirs, seed=1)
    # however weeks are drawn, ours is nine tenths of theirs
    assert (value, low, high) == pytest.approx((0.1, 0.1, 0.1))
    ours = theirs * np.tile([0.5, 1.5, 0.5, 1.2, 1.1], 3)
    value, low, high = skill(ours, theirs, seed=1)
    assert value == pytest.approx(1 - ours.sum() / theirs.sum())
    assert low < value < high
    assert skill(ours, theirs, seed=1) == (value, low, high)


def test_skill_along_time_is_of_the_26_weeks_up_to_each():
    ours, theirs = np.random.default_rng(3).uniform(0.5, 1.5, (2, 40))
    found = recent_skill(ours, theirs, seed=1)
    assert np.isnan(found[:12]).all()
    assert found[12].tolist() == list(skill(ours[:13], theirs[:13], 1))
    assert found[39].tolist() == list(skill(ours[14:], theirs[14:], 1))
    # later weeks change no earlier point
    assert np.array_equal(recent_skill(ours[:30], theirs[:30], 1), found[:30], equal_nan=True)
