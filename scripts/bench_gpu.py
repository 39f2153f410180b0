"""Time training on this machine's GPU, and hold it against its CPU: `make bench-gpu`.

The made-up Los Angeles of `make bench`: speed and bits, never skill. Each training is a process of
its own, as in production, and so is each way to take a gradient step.
"""

import functools
import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from pipeline.console import Terminal
from pipeline.domain.city import load_city
from pipeline.domain.weeks import ForecastWeeks
from pipeline.model import fitting
from pipeline.model import network as net
from pipeline.model.config import ModelConfig
from pipeline.model.inputs import read_history
from pipeline.model.predict import forecast
from pipeline.model.saved import hash_folder, load
from pipeline.model.training import read_lessons, train
from scripts.bench import WEEKS, last_week, made_up_cube, seconds_of

CITY = "los_angeles"
STEPS = 200
NO_DEVICE = {"CUDA_VISIBLE_DEVICES": "-1"}
WAYS = ("float32, as trained", "float32, compiled", "bfloat16", "bfloat16, compiled")
# Keras compiles nothing while TensorFlow's operations are deterministic; XLA has a switch like it
COMPILED = {"TF_DETERMINISTIC_OPS": "0", "XLA_FLAGS": "--xla_gpu_deterministic_ops=true"}


def devices() -> list[str]:
    """Return the names of the GPUs that TensorFlow sees."""
    import tensorflow as tf

    found = tf.config.list_physical_devices("GPU")
    return [tf.config.experimental.get_device_details(gpu)["device_name"] for gpu in found]


def retrain(folder: str) -> dict[str, Any]:
    """Train a model anew into a folder, and fine-tune it into one beside it."""
    city = load_city(CITY)
    cube, _ = made_up_cube(city)
    view, config = cube.as_of(last_week(cube)), ModelConfig()
    began = time.perf_counter()
    model = train(view, city, config, mode="retrain", folder=Path(folder))
    trained = time.perf_counter()
    tuned = train(
        view, city, config, mode="fine_tune", start_from=model.folder, folder=Path(f"{folder}-on")
    )
    tuned_s = time.perf_counter() - trained
    return {
        "retrain_s": trained - began,
        "fine_tune_s": tuned_s,
        "hashes": [model.sha256, tuned.sha256],
    }


def forecast_means(folder: str) -> dict[str, Any]:
    """Forecast the first unknown week with a model; return each cell's mean, and the seconds."""
    city = load_city(CITY)
    cube, _ = made_up_cube(city)
    edge = last_week(cube)
    target = edge + timedelta(weeks=1)
    weeks = ForecastWeeks(target - timedelta(days=1), edge, target)
    model = load(Path(folder), hash_folder(Path(folder)))
    mean = forecast(model, cube.as_of(edge), city, weeks).mean
    seconds = seconds_of(lambda: forecast(model, cube.as_of(edge), city, weeks))
    return {"mean": mean[~np.isnan(mean)].tolist(), "forecast_s": seconds}


def steps(way: str) -> dict[str, Any]:
    """Take gradient steps of one crime branch, twice; return seconds, loss and bits."""
    import keras

    if way.startswith("bfloat16"):
        keras.config.set_dtype_policy("mixed_bfloat16")
        # the log-softmax over all cells stays in float32: bfloat16 is too coarse for it
        net.LogShare = functools.partial(net.LogShare, dtype="float32")  # type: ignore[assignment, misc]
    city = load_city(CITY)
    cube, _ = made_up_cube(city)
    config, view = ModelConfig(), cube.as_of(last_week(cube))
    lessons = read_lessons(view, read_history(view, city), config)

    def take() -> tuple[float, float, float, bytes]:
        keras.utils.set_random_seed(config.seed)
        branch = net.crime_branch(config, view.cells.shape, "bench")
        fitting.compile_member(branch, config, STEPS, "retrain")
        branch.jit_compile = way.endswith(" compiled")
        random, number = np.random.default_rng(1), len(lessons.origins)
        chosen = fitting.batches(number, STEPS + 2, config, "retrain", random)
        losses: list[float] = []

        def step() -> None:
            maps = fitting.map_batch(lessons.inputs, lessons.counts, next(chosen), (False, False))
            losses.append(float(branch.train_on_batch(*maps)))

        began = time.perf_counter()
        step()
        first_s = time.perf_counter() - began
        step_s = seconds_of(step, STEPS)
        weights = b"".join(np.asarray(array).tobytes() for array in branch.get_weights())
        return first_s, step_s, float(np.mean(losses[-20:])), weights

    (first_s, step_s, loss, weights), again = take(), take()
    return {"first_s": first_s, "step_s": step_s, "loss": loss, "is_same": weights == again[-1]}


