"""The backtest with the project's own model, on a tiny city."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from tests.unit.evaluation.conftest import backtest_events, make_events

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def run(city, events, folder, settings):
    folder.mkdir()
    events.to_parquet(folder / "events.parquet")
    stages = set()
    summary = backtest_events(
        city, folder / "events.parquet", last_weeks=2, horizons=[1, 5], out=folder / "out",
        settings=settings.model_copy(update={"train_epochs": 1, "train_members": 1}),
        progress=lambda stage, _done, _total: stages.add(stage),
    )  # fmt: skip
    return summary, stages, pd.read_parquet(folder / "out" / "forecasts.parquet")


def test_the_model_forecasts_every_cell_and_reads_nothing_later(city, settings, tmp_path):
    events = make_events(weeks=40)
    planted = events.head(300).assign(
        occurred_at=pd.Timestamp("2020-09-30"), offence="ROBBERY", latitude=40.05, longitude=-90.75
    )
    summary, stages, plain = run(city, events, tmp_path / "plain", settings)
    _, _, other = run(city, pd.concat([events, planted]), tmp_path / "planted", settings)
    # 40 whole weeks end on 2020-10-10; targets are the weeks of 2020-09-27 and 2020-10-04
    assert stages == {"forecasting", "training through 2020-08-23"}
    assert len(plain) == 2 * 2 * summary["cells"]
    assert np.isfinite(plain[["mean", "nb_size"]]).all(axis=None)
    assert (plain["mean"] > 0).all()
    knows = (plain["week_start"] == date(2020, 10, 4)) & (plain["horizon"] == 1)
    pd.testing.assert_frame_equal(plain[~knows], other[~knows])
    assert other.loc[knows, "mean"].sum() > plain.loc[knows, "mean"].sum()
    assert summary["pooled"]["dual_branch_cnn"]["1"]["poisson_deviance"] > 0


def test_a_stopped_backtest_goes_on_from_its_last_training(city, settings, tmp_path):
    make_events(weeks=40).to_parquet(tmp_path / "events.parquet")
    quick = settings.model_copy(update={"train_epochs": 1, "train_members": 1})
    # targets are the weeks of 2020-09-27 and 2020-10-04, so these are the edges trained on
    first, second = "training through 2020-09-20", "training through 2020-09-27"

    def backtest(out, progress):
        backtest_events(
            city, tmp_path / "events.parquet", last_weeks=2, horizons=[1], refit_weeks=1,
            out=tmp_path / out, settings=quick, progress=progress,
        )  # fmt: skip
        return (tmp_path / out / "forecasts.parquet").read_bytes()

    def stop_in_second(stage, _done, _total):
        if stage == second:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        backtest("stopped", stop_in_second)
    assert not list((tmp_path / "stopped").glob("*.parquet"))
    stages = set()
    resumed = backtest("stopped", lambda stage, _done, _total: stages.add(stage))
    assert stages == {second, "forecasting"}
    stages.clear()
    assert resumed == backtest("whole", lambda stage, _done, _total: stages.add(stage))
    assert stages == {first, second, "forecasting"}
    names = {path.name for path in (tmp_path / "stopped").iterdir()}
    assert names == {"forecasts.parquet", "scores.parquet", "summary.json"}
