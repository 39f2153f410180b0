from datetime import UTC, date, datetime

import numpy as np
import pyarrow as pa
import pytest

from pipeline.domain.errors import InvalidRequest, SchemaDrift
from pipeline.sources.adapters import ADAPTERS
from pipeline.sources.crime import build_incidents, pull_crime
from tests.unit.sources.conftest import FakePortal, Reply

OLD, LEGACY, NIBRS, CHICAGO = "63jg-8b9z", "2nrs-mtv8", "k7nn-b2ep", "ijzp-q8t2"
# A point in Central, twice: as text with 4 decimals, as the portals give it.
LAT, LON = "34.0453", "-118.2507"


def legacy(dr_no="200100001", **changes):
    row = {
        "dr_no": dr_no,
        "date_occ": "2023-05-01T00:00:00.000",
        "time_occ": "0930",
        "date_rptd": "2023-05-03T00:00:00.000",
        "crm_cd": "230",
        "area": "1",
        "lat": LAT,
        "lon": LON,
    }
    return {**row, **changes}


def nibrs(number="250100001", code="13A", **changes):
    row = {
        "uniquenibrno": f"{number}{code}1",
        "caseno": number,
        "date_occ": "2025-05-01T00:00:00.000",
        "time_occ": "930",
        "date_rptd": "2025-05-01T23:15:00.000",
        "nibr_code": code,
        "status_desc": "Invest Cont",
        "area": "1",
        "hndrdth_lat": LAT,
        "hndrdth_lon": LON,
    }
    return {**row, **changes}


def chicago_row(number="10224738", **changes):
    row = {
        "id": number,
        "date": "2017-09-30T23:55:00.000",
        "primary_type": "BATTERY",
        "latitude": "41.8789",
        "longitude": "-87.6298",
    }
    return {**row, **changes}


def raw_of(adapter, *rows):
    names = ADAPTERS[adapter].columns
    return pa.table({name: pa.array([r[name] for r in rows], pa.string()) for name in names})


def build_legacy(city, *rows, dataset=LEGACY):
    return build_incidents(city, {dataset: raw_of("lapd_legacy", *rows)})


def build_nibrs(city, *rows):
    return build_incidents(city, {NIBRS: raw_of("lapd_nibrs", *rows)})


def only(build):
    assert build.incidents.num_rows == 1
    return build.incidents.to_pylist()[0]


class TestColumns:
    def test_what_is_asked_for_of_each_feed(self):
        assert {name: set(adapter.columns) for name, adapter in ADAPTERS.items()} == {
            "lapd_legacy": {
                "dr_no", "date_occ", "time_occ", "date_rptd", "crm_cd", "area", "lat", "lon",
            },
            "lapd_nibrs": {
                "uniquenibrno", "caseno", "date_occ", "time_occ", "date_rptd", "nibr_code",
                "status_desc", "area", "hndrdth_lat", "hndrdth_lon",
            },
            "chicago": {"id", "date", "primary_type", "latitude", "longitude"},
        }  # fmt: skip

    def test_nothing_about_a_person_is_asked_for(self):
        asked = [name for adapter in ADAPTERS.values() for name in adapter.columns]
        about_persons = ("vict", "susp", "arrest", "age", "sex", "descent", "domestic", "gang")
        assert not [name for name in asked if any(word in name for word in about_persons)]


