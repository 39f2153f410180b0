from datetime import timedelta

import numpy as np
import pytest

from pipeline.results.page.track_record import scores
from pipeline.results.store.reader import ResultsReader
from tests.unit.results.samples import TARGET, publish

CITY = "smallville"
WEEK = timedelta(days=7)
LATER = TARGET + 9 * WEEK


@pytest.fixture
def history(store, cells, tmp_path):
    for k in range(4):
        publish(store, cells, target=TARGET + k * WEEK)
    return ResultsReader(f"sqlite:///{tmp_path / 'deep' / 'results.db'}")


def save(store, k, ours, theirs, revision=1):
    values = {
        "dual_branch_cnn": {"poisson_deviance": ours, "nb_log_score": 1.0},
        "long_run_mean": {"poisson_deviance": theirs},
        "zero": {"poisson_deviance": float("nan")},
    }
    store.save_scores(CITY, TARGET + k * WEEK, revision, values, LATER)


def test_without_scores_there_is_no_track_record(history):
    found = scores(history, CITY)
    assert (found.weeks, found.scores, found.comparisons) == ([], {}, [])
    assert (found.coverage_80, found.reliability) == (None, [])
    assert [t.observed for t in found.totals] == [None] * 4


def test_skill_is_one_minus_the_ratio_of_summed_deviances(store, history):
    for k, (ours, theirs) in enumerate([(0.8, 1.0), (0.9, 1.0), (1.2, 1.0)]):
        save(store, k, ours, theirs)
    found = scores(history, CITY)
    assert found.scores["poisson_deviance"]["forecast"] == [0.8, 0.9, 1.2]
    assert found.scores["poisson_deviance"]["zero"] == [None] * 3
    assert "nb_log_score" not in found.scores
    # 1 - 2.9 / 3; a baseline without scores is left out.
    (skill,) = found.comparisons
    assert skill.baseline == "long_run_mean"
    assert skill.skill == pytest.approx(1 / 30)
    assert (skill.low, skill.high) == (None, None)  # three weeks give no interval
    assert (skill.weeks_won, skill.weeks) == (2, 3)
    assert skill.recent.weeks == []


def test_skill_along_time_begins_at_the_thirteenth_scored_week(store, cells, history):
    for k in range(14):
        publish(store, cells, target=TARGET + k * WEEK)
        save(store, k, 0.8 if k else 0.4, 1.0)
    (found,) = scores(history, CITY).comparisons
    assert found.recent.weeks == [TARGET + 12 * WEEK, TARGET + 13 * WEEK]
    assert found.recent.skill == pytest.approx([1 - 10.0 / 13, 1 - 10.8 / 14], abs=1e-5)
    assert found.recent.skill[1] == pytest.approx(found.skill, abs=1e-5)
    assert found.low <= found.skill <= found.high
    assert found.recent.low[1] <= found.recent.skill[1] <= found.recent.high[1]


def test_weeks_scored_before_a_baseline_was_kept_count_for_the_others(store, history):
    for k, (ours, theirs) in enumerate([(0.8, 1.0), (0.9, 1.0), (1.2, 1.0)]):
        save(store, k, ours, theirs)
    glm = {"poisson_glm": {"poisson_deviance": 1.1}}
    store.save_scores(CITY, TARGET + 2 * WEEK, 1, glm, LATER)
    found = scores(history, CITY)
    assert found.scores["poisson_deviance"]["poisson_glm"] == [None, None, 1.1]
    mean, against = found.comparisons
    assert (mean.baseline, mean.weeks) == ("long_run_mean", 3)
    assert (against.baseline, against.weeks, against.weeks_won) == ("poisson_glm", 1, 0)
    assert against.skill == pytest.approx(1 - 1.2 / 1.1)


def test_only_the_current_revision_counts(store, cells, history):
    save(store, 0, 0.8, 1.0)
    publish(store, cells, scale=2.0, forecast_sha256="b" * 64)
    assert scores(history, CITY).weeks == []


def test_coverage_is_the_share_of_totals_in_their_interval(store, history):
    inside, outside = np.zeros((3, 4)), np.zeros((3, 4))
    inside[0, 1], outside[0, 1] = 8, 90
    store.save_observed(CITY, [TARGET, TARGET + WEEK], [inside, outside], LATER)
    found = scores(history, CITY)
    # 7.875 expected: 8 is within its 80 %, 90 isn't.
    assert found.coverage_80 == 0.5
    assert [t.observed for t in found.totals] == [8, 90, None, None]
    assert sum(b.cells for b in found.reliability) == 12


def test_totals_have_intervals_of_50_80_and_95(history):
    # Of the negative binomial with mean 7.875 and size 30 that was published.
    from scipy.stats import nbinom

    total = scores(history, CITY).totals[0]
    found = [total.q025, total.q10, total.q25, total.q75, total.q90, total.q975]
    levels = [0.025, 0.1, 0.25, 0.75, 0.9, 0.975]
    assert found == nbinom.ppf(levels, 30, 30 / 37.875).tolist()
