from datetime import UTC, date, datetime, timedelta

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from pipeline.domain.columns import WEATHER_DAILY
from pipeline.domain.errors import SourceUnavailable
from pipeline.sources.weather import (
    acis_value,
    merge_weather,
    pull_weather,
    pull_weather_forecast,
)
from tests.unit.sources.conftest import Reply

NCEI = "/www.ncei.noaa.gov/access/services/data/v1"
ACIS = "/data.rcc-acis.org/StnData"
TODAY = date(2026, 11, 23)
LAX, VNY, HHR = "USW00023174", "USW00023130", "USW00003167"


def observations(icao):
    return f"/api.weather.gov/stations/{icao}/observations"


@pytest.fixture
def city(los_angeles):
    """Two stations: LAX, and Downtown, which has no hourly reports."""
    chosen = tuple(s for s in los_angeles.stations if s.name in ("Downtown",) or s.icao == "KLAX")
    return los_angeles.model_copy(update={"stations": chosen})


@pytest.fixture
def _quiet(loopback):
    """All three services answer, and have nothing."""
    loopback.script(NCEI, Reply([]))
    loopback.script(ACIS, Reply({"meta": {}, "data": []}))
    loopback.script(observations("KLAX"), Reply({"features": []}))


def pull(http, settings, city, first=date(2026, 11, 1)):
    return {p.dataset: p for p in pull_weather(http, settings, city, first, TODAY)}


def asked(loopback, path):
    return [seen for seen in loopback.seen if seen.path == path]


