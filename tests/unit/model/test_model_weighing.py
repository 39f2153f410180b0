"""How the three opinions are weighed on weeks that none of them was fitted to."""

import numpy as np
import pytest

from pipeline.model import training
from pipeline.model.config import USUAL_WEIGHTS
from pipeline.model.saved import read_opinions
from pipeline.model.training import WEIGHT_METRICS, read_lessons, train
from pipeline.model.weighing import learn_weights
from tests.unit.model.made_up_city import small_config, week

ORIGINS, HORIZONS, CELLS = 26, 5, 300


def opinions_and_counts(errors, seed=0, reports_per_week=2000):
    """Log shares that err from the truth by so much each, and counts drawn from the truth."""
    random = np.random.default_rng(seed)
    truth = random.normal(size=CELLS)
    shape = (ORIGINS, HORIZONS, CELLS)
    opinions = np.stack([truth + random.normal(0, error, CELLS) for error in errors])
    opinions -= np.log(np.exp(opinions).sum(axis=1, keepdims=True))
    share = np.exp(truth) / np.exp(truth).sum()
    counts = random.poisson(reports_per_week * np.broadcast_to(share, shape))
    return np.broadcast_to(opinions[:, None, None], (3, *shape)), counts


@pytest.mark.parametrize("best", [0, 1, 2])
def test_the_opinion_that_is_right_gets_the_weight(best):
    errors = [0.5] * 3
    errors[best] = 0.0
    weights = learn_weights(*opinions_and_counts(errors))
    assert weights[best] > 0.9
    assert sum(weights) == pytest.approx(1, abs=1e-6)
    assert min(weights) >= 0


def test_opinions_that_err_alike_and_apart_share_the_weight():
    weights = learn_weights(*opinions_and_counts([0.3, 0.3, 0.3]))
    assert min(weights) > 0.2


def test_little_is_learned_from_little():
    shares, counts = opinions_and_counts([0.05, 0.06, 0.05], reports_per_week=3)
    assert learn_weights(shares, counts) == pytest.approx(USUAL_WEIGHTS, abs=0.05)


def test_without_a_report_they_are_the_usual_ones():
    shares, counts = opinions_and_counts([0.1, 0.2, 0.3])
    assert learn_weights(shares, 0 * counts) == pytest.approx(USUAL_WEIGHTS, abs=1e-3)


def test_a_training_learns_them_and_a_fine_tuning_keeps_them(cube, town, trained, tmp_path):
    learned = read_opinions(trained.folder).weights
    assert learned != USUAL_WEIGHTS
    assert sum(learned) == pytest.approx(1)
    assert tuple(trained.metrics[name] for name in WEIGHT_METRICS) == learned
    later = train(
        cube.as_of(week(52)),
        town,
        trained.config,
        mode="fine_tune",
        start_from=trained.folder,
        folder=tmp_path / "tuned",
    )
    assert read_opinions(later.folder).weights == learned


def test_weights_that_are_given_are_not_learned(cube, town, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "learn_weights", None)
    given = (0.2, 0.5, 0.3)
    config = small_config(opinion_weights=given)
    model = train(cube.as_of(week(50)), town, config, mode="retrain", folder=tmp_path / "model")
    assert read_opinions(model.folder).weights == given


def test_a_short_history_has_the_usual_weights(cube, town, tmp_path):
    model = train(
        cube.as_of(week(20)), town, small_config(), mode="retrain", folder=tmp_path / "model"
    )
    assert read_opinions(model.folder).weights == USUAL_WEIGHTS


def test_earlier_lessons_know_nothing_of_the_weeks_held_out(cube, town):
    from pipeline.model.inputs import read_history

    config = small_config()
    view = cube.as_of(week(50))
    lessons = read_lessons(view, read_history(view, town), config)
    earlier = lessons.until(20)
    assert len(earlier.origins) == 20
    # Origin 20's own week is the last that they know: the first target of origin 19.
    assert np.array_equal(earlier.counts[19, 0], lessons.counts[19, 0])
    assert not earlier.counts[19, 1:].any()
    assert earlier.counts[15].any(axis=(1, 2)).all()
    assert not earlier.counts[16, 4].any()
    assert np.isnan(earlier.log_totals[16, 4])
    rates, counts = earlier.five_weeks()
    assert len(rates) == len(counts) == 16
    assert np.array_equal(counts, lessons.five_weeks()[1][:16])
