from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from pipeline.domain.errors import SchemaDrift, SourceUnavailable
from pipeline.sources import nws
from tests.unit.sources.conftest import Reply

DAY = date(2026, 8, 19)
PACIFIC = timezone(timedelta(hours=-8))
OBSERVATIONS = "/api.weather.gov/stations/KLAX/observations"
GRID = "/api.weather.gov/gridpoints/LOX/148,41"


def quantity(value, unit="wmoUnit:degC", flag="V"):
    return {"value": value, "unitCode": unit, "qualityControl": flag}


def observation(hour, minute=53, degc=20.0, rain_mm=None, **changes):
    at = datetime(2026, 8, 19, hour, minute, tzinfo=PACIFIC).astimezone(UTC)
    return {
        "timestamp": at.strftime("%Y-%m-%dT%H:%M:%S+00:00"),
        "temperature": quantity(degc),
        "precipitationLastHour": quantity(rain_mm, "wmoUnit:mm"),
        **changes,
    }


def whole_day(**changes):
    """24 hourly reports, 10 degC at 0:53 rising by half a degree an hour to 21.5."""
    return [observation(hour, degc=10 + hour / 2, **changes) for hour in range(24)]


@pytest.fixture
def lax(los_angeles):
    return los_angeles.stations[0]


class TestSummarise:
    def test_a_whole_day(self):
        values = nws.summarise(whole_day(rain_mm=0.5), DAY, PACIFIC)
        # 24 hours of 0.5 mm
        assert values == {"tmax_degc": 21.5, "tmin_degc": 10.0, "prcp_mm": 12.0}

    def test_a_day_is_one_of_standard_time(self):
        # 23:30 and 0:30 of the next day in summer time are 22:30 and 23:30 of standard time
        extra = [observation(22, 30, degc=35.0), observation(23, 30, degc=-5.0)]
        tomorrow = observation(0, 10, degc=45.0)
        tomorrow["timestamp"] = "2026-08-20T08:10:00Z"
        values = nws.summarise([*whole_day(), *extra, tomorrow], DAY, PACIFIC)
        assert (values["tmax_degc"], values["tmin_degc"]) == (35.0, -5.0)

    def test_rain_of_special_reports_is_not_counted_twice(self):
        day = whole_day()
        day += [observation(14, 10, rain_mm=1.0), observation(14, 30, rain_mm=2.5)]
        day[14] = observation(14, 53, rain_mm=4.0)
        day[15] = observation(15, 53, rain_mm=0.25)
        assert nws.summarise(day, DAY, PACIFIC)["prcp_mm"] == 4.25  # 4.0 holds the two before it

    def test_no_word_of_rain_is_not_a_dry_day(self):
        assert nws.summarise(whole_day(), DAY, PACIFIC)["prcp_mm"] is None

    @pytest.mark.parametrize(("hours", "is_known"), [(19, False), (20, True)])
    def test_a_day_with_too_few_hours_has_no_extremes(self, hours, is_known):
        values = nws.summarise(whole_day(rain_mm=1.0)[:hours], DAY, PACIFIC)
        assert (values["tmax_degc"] is not None) is is_known
        assert (values["prcp_mm"] is not None) is is_known

    def test_nothing_observed(self):
        values = nws.summarise([], DAY, PACIFIC)
        assert values == {"tmax_degc": None, "tmin_degc": None, "prcp_mm": None}


