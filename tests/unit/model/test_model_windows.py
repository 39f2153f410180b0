"""What the crime branch sees: sums by hand, and nothing from after the origin."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from pydantic import ValidationError

from pipeline.domain.columns import CUBE_COUNTS
from pipeline.domain.errors import WeekNotReady
from pipeline.model import windows
from pipeline.model.config import ModelConfig
from pipeline.model.windows import LATEST_DELAY, Reports
from tests.unit.model.made_up_city import FIRST, week


def reports(entries, weeks, shape=(1, 2)):
    """Reports from (week, delay, cell, number)."""
    columns = np.array(entries).T if entries else np.zeros((4, 0), int)
    return Reports(*columns, weeks, shape)


def test_reads_what_is_known_by_class_without_unlocated_ones(cube, town):
    view = cube.as_of(week(30))
    kinds = windows.read_reports(view, town)
    target, other = kinds.target, kinds.other
    assert view.first_whole_week == FIRST
    assert target.weeks == 31
    # The view has one week more: the one before the first whole one, which has no reports.
    assert_allclose(target.weekly(), view.counts(["robbery"])[1:])
    assert_allclose(other.weekly(), view.counts(["theft"])[1:])


def test_frequent_classes_are_told_apart_and_the_rest_pooled(cube, town):
    counts = cube.counts_table.to_pandas()
    theft = counts[counts["offence_class"] == "theft"]
    rare = theft.iloc[:40].assign(offence_class="arson", reports=1)
    more = CUBE_COUNTS.conform(pd.concat([counts, rare]))
    kinds = windows.read_reports(replace(cube, counts_table=more).as_of(week(59)), town)
    assert list(kinds.classes) == ["theft"]
    assert list(kinds.others) == [windows.OTHER, "theft"]
    assert kinds.rest.number.sum() == 40
    assert kinds.other.number.sum() == kinds.classes["theft"].number.sum() + 40
    chosen = windows.read_reports(cube.as_of(week(59)), town, classes=["arson"])
    assert chosen.classes["arson"].number.sum() == 0
    assert chosen.rest.number.sum() == chosen.other.number.sum()


def test_a_class_that_is_rare_or_gone_of_late_is_not_frequent():
    # Class 0 has 90 of 100, class 1 as many as is asked for, class 2 one less, class 3 none of
    # late (renamed to 4, which has no past).
    code = np.array([0, 0, 1, 1, 2, 2, 3, 4])
    age = np.array([90, 5, 90, 5, 90, 5, 90, 5])
    number = np.array([800, 90, 20, 20, 19, 1, 161, 1])
    assert windows.frequent_classes(code, age, number) == [0, 1]
    assert windows.frequent_classes(code[:0], age[:0], number[:0]) == []


def test_of_many_classes_the_most_frequent_are_taken():
    code = np.arange(20)
    found = windows.frequent_classes(code, np.zeros(20), 100 + code)
    assert found == list(range(8, 20))


def test_reports_before_the_first_whole_week_or_outside_the_city_are_left_out(cube, town):
    view = cube.as_of(week(30))
    total = windows.read_reports(view, town).target.number.sum()
    counts = cube.counts_table.to_pandas()
    strange = counts.iloc[:2].copy()
    strange["week_start"] = [week(-1), week(10)]
    strange[["row", "col"]] = [[0, 0], [5, 7]]
    strange["offence_class"] = "robbery"
    strange["delay_weeks"] = 0
    more = replace(cube, counts_table=CUBE_COUNTS.conform(pd.concat([counts, strange])))
    assert windows.read_reports(more.as_of(week(30)), town).target.number.sum() == total


def test_discounted_sums_count_a_report_from_the_week_it_is_known():
    # Half-life 1: a report of week 0 known in week 1 enters at 4 * 0.5, then halves.
    some = reports([(0, 1, 0, 4), (2, 0, 1, 3)], weeks=4)
    sums = some.discounted(1.0, range(4))[:, 0]
    assert_allclose(sums, [[0, 0], [2, 0], [1, 3], [0.5, 1.5]])
    assert_allclose(some.discounted(1.0, range(3, 4))[:, 0], [[0.5, 1.5]])
    assert_allclose(some.discounted(np.inf, range(4))[3, 0], [4, 3])


entry = st.tuples(st.integers(0, 9), st.integers(0, 4), st.integers(0, 1), st.integers(1, 5))


@settings(derandomize=True, max_examples=40, deadline=None)
@given(st.lists(entry, max_size=20), st.integers(0, 9), st.sampled_from([1.0, 8.0, np.inf]))
def test_one_origin_sees_the_same_as_among_many_and_nothing_later(entries, origin, half_life):
    known = [e for e in entries if e[0] + e[1] <= origin]
    among_many = reports(entries, 15).discounted(half_life, range(15))[origin]
    alone = reports(known, origin + 1).discounted(half_life, range(origin, origin + 1))[0]
    assert_allclose(among_many, alone, rtol=1e-9, atol=1e-12)


def test_completeness_is_the_product_of_growth_by_age():
    # Week 0: 8 at once, 2 a week later; week 1: 8 at once; week 2: 5 at once. Growth from age 0
    # to 1 is seen on weeks 0 and 1 only: (10 + 8) / (8 + 8) = 1.125, so 1 / 1.125 are known.
    some = reports([(0, 0, 0, 8), (0, 1, 0, 2), (1, 0, 0, 8), (2, 0, 1, 5)], weeks=3)
    assert_allclose(some.completeness[:3], [1 / 1.125, 1, 1])
    assert len(some.completeness) == LATEST_DELAY + 1
    assert_allclose(reports([], weeks=3).completeness, 1.0)


def test_window_holds_each_week_as_known_then_newest_first():
    some = reports([(0, 0, 0, 4), (0, 2, 0, 4), (1, 0, 1, 6), (2, 0, 1, 2), (3, 0, 0, 1)], weeks=4)
    some.__dict__["completeness"] = np.array([0.5] + [1.0] * LATEST_DELAY)
    seen = np.expm1(some.window(2, range(1, 4)))[:, 0]
    # Origin 1: week 1 is fresh (6 / 0.5 = 12), week 0 has 4 of its 8 reports.
    assert_allclose(seen[0], [[0, 4], [12, 0]], rtol=1e-5)
    assert_allclose(seen[1], [[0, 0], [4, 6]], rtol=1e-5)
    assert_allclose(seen[2], [[2, 0], [0, 2]], rtol=1e-5)


def test_targets_are_the_next_weeks_and_empty_past_the_edge():
    some = reports([(k, 0, 0, k) for k in range(1, 8)], weeks=8)
    targets = windows.target_counts(some, range(2, 7))[:, :, 0, 0]
    assert_allclose(targets[0], [3, 4, 5, 6, 7])
    assert_allclose(targets[-1], [7, 0, 0, 0, 0])


def test_training_origins_have_a_full_window_and_a_target():
    assert windows.training_origins(30, 6) == range(5, 29)
    with pytest.raises(WeekNotReady, match=r"needs 21 whole weeks .* holds 20"):
        windows.training_origins(20, 6)


def test_a_window_under_six_weeks_is_refused():
    with pytest.raises(ValidationError, match="greater than or equal to 6"):
        ModelConfig(window_weeks=5)


def test_configuration_survives_a_round_trip_and_hashes_by_content():
    config = ModelConfig(window_weeks=10, cell_loss="negative_binomial")
    again = ModelConfig.model_validate_json(config.model_dump_json())
    assert again == config
    assert again.sha256 == config.sha256 != ModelConfig().sha256
