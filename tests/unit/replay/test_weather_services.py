"""The replayed weather services: NCEI, ACIS, api.weather.gov."""

import json
from datetime import date

import pytest

from tests.unit.replay.conftest import LAX, VAN_NUYS

NCEI = "/www.ncei.noaa.gov/access/services/data/v1"
ACIS = "/data.rcc-acis.org/StnData"
OBSERVATIONS = "/api.weather.gov/stations/KLAX/observations"


@pytest.fixture
def ncei(get):
    def ncei(**changes):
        params = {
            "dataset": "daily-summaries", "stations": LAX, "startDate": "2026-11-17",
            "endDate": "2026-11-30", "dataTypes": "TMAX,TMIN,PRCP", "units": "metric",
            "format": "json",
        }  # fmt: skip
        return get(NCEI, **(params | changes))

    return ncei


def test_ncei_pads_strings_and_leaves_missing_keys_out(ncei):
    rows = ncei().json()
    assert rows[0] == {
        "DATE": "2026-11-17", "STATION": LAX, "TMAX": " 20.0", "TMIN": " 10.0", "PRCP": "  0.0",
    }  # fmt: skip
    assert "TMAX" not in rows[3]
    assert rows[-1]["DATE"] == "2026-11-21"  # four days before the 25th


@pytest.mark.parametrize(
    ("units", "tmax", "rain"),
    [("metric", " 22.0", "  2.0"), ("standard", "   72", " 0.08"), (None, "  220", "   20")],
)  # 22 degC = 71.6 F; 2 mm = 0.0787 in; tenths when no units are given
def test_ncei_units(ncei, units, tmax, rain):
    row = ncei(units=units).json()[2]
    assert (row["TMAX"], row["PRCP"]) == (tmax, rain)


def test_ncei_answers_empty_where_there_is_nothing(ncei):
    assert ncei(stations=VAN_NUYS).json() == []
    assert ncei(dataset=None).json() == []
    assert ncei(dataset="global-hourly").json() == []


def test_ncei_serves_only_the_types_asked_for(ncei):
    assert set(ncei(dataTypes="TMIN,SNOW").json()[0]) == {"DATE", "STATION", "TMIN"}


@pytest.mark.parametrize(
    "changes", [{"startDate": "soon"}, {"stations": None}, {"units": "si"}, {"format": "csv"}]
)
def test_ncei_refuses_with_400(ncei, changes):
    answer = ncei(**changes)
    assert answer.status_code == 400
    assert answer.json()["errorMessage"]


def test_ncei_has_one_path(get):
    assert get("/www.ncei.noaa.gov/elsewhere").status_code == 404


@pytest.fixture
def acis(server, session):
    def acis(**changes):
        body = {"sid": "KLAX 5", "sdate": "2026-11-17", "edate": "2026-11-20"}
        body = body | {"elems": ["maxt", "mint", "pcpn"]} | changes
        body = {key: value for key, value in body.items() if value is not None}
        return session.post(server.url + ACIS, json=body, timeout=10).json()

    return acis


def test_acis_gives_strings_in_us_units_with_missing_and_trace(acis):
    assert acis()["data"] == [
        ["2026-11-17", "68", "50", "0.00"],  # 20 degC = 68 F
        ["2026-11-18", "70", "50", "T"],  # 21 degC = 69.8 F; 0.1 mm is a trace
        ["2026-11-19", "72", "50", "0.08"],
        ["2026-11-20", "M", "50", "0.12"],
    ]


def test_acis_units_ids_and_single_date(acis):
    elements = [{"name": "maxt", "units": "degreeC"}, {"name": "pcpn", "units": "mm"}]
    answer = acis(sid=f"{LAX} 6", elems=elements, sdate=None, edate=None, date="2026-11-19")
    assert answer["data"] == [["2026-11-19", "22.0", "2.0"]]
    assert acis(sid="23174 1", elems="mint,pcpn", edate="2026-11-17")["data"] == [
        ["2026-11-17", "50", "0.00"]
    ]


def test_acis_knows_yesterday_but_not_today(acis):
    data = acis(sdate="2026-11-24", edate="2026-11-25", elems=["maxt"])["data"]
    assert data == [["2026-11-24", "81"], ["2026-11-25", "M"]]  # 27 degC = 80.6 F


def test_acis_answers_a_get_with_params(server, session):
    params = {"params": json.dumps({"sid": "KLAX", "date": "2026-11-17", "elems": "maxt"})}
    answer = session.get(server.url + ACIS, params=params, timeout=10)
    assert answer.json()["data"] == [["2026-11-17", "68"]]


@pytest.mark.parametrize(
    "changes", [{"sid": "KXYZ 5"}, {"elems": ["snow"]}, {"sdate": "soon"}, {"elems": None}]
)
def test_acis_errors_lie_inside_a_200(acis, changes):
    assert acis(**changes)["error"]


