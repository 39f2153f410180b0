"""The command line as a user meets it: what it prints, and how it ends."""

import json

import pandas as pd
import pytest
import requests

from pipeline.workflow import run
from tests.integration.conftest import ISSUE_DATE, made_up_reports

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def events(tmp_path_factory):
    path = tmp_path_factory.mktemp("events") / "events.parquet"
    made_up_reports().rename(columns={"primary_type": "offence"}).to_parquet(path)
    return path


def test_one_command_forecasts_a_week_from_files(hotspots, made_up_folder, monkeypatch):
    def validate(*inputs, reads):
        validated = real(*inputs, reads=reads)
        return {**validated, "notes": ["a portal says [/x] and [grid] :smile: \x1b[2J"]}

    real = run.validate
    monkeypatch.setattr(run, "validate", validate)
    code, out, err = hotspots(
        "run", "--city", "chicago", "--source-dir", made_up_folder, "--issue-date", ISSUE_DATE
    )
    assert code == 0, err
    assert "done Forecasting: train" in err
    assert "placed on the grid" in out
    assert "note: a portal says [/x] and [grid] :smile: ␛[2J\n" in out
    assert "2017-12-17 to 2017-12-23" in out
    assert "Top 10 cells" in out
    assert "RECORDED" in out


def test_what_was_stored_is_shown_exported_and_judged(hotspots, home, tmp_path):
    recorded = {"HOTSPOTS_HOME": str(home / "recorded")}
    code, out, _ = hotspots("show", "--city", "chicago", "--issued", ISSUE_DATE, **recorded)
    assert code == 0
    assert "2017-12-17 to 2017-12-23" in out
    code, out, _ = hotspots("status", "--city", "chicago", **recorded)
    assert (code, "1, of which 0 scored" in out) == (0, True)
    code, out, _ = hotspots("export", "--city", "chicago", "--out", tmp_path, **recorded)
    assert code == 0
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert set(manifest["files"]) == {p.name for p in tmp_path.iterdir()} - {"manifest.json"}
    # The forecast is for a week long gone, so none stands for the coming one.
    code, out, _ = hotspots("doctor", "--city", "chicago", **recorded)
    assert (code, "StaleData" in out, "answers" in out) == (5, True, True)
    code, out, _ = hotspots("doctor", **recorded, HOTSPOTS_CITIES="los_angeles,chicago")
    assert code == 5
    assert out.index("los_angeles:\n") < out.index("chicago:\n")
    assert out.count("scheduler") == 2


def test_a_backfill_walks_the_weeks(hotspots, home, made_up_folder):
    code, out, err = hotspots(
        "backfill", "--city", "chicago", "--source-dir", made_up_folder,
        "--from", "2017-12-20", "--to", "2017-12-27",
    )  # fmt: skip
    assert code == 0, err
    assert [line.split()[0] for line in out.splitlines()] == ["2017-12-24", "2017-12-31"]
    assert "model reuse  new: none is stored" in out
    recorded = home / "recorded"
    drawn = {week.name for week in (recorded / "reports" / "chicago").glob("20*")}
    assert not drawn & {"2017-12-24", "2017-12-31"}
    assert not (recorded / "data_docs" / "chicago" / "2017-12-20").exists()
    code, out, err = hotspots(
        "backfill", "--city", "chicago", "--source-dir", made_up_folder, "--dry-run",
        "--from", "2017-12-27", "--to", "2018-01-03",
    )  # fmt: skip
    assert code == 0, err
    assert ["same as revision 1" in line for line in out.splitlines()] == [True, False]
    status = hotspots("status", "--city", "chicago", HOTSPOTS_HOME=str(recorded))[1]
    assert "3, of which" in status
    assert "Data Docs        none were written" in hotspots("show", "--city", "chicago")[1]


def test_models_are_listed_promoted_and_rolled_back(hotspots, home):
    recorded = {"HOTSPOTS_HOME": str(home / "recorded")}
    assert "no model yet" in hotspots("models")[1]
    code, out, _ = hotspots("models", "--city", "chicago", **recorded)
    assert (code, "champion" in out, "2017-11-26" in out) == (0, True, True)
    code, out, _ = hotspots("models", "--city", "chicago", "--card", "1", **recorded)
    assert (code, out.startswith("# Model card: Chicago, version 1\n")) == (0, True)
    code, _, err = hotspots("models", "--city", "chicago", "--card", "9", **recorded)
    assert (code, "no card of a model 9" in err) == (5, True)
    code, out, _ = hotspots("promote", "1", "--city", "chicago", **recorded)
    assert (code, "Version 1 is the champion of chicago" in out) == (0, True)
    code, _, err = hotspots("promote", "9", "--city", "chicago", **recorded)
    assert (code, "has no version 9" in err) == (2, True)
    code, _, err = hotspots("rollback", "--city", "chicago", **recorded)
    assert (code, "no champion before this one" in err) == (2, True)


