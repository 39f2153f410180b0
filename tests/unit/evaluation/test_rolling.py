import sys
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from pipeline.domain.errors import SchemaDrift
from pipeline.domain.weeks import ForecastWeeks
from pipeline.evaluation.backtest import cube_of_events, run_backtest
from pipeline.evaluation.event_files import events_to_incidents
from pipeline.evaluation.rolling import TrainedModels, say_nothing
from pipeline.evaluation.scores import poisson_deviance
from pipeline.evaluation.summary import attainable
from pipeline.model.config import ModelConfig
from tests.unit.evaluation.conftest import make_events, mean_forecaster


@pytest.fixture
def cube(city, events):
    return cube_of_events(city, events_to_incidents(city, events))[0]


def test_each_training_starts_from_the_last_one(city, cube, settings, tmp_path, monkeypatch):
    trainings, forecasts, reports = [], [], []

    def train(view, the_city, config, *, mode, start_from, folder, progress):
        progress(1, 2)
        trainings.append((view.edge_week, mode, start_from, config))
        folder.mkdir()

    def forecast(model, view, the_city, weeks):
        forecasts.append((model.folder, view.edge_week, weeks))
        return "a forecast"

    saved = SimpleNamespace(
        hash_folder=lambda folder: f"hash of {folder}",
        load=lambda folder, sha256: SimpleNamespace(folder=folder, sha256=sha256),
    )
    monkeypatch.setitem(sys.modules, "pipeline.model.training", SimpleNamespace(train=train))
    monkeypatch.setitem(sys.modules, "pipeline.model.saved", saved)
    monkeypatch.setitem(sys.modules, "pipeline.model.predict", SimpleNamespace(forecast=forecast))
    models = TrainedModels(
        city, ModelConfig.from_settings(settings), tmp_path, lambda *report: reports.append(report)
    )
    first = models(cube.as_of(date(2020, 4, 5)))
    models(cube.as_of(date(2020, 5, 3)))
    assert [(week, mode, start) for week, mode, start, _ in trainings] == [
        (date(2020, 4, 5), "retrain", None),
        (date(2020, 5, 3), "fine_tune", tmp_path / "2020-04-05"),
    ]
    config = trainings[0][-1]
    assert (config.window_weeks, config.seed) == (settings.window_weeks, settings.seed)
    assert reports[0] == ("training through 2020-04-05", 1, 2)
    weeks = ForecastWeeks(date(2020, 4, 25), date(2020, 4, 12), date(2020, 4, 26))
    assert first(cube.as_of(date(2020, 4, 12)), weeks) == "a forecast"
    assert forecasts == [(tmp_path / "2020-04-05", date(2020, 4, 12), weeks)]


def test_observed_counts_are_of_target_classes_in_city_cells(city, cube, events):
    weeks = [date(2020, 1, 12), date(2020, 6, 14)]
    found = cube.outcome(["robbery", "assault"], weeks)
    assert found.shape == (2, len(cube.cells))
    days = events.loc[events["offence"] != "Theft", "occurred_at"].dt.date
    for week, counts in zip(weeks, found, strict=True):
        assert counts.sum() == sum(0 <= (day - week).days < 7 for day in days)


def test_withheld_offences_are_in_no_cell(city):
    events = make_events().assign(offence=["rape"] * 500 + ["robbery"] * 460)
    cube, facts = cube_of_events(city, events_to_incidents(city, events))
    assert facts["tally"]["withheld"] == 500
    assert cube.outcome(["rape"], [date(2020, 1, 12)]).sum() == 0


def test_a_forecast_with_holes_is_refused(city, cube, settings, tmp_path):
    def holes(view):
        whole = mean_forecaster(city)(view)

        def forecast(view, weeks):
            made = whole(view, weeks)
            made.mean[view.cells.row[0], view.cells.col[0]] = np.nan
            return made

        return forecast

    with pytest.raises(SchemaDrift, match="mean"):
        run_backtest(
            city, cube, last_weeks=1, horizons=[1], out=tmp_path, settings=settings,
            make_forecaster=holes,
        )  # fmt: skip
    assert not list(Path(tmp_path).glob("*.parquet"))


def test_true_rates_are_scored_and_the_way_to_them_is_measured(city, cube, settings, tmp_path):
    summary = run_backtest(
        city, cube, last_weeks=4, horizons=[1, 3], out=tmp_path, settings=settings,
        make_forecaster=mean_forecaster(city),
        true_rate=lambda week: np.full(cube.cells.shape, week.day / 20),
    )  # fmt: skip
    # the last four weeks begin on 24 and 31 May, 7 and 14 June
    targets = [date(2020, 5, 24), date(2020, 5, 31), date(2020, 6, 7), date(2020, 6, 14)]
    observed = cube.outcome(city.offences.target, targets)
    rates = np.array([[24 / 20], [31 / 20], [7 / 20], [14 / 20]]) * np.ones_like(observed)
    found = summary["pooled"]["true_rate"]["1"]["poisson_deviance"]
    assert found == pytest.approx(poisson_deviance(rates, observed).mean())
    # this model is the long-run mean itself, so it goes no part of the way
    assert summary["attainable"]["1"] == {"share": 0.0, "low": None, "high": None}
    assert set(summary["attainable"]) == {"1", "3"}


def test_the_way_gone_is_by_hand():
    rows = [
        {"week_start": week, "horizon": 2, "model": model, "poisson_deviance": value}
        for week in range(14)
        for model, value in (("long_run_mean", 10.0), ("ours", 7.0 - week % 2), ("truth", 5.0))
    ]
    # (10 - 7 + 10 - 6) / (10 - 5 + 10 - 5) = 7 / 10
    found = attainable(pd.DataFrame(rows), "ours", "truth", seed=1)["2"]
    assert found["share"] == pytest.approx(0.7)
    assert found["low"] <= 0.7 <= found["high"]


def test_saying_nothing_is_nothing():
    assert say_nothing("forecasting", 1, 2) is None
