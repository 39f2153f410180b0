"""What each part of the model is worth: the same weeks forecast without it."""

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.domain.city import City
from pipeline.domain.distributions import NEARLY_POISSON_SIZE, CountDistribution, Forecast
from pipeline.domain.errors import InvalidRequest, WeekNotReady
from pipeline.domain.weeks import ForecastWeeks
from pipeline.evaluation.backtest import origins_of
from pipeline.evaluation.baselines import BASELINES, REFERENCE
from pipeline.evaluation.outputs import make_folder
from pipeline.evaluation.rolling import (
    ForecastOf,
    MakeForecaster,
    Progress,
    Rolling,
    TrainedModels,
    say_nothing,
)
from pipeline.evaluation.summary import against_rivals, pooled_scores
from pipeline.files import write_file
from pipeline.grid.cube import Cube, CubeView
from pipeline.model.config import ModelConfig
from pipeline.settings import Settings

ABLATION_FILE = "ablation.json"
DEFAULT = "default"
ONE_TRAINING = 10_000  # weeks between trainings: none but the first
Wrap = Callable[[CubeView, City, Forecast], Forecast]
See = Callable[[CubeView], CubeView]
Make = Callable[[City, ModelConfig, Progress], MakeForecaster]


def _with_long_run_shares(view: CubeView, city: City, made: Forecast) -> Forecast:
    """Return the forecast total over the cells' long-run shares."""
    mean = _baseline(REFERENCE, view, city)
    return replace(made, mean=mean * (made.city.mean / np.nansum(mean)))


def _with_recent_total(view: CubeView, city: City, made: Forecast) -> Forecast:
    """Return the forecast shares with the mean total of the last four weeks."""
    recent = np.nansum(_baseline("mean_4", view, city))
    return replace(made, mean=made.mean * (recent / made.city.mean))


def prototype_forecaster(city: City, config: ModelConfig, progress: Progress) -> MakeForecaster:
    """Return a maker of forecasts by the prototype; its next week stands for every week ahead."""

    def make(trained_on: CubeView) -> ForecastOf:
        from pipeline.model.prototype import Prototype

        stage = f"training the prototype through {trained_on.edge_week}"
        prototype = Prototype(
            trained_on,
            city,
            window_weeks=config.window_weeks,
            seed=config.seed,
            progress=lambda done, total: progress(stage, done, total),
        )

        def forecast(view: CubeView, weeks: ForecastWeeks) -> Forecast:
            mean = np.where(view.cells.mask, prototype.rates(view), np.nan)
            total = CountDistribution(float(np.nansum(mean)), NEARLY_POISSON_SIZE)
            size = np.where(view.cells.mask, NEARLY_POISSON_SIZE, np.nan)
            return Forecast(weeks, mean, size, total, {"city": total}, "prototype", "")

        return forecast

    return make


def _baseline(name: str, view: CubeView, city: City) -> NDArray[np.float64]:
    return BASELINES[name](view.counts(city.offences.target), view.cells.mask, 1)


@dataclass(frozen=True)
class Variant:
    """The model with one thing changed.

    Attributes:
        name: what is printed.
        changes: fields of the configuration that differ from the default's.
        wrap: what is done to the default's forecasts instead.
        see: what is done to every view before the model trains on it or forecasts from it.
        make: another model, in place of the project's own.
    """

    name: str
    changes: dict[str, Any] = field(default_factory=dict)
    wrap: Wrap | None = None
    see: See | None = None
    make: Make | None = None


NETWORK_ALONE = {"regression_weight": 0.0, "trees_weight": 0.0}
VARIANTS = (
    Variant(DEFAULT),
    Variant("no crime branch: long-run shares", wrap=_with_long_run_shares),
    Variant("no weather-and-calendar branch: 4-week total", wrap=_with_recent_total),
    Variant("network without long memory, alone", {"crime_inputs": "window", **NETWORK_ALONE}),
    Variant("no window", {"crime_inputs": "memory"}),
    Variant("network alone", NETWORK_ALONE),
    Variant("no network", {"regression_weight": 0.5, "trees_weight": 0.5}),
    Variant("regression alone", {"regression_weight": 1.0, "trees_weight": 0.0}),
    Variant("trees alone", {"regression_weight": 0.0, "trees_weight": 1.0}),
    Variant("no channels of single classes", {"class_channels": False}),
    Variant("ridge alone for the total", {"total_steps": 0}),
    Variant("no handling of breaks", {"handles_breaks": False}),
    Variant("no handling of late reports", see=CubeView.without_delays),
    Variant("window of 10 weeks", {"window_weeks": 10}),
    Variant("window of 30 weeks", {"window_weeks": 30}),
    Variant("window of 52 weeks", {"window_weeks": 52}),
    Variant("negative-binomial cell loss", {"cell_loss": "negative_binomial"}),
    Variant("two networks", {"members": 2}),
    Variant("four networks", {"members": 4}),
    Variant("averaged over mirrored maps", {"flips": True}),
    Variant("the prototype's network", make=prototype_forecaster),
)


