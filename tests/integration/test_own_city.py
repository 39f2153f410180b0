"""A city outside the package, as docs/cities.md makes it: by the command line, line by line."""

import re
import shlex
import subprocess
from datetime import UTC, date, datetime, timedelta

import pytest

from pipeline.domain.city import load_city
from pipeline.domain.weeks import target_week_of
from pipeline.replay.recorded import RecordedData
from pipeline.replay.server import ReplayServer
from pipeline.results.store.writer import ResultsStore
from tests.own_city import BLOCKS, LEAST, NAME, WEEKLY, write_city, write_reports

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

LAST_DAY, ISSUED = date(2017, 12, 30), "2017-12-13"
EARLIER = "2017-12-06"
ASK = ("--issue-date", ISSUED)
TODAY = datetime.now(UTC).date()


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    return write_reports(tmp_path_factory.mktemp("reports"), LAST_DAY, 60)


@pytest.fixture
def city(tmp_path):
    weekly = WEEKLY.replace("2025-01-01", "2016-01-01")
    return write_city(tmp_path / "mine", LEAST, weekly)


@pytest.fixture
def asks_nobody(monkeypatch):
    """Fail a test that reaches for any source."""

    def no_source(*_, **__):
        raise AssertionError("a source was asked")

    monkeypatch.setattr("pipeline.sources.http.HttpClient.get_json", no_source)


def test_a_week_of_it_is_forecast_shown_and_looked_after_by_its_file(
    hotspots, city, reports, tmp_path
):
    """The very case that pulled everything and was then refused."""
    of_city = ("--city", city)
    code, out, err = hotspots(
        "run", *of_city, "--source-dir", reports, *ASK, HOTSPOTS_HOME=str(tmp_path / "home")
    )
    assert code == 0, err
    assert "Springfield" in out
    recorded = {"HOTSPOTS_HOME": str(tmp_path / "home" / "recorded")}
    stored = ResultsStore(f"sqlite:///{tmp_path}/home/recorded/results.db")
    assert stored.latest(NAME).record.weeks.issue_date.isoformat() == ISSUED

    code, out, err = hotspots(
        "backfill", *of_city, "--source-dir", reports, "--from", EARLIER, "--to", EARLIER,
        HOTSPOTS_HOME=str(tmp_path / "home"),
    )  # fmt: skip
    assert code == 0, err
    weeks = [run.record.weeks.target_week.isoformat() for run in stored.weeks(NAME)]
    assert weeks == ["2017-12-17", "2017-12-10"]

    for words, said in [
        (("show",), "2017-12-17"),
        (("status",), NAME),
        (("compare", *reversed(weeks)), "Springfield"),
        (("report", "--out", tmp_path / "week.html"), "week.html"),
        (("export", "--out", tmp_path / "exports"), NAME),
        (("models",), f"Models of {NAME}"),
        (("doctor",), "2 weeks of Springfield"),
        (("promote", "1"), f"Version 1 is the champion of {NAME}"),
    ]:
        code, out, err = hotspots(*words, *of_city, **recorded)
        assert said in out, (words, out, err)
        assert code in ((0, 5) if words == ("doctor",) else (0,)), (words, err)
    assert "Springfield" in (tmp_path / "week.html").read_text()

    # By its name, where its folder is known.
    code, _, err = hotspots("show", "--city", NAME, **recorded)
    assert (code, "There is no city 'springfield'" in err) == (2, True)
    code, out, _ = hotspots(
        "show", "--city", NAME, **recorded, HOTSPOTS_CITIES_DIR=str(city.parent)
    )
    assert (code, "2017-12-17" in out) == (0, True)


def test_its_cube_and_its_history_are_made_by_its_file(hotspots, city, reports, tmp_path):
    ask = ("--city", city, "--source-dir", reports)
    code, out, err = hotspots("cube", *ask, *ASK, HOTSPOTS_HOME=str(tmp_path / "cube"))
    assert code == 0, err
    assert "placed on the grid" in out
    code, out, err = hotspots("history", *ask, HOTSPOTS_HOME=str(tmp_path / "history"))
    assert code == 0, err
    assert "abcd-1234  25,200 reports" in out


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("[[datasets]]", None, r"has no \[\[datasets\]\] to pull reports from"),
        ('"chicago:ROBBERY"', '"ROBBERY"', "means 'robbery'.*Found ROBBERY, expected.*chicago:"),
        ('adapter = "chicago"', 'adapter = "lapd_nibrs"', "expected codes that begin with nibrs:"),
        ('"America/Chicago"', '"America/Chicago"\nsubdivision = "XX"', "no holidays are known"),
        ('"America/Chicago"', '"America/Chicago"\ncells_file = "no.csv"', "can't be read"),
        ('name = "springfield"', 'name = "shelbyville"', "call the file shelbyville.toml"),
    ],
)
@pytest.mark.usefixtures("asks_nobody")
def test_what_can_not_be_done_is_refused_before_anything_is_pulled(
    hotspots, city, tmp_path, old, new, reason
):
    text = city.read_text()
    city.write_text(text.replace(old, new) if new else text[: text.index(old)])
    for command in (("run", *ASK), ("cube", *ASK), ("history",)):
        code, _, err = hotspots(*command, "--city", city, HOTSPOTS_HOME=str(tmp_path / "home"))
        assert code == 2
        assert re.search(reason, err), err
    assert not (tmp_path / "home").exists()