def in_own_process(action: str, argument: str, **environment: str) -> dict[str, Any]:
    """Return what a function of this module returns in a process of its own."""
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-W", "ignore", "-m", "scripts.bench_gpu", str(WEEKS), action, argument],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def largest_difference(first: dict[str, Any], second: dict[str, Any]) -> str:
    """Say how far two forecasts lie apart: the largest difference of a cell, of the mean cell."""
    one, other = np.array(first["mean"]), np.array(second["mean"])
    return f"{np.abs(one - other).max() / one.mean():.1e}"


def main() -> None:
    """Measure everything and print it."""
    console = Terminal(width=110)
    gpus = in_own_process("devices", "")["devices"]
    if not gpus:
        console.print("No GPU that TensorFlow can use is here; `make bench` times the CPU.")
        sys.exit(1)
    with tempfile.TemporaryDirectory() as home:
        console.print(trainings(Path(home), gpus[0]))
    table = Table(title=f"One gradient step of a crime branch on {gpus[0]}, median of {STEPS}")
    for heading in ("way", "the first, s", "ms", "loss at the end", "same bits twice"):
        table.add_column(heading)
    for way in WAYS:
        taken = in_own_process("steps", way, **(COMPILED if way.endswith(" compiled") else {}))
        same = "yes" if taken["is_same"] else "no"
        first, step = f"{taken['first_s']:.1f}", f"{1000 * taken['step_s']:.2f}"
        table.add_row(way, first, step, f"{taken['loss']:.4f}", same)
    console.print(table)


def trainings(home: Path, gpu: str) -> Table:
    """Return a table of trainings and forecasts on both devices."""
    first, second = (in_own_process("retrain", str(home / f"gpu{k}")) for k in range(2))
    cpu = in_own_process("retrain", str(home / "cpu"), **NO_DEVICE)
    on_gpu = in_own_process("forecast_means", str(home / "gpu0"))
    on_cpu = in_own_process("forecast_means", str(home / "gpu0"), **NO_DEVICE)
    cpu_model = in_own_process("forecast_means", str(home / "cpu"), **NO_DEVICE)
    table = Table(title=f"{gpu} beside {os.cpu_count()} cores, {WEEKS} weeks")
    for heading in ("what", "GPU", "CPU"):
        table.add_column(heading)
    for label, key in (("retraining", "retrain_s"), ("fine-tuning", "fine_tune_s")):
        table.add_row(label, f"{first[key]:.1f}, {second[key]:.1f} s", f"{cpu[key]:.1f} s")
    seconds = [f"{1000 * made['forecast_s']:.0f} ms" for made in (on_gpu, on_cpu)]
    table.add_row("one week's forecast", *seconds)
    same = "yes" if first["hashes"] == second["hashes"] else "no"
    table.add_row("same bytes on every run", same, "")
    table.add_row(
        "forecasts of one model apart, of a mean cell", largest_difference(on_cpu, on_gpu), ""
    )
    table.add_row("those of a model of each", largest_difference(cpu_model, on_cpu), "")
    return table


if __name__ == "__main__":
    if len(sys.argv) > 3:
        actions = {
            "devices": lambda _: {"devices": devices()},
            "retrain": retrain,
            "forecast_means": forecast_means,
            "steps": steps,
        }
        sys.stdout.write(json.dumps(actions[sys.argv[2]](sys.argv[3])))
    else:
        main()