class TestAccepted:
    @pytest.mark.parametrize("flag", ["X", "Q", "B"])
    def test_flagged_values_are_rejected(self, flag):
        assert nws.accepted({"temperature": quantity(20, flag=flag)}, "temperature") is None

    @pytest.mark.parametrize("flag", ["Z", "C", "S", "V", "G", "T", None])
    def test_others_are_accepted(self, flag):
        assert nws.accepted({"temperature": quantity(20, flag=flag)}, "temperature") == 20.0

    @pytest.mark.parametrize(
        ("name", "unit", "value", "expected"),
        [
            ("temperature", "unit:degC", 20, 20.0),
            ("temperature", "wmoUnit:degC", -3.5, -3.5),
            ("precipitationLastHour", "unit:mm", 2, 2.0),
            ("precipitationLastHour", "unit:m", 0.002, 2.0),
            ("temperature", "wmoUnit:degC", 70, None),
            ("precipitationLastHour", "wmoUnit:mm", -1, None),
        ],
    )
    def test_units_and_limits(self, name, unit, value, expected):
        assert nws.accepted({name: quantity(value, unit)}, name) == expected

    @pytest.mark.parametrize("properties", [{}, {"temperature": None}, {"temperature": {}}])
    def test_what_is_not_there_is_unknown(self, properties):
        assert nws.accepted(properties, "temperature") is None

    @pytest.mark.parametrize(("unit", "said"), [("wmoUnit:degF", "wmoUnit:degF"), ("", "no unit")])
    def test_an_unknown_unit_is_drift(self, unit, said):
        with pytest.raises(SchemaDrift, match=f"temperature in {said}"):
            nws.accepted({"temperature": quantity(290, unit)}, "temperature")

    def test_kelvins_are_read(self):
        found = nws.accepted({"temperature": quantity(293.15, "wmoUnit:K")}, "temperature")
        assert found == pytest.approx(20)


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("America/Los_Angeles", DAY, -8),
        ("America/Los_Angeles", date(2026, 12, 1), -8),
        ("America/Chicago", DAY, -6),
        ("Europe/Berlin", DAY, 1),
    ],
)
def test_standard_time_knows_no_summer(zone, day, hours):
    assert nws.standard_time(zone, day).utcoffset(None) == timedelta(hours=hours)


class TestDaily:
    def test_asks_for_one_day_at_a_time(self, http, loopback, lax):
        loopback.script(OBSERVATIONS, lambda seen: Reply({"features": []}))
        rows = nws.daily(http, lax, "America/Los_Angeles", DAY, DAY + timedelta(days=1))
        assert [seen.query for seen in loopback.seen] == [
            {"start": "2026-08-19T08:00:00Z", "end": "2026-08-20T08:00:00Z", "limit": "500"},
            {"start": "2026-08-20T08:00:00Z", "end": "2026-08-21T08:00:00Z", "limit": "500"},
        ]
        assert loopback.seen[0].headers["Accept"] == "application/geo+json"
        assert [row["observed_on"] for row in rows] == [DAY, DAY + timedelta(days=1)]

    def test_makes_days_of_observations(self, http, loopback, lax):
        features = [{"properties": properties} for properties in whole_day(rain_mm=0.0)]
        loopback.script(OBSERVATIONS, Reply({"features": features}))
        assert nws.daily(http, lax, "America/Los_Angeles", DAY, DAY) == [
            {
                "station": "USW00023174",
                "observed_on": DAY,
                "tmax_degc": 21.5,
                "tmin_degc": 10.0,
                "prcp_mm": 0.0,
            }
        ]

    @pytest.mark.parametrize(
        "odd",
        [
            None, {}, {"properties": None}, {"properties": {"timestamp": None}},
            {"properties": {"timestamp": "soon"}}, {"properties": {"timestamp": 7}},
            {"properties": {"timestamp": "2026-08-19T20:00:00+00:00",
                            "temperature": {"value": 20, "unitCode": None}}},
            {"properties": {"timestamp": "2026-08-19T20:00:00+00:00", "temperature": 20}},
            {"properties": {"timestamp": "2026-08-19T20:00:00+00:00",
                            "temperature": {"value": "warm", "unitCode": "wmoUnit:degC"}}},
        ],
    )  # fmt: skip
    def test_an_observation_that_can_not_be_read_costs_that_observation(
        self, http, loopback, lax, odd
    ):
        features = [{"properties": properties} for properties in whole_day(rain_mm=0.0)]
        loopback.script(OBSERVATIONS, Reply({"features": [odd, *features]}))
        (day,) = nws.daily(http, lax, "America/Los_Angeles", DAY, DAY)
        assert (day["tmax_degc"], day["tmin_degc"], day["prcp_mm"]) == (21.5, 10.0, 0.0)
        assert f"1 of {len(features) + 1} observations of {DAY} could not be read" in http.notes[0]

    def test_a_station_without_hourly_reports_is_not_asked(self, http, loopback, los_angeles):
        downtown = next(s for s in los_angeles.stations if s.icao is None)
        assert nws.daily(http, downtown, "America/Los_Angeles", DAY, DAY) == []
        assert loopback.seen == []

    def test_an_answer_of_another_shape_is_asked_for_again(self, http, loopback, lax):
        loopback.script(OBSERVATIONS, Reply([]), Reply({"features": []}))
        nws.daily(http, lax, "America/Los_Angeles", DAY, DAY)
        assert "no list of observations" in http.notes[0]

    def test_an_unknown_station_is_named(self, http, loopback, lax):
        with pytest.raises(SourceUnavailable, match="stations/KLAX/observations"):
            nws.daily(http, lax, "America/Los_Angeles", DAY, DAY)