@pytest.mark.usefixtures("asks_nobody")
def test_a_packaged_citys_name_is_taken(hotspots, city, tmp_path):
    other = city.with_name("chicago.toml")
    other.write_text(city.read_text().replace(NAME, "chicago"))
    code, _, err = hotspots("run", "--city", other, *ASK, HOTSPOTS_HOME=str(tmp_path / "home"))
    assert code == 2
    assert "say different things of a city 'chicago'" in err


def test_a_city_without_a_station_is_forecast_without_weather(hotspots, city, reports, tmp_path):
    text = city.read_text()
    city.write_text(text[: text.index("[[stations]]")])
    code, out, err = hotspots(
        "run", "--city", city, "--source-dir", reports, *ASK, HOTSPOTS_HOME=str(tmp_path / "home")
    )
    assert code == 0, err
    assert "Springfield" in out


def with_cells(city, rows, cols):
    """Give the city a grid of this shape and a table of cells; return what it then says."""
    grid = f'cells_file = "cells.csv"\n[grid]\nrows = {rows}\ncols = {cols}'
    text = city.read_text().replace("[grid]", grid)
    city.write_text(text)
    return text


def test_a_city_is_checked_and_its_cells_are_drawn(hotspots, city):
    text = with_cells(city, rows=4, cols=3)
    city.with_name("cells.csv").write_text(
        "row,col,division\n0,0,South\n1,0,South\n1,1,South\n3,2,North\n"
    )
    code, out, err = hotspots("city", "check", city)
    assert (code, err) == (0, "")
    for line in (
        "name             springfield (Springfield)",
        "time zone        America/Chicago; holidays of US",
        "grid             4 rows x 3 columns; a cell is 6,116 m high and 7,123 m wide; latitude ",
        "latitude 39.65 to 39.87, longitude -89.78 to -89.53",
        "forecast         robbery (1 code), aggravated_assault (2 codes)",
        "city-wide only   none",
        "source           https://data.springfield.example/d/abcd-1234, columns as chicago, days ",
        "days from 2016-01-01, live, refreshed at least every 4 days",
        "published        8 days late, every day; too old to forecast from after 35 days",
        "weather          Abraham Lincoln Capital Airport (USW00093822)",
        "cells            4 listed in cells.csv, in 2 divisions",
        "neighbourhoods   none",
        "weekly forecast  can be made: hotspots run",
        "  ▀\n█▀\nNorth is up; a character is 1 cell wide and 2 high.",
    ):
        assert line in out, out
    source = '\n[neighbourhoods]\nsource = "The Gazette"\n'
    city.write_text(text + source)
    code, out, _ = hotspots("city", "check", city)
    assert code == 2
    city.with_name("cells.csv").write_text(
        "row,col,division,neighbourhood\n0,0,South,\n1,0,South,Elm\n1,1,South,Elm\n3,2,North,Oak\n"
    )
    code, out, _ = hotspots("city", "check", city)
    assert code == 0
    assert "neighbourhoods   2 named in cells.csv; The Gazette\n" in out
    city.write_text(text.replace("rows = 4", "rows = 3"))
    code, _, err = hotspots("city", "check", city)
    assert code == 2
    assert "line 5: row 3 lies outside the grid, where it goes from 0 to 2" in err


def test_a_wide_grid_is_drawn_smaller(hotspots, city):
    with_cells(city, rows=5, cols=101)
    city.with_name("cells.csv").write_text("row,col,division\n0,0,A\n4,100,A\n2,51,A\n")
    code, out, _ = hotspots("city", "check", city)
    assert code == 0
    drawn = [" " * 50 + "▄", "▄" + " " * 24 + "▀"]
    said = "\n".join(drawn) + "\nNorth is up; a character is 2 cells wide and 4 high."
    assert said in out, out


@pytest.mark.slow
def test_the_lines_of_the_page_can_be_followed_one_by_one(hotspots, tmp_path, monkeypatch):
    """Its blocks in their order; the portal alone is made up, and lives until yesterday."""
    reports = write_reports(tmp_path / "portal", TODAY - timedelta(days=1), 66)
    whole = load_city(str(write_city(tmp_path / "portal", LEAST, WEEKLY)))
    (reports / "events.parquet").rename(tmp_path / "events.parquet")
    monkeypatch.chdir(tmp_path)
    file, ran = tmp_path / f"{NAME}.toml", []
    with ReplayServer(RecordedData(reports, city=whole)) as portal:
        environment = {"HOTSPOTS_HOME": str(tmp_path / "home"), "HOTSPOTS_REPLAY_URL": portal.url}
        for kind, block in BLOCKS:
            if kind == "toml":
                with file.open("a") as written:
                    written.write(block)
                continue
            for line in block.splitlines():
                words = shlex.split(line.replace("$PWD", str(tmp_path)))
                if words[0] == "export":
                    environment |= dict(word.split("=", 1) for word in words[1:])
                elif words[0] == "hotspots":
                    code, out, err = hotspots(*words[1:], **environment)
                    assert code == 0, (line, out, err)
                    ran.append(words[1])
                else:
                    subprocess.run(words, check=True)
    assert ran == ["city", "backtest", "city", "run", "show", "city", "show"]
    assert "Springfield" in out
    assert f"the week of {target_week_of(TODAY)}" in out or f"{target_week_of(TODAY)} to" in out
