"""Training, saving and forecasting on the made-up city, end to end in seconds."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pyarrow as pa
import pytest
from numpy.testing import assert_allclose

from pipeline.domain.errors import InvalidRequest, ModelRejected, WeekNotReady
from pipeline.model import fitting
from pipeline.model import network as net
from pipeline.model.inputs import Inputs
from pipeline.model.predict import forecast
from pipeline.model.saved import (
    CARD,
    FILES,
    TREES,
    WEIGHTS,
    hash_folder,
    load,
    read_opinions,
    read_weights,
    save,
    weeks_since_retraining,
)
from pipeline.model.training import train
from tests.unit.model.made_up_city import WEEKS, small_config, week, weeks_of


def deviance(observed, mean):
    mean = np.maximum(mean, 1e-3)
    logs = np.where(observed > 0, observed * np.log(np.maximum(observed, 1) / mean), 0)
    return float(2 * (logs - (observed - mean)).mean())


def test_a_model_is_saved_and_read_back_whole(trained):
    again = load(trained.folder, trained.sha256)
    assert again == trained
    assert again.trained_through == week(50)
    assert again.config == small_config()
    # Origins 5 to 49 in batches of 8 are 6 steps an epoch, for 4 epochs.
    assert again.metrics["steps"] == 24
    assert 0 <= again.metrics["total_gain"] <= 1
    network = net.dual_branch(again.config, (6, 8))
    network.set_weights(read_weights(again.folder))
    assert network.count_params() == again.metrics["weights"]


def test_forecast_adds_up_from_cells_to_divisions_to_city(trained, cube, town):
    view = cube.as_of(week(50))
    made = forecast(trained, view, town, weeks_of(50, 2))
    mask = cube.cells.mask
    assert np.isnan(made.mean[~mask]).all()
    assert np.isnan(made.nb_size[~mask]).all()
    assert (made.mean[mask] > 0).all()
    assert made.city.mean == pytest.approx(made.mean[mask].sum(), rel=1e-12)
    assert sum(d.mean for d in made.divisions.values()) == pytest.approx(made.city.mean)
    assert made.divisions["south"].mean == pytest.approx(np.nansum(made.mean[:3]))
    assert made.city.size > 0
    assert made.model_hash == trained.sha256
    assert made.weeks.horizon == 2


def test_forecast_beats_last_week_where_busy_cells_stay_busy(trained, cube, town):
    mask = cube.cells.mask
    counts = cube.as_of(week(WEEKS - 1)).counts(["robbery"])[1:]
    model, naive = [], []
    for edge in range(50, 58):
        view = cube.as_of(week(edge))
        made = forecast(trained, view, town, weeks_of(edge, 1))
        model.append(deviance(counts[edge + 1][mask], made.mean[mask]))
        naive.append(deviance(counts[edge + 1][mask], view.counts(["robbery"])[-1][mask]))
    assert np.mean(model) < 0.8 * np.mean(naive)


def test_city_total_is_near_the_truth(trained, cube, town):
    counts = cube.as_of(week(WEEKS - 1)).counts(["robbery"])[1:]
    totals = [
        forecast(trained, cube.as_of(week(k)), town, weeks_of(k, 1)).city.mean
        for k in range(50, 58)
    ]
    assert_allclose(np.mean(totals), counts[51:59].sum(axis=(1, 2)).mean(), rtol=0.1)


def test_a_later_target_is_forecast_from_the_same_knowledge(trained, cube, town):
    view = cube.as_of(week(50))
    means = [forecast(trained, view, town, weeks_of(50, h)).mean for h in (1, 5)]
    assert_allclose(means[0], means[1], rtol=0.5)
    assert not np.array_equal(means[0], means[1], equal_nan=True)


def test_what_is_planted_after_the_edge_is_invisible(trained, cube, town):
    counts = cube.counts_table.to_pandas()
    counts.loc[counts["week_start"] > week(50), "reports"] += 1000
    planted = replace(
        cube,
        counts_table=pa.Table.from_pandas(counts, cube.counts_table.schema, preserve_index=False),
    )
    made = [
        forecast(trained, c.as_of(week(50)), town, weeks_of(50, 1)).mean for c in (cube, planted)
    ]
    assert np.array_equal(made[0], made[1], equal_nan=True)


def test_a_model_from_the_future_is_refused(trained, cube, town):
    with pytest.raises(ModelRejected, match="has seen what it would forecast"):
        forecast(trained, cube.as_of(week(49)), town, weeks_of(49, 1))


def test_a_model_of_another_city_or_another_edge_is_refused(trained, cube, town):
    view = cube.as_of(week(50))
    with pytest.raises(InvalidRequest, match="the view ends at"):
        forecast(trained, view, town, weeks_of(51, 1))
    with pytest.raises(ModelRejected, match="is of town, not village"):
        forecast(trained, view, town.model_copy(update={"name": "village"}), weeks_of(50, 1))


def copy_of(trained, folder: Path):
    folder.mkdir()
    for name in FILES:
        (folder / name).write_bytes((trained.folder / name).read_bytes())
    return folder


@pytest.mark.parametrize("name", FILES)
def test_a_changed_byte_is_found_before_the_file_is_read(trained, tmp_path, name):
    folder = copy_of(trained, tmp_path / "copy")
    data = bytearray((folder / name).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / name).write_bytes(bytes(data))
    with pytest.raises(ModelRejected, match="expected " + trained.sha256):
        load(folder, trained.sha256)


def test_a_missing_file_or_a_card_of_something_else_is_refused(trained, tmp_path):
    folder = copy_of(trained, tmp_path / "copy")
    (folder / CARD).write_text(json.dumps({"city": "town"}))
    with pytest.raises(ModelRejected, match="does not describe a model"):
        load(folder, hash_folder(folder))
    (folder / WEIGHTS).unlink()
    with pytest.raises(ModelRejected, match=r"holds no weights\.npz"):
        load(folder, trained.sha256)


def test_weights_of_another_shape_are_refused(trained, cube, town, tmp_path):
    wrong = save(
        tmp_path / "wrong",
        read_weights(trained.folder)[:-1],
        read_opinions(trained.folder),
        city="town",
        trained_through=week(50),
        config=trained.config,
        spread=trained.spread,
        metrics={},
    )
    with pytest.raises(ModelRejected, match="do not fit its network"):
        forecast(wrong, cube.as_of(week(50)), town, weeks_of(50, 1))


def test_trees_that_can_not_be_read_are_refused(trained, tmp_path):
    folder = copy_of(trained, tmp_path / "copy")
    (folder / TREES).write_text("no trees")
    with pytest.raises(ModelRejected, match="does not hold a regression and trees"):
        read_opinions(folder)


SAME_AGAIN = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from tests.unit.model.made_up_city import make_cube, make_town, small_config, week
from pipeline.model.training import train
view = make_cube().as_of(week(50))
made = train(view, make_town(), small_config(), mode="retrain", folder=Path(sys.argv[1]))
print(made.sha256)
"""


