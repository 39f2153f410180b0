"""A challenger is tried on weeks that neither side knows; one that is not worse is promoted."""

from datetime import UTC, datetime

import pytest

from pipeline.model.registry import Registry
from pipeline.workflow.plan import make_plan
from pipeline.workflow.run import run_to_cube
from pipeline.workflow.train import train_model
from pipeline.workflow.training import promotion
from tests.integration.conftest import ISSUE_DATE, small_settings
from tests.spoiled import tripled

pytestmark = pytest.mark.slow

NOW = datetime(2018, 3, 1, 15, tzinfo=UTC)


def plan_for(settings, issue_date=ISSUE_DATE):
    return make_plan(settings, city="chicago", issue_date=issue_date, now=NOW)


@pytest.fixture(scope="module")
def trial(portal, tmp_path_factory):
    """A city with its cube, a champion of long ago, and a challenger of now."""
    portal.clear_faults()
    settings = small_settings(portal.url, tmp_path_factory.mktemp("trial"))
    plan = plan_for(settings)
    _, grid = run_to_cube(settings, plan, now=NOW)
    unopposed = promotion.compare(settings, plan, grid, {"version": "1"})
    early = plan_for(settings, "2017-05-24")
    _, early_grid = run_to_cube(settings, early, now=NOW)
    train_model(settings, early, early_grid, "retrain")
    challenger = promotion.train_challenger(settings, plan, grid)
    return settings, plan, grid, challenger, unopposed


def test_without_a_champion_no_trial_is_needed(trial):
    *_, unopposed = trial
    assert (unopposed["champion"], unopposed["is_worse"]) == (None, False)


def test_a_challenger_is_not_the_champion_before_it_is_promoted(trial):
    settings, _, _, challenger, _ = trial
    called = {m.version: m.called for m in Registry(settings, "chicago").listed()}
    assert called == {"1": ("champion",), challenger["version"]: ("challenger",)}


def test_the_trial_uses_weeks_that_neither_side_knew(trial):
    settings, plan, grid, challenger, _ = trial
    verdict = promotion.compare(settings, plan, grid, challenger)
    # The last known week is that of 11-26; 26 weeks, three ahead, start from the week of 05-14.
    assert (
        "26 weeks from 2017-06-04, 3 weeks ahead; neither model knew a week after 2017-05-14"
        in (verdict["table"])
    )
    assert "champion, version 1 (version 1)" in verdict["table"]
    assert verdict["low"] <= verdict["difference"] <= verdict["high"]
    assert "long-run mean of the cell | " in verdict["table"]
    # Both learned from 19 weeks or so: which is better is chance, what is made of it isn't.
    assert verdict["is_worse"] == (verdict["low"] > 0)


def test_a_champion_that_knows_the_weeks_is_stood_for_by_its_configuration(trial):
    settings, plan, grid, challenger, _ = trial
    registry = Registry(settings, "chicago")
    late = registry.fetch(challenger["version"])

    class OnlyLate(Registry):
        def champion(self, known_before=None):
            return late if known_before is None else None

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipeline.model.registry.Registry", OnlyLate)
        verdict = promotion.compare(settings, plan, grid, challenger)
    # Its configuration is the challenger's: the same model on both sides.
    assert "(trained anew)" in verdict["table"]
    assert (verdict["difference"], verdict["is_worse"]) == (0.0, False)


def test_a_worse_challenger_is_called_worse(trial, monkeypatch):
    settings, plan, grid, challenger, _ = trial
    trained_anew = promotion._trained_anew
    monkeypatch.setattr(promotion, "_trained_anew", lambda *words: tripled(trained_anew(*words)))
    verdict = promotion.compare(settings, plan, grid, challenger)
    assert verdict["is_worse"]
    assert verdict["low"] > 0
    assert "The challenger is **worse**" in verdict["table"]


def test_a_promoted_challenger_is_the_champion_until_it_is_rolled_back(trial):
    settings, plan, _, challenger, _ = trial
    verdict = {"version": challenger["version"], "champion": "1"}
    found = promotion.promote_challenger(settings, plan, verdict)
    assert found == {"champion": challenger["version"], "previous": "1"}
    registry = Registry(settings, "chicago")
    assert registry.champion().sha256 == challenger["sha256"]
    assert registry.rollback() == "1"
