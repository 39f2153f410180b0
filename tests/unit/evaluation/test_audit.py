"""The audit's figures, by hand."""

import numpy as np
import pandas as pd
import pytest

from pipeline.evaluation.audit import LIFTS, by_division, concentration, feedback_loop, gini


@pytest.fixture
def cells():
    """Two weeks of three cells: two in North, one in South; only North's first is flagged."""
    return pd.DataFrame(
        {
            "week": [1, 1, 1, 2, 2, 2],
            "division": ["North", "North", "South"] * 2,
            "row": [0, 0, 1] * 2,
            "col": [0, 1, 0] * 2,
            "mean": [2.0, 1.0, 1.0] * 2,
            "flagged": [True, False, False] * 2,
            "reports": [2, 1, 0, 3, 2, 0],
        }
    )


@pytest.fixture
def totals():
    return pd.DataFrame(
        {
            "week": [1, 1, 2, 2],
            "division": ["North", "South"] * 2,
            "q10": [1, 0, 1, 0],
            "q90": [4, 2, 4, 2],
        }
    )


def test_each_division_has_its_error_coverage_and_shares(cells, totals):
    north, south = by_division(cells, totals).to_dict("records")
    assert (north["division"], north["cells"], north["reports"]) == ("North", 2, 8)
    assert north["bias"] == pytest.approx(6 / 8 - 1)
    # Two cells were exact in week 1; in week 2, 3 for 2 and 2 for 1.
    off = 2 * (3 * np.log(3 / 2) - 1) + 2 * (2 * np.log(2) - 1)
    assert north["deviance"] == pytest.approx(off / 4)
    assert north["covered"] == 0.5  # 3 lies in 1 to 4, 5 does not
    assert (north["flagged_share"], north["reports_share"]) == (1.0, 1.0)
    assert np.isnan(south["bias"])
    assert south["deviance"] == pytest.approx(2.0)
    assert (south["covered"], south["flagged_share"], south["reports_share"]) == (1.0, 0.0, 0.0)


def test_shares_of_nothing_and_intervals_that_are_not_kept_are_nan(cells, totals):
    table = by_division(cells.assign(flagged=False, reports=0), totals.head(0))
    assert table[["flagged_share", "reports_share", "covered", "bias"]].isna().all(axis=None)


def test_concentration_counts_who_is_ever_flagged_and_how_often():
    flagged = np.zeros((4, 100), bool)
    flagged[:, 0] = True
    flagged[0, 1] = True
    found = concentration(flagged)
    assert (found.weeks, found.cells, found.ever, found.most_weeks) == (4, 100, 0.02, 4.0)
    # Ordered, the last two hold 1 and 4: 2 * (99 * 1 + 100 * 4) / (100 * 5) - 101 / 100.
    assert found.gini == pytest.approx(0.986)


@pytest.mark.parametrize(("values", "expected"), [([3, 3, 3], 0), ([0, 0, 0, 8], 0.75)])
def test_gini(values, expected):
    assert gini(values) == pytest.approx(expected)


def test_gini_of_nothing_is_nan():
    assert np.isnan(gini([0, 0]))


def test_flags_that_raise_reporting_draw_reports_and_forecasts_but_no_more_of_what_happens():
    rate = np.random.default_rng(3).gamma(0.5, 0.6, 400)
    found = feedback_loop(rate, horizon=3, seed=1).set_index("lift")
    assert found.index.tolist() == list(LIFTS)
    none, most = found.loc[0.0], found.loc[0.25]
    # 20 flagged cells that hold a share s of what happens hold 1.25 s / (1 + 0.25 s) of reports.
    share = most["flagged_truth"]
    assert most["flagged_reports"] == pytest.approx(1.25 * share / (1 + 0.25 * share), abs=0.01)
    assert none["flagged_reports"] == pytest.approx(none["flagged_truth"], abs=0.01)
    assert found["forecast_share"].is_monotonic_increasing
    assert found["gini"].is_monotonic_increasing
    assert abs(most["flagged_truth"] - none["flagged_truth"]) < 0.01


def test_the_loop_is_the_same_every_time_and_holds_where_nothing_happens():
    rate = np.array([1.0, 0.5, 0.0])
    assert feedback_loop(rate, 1, 5).equals(feedback_loop(rate, 1, 5))
    assert feedback_loop(np.zeros(3), 1, 5)["flagged_reports"].isna().all()