def test_a_backfill_goes_on_past_a_week_that_keeps_its_forecast(hotspots, made_up_folder):
    code, out, err = hotspots(
        "backfill", "--city", "chicago", "--source-dir", made_up_folder,
        "--from", "2017-12-27", "--to", "2018-01-03", HOTSPOTS_SEED="2",
    )  # fmt: skip
    kept, made = out.splitlines()
    assert kept.startswith("2017-12-31  ForecastLocked: ")
    assert made.startswith("2018-01-07  horizon ")
    assert code == 5
    assert "failed 2017-12-27: publish" in err
    assert "done 2017-12-27: publish" not in err
    assert "1 of 2 weeks failed, those issued 2017-12-27" in err


def test_the_history_is_loaded_year_by_year(hotspots, made_up_folder, tmp_path):
    words = ["history", "--city", "chicago", "--source-dir", made_up_folder]
    code, out, err = hotspots(
        *words, HOTSPOTS_HOME=str(tmp_path), HOTSPOTS_HISTORY_START="2016-01-01"
    )
    assert code == 0, err
    assert "0 of them held before" in out
    assert "25,200 reports" in out
    assert "2017" in err


def test_the_rows_are_accounted_for(hotspots, made_up_folder):
    code, out, _ = hotspots(
        "cube", "--city", "chicago", "--source-dir", made_up_folder, "--issue-date", ISSUE_DATE
    )
    assert code == 0
    assert "rows in" in out
    assert "25,200" in out


def elsewhere(folder, name="elsewhere"):
    """Write the TOML of a city of one's own around Chicago's events."""
    toml = folder / f"{name}.toml"
    toml.write_text(
        f'name = "{name}"\ntitle = "Elsewhere"\ntime_zone = "America/Chicago"\n'
        "[grid]\nsouth = 41.644\nnorth = 42.023\nwest = -87.928\neast = -87.524\n"
        'rows = 30\ncols = 30\n[offences]\ntarget = ["battery", "assault"]\n'
    )
    return toml


def test_a_backtest_of_a_city_from_a_toml_of_its_own(hotspots, events, tmp_path):
    toml = elsewhere(tmp_path)
    out_dir = tmp_path / "out"
    code, out, err = hotspots(
        "backtest", "--city", toml, "--events", events, "--last-weeks", 2, "--horizons", "1,3",
        "--out", out_dir,
    )  # fmt: skip
    assert code == 0, err
    forecasts = pd.read_parquet(out_dir / "forecasts.parquet")
    assert list(forecasts.columns) == [
        "issue_date", "week_start", "horizon", "row", "col", "mean", "nb_size", "p_any",
        "p_top5",
    ]  # fmt: skip
    assert forecasts["p_top5"].isna().all()
    assert set(forecasts["horizon"]) == {1, 3}
    assert forecasts["week_start"].nunique() == 2
    assert (out_dir / "scores.parquet").is_file()
    summary = json.loads((out_dir / "summary.json").read_text())
    assert "long_run_mean" in summary["pooled"]
    assert "dual_branch_cnn" in out
    assert "WARNING" not in err
    # Two weeks: what the difference is can be said, not how much of it is chance.
    assert out.count("from 13 weeks on") == 10
    for found in summary["model_against"]["long_run_mean"].values():
        gap = found["poisson_deviance"]
        assert isinstance(gap["difference"], float)
        assert (gap["low"], gap["high"]) == (None, None)
    assert summary["calibration"]["1"]["cells_pit"]["is_inside"] is None


def test_several_cities_are_backtested_and_compared(hotspots, events, tmp_path):
    first, second = (elsewhere(tmp_path, name) for name in ("hither", "yonder"))
    out_dir = tmp_path / "out"
    code, out, err = hotspots(
        "backtest", "--city", first, "--events", events, "--city", second, "--events", events,
        "--last-weeks", 2, "--horizons", "1", "--out", out_dir,
    )  # fmt: skip
    assert code == 0, err
    for name in ("hither", "yonder"):
        summary = json.loads((out_dir / name / "summary.json").read_text())
        assert summary["city"] == name
    found = json.loads((out_dir / "cities.json").read_text())
    against = found["percent_against"]["boosted_trees"]["1"]
    # The same events twice: together they are what each is.
    assert against["all cities"]["difference"] == pytest.approx(against["hither"]["difference"])
    assert "| yonder | 1 |" in (out_dir / "cities.md").read_text()
    assert "all cities" in out


