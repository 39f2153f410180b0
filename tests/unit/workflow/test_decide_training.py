"""When a model is reused, fine-tuned or trained anew, and that none is used before its time."""

from datetime import date, timedelta
from types import SimpleNamespace

import pytest

from pipeline.domain.errors import WeekNotReady
from pipeline.model import registry
from pipeline.model.config import ModelConfig
from pipeline.settings import Settings
from pipeline.workflow import train
from pipeline.workflow.plan import Plan
from pipeline.workflow.train import decide_training

EDGE = date(2026, 10, 25)
GRID = {"ref": "", "edge_week": EDGE.isoformat(), "horizon": 3, "tally": {}}


def decide(monkeypatch, age_weeks, training="auto", settings=None, config=None, since=0):
    settings = settings or Settings()
    asked = []

    class Stub:
        def __init__(self, _settings, _city):
            pass

        def champion(self, known_before):
            asked.append(known_before)
            if age_weeks is None:
                return None
            through = EDGE - timedelta(weeks=age_weeks)
            made_with = config or ModelConfig.from_settings(settings)
            metrics = {"weeks_since_retraining": since}
            return SimpleNamespace(trained_through=through, config=made_with, metrics=metrics)

    monkeypatch.setattr(registry, "Registry", Stub)
    plan = Plan(
        city="los_angeles",
        issue_date=EDGE,
        target_week=EDGE + timedelta(weeks=3),
        training=training,
    )
    decision = decide_training(settings, plan, GRID)
    assert asked == [EDGE]
    return decision["mode"]


@pytest.fixture(autouse=True)
def drift(monkeypatch):
    """What is asked about drift, and what is answered."""
    known = SimpleNamespace(asked=[], answer=None)

    def find_drift(_settings, city, retrained_through, edge):
        known.asked.append((city, retrained_through, edge))
        return known.answer

    monkeypatch.setattr(train, "find_drift", find_drift)
    return known


@pytest.mark.parametrize(
    ("age_weeks", "mode"),
    [(0, "reuse"), (3, "reuse"), (4, "fine_tune"), (25, "fine_tune"), (26, "retrain")],
)
def test_auto_goes_by_the_champions_age(monkeypatch, age_weeks, mode):
    assert decide(monkeypatch, age_weeks) == mode


def test_without_a_champion_it_retrains(monkeypatch):
    assert decide(monkeypatch, None) == "retrain"
    assert decide(monkeypatch, None, training="retrain") == "retrain"


@pytest.mark.parametrize("training", ["reuse", "fine_tune"])
def test_without_a_champion_nothing_can_be_built_on(monkeypatch, training):
    with pytest.raises(WeekNotReady, match="training=retrain"):
        decide(monkeypatch, None, training=training)


@pytest.mark.parametrize("training", ["reuse", "fine_tune", "retrain"])
def test_what_is_asked_for_is_done(monkeypatch, training):
    assert decide(monkeypatch, 10, training=training) == training


def test_a_changed_configuration_retrains(monkeypatch):
    other = ModelConfig.from_settings(Settings(window_weeks=30))
    assert decide(monkeypatch, 1, config=other) == "retrain"


def test_fine_tuning_does_not_put_off_a_training_anew(monkeypatch):
    assert decide(monkeypatch, 4, since=21) == "fine_tune"
    assert decide(monkeypatch, 4, since=22) == "retrain"
    assert decide(monkeypatch, 0, since=26) == "retrain"


def test_drift_since_the_last_training_anew_retrains(monkeypatch, drift):
    assert decide(monkeypatch, 2, since=12) == "reuse"
    drift.answer = "drift: over 13 weeks"
    assert decide(monkeypatch, 2, since=12) == "retrain"
    assert set(drift.asked) == {("los_angeles", EDGE - timedelta(weeks=14), EDGE)}


def test_drift_does_not_overrule_what_is_asked_for(monkeypatch, drift):
    drift.answer = "drift: over 13 weeks"
    assert decide(monkeypatch, 2, training="reuse") == "reuse"
