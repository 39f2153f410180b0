"""The ablation: paired, resumable, and honest about what couldn't be tried."""

import io
import json
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from rich.console import Console

from pipeline.cli_results import ablation_table
from pipeline.domain.errors import InvalidRequest
from pipeline.domain.weeks import ForecastWeeks
from pipeline.evaluation.ablation import (
    ABLATION_FILE,
    VARIANTS,
    Variant,
    _with_long_run_shares,
    _with_recent_total,
    run_ablation,
)
from pipeline.evaluation.backtest import cube_of_events
from pipeline.evaluation.events import events_to_incidents
from pipeline.model.config import ModelConfig
from tests.unit.evaluation.conftest import make_events, mean_forecaster

WEEKS = 40
FEW = (
    VARIANTS[0],
    Variant("no crime branch", wrap=_with_long_run_shares),
    Variant("one epoch more", {"epochs": 2}),
    Variant("a window too long", {"window_weeks": 52}),
)


@pytest.fixture(scope="module")
def asked(tmp_path_factory, city, settings):
    folder = tmp_path_factory.mktemp("ablation")
    make_events(weeks=WEEKS).to_parquet(folder / "events.parquet")
    quick = settings.model_copy(update={"train_epochs": 1, "train_members": 1})
    request = {"last_weeks": 3, "horizons": [1, 2], "out": folder / "out", "settings": quick}
    return city, folder / "events.parquet", request


def run(asked, variants=FEW, **changes):
    city, events, request = asked
    return run_ablation(city, events, **{**request, **changes}, variants=variants)


def test_every_variant_of_the_table_is_a_valid_configuration():
    names = [variant.name for variant in VARIANTS]
    assert names[0] == "default"
    assert len(set(names)) == len(names)
    for variant in VARIANTS:
        ModelConfig(**{**ModelConfig().model_dump(), **variant.changes})


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_variants_are_compared_and_a_finished_one_is_not_run_again(asked):
    first = run(asked, FEW[:2])
    held = json.loads((asked[2]["out"] / ABLATION_FILE).read_text())
    assert list(held["done"]) == ["default", "no crime branch"]
    held["done"]["default"]["seconds"] = 12345.0
    (asked[2]["out"] / ABLATION_FILE).write_text(json.dumps(held))
    whole = run(asked)
    assert whole["variants"]["default"]["seconds"] == 12345.0
    assert whole["variants"]["no crime branch"] == first["variants"]["no crime branch"]
    assert "why_not" in whole["variants"]["a window too long"]
    deviances = {name: v.get("deviance") for name, v in whole["variants"].items()}
    for horizon in ("1", "2"):
        gap = whole["variants"]["one epoch more"]["difference"][horizon]
        ours, base = deviances["one epoch more"][horizon], deviances["default"][horizon]
        assert gap["difference"] == pytest.approx(ours - base)
        assert gap["low"] <= gap["difference"] <= gap["high"]
    with pytest.raises(InvalidRequest, match="another horizons"):
        run(asked, horizons=[1])
    make_events(weeks=WEEKS, seed=9).to_parquet(asked[1])
    with pytest.raises(InvalidRequest, match="another events"):
        run(asked)


def test_the_wrapped_variants_change_one_factor_only(city, events):
    cube, _ = cube_of_events(city, events_to_incidents(city, events))
    weeks = cube.weeks.to_pandas()
    view = cube.as_of(list(weeks.loc[weeks["is_whole"], "week_start"])[-1])
    target = view.edge_week + timedelta(weeks=1)
    made = mean_forecaster(city)(view)(
        view, ForecastWeeks(target - timedelta(days=1), view.edge_week, target)
    )
    skewed = replace(made, mean=made.mean * np.linspace(0.5, 1.5, made.mean.shape[1]))
    total = float(np.nansum(skewed.mean))
    skewed = replace(skewed, city=replace(made.city, mean=total))
    spread = _with_long_run_shares(view, city, skewed)
    assert np.nansum(spread.mean) == pytest.approx(total)
    assert np.nanstd(spread.mean / made.mean) == pytest.approx(0, abs=1e-9)
    recent = _with_recent_total(view, city, skewed)
    counts = view.counts(city.offences.target)
    assert np.nansum(recent.mean) == pytest.approx(counts[-4:].sum() / 4)
    assert np.nanstd(recent.mean / skewed.mean) == pytest.approx(0, abs=1e-9)


def test_the_table_says_what_each_variant_is_worth_and_what_could_not_be_tried():
    gap = {"difference": 0.0123, "low": 0.01, "high": 0.015}
    found = {
        "variants": {
            "default": {"seconds": 3.0, "deviance": {"1": 0.9}},
            "no window": {"seconds": 2.0, "deviance": {"1": 0.9123}, "difference": {"1": gap}},
            "too long": {"why_not": "100 weeks are needed"},
        }
    }
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(ablation_table(found))
    lines = console.export_text().splitlines()
    (line,) = (line for line in lines if "no window" in line)
    assert "0.9123" in line
    assert "+0.0123" in line
    assert "+0.0100 to +0.0150" in line
    assert any("too long" in line and "too little history" in line for line in lines)