class TestForecast:
    @pytest.fixture(autouse=True)
    def _point(self, loopback):
        point = {"properties": {"gridId": "LOX", "gridX": 148, "gridY": 41}}
        loopback.script("/api.weather.gov/points/33.9382,-118.3865", Reply(point))

    def layers(self, **layers):
        return Reply({"properties": {"updateTime": "2026-11-23T14:12:00-08:00", **layers}})

    def test_reads_every_layer(self, http, loopback, lax):
        rain = {
            "uom": "wmoUnit:mm",
            "values": [
                {"validTime": "2026-11-24T00:00:00+00:00/PT6H", "value": 1.5},
                {"validTime": "2026-11-24T06:00:00+00:00/P1DT6H", "value": None},
            ],
        }
        warmest = {
            "uom": "wmoUnit:degC",
            "values": [{"validTime": "2026-11-24T15:00:00+00:00/PT13H", "value": 21}],
        }
        loopback.script(GRID, self.layers(quantitativePrecipitation=rain, maxTemperature=warmest))
        common = {"station": "USW00023174", "issued_at": "2026-11-23T22:12:00Z"}
        assert nws.forecast(http, lax) == [
            {
                **common,
                "layer": "maxTemperature",
                "valid_from": "2026-11-24T15:00:00+00:00",
                "valid_hours": 13.0,
                "value": 21.0,
            },
            {
                **common,
                "layer": "quantitativePrecipitation",
                "valid_from": "2026-11-24T00:00:00+00:00",
                "valid_hours": 6.0,
                "value": 1.5,
            },
            {
                **common,
                "layer": "quantitativePrecipitation",
                "valid_from": "2026-11-24T06:00:00+00:00",
                "valid_hours": 30.0,
                "value": None,
            },
        ]

    @pytest.mark.parametrize(
        "odd",
        [
            {"values": [{"validTime": "2026-11-24T00:00:00+00:00/PT6H", "value": 1.5}]},
            {"uom": "wmoUnit:degF", "values": [{"validTime": "2026-11-24T00:00:00+00:00/PT6H"}]},
            {"uom": "wmoUnit:mm", "values": [{"validTime": None, "value": 1}]},
            {"uom": "wmoUnit:mm", "values": [None]},
            {"uom": "wmoUnit:mm", "values": 3},
            {"uom": "wmoUnit:mm", "values": [{"validTime": "2026-11-24T00:00:00Z/P30D"}]},
            [7],
        ],
    )
    def test_a_layer_that_can_not_be_read_costs_that_layer(self, http, loopback, lax, odd):
        warmest = {
            "uom": "wmoUnit:degC",
            "values": [{"validTime": "2026-11-24T15:00:00+00:00/PT13H", "value": 21}],
        }
        loopback.script(GRID, self.layers(quantitativePrecipitation=odd, maxTemperature=warmest))
        assert [row["layer"] for row in nws.forecast(http, lax)] == ["maxTemperature"]
        assert "forecast's quantitativePrecipitation is left out" in http.notes[0]

    def test_an_empty_layer_gives_no_rows(self, http, loopback, lax):
        loopback.script(GRID, self.layers(temperature={"values": []}))
        assert nws.forecast(http, lax) == []

    def test_answers_of_another_shape_are_asked_for_again(self, http, loopback, lax):
        loopback.script(GRID, Reply([]), Reply({"properties": {}}), self.layers())
        assert nws.forecast(http, lax) == []
        assert http.notes[0].count("does not say when it was made") == 2

    def test_a_point_without_a_grid_cell_is_unavailable(self, http, loopback, lax):
        loopback.script("/api.weather.gov/points/33.9382,-118.3865", Reply({"properties": None}))
        with pytest.raises(SourceUnavailable, match="names no grid cell"):
            nws.forecast(http, lax)