class TestPull:
    def test_a_dataset_that_does_not_say_when_it_changed_is_pulled(
        self, portal, http, settings, los_angeles, dataset
    ):
        portal.metadata["rowsUpdatedAt"] = None
        pull = pull_crime(http, settings, los_angeles, dataset, datetime(2026, 1, 1, tzinfo=UTC))
        assert (pull.table.num_rows, pull.source_updated_at) == (150, None)
        assert "without knowing whether it has changed" in pull.notes[0]

    def test_a_copy_that_stays_out_of_date_is_kept_without_its_time(
        self, portal, http, settings, los_angeles, dataset, loopback
    ):
        old = {"X-SODA2-Data-Out-Of-Date": "true"}
        loopback.script(portal.path, lambda seen: Reply(portal.answer(seen).json, headers=old))
        pull = pull_crime(http, settings, los_angeles, dataset, None)
        # Without a time the next pull asks again, whatever time the portal names.
        assert (pull.table.num_rows, pull.source_updated_at) == (150, None)
        assert pull.notes[-1] == "2nrs-mtv8: an older copy is kept; it is pulled again next time"

    @pytest.fixture
    def portal(self, loopback):
        rows = [legacy(f"{k:09d}") for k in range(150)]
        columns = [*ADAPTERS["lapd_legacy"].columns, "vict_age", "vict_sex"]
        return FakePortal(loopback, "data.lacity.org", LEGACY, columns, rows)

    @pytest.fixture
    def dataset(self, los_angeles):
        return los_angeles.dataset(LEGACY)

    def test_returns_the_rows_with_their_origin(self, portal, http, settings, los_angeles, dataset):
        pull = pull_crime(http, settings, los_angeles, dataset, None)
        assert pull.dataset == LEGACY
        assert pull.table.num_rows == 150
        assert tuple(pull.table.column_names) == ADAPTERS["lapd_legacy"].columns
        assert pull.source_updated_at == datetime.fromtimestamp(1_790_709_516, UTC)
        assert pull.provenance == "simulated"
        assert pull.notes == ()

    def test_asks_for_the_datasets_own_days(self, portal, http, settings, los_angeles, dataset):
        pull_crime(http, settings, los_angeles, dataset, None)
        assert portal.seen[0].query["$where"] == (
            "date_occ >= '2020-01-01T00:00:00' AND date_occ < '2025-01-01T00:00:00'"
        )

    def test_a_live_dataset_has_no_last_day(self, loopback, http, settings, los_angeles):
        columns = ADAPTERS["lapd_nibrs"].columns
        portal = FakePortal(loopback, "data.lacity.org", NIBRS, columns, [nibrs()])
        pull_crime(http, settings, los_angeles, los_angeles.dataset(NIBRS), None)
        assert portal.seen[0].query["$where"] == "date_occ >= '2024-03-07T00:00:00'"

    def test_asks_for_no_rows_when_nothing_changed(
        self, portal, http, settings, los_angeles, dataset, loopback
    ):
        last = datetime.fromtimestamp(1_790_709_516, UTC)
        assert pull_crime(http, settings, los_angeles, dataset, last) is None
        assert loopback.paths() == [portal.metadata_path]

    def test_notes_are_those_of_this_pull(self, portal, http, settings, los_angeles, dataset):
        http.notes.append("of another pull")
        portal.page_of, portal.page = portal.page, lambda seen: []

        def recover(seen):
            portal.page = portal.page_of
            return []

        portal.page = recover
        pull = pull_crime(http, settings, los_angeles, dataset, None)
        assert len(pull.notes) == 1
        assert "empty page" in pull.notes[0]

    def test_points_of_sex_offences_never_leave_it(
        self, portal, http, settings, los_angeles, dataset
    ):
        portal.rows[3]["crm_cd"] = "121"
        table = pull_crime(http, settings, los_angeles, dataset, None).table
        assert table["crm_cd"][3].as_py() == "121"
        assert table["lat"][3].as_py() is None
        assert table["lon"][3].as_py() is None
        assert table["lat"].null_count == 1


