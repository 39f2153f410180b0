"""Recorded files come out as the portals would show them."""

from datetime import UTC, date, datetime

import pandas as pd
import pytest

from pipeline.domain.errors import InvalidRequest
from pipeline.replay.recorded import RecordedData


def legacy(numbers, day):
    frame = pd.DataFrame({"dr_no": numbers, "date_rptd": pd.Timestamp(day)})
    return frame.assign(
        date_occ=pd.Timestamp(day), time_occ="0001", area=1, area_name="Central",
        rpt_dist_no="0152", part_1_2=1, crm_cd=230, crm_cd_desc="ASSAULT", premis_cd=101,
        status="IC", lat=34.05, lon=-118.25,
    )  # fmt: skip


@pytest.fixture
def los_angeles(tmp_path):
    folder = tmp_path / "los_angeles"
    folder.mkdir()
    legacy(["230000002", "230000001"], "2023-03-31").to_parquet(
        folder / "crime_2023q1_partial.parquet"
    )
    legacy(["200000001", "230000001"], "2021-01-05").to_parquet(
        folder / "crime_west_la_2020_2021.parquet"
    )
    days = pd.DataFrame({"station": "USW00023174", "date": [date(2023, 3, 1)]})
    days.assign(tmax=20.0, tmin=10.0, prcp=0.0, awnd=1.0).to_parquet(
        folder / "weather_daily_2009_2025.parquet"
    )
    return folder


@pytest.fixture
def chicago(tmp_path):
    folder = tmp_path / "chicago"
    folder.mkdir()
    times = pd.to_datetime(["2016-01-02 08:30", "2016-01-01 23:00", "2016-01-01 23:00"])
    frame = pd.DataFrame({"occurred_at": times, "primary_type": ["THEFT", "BATTERY", "ASSAULT"]})
    frame.assign(latitude=41.9, longitude=-87.7).to_parquet(folder / "crime_2016_2017.parquet")
    return folder


def test_legacy_files_are_united_once_each_in_order(los_angeles):
    dataset = RecordedData(los_angeles).datasets["2nrs-mtv8"]
    assert dataset.table["dr_no"].to_pylist() == ["200000001", "230000001", "230000002"]
    assert dataset.table["area"].to_pylist() == ["01", "01", "01"]
    assert dataset.table["crm_cd"].to_pylist() == ["230", "230", "230"]
    assert dataset.updated_at == datetime(2023, 4, 10, 19, 18, 36, tzinfo=UTC)  # ten days after


def test_chicago_gets_ids_from_its_order(chicago):
    table = RecordedData(chicago).datasets["ijzp-q8t2"].table
    assert table["primary_type"].to_pylist() == ["ASSAULT", "BATTERY", "THEFT"]
    assert table["id"].to_pylist() == ["10000000", "10000001", "10000002"]
    assert table["date"].to_pylist()[2] == pd.Timestamp("2016-01-02 08:30")


def test_the_folder_above_serves_both(los_angeles, chicago):
    source = RecordedData(los_angeles.parent)
    rows = {key: dataset.table.num_rows for key, dataset in source.datasets.items()}
    assert rows == {"63jg-8b9z": 0, "2nrs-mtv8": 3, "k7nn-b2ep": 0, "ijzp-q8t2": 3}
    assert source.provenance == "recorded"
    assert source.shown_day == date(2023, 4, 10)  # ten days after the newest report
    assert {s.icao for s in source.stations} >= {"KLAX", "KORD"}


def test_a_given_day_stands(chicago):
    assert RecordedData(chicago, shown_day=date(2017, 10, 2)).shown_day == date(2017, 10, 2)


def test_weather_is_renamed_and_may_be_absent(los_angeles, chicago):
    frame = RecordedData(los_angeles).daily_weather
    assert frame.iloc[0].to_dict() == {
        "station": "USW00023174", "observed_on": pd.Timestamp("2023-03-01"), "tmax_degc": 20.0,
        "tmin_degc": 10.0, "prcp_mm": 0.0,
    }  # fmt: skip
    assert RecordedData(chicago).daily_weather.empty


def test_a_folder_without_files_is_refused(tmp_path):
    with pytest.raises(InvalidRequest, match="holds none of"):
        RecordedData(tmp_path)