@pytest.mark.slow
def test_two_trainings_in_two_processes_give_the_same_bytes(trained, tmp_path):
    here = str(Path(__file__).parents[3])
    command = [sys.executable, "-c", SAME_AGAIN, str(tmp_path / "again"), here]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split()[-1] == trained.sha256


@pytest.mark.slow
def test_fine_tuning_costs_a_tenth_and_stays_close(trained, cube, town, tmp_path):
    view = cube.as_of(week(55))
    calls = []
    tuned = train(
        view,
        town,
        small_config(),
        mode="fine_tune",
        start_from=trained.folder,
        folder=tmp_path / "tuned",
        progress=lambda done, total: calls.append((done, total)),
    )
    # 50 origins in batches of 8 are 7 steps an epoch, 28 in all; a tenth is 2.8.
    assert tuned.metrics["steps"] == 3
    assert calls == [(k, 3) for k in range(1, 4)]
    assert tuned.trained_through == week(55)
    means = [forecast(m, view, town, weeks_of(55, 1)).mean for m in (trained, tuned)]
    assert not np.array_equal(means[0], means[1], equal_nan=True)
    assert_allclose(means[1], means[0], rtol=0.3)
    # what was learned of older weeks is not lost: their deviance rises by less than a percent
    assert tuned.metrics["old_weeks_after"] < 1.01 * tuned.metrics["old_weeks_before"]
    assert "old_weeks_before" not in trained.metrics


