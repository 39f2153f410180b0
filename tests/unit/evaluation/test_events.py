from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.domain.city import City, load_city
from pipeline.domain.columns import INCIDENTS
from pipeline.domain.errors import InvalidRequest
from pipeline.evaluation.event_files import (
    check_events,
    events_to_incidents,
    read_events,
    without_strays,
)


def frame(**columns: list) -> pd.DataFrame:
    """One event for each value given, and plain values elsewhere."""
    rows = len(next(iter(columns.values())))
    plain = {"occurred_at": "2020-01-06 23:30", "offence": "ROBBERY", "latitude": 40.1,
             "longitude": -90.1}  # fmt: skip
    return pd.DataFrame({**{name: [value] * rows for name, value in plain.items()}, **columns})


def column(city: City, events: pd.DataFrame, name: str) -> list:
    return events_to_incidents(city, events)[name].to_pylist()


def test_every_event_is_an_incident_under_the_contract(city, events):
    incidents = events_to_incidents(city, events)
    assert incidents.schema.equals(INCIDENTS.schema)
    assert incidents.num_rows == len(events)
    assert incidents["incident_id"][5].as_py() == "tinytown:5"
    assert set(incidents["era"].to_pylist()) == {"other"}
    assert incidents["reported_on"].null_count == len(events)


@pytest.mark.parametrize(
    ("offence", "code", "name"),
    [
        ("13A", "tinytown:13A", "assault"),  # in the code map under the city's name
        ("tinytown:13A", "tinytown:13A", "assault"),
        ("13a ", "tinytown:13a", "assault"),
        ("Assault", "tinytown:Assault", "assault"),  # the class itself
        ("CRIMINAL - Damage", "tinytown:CRIMINAL - Damage", "criminal_damage"),
        ("", "tinytown:", "other"),
        (None, "tinytown:other", "other"),
    ],
)
def test_class_of_an_offence(city, offence, code, name):
    incidents = events_to_incidents(city, frame(offence=[offence, "ROBBERY"]))
    assert incidents["offence_code"].to_pylist() == [code, "tinytown:ROBBERY"]
    assert incidents["offence_class"].to_pylist() == [name, "robbery"]


def test_codes_are_found_without_their_scheme():
    los_angeles = load_city("los_angeles")
    for codes in ([230, 210], [230.0, None], ["230", "nibrs:13A"]):
        found = column(los_angeles, frame(offence=codes), "offence_class")
        assert found[0] == "aggravated_assault"
    assert found[1] == "aggravated_assault"
    chicago = load_city("chicago")
    offences = ["CRIMINAL DAMAGE", "BATTERY", "ARSON"]
    found = column(chicago, frame(offence=offences), "offence_class")
    assert found == ["criminal_damage", "battery", "arson"]


def test_a_target_keeps_the_name_that_the_city_gives_it(city):
    spelt = city.offences.model_copy(update={"target": ("Felony Assault",)})
    city = city.model_copy(update={"offences": spelt})
    assert column(city, frame(offence=["FELONY-ASSAULT"]), "offence_class") == ["Felony Assault"]


@pytest.mark.parametrize(
    ("times", "day"),
    [
        (["2020-01-06 23:30"], date(2020, 1, 6)),
        (["2020-01-06T23:30:00-06:00"], date(2020, 1, 6)),
        (["2020-01-07T05:30:00Z"], date(2020, 1, 6)),  # 23:30 the evening before in Chicago
        ([pd.Timestamp("2020-01-07 05:30", tz="UTC")], date(2020, 1, 6)),
        ([pd.Timestamp("2020-01-06 23:30")], date(2020, 1, 6)),
        ([date(2020, 1, 6)], date(2020, 1, 6)),
    ],
)
def test_dates_are_the_citys_own(city, times, day):
    assert column(city, frame(occurred_at=times), "occurred_on") == [day]


@pytest.mark.parametrize("times", [["2020-01-06", "soon"], ["2020-01-06", None], [None, None]])
def test_unreadable_dates_are_counted_and_refused(city, times):
    with pytest.raises(InvalidRequest, match=r"[12] of 2 rows have a occurred_at"):
        events_to_incidents(city, frame(occurred_at=times))


def test_numbers_are_no_dates(city):
    with pytest.raises(InvalidRequest, match="2 of 2 rows"):
        events_to_incidents(city, frame(occurred_at=[1.5, 2.5]))


def test_mixed_zones_are_refused(city):
    with pytest.raises(InvalidRequest, match="all with the same zone"):
        events_to_incidents(
            city, frame(occurred_at=["2020-01-06T01:00Z", "2020-01-06T01:00+02:00"])
        )