@pytest.mark.usefixtures("_quiet")
class TestPolicy:
    def test_each_service_is_a_pull_of_its_own(self, http, settings, city):
        pulls = pull(http, settings, city)
        assert list(pulls) == ["weather_ncei", "weather_acis", "weather_nws"]
        assert all(p.table.schema.names == WEATHER_DAILY.schema.names for p in pulls.values())
        assert all(p.table.num_rows == 0 for p in pulls.values())
        assert {p.provenance for p in pulls.values()} == {"simulated"}
        assert all(p.notes == () for p in pulls.values())

    def test_each_is_asked_for_its_own_days(self, http, settings, city, loopback):
        pull(http, settings, city, first=date(2025, 6, 1))
        ncei = asked(loopback, NCEI)[0].query
        assert (ncei["startDate"], ncei["endDate"]) == ("2025-06-01", "2026-11-22")
        acis = asked(loopback, ACIS)[0].body
        # 30 days before 23 November
        assert (acis["sdate"], acis["edate"]) == ("2026-10-24", "2026-11-22")
        nws = [seen.query["start"] for seen in asked(loopback, observations("KLAX"))]
        assert nws == [f"2026-11-{day}T08:00:00Z" for day in range(17, 23)]

    def test_no_service_is_asked_for_days_before_the_first(self, http, settings, city, loopback):
        pull(http, settings, city, first=date(2026, 11, 21))
        assert asked(loopback, NCEI)[0].query["startDate"] == "2026-11-21"
        assert asked(loopback, ACIS)[0].body["sdate"] == "2026-11-21"
        assert len(asked(loopback, observations("KLAX"))) == 2

    def test_a_first_day_that_is_not_over_asks_nothing(self, http, settings, city, loopback):
        assert len(pull(http, settings, city, first=TODAY)) == 3
        assert loopback.seen == []

    def test_one_failing_service_is_noted_and_the_others_carry_on(
        self, http, settings, city, loopback
    ):
        loopback.script(ACIS, Reply({"error": "internal error"}))
        pulls = pull(http, settings, city)
        assert list(pulls) == ["weather_ncei", "weather_nws"]
        note = pulls["weather_ncei"].notes[-1]
        assert note.startswith("weather_acis failed: data.rcc-acis.org/StnData")
        assert "200 with error 'internal error'" in note
        assert note in http.notes

    def test_a_weather_service_that_refuses_us_is_noted(self, http, settings, city, loopback):
        loopback.script(observations("KLAX"), Reply(status=403))
        one = city.model_copy(update={"stations": city.stations[:1]})
        pulls = pull(http, settings, one)
        assert "weather_nws" not in pulls
        assert "HOTSPOTS_CONTACT" in pulls["weather_ncei"].notes[-1]

    def test_one_failing_station_is_noted_and_the_others_carry_on(
        self, http, settings, city, loopback
    ):
        def answer(seen):
            is_lax = seen.body["sid"] == f"{LAX} 6"
            return Reply(
                {"error": "unknown sid"} if is_lax else {"data": [["2026-11-20", "1", "0", "T"]]}
            )

        loopback.script(ACIS, answer)
        table = pull(http, settings, city)["weather_acis"]
        assert table.table["station"].to_pylist() == ["USW00093134"]
        assert any("Los Angeles International" in note for note in table.notes)

    def test_when_all_services_fail_nothing_is_returned(self, http, settings, city, loopback):
        for path in (NCEI, ACIS, observations("KLAX")):
            loopback.script(path, Reply(status=500))
        one = city.model_copy(update={"stations": city.stations[:1]})
        with pytest.raises(SourceUnavailable, match=r"No weather service answered.*nws"):
            pull(http, settings, one)

    @pytest.mark.parametrize("row", [{"STATION": LAX}, {"DATE": "yesterday"}, {"DATE": None}])
    def test_a_day_that_can_not_be_read_costs_that_day(self, http, settings, city, loopback, row):
        loopback.script(NCEI, Reply([row, {"DATE": "2026-11-20", "TMAX": "20.1"}]))
        pulled = pull(http, settings, city)["weather_ncei"]
        assert pulled.table["tmax_degc"].to_pylist() == [20.1, 20.1]  # of both stations
        assert "Los Angeles International: 1 of 2 days could not be read" in pulled.notes[0]

    @pytest.mark.parametrize(
        "odd", ["-9999", "72.8", "warm", "1e400", "nan", 72.8, -9999, [20.1], {"value": 20.1}, "²"]
    )
    def test_a_value_that_can_not_be_used_costs_that_value(
        self, http, settings, city, loopback, odd
    ):
        days = [{"DATE": f"2026-11-{k:02d}", "TMAX": "20.1", "PRCP": "0.0"} for k in range(1, 11)]
        days[3] = {**days[3], "TMAX": odd}
        loopback.script(NCEI, Reply(days))
        one = city.model_copy(update={"stations": city.stations[:1]})
        pulled = pull(http, settings, one)["weather_ncei"]
        known = pulled.table["tmax_degc"].to_pylist()
        assert (known[3], len(known), known.count(20.1)) == (None, 10, 9)
        assert pulled.table["prcp_mm"].null_count == 0
        assert "1 values can't be used" in pulled.notes[0]
        assert "2026-11-04 tmax_degc" in pulled.notes[0]

    def test_a_number_where_text_is_usual_is_read(self, http, settings, city, loopback):
        loopback.script(
            NCEI, Reply([{"DATE": "2026-11-20", "TMAX": 20.1, "TMAX_ATTRIBUTES": None}])
        )
        assert pull(http, settings, city)["weather_ncei"].table["tmax_degc"][0].as_py() == 20.1

    @pytest.mark.parametrize("path", [NCEI, ACIS, observations("KLAX")])
    @pytest.mark.parametrize(
        "answer",
        [
            Reply(status=400), Reply(raw=b""), Reply(None), Reply([None]), Reply({"data": [None]}),
            Reply({"data": [["2026-11-20"]]}), Reply({"features": [None, {}]}),
            Reply({"features": [{"properties": {"timestamp": None}}]}),
        ],
        ids=range(8),
    )  # fmt: skip
    def test_an_odd_answer_of_one_service_loses_no_other(
        self, http, settings, city, loopback, path, answer
    ):
        loopback.script(path, answer)
        names = {NCEI: "weather_ncei", ACIS: "weather_acis"}
        others = {"weather_ncei", "weather_acis", "weather_nws"} - {names.get(path, "weather_nws")}
        assert others <= set(pull(http, settings, city))
        assert http.notes


