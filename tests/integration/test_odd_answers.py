"""The real command line against every odd answer of the replay: it goes on and says so, or ends by
name; nothing ends in a traceback."""

import subprocess
import sys
from datetime import UTC, datetime

import pandas as pd
import pytest
import requests

from pipeline.domain.errors import InvalidRequest
from pipeline.replay.faults import MEANINGS, FaultName, load_script
from pipeline.replay.recorded import RecordedData
from pipeline.replay.server import ReplayServer
from tests.integration.conftest import made_up_reports
from tests.services import ROOT, free_port, is_open, wait_for

NOW = datetime(2017, 12, 13, 15, tzinfo=UTC)
# What the week comes to: an exit code, and what is said of it.
GOES_ON, SOURCE, QUALITY, NOT_READY = 0, 3, 4, 5
KIND = {
    "stray_dates": (GOES_ON, "", 0.01),
    "unreadable_dates": (GOES_ON, "incident required values", 0.01),
    "impossible_dates": (GOES_ON, "occurred on range", 0.01),
    "no_case_numbers": (GOES_ON, "incident required values", 0.01),
    "hostile_texts": (GOES_ON, "", 0.01),
    "half_signs": (GOES_ON, "", 0.01),
    "coordinates_in_feet": (GOES_ON, "not placed: missing", 0.01),
    "odd_weather": (GOES_ON, "values can't be used and count as missing", 0.05),
    "out_of_date": (GOES_ON, "it is pulled again next time", 1),
    "no_update_time": (GOES_ON, "rowsUpdatedAt", 1),
    "odd_update_time": (GOES_ON, "rowsUpdatedAt", 1),
    "renamed_code": (QUALITY, "class_vanished", 1),
    "no_rows": (NOT_READY, "No report of Chicago", 1),
    "null_columns": (SOURCE, "no list of columns", 1),
    "odd_count": (SOURCE, "not a count", 1),
    "one_row_pages": (SOURCE, "page of 1 rows", 1),
    "redirect_away": (SOURCE, "answers 302", 1),
    "deep_json": (SOURCE, "nested too deep", 1),
    "html_page": (SOURCE, "not JSON", 1),
    "gzip_bomb": (QUALITY, "more than 256 MB", 1),
    "dripping_body": (SOURCE, "still coming at the deadline", 1),
    "endless_body": (QUALITY, "more than 256 MB", 1),
}
MANY = {
    "unreadable_dates": "incidents_quarantined_many",
    "impossible_dates": "incidents_quarantined_many",
    "no_case_numbers": "incidents_quarantined_many",
    "coordinates_in_feet": "missing_location_many",
    "hostile_texts": "target_present",
}


@pytest.fixture(scope="module")
def young_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("young")
    reports = made_up_reports()
    reports[reports["occurred_at"] < "2017-12-06"].to_parquet(folder / "crime_2016_2017.parquet")
    days = pd.date_range("2016-12-04", "2017-12-12")
    weather = {"station": "USW00094846", "date": days, "tmax": 12.0, "tmin": 3.0, "prcp": 0.0}
    pd.DataFrame(weather).to_parquet(folder / "weather_daily_2009_2025.parquet")
    return folder


@pytest.fixture
def cube(young_folder, hotspots, tmp_path, monkeypatch):
    """Run `hotspots cube` against a replay that a script has spoiled."""
    monkeypatch.setattr("pipeline.cli.forecasting.utc_now", lambda: NOW)
    monkeypatch.setattr("pipeline.cli.support.utc_now", lambda: NOW)

    def run(name, share):
        script = tmp_path / "script.toml"
        script.write_text(f'[[fault]]\nname = "{name}"\nshare = {share}\n')
        with ReplayServer(RecordedData(young_folder)) as server:
            for fault in load_script(script):
                server.set_fault(fault.name, share=fault.share)
            return hotspots(
                "cube", "--city", "chicago", "--issue-date", "2017-12-13",
                HOTSPOTS_HOME=str(tmp_path / "home"), HOTSPOTS_REPLAY_URL=server.url,
                HOTSPOTS_DEADLINE_S="3", HOTSPOTS_PAGE_ROWS="50000",
            )  # fmt: skip

    return run


def test_every_odd_answer_is_tried():
    tried = {*KIND, "lost_history", "late_revision"}  # two that need two pulls, tested elsewhere
    older = {
        "throttled", "error_500", "error_503", "moved_403", "slow", "cut_body",
        "duplicates_without_order", "renamed_column", "empty_page", "acis_error_in_200",
    }  # fmt: skip
    assert tried | older == {str(name) for name in FaultName}


@pytest.mark.parametrize("name", KIND)
def test_the_week_goes_on_and_says_so_or_ends_by_name(cube, name):
    code, said, share = KIND[name]
    found, out, err = cube(name, share)
    assert found == code
    assert said in out + err
    assert "Traceback" not in out + err
    assert "\x1b[31m" not in out + err


@pytest.mark.parametrize("name", MANY)
def test_where_a_third_of_the_rows_is_hit_the_week_stops(cube, name):
    code, out, err = cube(name, 1 / 3 if name != "hostile_texts" else 1)
    assert code == QUALITY
    assert MANY[name] in err
    assert "Traceback" not in out + err


@pytest.mark.parametrize(
    "text",
    ["[[fault", "[[fault]]\nname = 'no such'", "[[fault]]\nname = 'slow'\nsecs = 3",
     "[[fault]]\nname = 'slow'\nshare = 'all'", "[[fault]]\nname = 'slow'\nshare = 7"],
)  # fmt: skip
def test_a_script_that_is_none_is_refused_by_name(tmp_path, text):
    path = tmp_path / "script.toml"
    path.write_text(text)
    with pytest.raises(InvalidRequest, match="fault"):
        load_script(path)


def test_a_script_is_served_from_the_command_line(young_folder, tmp_path):
    script, port = tmp_path / "script.toml", free_port()
    script.write_text('[[fault]]\nname = "html_page"\nmatch = "/resource/"\ntimes = 1\n')
    words = ["replay", "serve", "--data", young_folder, "--port", port, "--script", script]
    command = [sys.executable, "-m", "pipeline.cli.main", *map(str, words)]
    url = f"http://127.0.0.1:{port}/data.cityofchicago.org/resource/ijzp-q8t2.json"
    serving = subprocess.Popen(command, cwd=ROOT)
    try:
        wait_for(lambda: is_open(port), 60, "the replay")
        answers = [requests.get(url, {"$select": "count(*) as n"}, timeout=10) for _ in range(2)]
    finally:
        serving.terminate()
        serving.wait(10)
    assert [answer.text[:6] for answer in answers] == ["<html>", '[{"n":']


def test_the_faults_are_listed(hotspots):
    code, out, _ = hotspots("replay", "faults")
    assert code == 0
    assert all(f"{name} " in out for name in MEANINGS)
