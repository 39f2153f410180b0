"""The commands that look back, over a store of made-up weeks."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from pipeline.cli.main import app
from pipeline.domain.city import load_city
from pipeline.domain.distributions import CountDistribution, Forecast
from pipeline.domain.errors import InvalidRequest
from pipeline.domain.weeks import ForecastWeeks
from pipeline.results.store.writer import ResultsStore
from tests.unit.results.samples import BEFORE, HEALTH, TARGET, make_hotspots, make_run

NEXT = TARGET + timedelta(days=7)


@pytest.fixture
def published(tmp_path, monkeypatch):
    url = f"sqlite:///{tmp_path / 'results.db'}"
    monkeypatch.setenv("HOTSPOTS_RESULTS_URL", url)
    store = ResultsStore(url)
    store.migrate()
    cells = load_city("los_angeles").listed_cells()
    for k, week in enumerate((TARGET, NEXT)):
        mean = np.where(cells.mask, 0.1 * (k + 1), np.nan)
        weeks = ForecastWeeks(week - timedelta(days=4), week - timedelta(days=21), week)
        total = CountDistribution(float(np.nansum(mean)), 30.0)
        size = np.where(cells.mask, 2.0, np.nan)
        forecast = Forecast(weeks, mean, size, total, {}, "cnn", "m" * 64)
        run = make_run(city="los_angeles", weeks=weeks, forecast_sha256=f"{k}" * 64)
        store.publish(run, forecast, make_hotspots(forecast), HEALTH, cells, today=BEFORE)
    return store


def test_compare_prints_both_weeks(published):
    result = CliRunner().invoke(app, ["compare", str(TARGET), str(NEXT)])
    assert result.exit_code == 0
    # 1,663 cells of 0.1, then of 0.2.
    assert " ".join(result.output.split("Whole city")[1].split()[:3]) == "166.3 332.6 +166.3"


@pytest.mark.parametrize("chosen", [[], ["--week", str(NEXT)]])
def test_report_writes_the_page(published, tmp_path, chosen):
    out = tmp_path / "new" / "week.html"
    result = CliRunner().invoke(app, ["report", "--out", str(out), *chosen])
    assert result.exit_code == 0
    assert out.read_text().startswith("<!doctype html>")
    assert "week of Jan 11 – 17, 2026" in out.read_text()


def test_audit_prints_the_divisions_and_the_loop(published):
    counts = np.zeros((1, *load_city("los_angeles").grid.shape))
    published.save_observed("los_angeles", [TARGET], counts, NEXT)
    result = CliRunner().invoke(app, ["audit"])
    assert result.exit_code == 0
    assert "Hollenbeck" in result.output
    assert "Reporting rises by" in result.output


def test_export_of_all_weeks_has_each_and_the_dictionary(published, tmp_path):
    result = CliRunner().invoke(app, ["export", "--all", "--out", str(tmp_path / "all")])
    assert result.exit_code == 0
    written = {path for path in (tmp_path / "all").rglob("*") if path.is_file()}
    assert {Path(line) for line in result.output.split()} == written
    cells = pd.read_parquet(tmp_path / "all" / "cells")
    # Each of 1,663 cells has 0.1, then 0.2.
    assert cells.groupby("target_week")["mean"].sum().round(1).to_dict() == {
        TARGET: 166.3, NEXT: 332.6,
    }  # fmt: skip


def test_export_of_one_week_and_of_all_is_refused(tmp_path):
    words = ["export", "--all", "--week", str(TARGET), "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(app, words)
    assert isinstance(result.exception, InvalidRequest)
    assert "Give one of them" in str(result.exception)
    assert not (tmp_path / "out").exists()
