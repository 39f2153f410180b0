"""Every weather check against a fixture that fails it; weather warns and never stops a week."""

import fcntl
from datetime import date, timedelta

import pytest

from pipeline.domain.city import load_city
from pipeline.domain.columns import WEATHER_DAILY
from pipeline.domain.errors import QualityGateFailed
from pipeline.quality import engine
from pipeline.quality.gate import check_weather
from pipeline.quality.rules import RULES
from tests.unit.quality.quality_samples import AS_OF, good_weather

# Check -> what is wrong with one row.
BAD_ROWS = {
    "weather_unique": {"observed_on": AS_OF - timedelta(days=60)},
    "weather_required_values": {"station": None},
    "observed_on_range": {"observed_on": AS_OF + timedelta(days=1)},
    "temperature_order": {"tmin_degc": 24.1},
    "weather_ranges": {"prcp_mm": -0.1},
    "station_vocabulary": {"station": "USW00014819"},
    "source_vocabulary": {"source": "almanac"},
}


def run(city, table, issue_date: date = AS_OF):
    return check_weather(city, table, issue_date=issue_date, docs_dir=None)


def outcomes(report) -> dict[str, str]:
    return {result.name: result.outcome for result in report.checks}


@pytest.fixture(scope="module")
def spoilt(city, weather_table, tmp_path_factory):
    frame = good_weather()
    for number, changes in enumerate(BAD_ROWS.values(), start=10):
        for column, value in changes.items():
            frame.loc[number, column] = value
    docs = tmp_path_factory.mktemp("docs")
    return check_weather(city, weather_table(frame), issue_date=AS_OF, docs_dir=docs)


def test_good_weather_passes_every_check(city, weather, weather_table):
    table = weather_table(weather)
    report = run(city, table)
    assert set(outcomes(report).values()) == {"pass"}
    assert list(outcomes(report)) == [r.check for r in RULES.values() if r.table != "incidents"]
    assert report.accepted.equals(table.cast(report.accepted.schema))


@pytest.mark.parametrize("check", list(BAD_ROWS))
def test_a_bad_day_is_quarantined_by_the_check_that_it_fails(spoilt, check):
    result = next(r for r in spoilt.checks if r.name == check)
    assert (result.outcome, result.rows, result.found) == ("quarantine", 1, "1 of 120 rows")
    assert spoilt.quarantined["reason"].to_pylist().count(check) == 1


def test_quarantined_days_warn_and_the_rest_goes_on(spoilt):
    # 120 rows, 7 spoilt: 5.83 %.
    assert spoilt.accepted.num_rows == 113
    assert WEATHER_DAILY.conform(spoilt.accepted).num_rows == 113
    warned = {r.name: r.found for r in spoilt.checks if r.outcome == "warn"}
    assert warned == {"weather_quarantined": "5.83 %: 7 of 120 rows quarantined"}
    assert "USW00023174|2026-09-25" in spoilt.quarantined["row_key"].to_pylist()
    assert spoilt.docs_path is not None
    assert spoilt.docs_path.is_file()


def test_thin_old_and_odd_weather_warns(city, weather, weather_table):
    # Newest day 40 days before the issue date: no station reports in the last 28.
    last = AS_OF - timedelta(days=40)
    weather["observed_on"] = [day - timedelta(days=39) for day in weather["observed_on"]]
    weather.loc[weather["observed_on"] == last, "tmax_degc"] = 50.0
    # Of the second station's last 28 days 15 lack a minimum: 15 of 56 station-days.
    weather.loc[weather.index[-16:-1], "tmin_degc"] = None
    report = run(city, weather_table(weather))
    assert {r.name: r.found for r in report.checks if r.outcome == "warn"} == {
        "stations_reporting": "0 of 7 stations",
        "weather_missing_days": "15 of 56 station-days",
        "weather_freshness": "40 days: newest 2026-10-15",
        "temperature_jump": "26.0 degC at USW00023130 on 2026-10-15",
    }
    assert report.accepted.num_rows == 120


def test_no_weather_at_all_warns(city, weather, weather_table):
    report = run(city, weather_table(weather.iloc[:0]))
    assert {n for n, o in outcomes(report).items() if o != "pass"} == {"stations_reporting"}
    found = {result.name: result.found for result in report.checks}
    assert found["weather_freshness"] == "not applicable"
    assert found["temperature_jump"] == "not applicable"
    assert report.accepted.num_rows == report.quarantined.num_rows == 0


def test_a_city_without_stations_takes_any(weather, weather_table):
    nowhere = load_city("chicago").model_copy(update={"stations": ()})
    report = run(nowhere, weather_table(weather))
    assert set(outcomes(report).values()) == {"pass"}
    found = {result.name: result.found for result in report.checks}
    assert found["station_vocabulary"] == found["stations_reporting"] == "not applicable"


def test_columns_that_are_not_the_contracts_stop(city, weather, weather_table):
    table = weather_table(weather).rename_columns(
        ["station", "observed_on", "tmax_f", "tmin_degc", "prcp_mm", "source"]
    )
    with pytest.raises(
        QualityGateFailed, match="weather_schema: found tmax_degc missing, tmax_f unknown"
    ):
        run(city, table)


def test_one_run_at_a_time_writes_the_data_docs_of_a_day(
    city, weather, weather_table, tmp_path, monkeypatch
):
    """Two runs of one week once removed each other's files while they wrote."""
    docs, seen = tmp_path / "docs", []
    finish = engine.put_in_place

    def look(made, folder):
        with (tmp_path / ".docs.lock").open() as file, pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        seen.append(folder)
        finish(made, folder)

    monkeypatch.setattr(engine, "put_in_place", look)
    check_weather(city, weather_table(weather), issue_date=AS_OF, docs_dir=docs)
    assert seen == [docs]
