import hashlib
import json
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from pipeline.domain.city import City
from pipeline.domain.columns import FORECAST_CELLS
from pipeline.domain.errors import InvalidRequest
from pipeline.domain.weeks import WEEK
from pipeline.evaluation.backtest import cube_of_events, run_backtest
from pipeline.evaluation.baselines import BASELINES
from pipeline.evaluation.event_files import events_to_incidents
from pipeline.evaluation.outputs import BACKTEST_SCORES
from pipeline.evaluation.rivals import BOOSTED_TREES, OF_OWN_TOTAL, POISSON_GLM
from pipeline.evaluation.scores import score_week
from pipeline.settings import Settings
from tests.neighbourhood_layer import with_layer
from tests.unit.evaluation.conftest import backtest_events, make_events, mean_forecaster

# 24 whole weeks from 2020-01-05; the last four are the weeks of
RIVALS = {POISSON_GLM, BOOSTED_TREES, *OF_OWN_TOTAL.values()}
EVERY_MODEL = {"view_mean", *RIVALS, *BASELINES}
LAST_FOUR = [date(2020, 5, 24), date(2020, 5, 31), date(2020, 6, 7), date(2020, 6, 14)]


def run(city: City, events: pd.DataFrame, folder: Path, settings: Settings, **changes) -> dict:
    folder.mkdir(exist_ok=True)
    path = folder / "events.parquet"
    events.to_parquet(path)
    request = {"last_weeks": 4, "horizons": [1, 2, 5], "out": folder / "out"} | changes
    maker = mean_forecaster(city)
    return backtest_events(city, path, settings=settings, make_forecaster=maker, **request)


def read_scores(folder: Path) -> pd.DataFrame:
    return pq.read_table(folder / "out" / "scores.parquet").to_pandas()


def forecasts(folder: Path) -> pd.DataFrame:
    return pq.read_table(folder / "out" / "forecasts.parquet").to_pandas()


@pytest.fixture(scope="module")
def finished(city, events, settings, tmp_path_factory) -> tuple[Path, dict]:
    """The folder and summary of a backtest of the plain events."""
    folder = tmp_path_factory.mktemp("finished")
    return folder, run(city, events, folder, settings)