def test_acis_serves_only_stndata(server, session):
    answer = session.post(f"{server.url}/data.rcc-acis.org/GridData", json={}, timeout=10)
    assert "StnData" in answer.json()["error"]


def test_points_lead_to_the_gridpoint(get):
    downtown = get("/api.weather.gov/points/34.0522,-118.2437").json()["properties"]
    assert (downtown["gridId"], downtown["gridX"], downtown["gridY"]) == ("LOX", 154, 44)
    assert downtown["forecastGridData"] == "https://api.weather.gov/gridpoints/LOX/154,44"
    chicago = get("/api.weather.gov/points/41.88,-87.63").json()["properties"]
    assert chicago["gridId"] == "LOT"


@pytest.mark.parametrize(
    ("path", "status", "name"),
    [
        ("/points/10,-150", 404, "InvalidPoint"),
        ("/gridpoints/XYZ/1,1", 404, "InvalidGridpoint"),
        ("/stations/KXYZ/observations", 404, "NotFound"),
        ("/elsewhere", 404, "NotFound"),
        ("/stations/KLAX/observations?cache=no", 400, "BadRequest"),
        ("/stations/KLAX/observations?start=2026-11-24T00:00:00", 400, "BadRequest"),
        ("/stations/KLAX/observations?limit=501", 400, "BadRequest"),
    ],
)
def test_weather_gov_problems(get, path, status, name):
    answer = get(f"/api.weather.gov{path}")
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["type"].endswith(name)


def test_weather_gov_wants_a_user_agent(server, session):
    answer = session.get(server.url + OBSERVATIONS, headers={"User-Agent": ""}, timeout=10)
    assert answer.status_code == 403


def test_observations_are_hourly_newest_first_and_span_the_day(get):
    # 24 November local standard time is 08:00 UTC to 08:00 UTC the day after.
    span = {"start": "2026-11-24T08:00:00+00:00", "end": "2026-11-25T07:59:00Z"}
    features = get(OBSERVATIONS, **span).json()["features"]
    assert len(features) == 24
    stamps = [f["properties"]["timestamp"] for f in features]
    assert stamps == sorted(stamps, reverse=True)
    heat = [f["properties"]["temperature"]["value"] for f in features]
    assert (min(heat), max(heat)) == (10.0, 27.0)
    assert features[0]["properties"]["temperature"]["unitCode"] == "wmoUnit:degC"
    rain = sum(f["properties"]["precipitationLastHour"]["value"] for f in features)
    assert rain == pytest.approx(7.0, abs=0.01)


def test_observations_reach_back_seven_days_and_not_past_noon(get):
    features = get(OBSERVATIONS).json()["features"]
    assert features[0]["properties"]["timestamp"] == "2026-11-25T20:00:00+00:00"
    assert features[-1]["properties"]["timestamp"] == "2026-11-18T20:00:00+00:00"
    assert len(get(OBSERVATIONS, limit=3).json()["features"]) == 3


def test_a_missing_maximum_gives_null_temperatures(get):
    span = {"start": "2026-11-20T12:00:00Z", "end": "2026-11-20T13:00:00Z"}
    quantity = get(OBSERVATIONS, **span).json()["features"][0]["properties"]["temperature"]
    assert (quantity["value"], quantity["qualityControl"]) == (None, "Z")


def test_days_without_data_give_no_observations(get, on_another_day):
    on_another_day(date(2027, 6, 1))
    assert get(OBSERVATIONS).json()["features"] == []


def test_forecast_is_between_the_coming_day_and_the_usual_one(get):
    point = get("/api.weather.gov/points/33.9382,-118.3865").json()["properties"]
    path = f"/api.weather.gov/gridpoints/LOX/{point['gridX']},{point['gridY']}"
    body = get(path).json()["properties"]
    layer = body["maxTemperature"]
    assert layer["uom"] == "wmoUnit:degC"
    assert len(layer["values"]) == 7
    # Usual maximum: mean of 20..29 without 23 = (245 - 23) / 9 = 24.67; the 25th has 28.
    assert layer["values"][0] == {
        "validTime": "2026-11-25T08:00:00+00:00/P1D",
        "value": pytest.approx((24.67 + 28) / 2, abs=0.1),
    }
    assert layer["values"][6]["value"] == pytest.approx(24.67, abs=0.1)
    chances = {v["value"] for v in body["probabilityOfPrecipitation"]["values"]}
    assert chances == {80.0}


def test_a_station_without_data_has_no_forecast(get):
    van_nuys = get("/api.weather.gov/points/34.2097,-118.4892").json()["properties"]
    path = f"/api.weather.gov/gridpoints/LOX/{van_nuys['gridX']},{van_nuys['gridY']}"
    assert get(path).json()["properties"]["maxTemperature"]["values"] == []