def test_cities_and_files_of_events_come_in_pairs(hotspots, events, tmp_path):
    first, second = (elsewhere(tmp_path, name) for name in ("hither", "yonder"))
    code, _, err = hotspots(
        "backtest", "--city", first, "--city", second, "--events", events, "--out", tmp_path / "out"
    )
    assert code == 2
    assert "2 --city and 1 --events were given" in " ".join(err.split())
    code, _, err = hotspots(
        "backtest", "--city", first, "--events", events, "--city", first, "--events", events,
        "--out", tmp_path / "out",
    )  # fmt: skip
    assert code == 2
    assert "Two cities have the same name: hither, hither" in " ".join(err.split())


def test_events_that_are_mostly_elsewhere_are_told_loudly(hotspots, events, tmp_path):
    frame = pd.read_parquet(events)
    away = frame.index % 10 >= 2
    frame.loc[away, "latitude"] += 3
    path = tmp_path / "away.parquet"
    frame.to_parquet(path)
    code, _, err = hotspots(
        "backtest", "--city", "chicago", "--events", path, "--last-weeks", 1, "--horizons", 1,
        "--out", tmp_path / "out",
    )  # fmt: skip
    assert code == 0, err
    said = " ".join(err.split())
    assert "WARNING: 80% of the reports (" in said
    assert "outside the grid's box" in said


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_simulated_city_is_backtested_through_the_whole_pipeline(hotspots, tmp_path, monkeypatch):
    monkeypatch.setenv("HOTSPOTS_TRAIN_EPOCHS", "1")
    monkeypatch.setenv("HOTSPOTS_TRAIN_MEMBERS", "1")
    out_dir = tmp_path / "out"
    code, out, err = hotspots(
        "backtest", "--city", "los_angeles", "--simulated-years", 2, "--last-weeks", 2,
        "--horizons", 3, "--out", out_dir,
    )  # fmt: skip
    assert code == 0, err
    assert "SIMULATED city" in out
    summary = json.loads((out_dir / "summary.json").read_text())
    assert summary["input"]["provenance"] == "simulated"
    assert summary["input"]["simulated_years"] == 2
    assert (summary["cells"], summary["weeks"]) == (1663, 2)
    deviance = {name: scores["3"]["poisson_deviance"] for name, scores in summary["pooled"].items()}
    assert min(deviance, key=deviance.get) == "true_rate"
    assert summary["attainable"]["3"]["share"] < 1
    assert len(summary["calibration"]["3"]["divisions"]["coverage_percent"]) == 4


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["backtest", "--city", "chicago", "--simulated-years", 3, "--out", "y"], 2,
         "only los_angeles can"),
        (["ablate", "--city", "los_angeles", "--simulated-years", 3, "--events", "x", "--out", "y"],
         2, "exclude each other"),
        (["run", "--city", "atlantis"], 2, "There is no city 'atlantis'"),
        (["run", "--issue-date", "tomorrow"], 2, "is not a date"),
        (["run", "--source-dir", "/nowhere"], 2, "is no folder"),
        (["show", "--city", "los_angeles"], 5, "Run a week first"),
        (["status"], 5, "Run a week first"),
        (["doctor"], 5, "Run a week first"),
        (["backfill", "--from", "2026-02-01", "--to", "2026-01-01"], 2, "comes before"),
        (["backtest", "--city", "chicago", "--events", "x", "--out", "y", "--horizons", "a"], 2,
         "--horizons 'a'"),
        (["cells", "/nowhere.geojson"], 2, "nowhere"),
        (["replay", "serve", "--data", "/nowhere"], 2, "is no folder"),
        (["nonsense"], 2, "No such command"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_said_and_has_its_exit_code(hotspots, tmp_path, words, code, said):
    ended, out, err = hotspots(*words, HOTSPOTS_HOME=str(tmp_path))
    assert ended == code
    assert said in " ".join((out + err).split())


def test_without_a_date_it_is_the_citys_today(hotspots, monkeypatch, tmp_path):
    from datetime import UTC, datetime

    from pipeline.domain.errors import SourceUnavailable

    asked = []

    def pull(_settings, plan, now):
        asked.append(plan.issue_date.isoformat())
        raise SourceUnavailable("data.lacity.org did not answer. Try again later.")

    monkeypatch.setattr("pipeline.workflow.run.pull_crime", pull)
    # 01:30 UTC on the 24th is still the evening of the 23rd in Los Angeles.
    monkeypatch.setattr(
        "pipeline.cli.forecasting.utc_now", lambda: datetime(2026, 11, 24, 1, 30, tzinfo=UTC)
    )
    code, _, err = hotspots("run", HOTSPOTS_HOME=str(tmp_path))
    assert (code, asked) == (3, ["2026-11-23"])
    assert "SourceUnavailable: data.lacity.org did not answer" in err


def test_an_unknown_setting_is_refused_by_name(hotspots):
    code, _, err = hotspots("status", HOTSPOTS_WINDOW_WEEK="20")
    assert code == 2
    assert "Unknown setting HOTSPOTS_WINDOW_WEEK" in err


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("cities", "los_angeles, chicago"),
        ("window_weeks", "5"),
        ("lake_url", "/var/lake"),
        ("lake_url", "gs://bucket"),
        ("lake_url", "s3://"),
        ("lake_url", "s3://bucket//lake"),
        ("lake_url", "s3://key:secret@bucket/lake"),
    ],
)
def test_a_setting_that_cannot_be_is_refused(hotspots, name, value):
    setting = f"HOTSPOTS_{name.upper()}"
    code, _, err = hotspots("status", **{setting: value})
    assert code == 2
    assert f"`{setting}`: found" in err