@pytest.mark.slow
def test_fine_tuning_counts_the_weeks_since_the_last_training_anew(trained, cube, town, tmp_path):
    model = trained
    for edge in (52, 55):
        model = train(
            cube.as_of(week(edge)),
            town,
            small_config(),
            mode="fine_tune",
            start_from=model.folder,
            folder=tmp_path / str(edge),
        )
    assert weeks_since_retraining(trained) == 0
    assert weeks_since_retraining(model) == 55 - 50


def test_fine_tuning_needs_a_model_that_fits(trained, cube, town, tmp_path):
    def tune(edge, config, start):
        train(
            cube.as_of(week(edge)),
            town,
            config,
            mode="fine_tune",
            start_from=start,
            folder=tmp_path / "x",
        )

    with pytest.raises(InvalidRequest, match="needs the folder"):
        tune(55, small_config(), None)
    with pytest.raises(ModelRejected, match="Retrain instead"):
        tune(55, small_config(filters=4), trained.folder)
    with pytest.raises(ModelRejected, match="after the edge week"):
        tune(45, small_config(), trained.folder)


def test_too_short_a_history_is_not_ready(cube, town, tmp_path):
    with pytest.raises(WeekNotReady, match="21 whole weeks"):
        train(cube.as_of(week(15)), town, small_config(), mode="retrain", folder=tmp_path / "x")


@pytest.mark.slow
def test_one_member_with_the_other_loss_and_flips_trains_on_the_shortest_history(
    cube, town, tmp_path
):
    config = small_config(
        members=1, cell_loss="negative_binomial", flips=True, epochs=1, total_steps=1
    )
    view = cube.as_of(week(20))
    made = train(view, town, config, mode="retrain", folder=tmp_path / "x")
    assert np.nansum(forecast(made, view, town, weeks_of(20, 5)).mean) > 0


def test_retraining_visits_every_origin_and_fine_tuning_replays_old_ones():
    config = small_config(batch_origins=4, fine_tune_weeks=3)
    random = np.random.default_rng(0)
    seen = np.concatenate(list(fitting.batches(10, 3, config, "retrain", random)))
    assert sorted(seen) == list(range(10))
    tuned = list(fitting.batches(10, 50, config, "fine_tune", random))
    assert {int(k) for part in tuned for k in part[:2]} == {7, 8, 9}
    assert {int(k) for part in tuned for k in part[2:]} == set(range(7))
    assert fitting.training_steps(10_000, small_config(most_steps=90), "retrain") == 90


def gain_from(effect, noise):
    """How much of a correction is kept where `effect` times a calendar feature is to be found."""
    random = np.random.default_rng(0)
    config = small_config(total_filters=4, total_steps=150, total_learning_rate=0.02)
    calendar = random.normal(size=(80, 5, 5)).astype(np.float32)
    base = np.full((80, 5), 4.0, np.float32)
    context = np.zeros((80, 6, 6), np.float32)
    inputs = Inputs(None, None, None, None, context, calendar, base, {})
    goal = base + effect * calendar[..., 2] + noise * random.normal(size=(80, 5))
    branch = net.total_branch(config)
    lessons = fitting.Lessons(range(30, 110), inputs, None, goal)
    gain = fitting.fit_total(branch, lessons, config)
    error = branch.predict_on_batch(inputs.total_inputs()) - goal
    return gain, float(np.mean(error**2)), float(np.mean((base - goal) ** 2))


def test_the_total_branch_keeps_what_newer_weeks_confirm():
    keras.utils.set_random_seed(1)
    gain, error, base_error = gain_from(effect=0.2, noise=0.02)
    assert gain > 0.8
    assert error < 0.2 * base_error


def test_the_total_branch_keeps_little_of_chance():
    keras.utils.set_random_seed(1)
    gain, _, _ = gain_from(effect=0.0, noise=0.1)
    assert gain < 0.3