class TestOneFeed:
    def test_a_legacy_report(self, los_angeles):
        assert only(build_legacy(los_angeles, legacy())) == {
            "incident_id": "lapd:200100001",
            "dataset": LEGACY,
            "era": "legacy",
            "occurred_on": date(2023, 5, 1),
            "reported_on": date(2023, 5, 3),
            "offence_code": "lapd:230",
            "offence_class": "aggravated_assault",
            "area": 1,
            "lat": 34.0453,
            "lon": -118.2507,
            "location_status": "located",
        }

    def test_a_nibrs_case(self, los_angeles):
        row = only(build_nibrs(los_angeles, nibrs(code=" 13a ")))
        assert row["incident_id"] == "nibrs:250100001"
        assert (row["era"], row["offence_code"]) == ("nibrs", "nibrs:13A")
        # 23:15 local stays that day; as UTC it would be the next one
        assert row["reported_on"] == date(2025, 5, 1)

    def test_a_chicago_report(self, chicago):
        row = only(build_incidents(chicago, {CHICAGO: raw_of("chicago", chicago_row())}))
        assert row["incident_id"] == "chicago:10224738"
        assert row["occurred_on"] == date(2017, 9, 30)
        assert row["reported_on"] is None
        assert row["area"] is None
        assert (row["era"], row["offence_class"]) == ("other", "battery")

    def test_the_same_number_means_different_things_in_different_schemes(self, los_angeles):
        # 220 is attempted robbery in LAPD's codes and burglary in NIBRS
        assert only(build_legacy(los_angeles, legacy(crm_cd="220")))["offence_class"] == "robbery"
        assert only(build_nibrs(los_angeles, nibrs(code="220")))["offence_class"] == "burglary"

    @pytest.mark.parametrize("code", ["999", "437", "623", "", None])
    def test_unknown_and_excluded_codes_are_other(self, los_angeles, code):
        row = only(build_legacy(los_angeles, legacy(crm_cd=code)))
        assert row["offence_class"] == "other"
        assert row["offence_code"] == f"lapd:{code or 'unknown'}"

    @pytest.mark.parametrize(
        ("lat", "lon", "status"),
        [
            (LAT, LON, "located"),
            (" 34 ", "-118.", "located"),
            ("0", "0", "missing"),
            ("0.0", "0.0000", "missing"),
            (None, None, "missing"),
            (LAT, None, "missing"),
            ("", LON, "missing"),
            ("nowhere", LON, "missing"),
            ("340453", LON, "missing"),
            ("0", LON, "located"),  # out of the box: the grid counts it
        ],
    )
    def test_where(self, los_angeles, lat, lon, status):
        row = only(build_legacy(los_angeles, legacy(lat=lat, lon=lon)))
        assert row["location_status"] == status
        assert (row["lat"] is None) == (status == "missing")
        assert (row["lon"] is None) == (status == "missing")

    @pytest.mark.parametrize("code", ["121", "821", "860"])
    def test_sex_offences_have_no_place(self, los_angeles, code):
        row = only(build_legacy(los_angeles, legacy(crm_cd=code)))
        assert (row["location_status"], row["lat"], row["lon"]) == ("withheld", None, None)

    @pytest.mark.parametrize("code", ["230", "0230", "230.0", " 230. "])
    def test_a_code_is_known_however_its_number_is_written(self, los_angeles, code):
        row = only(build_legacy(los_angeles, legacy(crm_cd=code)))
        assert (row["offence_code"], row["offence_class"]) == ("lapd:230", "aggravated_assault")

    def test_a_code_with_a_letter_keeps_its_zero(self, los_angeles):
        assert only(build_nibrs(los_angeles, nibrs(code="09A")))["offence_class"] == "homicide"

    @pytest.mark.parametrize(
        ("area", "kept"),
        [
            ("07", 7), ("7.0", 7), ("0", None), ("", None), (None, None), ("-3", None),
            ("1.5", None), ("99999999999", None), ("9" * 400, None), ("NaN", None),
        ],
    )  # fmt: skip
    def test_a_division_that_is_none_costs_no_row(self, los_angeles, area, kept):
        assert only(build_legacy(los_angeles, legacy(area=area)))["area"] == kept

    def test_a_report_date_that_can_not_be_read_is_unknown(self, los_angeles):
        row = only(build_legacy(los_angeles, legacy(date_rptd="soon")))
        assert row["reported_on"] is None

    def test_rows_are_sorted_by_case(self, los_angeles):
        build = build_legacy(los_angeles, legacy("3"), legacy("1"), legacy("2"))
        assert build.incidents["incident_id"].to_pylist() == ["lapd:1", "lapd:2", "lapd:3"]


class TestLeftToTheGate:
    @pytest.mark.parametrize("occurred", ["", None, "unknown", "2023-02-30T00:00:00.000"])
    def test_a_row_without_a_date_that_can_be_read(self, los_angeles, occurred):
        build = build_legacy(los_angeles, legacy("1", date_occ=occurred), legacy("2"))
        assert build.dropped == {}
        first, second = build.incidents["occurred_on"].to_pylist()
        assert first is None
        assert second is not None

    def test_rows_without_a_case_number(self, los_angeles):
        rows = [nibrs("1"), nibrs("2", caseno=None), nibrs("3", caseno=" ")]
        build = build_nibrs(los_angeles, *rows)
        assert build.dropped == {}
        assert build.incidents["incident_id"].to_pylist() == ["nibrs:1", None, None]

    def test_rows_without_a_key_repeat_nothing(self, los_angeles):
        rows = [legacy(None), legacy(None), legacy("1"), legacy("1")]
        build = build_legacy(los_angeles, *rows)
        assert build.dropped == {"duplicate_rows": 1}
        assert build.incidents["incident_id"].to_pylist() == ["lapd:1", None, None]

    def test_an_offence_without_a_date_does_not_stand_for_a_case(self, los_angeles):
        build = build_nibrs(los_angeles, nibrs(code="09A", date_occ="soon"), nibrs(code="120"))
        assert only(build)["offence_code"] == "nibrs:120"