@pytest.mark.usefixtures("_quiet")
class TestNcei:
    def rows(self, http, settings, city, loopback, *answer):
        one = city.model_copy(update={"stations": city.stations[:1]})
        loopback.script(NCEI, Reply(list(answer)))
        return pull(http, settings, one)["weather_ncei"].table.to_pylist()

    def test_values_are_padded_text(self, http, settings, city, loopback):
        answer = {"DATE": "2026-11-01", "STATION": LAX, "TMAX": "  20.0", "TMIN": "   6.1",
                  "PRCP": "   0.3", "TMAX_ATTRIBUTES": ",,W"}  # fmt: skip
        assert self.rows(http, settings, city, loopback, answer) == [
            {
                "station": LAX,
                "observed_on": date(2026, 11, 1),
                "tmax_degc": 20.0,
                "tmin_degc": 6.1,
                "prcp_mm": 0.3,
                "source": "ncei",
            }
        ]

    def test_asks_for_degrees_and_millimetres_with_flags(self, http, settings, city, loopback):
        self.rows(http, settings, city, loopback)
        assert asked(loopback, NCEI)[0].query == {
            "dataset": "daily-summaries",
            "stations": LAX,
            "startDate": "2026-11-01",
            "endDate": "2026-11-22",
            "dataTypes": "TMAX,TMIN,PRCP",
            "units": "metric",
            "format": "json",
            "includeAttributes": "true",
        }

    def test_an_absent_element_is_unknown_and_an_empty_day_no_row(
        self, http, settings, city, loopback
    ):
        rows = self.rows(
            http, settings, city, loopback,
            {"DATE": "2026-11-01", "PRCP": "1.0"}, {"DATE": "2026-11-02", "TMAX": " "},
        )  # fmt: skip
        assert len(rows) == 1
        assert (rows[0]["tmax_degc"], rows[0]["prcp_mm"]) == (None, 1.0)

    @pytest.mark.parametrize(
        ("attributes", "kept"),
        [(",,W", 20.0), (",I,W", None), ("T,,W,2400", 20.0), (",S,W,2400", None), ("", 20.0)],
    )
    def test_values_that_failed_a_check_are_dropped(
        self, http, settings, city, loopback, attributes, kept
    ):
        row = {"DATE": "2026-11-01", "TMAX": "20", "TMAX_ATTRIBUTES": attributes, "PRCP": "0"}
        assert self.rows(http, settings, city, loopback, row)[0]["tmax_degc"] == kept

    def test_long_histories_are_asked_for_in_parts(self, http, settings, city, loopback):
        pull(http, settings, city, first=date(2012, 5, 6))
        parts = [
            (seen.query["stations"], seen.query["startDate"], seen.query["endDate"])
            for seen in asked(loopback, NCEI)
        ]
        assert parts[:3] == [
            (LAX, "2012-05-06", "2016-12-31"),
            (LAX, "2017-01-01", "2021-12-31"),
            (LAX, "2022-01-01", "2026-11-22"),
        ]
        assert len(parts) == 6  # the same for the other station

    def test_values_in_tenths_lose_the_service(self, http, settings, city, loopback):
        days = [{"DATE": f"2026-11-{k:02d}", "TMAX": "200", "TMIN": "31"} for k in range(1, 11)]
        loopback.script(NCEI, Reply(days))
        pulls = pull(http, settings, city)
        assert list(pulls) == ["weather_acis", "weather_nws"]
        assert (
            "tmax_degc '200'. Has the service changed its units?" in pulls["weather_acis"].notes[-1]
        )

    @pytest.mark.parametrize("answer", [{"errorMessage": "oh"}, ["2026-11-20"]])
    def test_an_answer_of_another_shape_is_unavailable(
        self, http, settings, city, loopback, answer
    ):
        loopback.script(NCEI, Reply(answer))
        assert "weather_ncei" not in pull(http, settings, city)
        assert any("not a list of days" in note for note in http.notes)


