"""What a training is given, and what becomes of the model."""

import hashlib
from datetime import date, timedelta

import pytest

from pipeline.model.config import ModelConfig
from pipeline.model.registry import Registry
from pipeline.model.saved import save
from pipeline.model.spread import Spread
from pipeline.settings import Settings
from pipeline.workflow.plan import Plan
from pipeline.workflow.train import train_model
from tests.unit.model.made_up_city import SOME_OPINIONS

pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy")

CITY = "los_angeles"
FIRST = date(2026, 8, 2)


@pytest.fixture
def trainer(tmp_path, monkeypatch):
    """Train by stub: a model whose bytes depend on its job alone, as a real one's do.

    There is no cube to tell of in a card.
    """
    monkeypatch.setattr("pipeline.workflow.reads.Reads.view", lambda *_: None)
    monkeypatch.setattr("pipeline.workflow.train.write_card", lambda *_, **__: None)

    class Trainer:
        def __init__(self):
            self.settings = Settings(home=tmp_path)
            self.jobs = []

        def fit(self, _settings, job, folder, _progress):
            self.jobs.append(job)
            digest = hashlib.sha256(repr(sorted(job.items())).encode()).hexdigest()
            return save(
                folder,
                [],
                SOME_OPINIONS,
                city=CITY,
                trained_through=date.fromisoformat(job["edge_week"]),
                config=ModelConfig(**job["config"]),
                spread=Spread((0.01,) * 5, {}, (0.1,) * 5),
                metrics={"job": float(int(digest[:8], 16))},
            )

        def train(self, weeks, mode):
            edge = (FIRST + timedelta(weeks=weeks)).isoformat()
            grid = {"ref": "cube", "edge_week": edge, "horizon": 3, "tally": {}}
            dates = dict.fromkeys(("issue_date", "target_week"), edge)
            plan = Plan(city=CITY, **dates)
            return train_model(self.settings, plan, grid, mode, fit=self.fit)

    return Trainer()


def test_a_fine_tuning_that_is_run_again_starts_from_where_it_did_before(trainer):
    first = trainer.train(0, "retrain")
    tuned = trainer.train(4, "fine_tune")
    assert Registry(trainer.settings, CITY).champion().sha256 == tuned["sha256"]
    again = trainer.train(4, "fine_tune")
    assert again == tuned
    starts = [job["start_from"] for job in trainer.jobs]
    folder = f"models/{first['sha256']}"  # relative, so that the home can be moved
    assert starts == [None, folder, folder]


def test_where_there_is_no_earlier_model_one_of_the_same_week_is_fine_tuned(trainer):
    first = trainer.train(0, "retrain")
    trainer.train(0, "fine_tune")
    assert trainer.jobs[-1]["start_from"] == f"models/{first['sha256']}"
