"""Drift, by scores made by hand."""

from datetime import timedelta

from pipeline.workflow.training.drift import DRIFT_WEEKS, find_drift
from tests.unit.results.samples import TARGET, make_weeks, publish, small_cells

CITY = "smallville"
WEEK = timedelta(weeks=1)
FIRST = make_weeks(TARGET).edge_week
LATER = TARGET + 30 * WEEK


def save(store, differences, *, first=0, scored_edge_week=None):
    """Store a forecast a week, with a deviance this much above the long-run mean's 1."""
    for number, difference in enumerate(differences, start=first):
        week = TARGET + number * WEEK
        publish(store, small_cells(), target=week)
        scores = {
            "dual_branch_cnn": {"poisson_deviance": 1 + difference, "mae": 9.0},
            "long_run_mean": {"poisson_deviance": 1.0, "mae": 1.0},
        }
        store.save_scores(CITY, week, 1, scores, scored_edge_week or week)


def drift(settings, retrained=FIRST, edge=LATER):
    return find_drift(settings, CITY, retrained, edge)


def test_worse_week_after_week_is_drift_and_is_told_in_figures(settings, store):
    save(store, [0.02, 0.04] * 6 + [0.02])
    # (7 x 0.02 + 6 x 0.04) / 13
    assert "over 13 weeks the deviance was 0.0292 above" in drift(settings)


def test_worse_on_the_whole_by_one_bad_week_is_chance(settings, store):
    save(store, [-0.01] * 6 + [0.5] + [-0.01] * 6)
    assert drift(settings) is None


def test_better_is_no_drift(settings, store):
    save(store, [-0.02] * DRIFT_WEEKS)
    assert drift(settings) is None


def test_only_the_last_weeks_count(settings, store):
    save(store, [-0.5] * 5 + [0.02] * DRIFT_WEEKS)
    assert drift(settings)
    save(store, [-0.02] * DRIFT_WEEKS, first=5 + DRIFT_WEEKS)
    assert drift(settings) is None


def test_a_new_model_is_judged_by_its_own_forecasts(settings, store):
    save(store, [0.02] * DRIFT_WEEKS)
    assert drift(settings, retrained=FIRST)
    assert drift(settings, retrained=FIRST + WEEK) is None


def test_scores_that_became_known_later_are_not_looked_at(settings, store):
    save(store, [0.02] * DRIFT_WEEKS, scored_edge_week=LATER)
    assert drift(settings, edge=LATER)
    assert drift(settings, edge=LATER - WEEK) is None


def test_without_scores_of_both_there_is_nothing_to_say(settings, store):
    assert drift(settings) is None
    for number in range(DRIFT_WEEKS):
        week = TARGET + number * WEEK
        publish(store, small_cells(), target=week)
        store.save_scores(CITY, week, 1, {"dual_branch_cnn": {"poisson_deviance": 2.0}}, week)
    assert drift(settings) is None


def test_before_anything_was_published_there_is_no_drift(settings):
    assert drift(settings) is None
