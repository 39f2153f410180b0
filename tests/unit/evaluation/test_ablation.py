"""The ablation: paired, resumable, and honest about what couldn't be tried."""

import io
import json
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from pipeline.cli.backtest_tables import ablation_table
from pipeline.domain.errors import InvalidRequest
from pipeline.domain.weeks import ForecastWeeks
from pipeline.evaluation.ablation import (
    ABLATION_FILE,
    VARIANTS,
    Variant,
    _changed,
    _with_long_run_shares,
    _with_recent_total,
    run_ablation,
)
from pipeline.evaluation.backtest import cube_of_events, read_cube
from pipeline.evaluation.event_files import events_to_incidents
from pipeline.grid.cube import CubeView
from pipeline.model.config import ModelConfig
from pipeline.model.windows import read_reports
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
    cube, source = read_cube(city, events)
    request = {**request, **changes, "source": {"sha256": source["sha256"]}}
    return run_ablation(city, cube, **request, variants=variants)


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
        assert np.isnan([gap["low"], gap["high"]]).all()  # three weeks give no interval
    with pytest.raises(InvalidRequest, match="another horizons"):
        run(asked, horizons=[1])
    make_events(weeks=WEEKS, seed=9).to_parquet(asked[1])
    with pytest.raises(InvalidRequest, match="another input"):
        run(asked)


def test_the_wrapped_variants_change_one_factor_only(city, events):
    cube, _ = cube_of_events(city, events_to_incidents(city, events))
    weeks = cube.weeks_table.to_pandas()
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


def late_events():
    """Every tenth event is reported two weeks late."""
    events = make_events()
    late = np.where(np.arange(len(events)) % 10 == 0, 14, 0)
    return events.assign(reported_at=events["occurred_at"] + pd.to_timedelta(late, unit="D"))


def view_of(city, events, weeks_before_end):
    cube, _ = cube_of_events(city, events_to_incidents(city, events))
    weeks = cube.weeks_table.to_pandas()
    return cube.as_of(list(weeks.loc[weeks["is_whole"], "week_start"])[-1 - weeks_before_end])


def test_a_view_without_delays_holds_what_was_known_and_calls_it_complete(city):
    view = view_of(city, late_events(), 4)
    naive = view.without_delays()
    target = city.offences.target
    np.testing.assert_array_equal(naive.counts(target), view.counts(target))
    assert set(naive._cube.counts_table["delay_weeks"].to_pylist()) == {0}
    assert read_reports(naive, city).target.completeness.tolist() == [1.0] * 53
    assert read_reports(view, city).target.completeness[0] < 0.95
    # as of an earlier week it would know what was not known then, so no such view is made of it
    assert naive.edge_week == view.edge_week


def test_a_variant_sees_by_its_own_eyes_in_training_and_in_forecasting(city):
    view, seen = view_of(city, late_events(), 4), []

    def make(trained_on):
        seen.append(trained_on)
        return lambda later, weeks: seen.append(later)

    _changed(make, city, Variant("naive", see=CubeView.without_delays, wrap=lambda *_: None))(view)(
        view, 1
    )
    assert [set(v._cube.counts_table["delay_weeks"].to_pylist()) for v in seen] == [{0}, {0}]
    plain = _changed(mean_forecaster(city), city, Variant("plain"))(view)
    target = view.edge_week + timedelta(weeks=1)
    weeks = ForecastWeeks(target - timedelta(days=1), view.edge_week, target)
    np.testing.assert_array_equal(
        plain(view, weeks).mean, mean_forecaster(city)(view)(view, weeks).mean
    )


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_prototype_is_scored_on_the_same_weeks(asked, monkeypatch):
    monkeypatch.setattr("pipeline.model.prototype.EPOCHS", 1)
    prototype = next(variant for variant in VARIANTS if variant.make)
    found = run(asked, (*FEW[:1], prototype), out=asked[2]["out"].with_name("prototype"))
    held = json.loads((asked[2]["out"].with_name("prototype") / ABLATION_FILE).read_text())
    sums = pd.DataFrame(held["done"][prototype.name]["sums"])
    assert set(sums["model"]) == {"prototype"}
    assert sums.groupby("horizon").size().to_dict() == {1: 3, 2: 3}
    # a network of one epoch says next to nothing
    assert found["variants"][prototype.name]["difference"]["1"]["difference"] > 0


def test_the_table_says_what_each_variant_is_worth_and_what_could_not_be_tried():
    gap = {"difference": 0.0123, "low": 0.01, "high": 0.015}
    few = {"difference": 0.0, "low": float("nan"), "high": float("nan")}
    found = {
        "variants": {
            "default": {"seconds": 3.0, "deviance": {"1": 0.9}},
            "no window": {"seconds": 2.0, "deviance": {"1": 0.9123}, "difference": {"1": gap}},
            "few weeks": {
                "seconds": 2.0,
                "deviance": {"1": 0.9},
                "difference": {"1": few},
            },
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
    assert any("few weeks" in line and "from 13 weeks on" in line for line in lines)
    assert any("too long" in line and "too little history" in line for line in lines)