@pytest.mark.usefixtures("_quiet")
class TestAcis:
    def test_asks_by_ghcn_id_in_metric_units(self, http, settings, city, loopback):
        pull(http, settings, city)
        body = asked(loopback, ACIS)[0].body
        assert body["sid"] == f"{LAX} 6"
        assert [(e["name"], e["units"]) for e in body["elems"]] == [
            ("maxt", "degreeC"), ("mint", "degreeC"), ("pcpn", "mm"),
        ]  # fmt: skip

    def test_reads_rows_in_the_order_of_the_elements(self, http, settings, city, loopback):
        data = [["2026-11-20", "22.2", "12.8", "T"], ["2026-11-21", "M", "M", "M"]]
        one = city.model_copy(update={"stations": city.stations[:1]})
        loopback.script(ACIS, Reply({"meta": {}, "data": data}))
        rows = pull(http, settings, one)["weather_acis"].table.to_pylist()
        assert [list(row.values()) for row in rows] == [
            [LAX, date(2026, 11, 20), 22.2, 12.8, 0.0, "acis"]
        ]

    def test_no_data_is_no_error(self, http, settings, city, loopback):
        loopback.script(ACIS, Reply({"error": "no data available"}))
        assert pull(http, settings, city)["weather_acis"].table.num_rows == 0

    def test_recovers_from_an_error_inside_a_200(self, http, settings, city, loopback):
        loopback.script(ACIS, Reply({"error": "try again"}), Reply({"data": []}))
        notes = pull(http, settings, city)["weather_acis"].notes
        assert "200 with error 'try again'" in notes[0]
        assert "ok at try 2" in notes[0]

    def test_an_answer_of_another_shape_is_asked_for_again(self, http, settings, city, loopback):
        loopback.script(ACIS, Reply([]), Reply({"data": []}))
        assert "not an object" in pull(http, settings, city)["weather_acis"].notes[0]

    @pytest.mark.parametrize(
        ("text", "value"),
        [("22.2", "22.2"), (" -1 ", "-1"), (3, "3"), (None, None), ("T", 0.0),
         ("M", None), ("S", None), ("12.3A", None),
         ("", None)],
    )  # fmt: skip
    def test_values(self, text, value):
        assert acis_value(text) == value


def daily(source, *rows):
    frame = pd.DataFrame(
        rows, columns=["station", "observed_on", "tmax_degc", "tmin_degc", "prcp_mm"]
    ).astype({"tmax_degc": float, "tmin_degc": float, "prcp_mm": float})
    return WEATHER_DAILY.conform(frame.assign(source=source))


