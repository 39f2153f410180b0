"""What the card of a model says, and that it says the same every time."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from pipeline.domain.city import Dataset
from pipeline.domain.errors import WeekNotReady
from pipeline.model.config import ModelConfig
from pipeline.model.saved import TrainedModel
from pipeline.model.spread import Spread
from pipeline.results.products.model_card import LearnedFrom, model_card, with_own_record
from pipeline.results.store.reader import ResultsReader
from pipeline.version import code_version
from tests.unit.results.samples import TARGET, publish

WEEK = timedelta(days=7)
LATER = TARGET + 9 * WEEK
FINE_TUNED = {"crime_loss": 1.25, "old_weeks_before": 0.8, "old_weeks_after": 0.82}
LEGACY = Dataset(
    id="aaaa-bbbb", host="https://data.example", adapter="lapd_legacy",
    occurred_from=date(2010, 1, 1), occurred_before=date(2025, 1, 1),
)  # fmt: skip
NIBRS = LEGACY.model_copy(
    update={
        "adapter": "lapd_nibrs", "occurred_from": date(2024, 3, 7), "occurred_before": None,
    }
)  # fmt: skip
DATA = LearnedFrom("simulated", date(2010, 1, 3), TARGET, 12_345, 6, "c" * 64)


@pytest.fixture
def history(store, tmp_path):
    return ResultsReader(f"sqlite:///{tmp_path / 'deep' / 'results.db'}")


@pytest.fixture
def model():
    return TrainedModel(
        Path("nowhere"), "m" * 64, "smallville", TARGET, ModelConfig(), Spread((), {}, ()),
        ("theft", "drug_alcohol"), {"crime_loss": 1.25, "steps": 1500.0},
    )  # fmt: skip


def card_of(history, city, model, mode="retrain", data=DATA):
    return model_card(history, city, model, version="3", mode=mode, data=data)


def test_the_card_of_a_first_model(history, city, model):
    text = card_of(history, city.model_copy(update={"datasets": (LEGACY, NIBRS)}), model)
    assert text.startswith("# Model card: Smallville, version 3\n\n> **SIMULATED DATA")
    assert "- 12,345 reports of robbery; simulated data." in text
    assert "- Whole weeks from 2010-01-03 to that of 2026-01-04; 6 cells." in text
    assert "`aaaa-bbbb` of https://data.example, reports from 2010-01-01 to before 2025" in text
    assert "reports from 2024-03-07 on." in text
    assert "another system begin on 2024-03-07" in text
    assert "Other offences that it sees each for itself: drug alcohol, theft." in text
    assert "trained from scratch, on data up to the week of 2026-01-04" in text
    assert "| crime_loss | 1.25 |\n| steps | 1500 |" in text
    assert "old weeks" not in text
    assert "No stored forecast has been scored yet." in text
    assert "nothing to audit" in text
    assert "**Not** for patrol dispatch" in text
    assert "docs/responsible-use.md" in text
    assert "| `dropout` | 0.5 |" in text
    assert f"Made by la-hotspots {code_version()}." in text
    assert text == card_of(history, city.model_copy(update={"datasets": (LEGACY, NIBRS)}), model)


def test_a_city_of_one_system_and_a_model_that_takes_no_account_of_changes(history, city, model):
    assert "one records system" in card_of(history, city, model)
    plain = replace(model, config=ModelConfig(handles_breaks=False))
    both = city.model_copy(update={"datasets": (LEGACY, NIBRS)})
    assert "takes no account of it" in card_of(history, both, plain)


def test_fine_tuning_says_what_it_did_to_old_weeks(history, city, model):
    text = card_of(history, city, replace(model, metrics=FINE_TUNED), "fine_tune")
    assert "fine-tuned from the model before" in text
    assert "deviance 0.8000 before, 0.8200 after (+2.50%)" in text


def test_live_data_have_no_banner(history, city, model):
    assert "> **" not in card_of(history, city, model, data=replace(DATA, provenance="live"))


def test_scores_and_audit_stop_at_the_edge_week(store, cells, history, city, model):
    for k in range(3):
        publish(store, cells, target=TARGET + k * WEEK, provenance="simulated")
        ours = {"poisson_deviance": 0.8 + k, "hit_rate_5": 0.2, "bias": float("nan")}
        scores = {"dual_branch_cnn": ours, "long_run_mean": {"poisson_deviance": 1.0 + k}}
        store.save_scores("smallville", TARGET + k * WEEK, 1, scores, LATER)
    weeks = [TARGET + k * WEEK for k in range(3)]
    store.save_observed("smallville", weeks, np.ones((3, 3, 4)), LATER)
    text = card_of(history, city, model, data=replace(DATA, edge_week=weeks[1]))
    assert "Means over 2 scored weeks from 2026-01-04 to 2026-01-11" in text
    assert "| `forecast` | 1.3000 | 20.0% | – |\n| `long_run_mean` | 1.5000 | – | – |" in text
    assert "2 known weeks from 2026-01-04 to 2026-01-11" in text
    assert "| Division | Cells | Reports |" in text
    assert "| Reporting rises by |" in text


def test_a_card_is_renewed_with_what_its_own_forecasts_came_to(store, cells, history, city, model):
    card = card_of(history, city, model)
    assert card.endswith("came true\n\nNone of its forecasts has been scored yet.\n")
    for k, version in enumerate(["3", "3", "4"]):
        week = TARGET + k * WEEK
        publish(store, cells, target=week, model_version=version)
        scores = {"dual_branch_cnn": {"poisson_deviance": 0.5 + k, "hit_rate_5": 0.2}}
        store.save_scores("smallville", week, 1, scores, LATER)
    renewed = with_own_record(history, city, "3", card)
    assert renewed.startswith(card.removesuffix("None of its forecasts has been scored yet.\n"))
    assert "Means over 2 scored weeks from 2026-01-04 to 2026-01-11." in renewed
    assert "| `forecast` | 1.0000 | 20.0% | – |" in renewed
    assert with_own_record(history, city, "3", renewed) == renewed


def test_a_stored_card_is_read_back_and_replaced(store, history):
    store.save_card("smallville", "3", "m" * 64, "old")
    store.save_card("smallville", "3", "m" * 64, "new")
    assert history.card("smallville", "3") == "new"
    with pytest.raises(WeekNotReady, match="no card of a model 4"):
        history.card("smallville", "4")