def test_a_lake_by_url_is_used_and_named(hotspots, portal, s3_url, tmp_path):
    portal.clear_faults()
    code, out, err = hotspots(
        "run", "--city", "chicago", "--issue-date", ISSUE_DATE,
        HOTSPOTS_LAKE_URL=s3_url, HOTSPOTS_HOME=str(tmp_path), HOTSPOTS_REPLAY_URL=portal.url,
    )  # fmt: skip
    assert code == 0, err
    assert f" {s3_url}\n" in out
    assert not (tmp_path / "lake").exists()


def test_recorded_files_never_reach_the_lake_by_url(hotspots, made_up_folder, tmp_path):
    code, _, err = hotspots(
        "cube", "--city", "chicago", "--source-dir", made_up_folder, "--issue-date", ISSUE_DATE,
        HOTSPOTS_LAKE_URL="s3://no-such-bucket/lake", HOTSPOTS_HOME=str(tmp_path),
    )  # fmt: skip
    assert code == 0, err
    assert (tmp_path / "recorded" / "lake" / "cubes").is_dir()


def test_the_cells_of_los_angeles_can_be_made_anew(hotspots, shared_data, tmp_path):
    polygons = shared_data / "los_angeles" / "lapd_divisions.geojson"
    code, out, _ = hotspots("cells", polygons, "--out", tmp_path / "cells.csv")
    assert code == 0
    assert "1663 in-city cells" in out


def test_a_replay_takes_faults_over_http(hotspots, portal):
    code, out, _ = hotspots("replay", "fault", "throttled", "--times", 2, "--url", portal.url)
    assert (code, "throttled" in out) == (0, True)
    code, _, err = hotspots("replay", "fault", "gremlins", "--url", portal.url)
    assert (code, "gremlins" in err) == (2, True)
    code, out, _ = hotspots("replay", "fault", "none", "--url", portal.url)
    assert (code, "throttled" in out) == (0, False)


@pytest.mark.parametrize("recorded", [True, False])
def test_replay_serve_serves_what_was_asked_for(hotspots, monkeypatch, made_up_folder, recorded):
    from pipeline.replay import server

    served = []
    monkeypatch.setattr(
        server, "serve_forever", lambda source, *where: served.extend([source, where])
    )
    words = ["--data", made_up_folder] if recorded else [
        "--first-day", "2026-09-06", "--shown-day", "2026-09-30", "--host", "0.0.0.0"
    ]  # fmt: skip
    code, _, err = hotspots("replay", "serve", *words)
    assert code == 0
    source, where = served
    assert type(source).__name__ == ("RecordedData" if recorded else "SimulatedCity")
    assert where == (8765, "127.0.0.1" if recorded else "0.0.0.0", [])
    assert ("SIMULATED" in err) is not recorded


def test_a_replay_answers_at_the_address_it_was_given(made_up_folder):
    from pipeline.replay.recorded import RecordedData
    from pipeline.replay.server import ReplayServer

    with ReplayServer(RecordedData(made_up_folder), host="0.0.0.0") as server:
        assert server.url.startswith("http://0.0.0.0:")
        port = server.url.rpartition(":")[2]
        assert requests.get(f"http://localhost:{port}/_replay/faults", timeout=10).json() == []


def test_every_command_explains_itself(hotspots):
    code, out, _ = hotspots("--help")
    assert code == 0
    commands = (
        "run", "backfill", "backtest", "ablate", "show", "status", "export", "doctor", "replay",
        "backup", "restore",
    )  # fmt: skip
    for command in commands:
        assert command in out
    for command in ("backtest", "ablate"):
        assert "Example:" in hotspots(command, "--help")[1]


def test_migrate_makes_the_tables_and_does_nothing_twice(hotspots, tmp_path):
    for _ in range(2):
        code, out, _ = hotspots("migrate", HOTSPOTS_HOME=str(tmp_path))
        assert (code, out) == (0, "The results store is up to date.\n")
    assert (tmp_path / "results.db").is_file()