class TestDropped:
    def test_exact_repeats(self, los_angeles):
        rows = [legacy("1"), legacy("1"), legacy("1"), legacy("2")]
        rows = [{**row, "date_occ": "2016-02-01T00:00:00.000"} for row in rows]
        build = build_legacy(los_angeles, *rows, dataset=OLD)
        assert build.dropped == {"duplicate_rows": 2}
        assert (build.rows_in, build.incidents.num_rows) == (4, 2)

    @pytest.mark.parametrize("status", ["Unfounded", "UNFOUNDED", "Non-Crime/Other"])
    def test_what_was_no_crime(self, los_angeles, status):
        build = build_nibrs(los_angeles, nibrs("1", status_desc=status), nibrs("2"))
        assert build.dropped == {"unfounded_or_non_crime": 1}
        assert only(build)["incident_id"] == "nibrs:2"

    def test_a_case_without_status_is_kept(self, los_angeles):
        assert only(build_nibrs(los_angeles, nibrs(status_desc=None)))

    @pytest.mark.parametrize(
        ("occurred", "kept"),
        [
            ("2019-12-31", False),  # of the older dataset
            ("2020-01-01", True),
            ("2024-12-31", True),
            ("2025-01-01", False),  # NIBRS is complete from here on
            ("1800-01-01", True),  # stands for unknown: left to the quality gate
            ("2000-12-31", True),
            ("2001-01-01", False),
        ],
    )
    def test_legacy_days_of_the_other_side_of_the_splice(self, los_angeles, occurred, kept):
        build = build_legacy(los_angeles, legacy(date_occ=f"{occurred}T00:00:00.000"))
        assert build.incidents.num_rows == kept
        assert build.dropped == ({} if kept else {"outside_splice": 1})

    @pytest.mark.parametrize(
        ("occurred", "kept"), [("2024-03-06", False), ("2024-03-07", True), ("2199-01-01", True)]
    )
    def test_nibrs_days_of_the_other_side_of_the_splice(self, los_angeles, occurred, kept):
        build = build_nibrs(los_angeles, nibrs(date_occ=f"{occurred}T00:00:00.000"))
        assert build.incidents.num_rows == kept


class TestCases:
    @pytest.mark.parametrize(
        ("codes", "kept"),
        [
            (["23H", "13B", "13A", "120", "11A", "09A"], "09A"),
            (["23H", "13B", "13A", "120", "11A"], "11A"),
            (["23H", "13B", "13A", "120"], "120"),
            (["23H", "13B", "13A"], "13A"),
            (["23H", "11D", "13B"], "13B"),
            (["23H", "11D"], "11D"),
            (["520", "23H", "290"], "23H"),  # all 'other': the lowest code
            (["11C", "11A"], "11A"),
        ],
    )
    def test_the_most_serious_offence_stands_for_the_case(self, los_angeles, codes, kept):
        build = build_nibrs(los_angeles, *(nibrs(code=code) for code in codes))
        assert only(build)["offence_code"] == f"nibrs:{kept}"
        assert build.dropped == {"later_offence_of_case": len(codes) - 1}

    def test_an_unfounded_offence_does_not_stand_for_a_case(self, los_angeles):
        rows = [nibrs(code="09A", status_desc="Unfounded"), nibrs(code="120")]
        assert only(build_nibrs(los_angeles, *rows))["offence_code"] == "nibrs:120"

    @pytest.mark.parametrize(
        ("statuses", "cases"),
        [(["Invest Cont", "Unfounded"], 0), (["Unfounded", "Invest Cont"], 1)],
    )
    def test_of_an_offence_published_again_the_later_row_counts(self, los_angeles, statuses, cases):
        build = build_nibrs(los_angeles, *(nibrs(status_desc=status) for status in statuses))
        assert build.incidents.num_rows == cases
        assert build.dropped["duplicate_rows"] == 1

    def test_a_repeated_offence_is_a_repeat(self, los_angeles):
        build = build_nibrs(los_angeles, nibrs(), nibrs())
        assert build.dropped == {"duplicate_rows": 1}