class TestMerge:
    DAY = date(2026, 11, 20)

    def test_ncei_over_acis_over_nws(self):
        tables = [
            daily("nws", (LAX, self.DAY, 3, 3, 3), (VNY, self.DAY, 3, 3, 3)),
            daily("ncei", (LAX, self.DAY, 1, 1, 1)),
            daily("acis", (LAX, self.DAY, 2, 2, 2), (HHR, self.DAY, 2, 2, 2)),
        ]
        merged = merge_weather(tables, self.DAY)
        assert [(r["station"], r["tmax_degc"], r["source"]) for r in merged.to_pylist()] == [
            (HHR, 2.0, "acis"),
            (VNY, 3.0, "nws"),
            (LAX, 1.0, "ncei"),
        ]

    def test_a_value_one_service_lacks_comes_from_the_next(self):
        tables = [
            daily("ncei", (LAX, self.DAY, None, None, 4.0)),
            daily("nws", (LAX, self.DAY, 21.0, 11.0, 9.0)),
            daily("acis", (LAX, self.DAY, 20.0, None, 9.0)),
        ]
        row = merge_weather(tables, self.DAY).to_pylist()[0]
        assert (row["tmax_degc"], row["tmin_degc"], row["prcp_mm"]) == (20.0, 11.0, 4.0)
        assert row["source"] == "ncei"

    def test_a_service_without_a_value_is_not_the_source(self):
        tables = [
            daily("ncei", (LAX, self.DAY, None, None, None)),
            daily("acis", (LAX, self.DAY, 20.0, 10.0, 0.0)),
        ]
        assert merge_weather(tables, self.DAY)["source"].to_pylist() == ["acis"]

    def test_the_later_table_of_one_service_counts(self):
        old, new = (daily("acis", (LAX, self.DAY, t, 0, 0)) for t in (10, 12))
        assert merge_weather([old, new], self.DAY)["tmax_degc"].to_pylist() == [12.0]

    def test_later_days_are_left_out(self):
        days = [self.DAY + timedelta(days=k) for k in range(3)]
        table = daily("ncei", *((LAX, day, 1, 1, 1) for day in days))
        assert merge_weather([table], days[1])["observed_on"].to_pylist() == days[:2]

    @pytest.mark.parametrize("tables", [[], [daily("ncei")], [daily("ncei"), daily("nws")]])
    def test_nothing_merges_to_nothing(self, tables):
        merged = merge_weather(tables, self.DAY)
        assert merged.num_rows == 0
        assert merged.schema.names == WEATHER_DAILY.schema.names

    @hypothesis_settings(max_examples=25, derandomize=True, deadline=None)
    @given(
        st.lists(
            st.tuples(
                st.sampled_from(["ncei", "acis", "nws"]),
                st.sampled_from([LAX, VNY]),
                st.integers(0, 3),
                st.none() | st.integers(-10, 40),
            ),
            max_size=20,
        )
    )
    def test_every_station_day_with_a_value_comes_out_once(self, rows):
        tables = [
            daily(source, (station, self.DAY - timedelta(days=back), degc, None, None))
            for source, station, back, degc in rows
        ]
        merged = merge_weather(tables, self.DAY).to_pylist()
        found = [(row["station"], row["observed_on"]) for row in merged]
        expected = {(s, self.DAY - timedelta(days=b)) for _, s, b, t in rows if t is not None}
        assert set(found) == expected
        assert len(found) == len(expected)
        assert found == sorted(found)


class TestForecast:
    GRID = "/api.weather.gov/gridpoints/LOX/148,41"

    @pytest.fixture(autouse=True)
    def _points(self, loopback, city):
        point = {"properties": {"gridId": "LOX", "gridX": 148, "gridY": 41}}
        for station in city.stations:
            path = f"/api.weather.gov/points/{station.lat:.4f},{station.lon:.4f}"
            loopback.script(path, Reply(point))

    def layer(self, value):
        return {
            "uom": "wmoUnit:degC",
            "values": [{"validTime": "2026-11-24T15:00:00+00:00/PT13H", "value": value}],
        }

    def test_archives_every_station(self, http, settings, city, loopback):
        answer = {"updateTime": "2026-11-23T12:00:00+00:00", "maxTemperature": self.layer(21)}
        loopback.script(self.GRID, Reply({"properties": answer}))
        pulled = pull_weather_forecast(http, settings, city)
        assert pulled.dataset == "weather_forecast"
        assert pulled.source_updated_at == datetime(2026, 11, 23, 12, tzinfo=UTC)
        assert pulled.table["station"].to_pylist() == [LAX, "USW00093134"]
        assert pulled.table["value"].to_pylist() == [21.0, 21.0]

    def test_a_forecast_without_layers_is_empty(self, http, settings, city, loopback):
        answer = {"updateTime": "2026-11-23T12:00:00+00:00"}
        loopback.script(self.GRID, Reply({"properties": answer}))
        pulled = pull_weather_forecast(http, settings, city)
        assert (pulled.table.num_rows, pulled.source_updated_at) == (0, None)

    def test_a_service_that_is_down_is_unavailable(self, http, settings, city, loopback):
        loopback.script(self.GRID, Reply(status=503))
        with pytest.raises(SourceUnavailable, match="gridpoints"):
            pull_weather_forecast(http, settings, city)