def test_files_keep_to_their_contracts(finished):
    folder, summary = finished
    table = pq.read_table(folder / "out" / "forecasts.parquet")
    assert table.schema.equals(FORECAST_CELLS.schema)
    assert pq.read_table(folder / "out" / "scores.parquet").schema.equals(BACKTEST_SCORES.schema)
    written = (folder / "out" / "summary.json").read_bytes()
    assert json.loads(written) == json.loads(json.dumps(summary))
    for name, digest in summary["files"].items():
        content = (folder / "out" / name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == digest
    assert sorted(p.name for p in (folder / "out").iterdir()) == [
        "forecasts.parquet", "scores.parquet", "summary.json",
    ]  # fmt: skip


def test_every_target_horizon_and_city_cell_once(finished):
    folder, summary = finished
    found = forecasts(folder)
    # events lie in the western half: columns 0 to 3 of 8, each of the 6 x 4 cells hit
    assert summary["cells"] == 24
    assert found["col"].max() == 3
    assert len(found) == 4 * 3 * 24
    assert sorted(found["week_start"].unique()) == LAST_FOUR
    assert sorted(found["horizon"].unique()) == [1, 2, 5]
    assert (found["issue_date"] == found["week_start"] - timedelta(days=1)).all()
    # p(any) of a negative binomial of size 5
    assert np.allclose(found["p_any"], 1 - (1 + found["mean"] / 5) ** -5)


def test_a_forecast_is_the_mean_of_what_its_edge_knew(finished, events):
    found = forecasts(finished[0])
    targets = events[events["offence"] != "Theft"]
    for horizon in (1, 5):
        end = pd.Timestamp(LAST_FOUR[0]) - (horizon - 1) * WEEK
        known = targets[targets["occurred_at"] < end]
        weeks = (end - pd.Timestamp("2020-01-05")).days / 7
        chosen = (found["week_start"] == LAST_FOUR[0]) & (found["horizon"] == horizon)
        assert found.loc[chosen, "mean"].sum() == pytest.approx(len(known) / weeks)


def test_scores_are_of_model_and_baselines_in_and_out_of_the_city(finished, events):
    table = read_scores(finished[0])
    assert set(table["model"]) == EVERY_MODEL
    per_week = len(score_week([1.0], 1.0, [1.0], 1)) + 2  # with bbox_mae and bbox_rmse
    assert len(table) == 4 * 3 * len(EVERY_MODEL) * per_week
    wide = table.set_index(["week_start", "horizon", "model", "score"])["value"].unstack()  # noqa: PD010
    # 24 of the box's 48 cells are in the city
    assert np.allclose(wide["bbox_mae"], wide["mae"] / 2)
    assert np.allclose(wide["bbox_rmse"], wide["rmse"] / 2**0.5)
    ours, theirs = (wide.xs(m, level="model") for m in ("view_mean", "long_run_mean"))
    assert np.allclose(ours["poisson_deviance"], theirs["poisson_deviance"])
    zero = wide.xs("zero", level="model")
    in_last_week = events["occurred_at"] >= pd.Timestamp(LAST_FOUR[-1])
    reports = (in_last_week & (events["offence"] != "Theft")).sum()
    assert zero.loc[(LAST_FOUR[-1], 1), "mae"] == pytest.approx(reports / 24)


def test_summary_pools_and_compares(finished, events):
    folder, summary = finished
    assert (summary["first_week"], summary["last_week"]) == ("2020-05-24", "2020-06-14")
    assert (summary["weeks"], summary["horizons"]) == (4, [1, 2, 5])
    assert set(summary["pooled"]) == EVERY_MODEL
    table = read_scores(folder)
    chosen = (table["model"] == "mean_4") & (table["horizon"] == 2)
    weekly = table[chosen & (table["score"] == "poisson_deviance")]["value"]
    assert summary["pooled"]["mean_4"]["2"]["poisson_deviance"] == pytest.approx(weekly.mean())
    difference = summary["difference_to_long_run_mean"]
    assert set(difference) == EVERY_MODEL - {"long_run_mean"}
    same = difference["view_mean"]["1"]["poisson_deviance"]
    assert same["difference"] == pytest.approx(0, abs=1e-12)
    worse = difference["last_week"]["5"]["poisson_deviance"]
    assert worse["difference"] > 0
    assert (worse["low"], worse["high"]) == (None, None)  # four weeks give no interval
    assert worse["weeks"] == 4
    for horizon, found in summary["calibration"].items():
        pooled = summary["pooled"]["view_mean"][horizon]
        assert found["city"]["forecasts"] == 4
        assert found["city"]["bias_percent"] == pytest.approx(100 * pooled["bias"])
        assert found["divisions"] is None
        assert summary["noise_floor"][horizon]["poisson"] > 0
        assert sum(found["cells_pit"]["share"]) == pytest.approx(1)
        assert found["cells"]["coverage_percent"]["95"] >= found["cells"]["coverage_percent"]["50"]
        assert found["cells"]["cl_test_passed_percent"] in (0, 25, 50, 75, 100)
    against = summary["model_against"]["poisson_glm"]["2"]["poisson_deviance"]
    ours, theirs = (
        summary["pooled"][m]["2"]["poisson_deviance"] for m in ("view_mean", "poisson_glm")
    )
    assert against["difference"] == pytest.approx(ours - theirs)
    own_total = summary["pooled"]["glm_share_own_total"]["1"]
    assert own_total["bias"] == pytest.approx(summary["pooled"]["view_mean"]["1"]["bias"])
    assert summary["input"]["tally"]["rows"] == summary["input"]["events"] == len(events)


def test_nothing_later_than_the_edge_is_read(finished, city, events, settings, tmp_path):
    # 400 robberies at a cell of the city in the target week 2020-06-07
    planted = events.head(400).assign(
        occurred_at=pd.Timestamp("2020-06-10"), offence="ROBBERY", latitude=40.05, longitude=-90.75
    )
    run(city, pd.concat([events, planted]), tmp_path, settings)
    plain, other = forecasts(finished[0]), forecasts(tmp_path)
    edges = pd.to_datetime(other["week_start"]) - pd.to_timedelta(other["horizon"] * 7, unit="D")
    knows = edges >= pd.Timestamp("2020-06-07")
    pd.testing.assert_frame_equal(plain[~knows], other[~knows])
    assert knows.any()
    assert other.loc[knows, "mean"].sum() > plain.loc[knows, "mean"].sum() + 10


def test_late_reports_wait_for_their_week_and_are_scored_as_truth(
    finished, city, events, settings, tmp_path
):
    events = events.assign(reported_at=events["occurred_at"])
    late = events.head(400).assign(
        occurred_at=pd.Timestamp("2020-05-27"), offence="ROBBERY", latitude=40.05, longitude=-90.75,
        reported_at=pd.Timestamp("2020-07-20"),
    )  # fmt: skip
    run(city, pd.concat([events, late]), tmp_path, settings)
    pd.testing.assert_frame_equal(forecasts(finished[0]), forecasts(tmp_path))
    plain, other = read_scores(finished[0]), read_scores(tmp_path)
    assert set(plain[plain["value"] != other["value"]]["week_start"]) == {date(2020, 5, 24)}


def test_models_are_refitted_and_never_ahead_of_an_edge(city, events, settings, tmp_path):
    cube, _ = cube_of_events(city, events_to_incidents(city, events))
    reports: list[tuple[str, int, int]] = []
    summary = run_backtest(
        city, cube, last_weeks=4, horizons=[5, 1], out=tmp_path, settings=settings, refit_weeks=3,
        make_forecaster=mean_forecaster(city), progress=lambda *report: reports.append(report),
    )  # fmt: skip
    # edges run from 2020-04-19, five weeks before the first target, to 2020-06-07, eight in all
    assert [t["trained_through"] for t in summary["trainings"]] == [
        "2020-04-19", "2020-05-10", "2020-05-31",
    ]  # fmt: skip
    assert reports == [("forecasting", n, 8) for n in range(1, 9)]
    assert summary["horizons"] == [1, 5]
    assert summary["input"] == {}


def test_the_same_run_gives_the_same_files(finished, city, events, settings, tmp_path):
    _, first = finished
    again = run(city, events, tmp_path / "again", settings)
    other_seed = run(city, events, tmp_path / "other", settings.model_copy(update={"seed": 8}))
    assert first["files"] == again["files"]
    assert first["config_sha256"] == again["config_sha256"]
    assert first["config_sha256"] != other_seed["config_sha256"]
    named = with_layer(city, tmp_path / "a_label_and_no_input.geojson")
    assert run(named, events, tmp_path / "named", settings)["files"] == first["files"]
    assert first["files"]["forecasts.parquet"] == other_seed["files"]["forecasts.parquet"]
    assert first["files"]["scores.parquet"] != other_seed["files"]["scores.parquet"]


def test_part_weeks_are_neither_forecast_nor_learned(finished, city, events, settings, tmp_path):
    before = events.head(30).assign(occurred_at=pd.Timestamp("2020-01-03"))
    after = events.head(30).assign(occurred_at=pd.Timestamp("2020-06-23"))
    summary = run(city, pd.concat([before, events, after]), tmp_path, settings)
    assert summary["last_week"] == "2020-06-14"
    pd.testing.assert_frame_equal(forecasts(tmp_path), forecasts(finished[0]))


def test_listed_cells_decide_what_is_in_the_city(city, events, settings, tmp_path):
    (tmp_path / "cells.csv").write_text("row,col,division\n0,0,South\n0,1,South\n1,0,North\n")
    listed = city.model_copy(update={"cells_file": "cells.csv", "folder": tmp_path})
    summary = run(listed, events, tmp_path, settings)
    found = forecasts(tmp_path)
    assert summary["cells"] == 3
    assert set(zip(found["row"], found["col"], strict=True)) == {(0, 0), (0, 1), (1, 0)}


@pytest.mark.parametrize("seed", range(3))
def test_a_city_nobody_has_seen(seed, settings, tmp_path):
    rng = np.random.default_rng(seed)
    south, west = rng.uniform(-60, 60), rng.uniform(-170, 170)
    north, east = south + rng.uniform(0.1, 1), west + rng.uniform(0.1, 1)
    rows, cols = (int(n) for n in rng.integers(3, 30, 2))
    grid = {"south": south, "north": north, "west": west, "east": east, "rows": rows, "cols": cols}
    city = City(
        name="elsewhere", title="Elsewhere", time_zone="Europe/Paris", country="FR",
        grid=grid, offences={"target": ["knife crime"]},
    )  # fmt: skip
    events = make_events(per_week=30, seed=seed)
    n = len(events)
    events = events.assign(
        offence=rng.choice(["Knife Crime", "vandalism"], n),
        latitude=rng.uniform(south, north, n),
        longitude=rng.uniform(west - 0.1, east, n),
    )
    summary = run(city, events, tmp_path, settings)
    row, col, inside = city.grid.locate(events["latitude"], events["longitude"])
    own = set(zip(row[inside], col[inside], strict=True))
    found = forecasts(tmp_path)
    assert set(zip(found["row"], found["col"], strict=True)) == own
    assert summary["cells"] == len(own)
    assert summary["input"]["tally"]["out_of_box"] == (~inside).sum() > 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"horizons": [0, 1]}, "Horizons 0, 1"),
        ({"horizons": [6]}, "Horizons 6"),
        ({"horizons": []}, r"Horizons \(none\)"),
        ({"last_weeks": 0}, "0 weeks to forecast"),
        # 24 whole weeks; 9 targets, 5 ahead, and 6 + 5 + 1 before the first: 9 + 4 + 12 = 25
        ({"last_weeks": 9}, "There are 24 whole weeks .* 2020-01-05 to 2020-06-14; 25 are needed"),
    ],
)
def test_requests_that_make_no_sense(city, events, settings, tmp_path, changes, message):
    with pytest.raises(InvalidRequest, match=message):
        run(city, events, tmp_path, settings, **changes)
    assert not list((tmp_path / "out").iterdir())


def test_just_enough_history_is_enough(city, events, settings, tmp_path):
    assert run(city, events, tmp_path, settings, last_weeks=8)["weeks"] == 8


def test_not_one_whole_week(city, events, settings, tmp_path):
    few = events.assign(occurred_at=pd.Timestamp("2020-01-08"))
    with pytest.raises(InvalidRequest, match="no whole week"):
        run(city, few, tmp_path, settings)


def test_a_folder_that_cannot_be(city, events, settings, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidRequest, match="can't be made"):
        run(city, events, tmp_path, settings, out=tmp_path / "file")


def test_a_folder_that_cannot_be_written_to(city, events, settings, tmp_path, monkeypatch):
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(InvalidRequest, match="can't be written to"):
        run(city, events, tmp_path, settings)