class TestBothSystems:
    DAY = "2024-06-01T00:00:00.000"

    def build(self, city, legacy_rows, nibrs_rows):
        return build_incidents(
            city,
            {
                LEGACY: raw_of("lapd_legacy", *legacy_rows),
                NIBRS: raw_of("lapd_nibrs", *nibrs_rows),
            },
        )

    def test_a_case_in_both_counts_once_as_legacy(self, los_angeles):
        # 34.0453 and 34.0451 are both 34.045 to three decimals
        build = self.build(
            los_angeles,
            [legacy(date_occ=self.DAY)],
            [nibrs(date_occ=self.DAY, hndrdth_lat="34.0451")],
        )
        assert only(build)["era"] == "legacy"
        assert build.dropped == {"overlap_between_systems": 1}

    @pytest.mark.parametrize(
        "change",
        [
            {"date_occ": "2024-06-02T00:00:00.000"},
            {"time_occ": "2131"},
            {"nibr_code": "23H"},
            {"hndrdth_lat": "34.0473"},
            {"hndrdth_lon": "-118.2487"},
            {"hndrdth_lat": "0", "hndrdth_lon": "0"},
        ],
    )
    def test_what_differs_in_day_class_or_place_is_another_case(self, los_angeles, change):
        row = {**nibrs(date_occ=self.DAY), **change}
        build = self.build(los_angeles, [legacy(date_occ=self.DAY)], [row])
        assert build.incidents.num_rows == 2
        assert build.dropped == {}

    def test_an_act_against_a_person_is_one_case_under_either_name(self, los_angeles):
        row = nibrs(code="120", date_occ=self.DAY)
        build = self.build(los_angeles, [legacy(date_occ=self.DAY)], [row])
        assert only(build)["offence_class"] == "aggravated_assault"
        assert build.dropped == {"overlap_between_systems": 1}

    def test_one_legacy_case_accounts_for_one_nibrs_case(self, los_angeles):
        build = self.build(
            los_angeles,
            [legacy(date_occ=self.DAY)],
            [nibrs(number, date_occ=self.DAY) for number in ("3", "1", "2")],
        )
        assert build.incidents["incident_id"].to_pylist() == [
            "lapd:200100001", "nibrs:2", "nibrs:3",
        ]  # fmt: skip
        assert build.dropped == {"overlap_between_systems": 1}

    def test_repeats_within_one_system_are_no_overlap(self, los_angeles):
        build = build_nibrs(los_angeles, nibrs("1"), nibrs("2"))
        assert build.incidents.num_rows == 2

    def test_every_row_is_accounted_for(self, los_angeles):
        rng = np.random.default_rng(7)
        days = [f"2024-{m:02d}-{d:02d}T00:00:00.000" for m in range(1, 13) for d in (1, 2)]
        spots = [("34.045", "-118.25"), ("34.1", "-118.3"), ("0", "0")]
        lapd, offences = [], []
        for _ in range(400):
            day, spot = days[rng.integers(24)], spots[rng.integers(3)]
            number = str(rng.integers(150))
            lapd.append(legacy(number, date_occ=day, lat=spot[0], lon=spot[1]))
            code = ("13A", "120", "23H")[rng.integers(3)]
            offences.append(
                nibrs(number, code, date_occ=day, hndrdth_lat=spot[0], hndrdth_lon=spot[1])
            )
        build = self.build(los_angeles, lapd, offences)
        assert build.rows_in == 800
        assert build.incidents.num_rows + sum(build.dropped.values()) == 800
        assert {
            "duplicate_rows", "later_offence_of_case", "overlap_between_systems", "outside_splice",
        } == set(build.dropped)  # fmt: skip

    def test_the_order_of_the_raw_rows_does_not_matter_to_the_cases(self, los_angeles):
        rows = [nibrs("1", code) for code in ("23H", "120", "13A")] + [nibrs("2")]
        assert build_nibrs(los_angeles, *rows).incidents.equals(
            build_nibrs(los_angeles, *reversed(rows)).incidents
        )


class TestEdges:
    def test_no_tables_make_no_incidents(self, los_angeles):
        build = build_incidents(los_angeles, {})
        assert (build.rows_in, build.incidents.num_rows, build.dropped) == (0, 0, {})

    def test_empty_tables_make_no_incidents(self, los_angeles):
        tables = {LEGACY: raw_of("lapd_legacy"), NIBRS: raw_of("lapd_nibrs")}
        build = build_incidents(los_angeles, tables)
        assert (build.rows_in, build.incidents.num_rows, build.dropped) == (0, 0, {})

    def test_an_empty_table_beside_a_full_one(self, los_angeles):
        tables = {LEGACY: raw_of("lapd_legacy", legacy()), NIBRS: raw_of("lapd_nibrs")}
        assert only(build_incidents(los_angeles, tables))["era"] == "legacy"

    def test_a_raw_table_without_a_column(self, los_angeles):
        table = raw_of("lapd_legacy", legacy()).drop_columns(["lat", "crm_cd"])
        with pytest.raises(SchemaDrift, match="Raw table of 2nrs-mtv8 lacks crm_cd, lat"):
            build_incidents(los_angeles, {LEGACY: table})

    def test_a_dataset_the_city_does_not_have(self, los_angeles):
        with pytest.raises(InvalidRequest, match="ijzp-q8t2"):
            build_incidents(los_angeles, {CHICAGO: raw_of("chicago", chicago_row())})