def run_ablation(
    city: City,
    cube: Cube,
    *,
    source: Mapping[str, Any],
    last_weeks: int,
    horizons: Sequence[int],
    out: Path,
    settings: Settings,
    progress: Progress = say_nothing,
    variants: Sequence[Variant] = VARIANTS,
) -> dict[str, Any]:
    """Forecast the last weeks of a cube by every variant, each trained once.

    All see the same weeks; differences to the default are paired by week. Finished variants are
    kept in `out`, so that the same command goes on where it was stopped. `source` tells one input
    from another.

    Raises:
        InvalidRequest: what is asked of the cube can't be done; or `out` holds an ablation of
            something else.
    """
    make_folder(out)
    base = ModelConfig.from_settings(settings)
    request = {
        "city": city.name,
        "input": dict(source),
        "last_weeks": last_weeks,
        "horizons": sorted(set(horizons)),
        "config": base.model_dump(),
    }
    done = _finished(out, request)
    origins = origins_of(cube, settings, last_weeks, horizons)
    for number, variant in enumerate(variants):
        if variant.name not in done:
            rolling = Rolling(
                city, cube, origins, settings.seed, ONE_TRAINING, say_nothing, has_rivals=False
            )
            done[variant.name] = _scored(rolling, variant, base, progress)
            write_file(out / ABLATION_FILE, json.dumps({"of": request, "done": done}).encode())
        progress("variants", number + 1, len(variants))
    return {**request, "variants": _compared(done, [v.name for v in variants], settings.seed)}


def _finished(out: Path, request: dict[str, Any]) -> dict[str, Any]:
    """Return the variants that an earlier run of the same request has finished."""
    path = out / ABLATION_FILE
    if not path.exists():
        return {}
    held = json.loads(path.read_text())
    if held["of"] != request:
        differs = [name for name in request if held["of"].get(name) != request[name]]
        raise InvalidRequest(
            f"{path} holds an ablation with another {', '.join(differs)}. Give another folder, or "
            "remove that file."
        )
    return dict(held["done"])


def _scored(
    rolling: Rolling, variant: Variant, base: ModelConfig, progress: Progress
) -> dict[str, Any]:
    """Return a variant's weekly statistics and seconds of training; why not, where it can't."""
    config = ModelConfig(**{**base.model_dump(), **variant.changes})
    with tempfile.TemporaryDirectory(prefix="ablation-") as folder:
        own = TrainedModels(rolling.city, config, Path(folder), progress)
        make = variant.make(rolling.city, config, progress) if variant.make else own
        try:
            rolling.run(_changed(make, rolling.city, variant))
        except WeekNotReady as error:
            return {"why_not": str(error)}
    first = rolling.sums[0]["model"]
    own_sums = [row for row in rolling.sums if row["model"] == first]
    rows = [{**row, "week_start": row["week_start"].isoformat()} for row in own_sums]
    return {"sums": rows, "seconds": rolling.trainings[0]["seconds"]}


def _changed(make: MakeForecaster, city: City, variant: Variant) -> MakeForecaster:
    """Return the maker with what the variant does before and after the model."""
    see, wrap = variant.see or _as_it_is, variant.wrap or _as_made

    def make_changed(trained_on: CubeView) -> ForecastOf:
        forecast_of = make(see(trained_on))
        return lambda view, weeks: wrap(view, city, forecast_of(see(view), weeks))

    return make_changed


def _as_it_is(view: CubeView) -> CubeView:
    return view


def _as_made(_view: CubeView, _city: City, made: Forecast) -> Forecast:
    return made


def _compared(done: dict[str, Any], names: Sequence[str], seed: int) -> dict[str, Any]:
    """Return, by variant, pooled deviances and their differences to the default, by horizon."""
    default = pd.DataFrame(done[DEFAULT]["sums"])
    found: dict[str, Any] = {}
    for name in names:
        if "why_not" in done[name]:
            found[name] = done[name]
            continue
        sums = pd.DataFrame(done[name]["sums"]).assign(model=name)
        pooled = pooled_scores(sums)[name]
        found[name] = {
            "seconds": done[name]["seconds"],
            "deviance": {h: scores["poisson_deviance"] for h, scores in pooled.items()},
        }
        if name != DEFAULT:
            both = pd.concat([sums, default.assign(model=DEFAULT)], ignore_index=True)
            against = against_rivals(both, name, [DEFAULT], seed)[DEFAULT]
            found[name]["difference"] = {
                h: scores["poisson_deviance"] for h, scores in against.items()
            }
    return found