def test_reports_come_after_events_or_are_unknown(city):
    reported = ["2020-01-20", None, "2020-01-01"]  # late; not given; before the event of the 6th
    found = column(city, frame(reported_at=reported), "reported_on")
    assert found == [date(2020, 1, 20), None, date(2020, 1, 6)]
    with pytest.raises(InvalidRequest, match="1 of 2 rows have a reported_at"):
        events_to_incidents(city, frame(reported_at=["later", None]))


def test_an_empty_report_is_none_as_the_docs_say(city):
    reported = ["", "  ", None, "2020-01-20"]
    found = column(city, frame(reported_at=reported), "reported_on")
    assert found == [None, None, None, date(2020, 1, 20)]
    assert column(city, frame(reported_at=[None, None]), "reported_on") == [None, None]
    assert column(city, frame(reported_at=["", ""]), "reported_on") == [None, None]
    times = [pd.Timestamp("2020-01-20 05:30", tz="UTC"), pd.NaT]
    assert column(city, frame(reported_at=times), "reported_on") == [date(2020, 1, 19), None]


def test_coordinates_that_are_none(city):
    events = frame(
        latitude=[40.1, None, 0.0, np.nan, 99.0, 40.1], longitude=[-90.1, -90, 0, 1, -90, np.inf]
    )
    incidents = events_to_incidents(city, events)
    assert incidents["location_status"].to_pylist() == ["located"] + ["missing"] * 5
    assert incidents["lat"].null_count == incidents["lon"].null_count == 5


def test_what_is_never_mapped_loses_its_place(city):
    incidents = events_to_incidents(city, frame(offence=["Rape", "ROBBERY"]))
    assert incidents["location_status"].to_pylist() == ["withheld", "located"]
    assert incidents["lat"].to_pylist() == [None, 40.1]


def test_missing_columns_are_named_with_what_is_there(city, tmp_path: Path, events):
    message = "lacks offence; found occurred_at, primary_type, latitude, longitude"
    renamed = events.rename(columns={"offence": "primary_type"})
    with pytest.raises(InvalidRequest, match=message):
        events_to_incidents(city, renamed)
    renamed.to_parquet(tmp_path / "events.parquet")
    with pytest.raises(InvalidRequest, match=message):
        read_events(tmp_path / "events.parquet")


def test_files_that_are_none(city, tmp_path: Path):
    with pytest.raises(InvalidRequest, match="There is no events file"):
        read_events(tmp_path / "absent.parquet")
    (tmp_path / "text.parquet").write_text("occurred_at,offence")
    with pytest.raises(InvalidRequest, match="can't be read as a Parquet file"):
        read_events(tmp_path / "text.parquet")
    with pytest.raises(InvalidRequest, match="no rows"):
        events_to_incidents(city, frame(offence=["ROBBERY"]).head(0))


def test_only_the_columns_in_use_are_read(tmp_path: Path, events):
    path = tmp_path / "events.parquet"
    events.assign(victim="x", reported_at=events["occurred_at"]).to_parquet(path)
    assert "victim" not in read_events(path).columns
    assert "reported_at" in read_events(path).columns


def test_no_event_in_the_box(city):
    swapped = frame(latitude=[-89.9], longitude=[40.1])
    with pytest.raises(InvalidRequest, match="None of the 1 events lies in the box of Tinytown"):
        check_events(city, events_to_incidents(city, swapped))


@pytest.mark.parametrize("latitude", ["north", None, "40,1", np.nan, 401.0])
def test_coordinates_that_cannot_be_read_are_not_called_outside(city, latitude):
    events = frame(latitude=[latitude, latitude])
    with pytest.raises(InvalidRequest, match="no row has a latitude of -90 to 90") as error:
        check_events(city, events_to_incidents(city, events))
    assert "nan" not in str(error.value)


def test_target_that_is_not_there_lists_what_is(city):
    events = frame(offence=["ROBBERY", "Theft", "Theft"])
    with pytest.raises(InvalidRequest, match=r"class assault. Found: theft \(2\), robbery \(1\)"):
        check_events(city, events_to_incidents(city, events))


def test_strays_are_left_out_and_neighbouring_weeks_kept(city, events):
    stray = frame(occurred_at=["1950-03-01", "2071-01-01", "2020-01-04", "2020-06-21"])
    incidents = events_to_incidents(city, pd.concat([events, stray], ignore_index=True))
    kept = without_strays(incidents)
    # 2020-01-04 is the Saturday before the first week, 2020-06-21 the Sunday after the last
    assert incidents.num_rows - kept.num_rows == 2
    days = kept["occurred_on"].to_pylist()
    assert (min(days), max(days)) == (date(2020, 1, 4), date(2020, 6, 21))


def test_a_quiet_city_keeps_all_its_weeks(city):
    weekly = pd.date_range("2020-01-05", periods=30, freq="7D")
    incidents = events_to_incidents(city, frame(occurred_at=list(weekly)))
    assert without_strays(incidents).num_rows == 30
