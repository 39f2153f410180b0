"""Every incident check against a fixture that fails it, and what the gate then does."""

import json
import re
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from pipeline.domain.city import City, load_city
from pipeline.domain.columns import INCIDENTS, QUARANTINE
from pipeline.domain.errors import QualityGateFailed, StaleData
from pipeline.quality import gate, measures
from pipeline.quality.gate import check_incidents, health_rows, judge_incidents
from pipeline.quality.rules import RULES
from tests.unit.quality.quality_samples import A_DAY, AS_OF, LAST_DAY, good_incidents

SHARED = Path(__file__).resolve().parents[3].parent / "shared" / "data" / "los_angeles"

# Check -> what is wrong with one row. Every row is otherwise good.
BAD_ROWS = {
    "incident_unique": {"incident_id": "nibrs:000000"},
    "incident_required_values": {"dataset": None},
    "occurred_on_range": {"occurred_on": date(1900, 1, 1), "reported_on": None},
    "reported_on_range": {"reported_on": AS_OF + timedelta(days=1)},
    "reported_after_occurred": {"reported_on": date(2026, 8, 1)},
    "era_vocabulary": {"era": "paper"},
    "location_status_vocabulary": {"location_status": "lost", "lat": None, "lon": None},
    "coordinates_match_status": {"location_status": "missing"},
    "coordinates_in_box": {"lat": 34.44},  # 34.33731 + 0.1 = 34.43731
    "area_number": {"area": 22},
    "offence_code_form": {"offence_code": "13A"},
    "offence_class_vocabulary": {"offence_class": "jaywalking"},
}


def with_bad_rows(frame: pd.DataFrame) -> dict[str, int]:
    """Spoil one row per check, from row 100 on, and return its number."""
    frame["area"] = frame["area"].astype("object")
    at = {check: 100 + k for k, check in enumerate(BAD_ROWS)}
    for check, changes in BAD_ROWS.items():
        for column, value in changes.items():
            frame.loc[at[check], column] = value
    frame["area"] = frame["area"].astype("Int32")
    return at


@pytest.fixture(scope="module")
def spoilt(city, incidents_table, tmp_path_factory):
    frame = good_incidents(city)
    at = with_bad_rows(frame)
    docs = tmp_path_factory.mktemp("docs") / "incidents"
    table = incidents_table(frame)
    return (
        table,
        at,
        check_incidents(city, table, issue_date=AS_OF, known_through=LAST_DAY, docs_dir=docs),
    )


@pytest.mark.parametrize("rows", [0, 95, 105, 110, 1260])
def test_rows_judged_with_others_come_to_what_they_come_to_alone(city, spoilt, rows):
    table, _, _ = spoilt
    # Row 100 repeats the number of row 0: among the first 95 that is no fault of row 0.
    judged = judge_incidents(city, table, issue_date=AS_OF)
    first, issue_date = table.slice(0, rows), AS_OF - timedelta(days=(1260 - rows) // A_DAY)
    alone, with_others = (come_to(city, first, issue_date, given) for given in (None, judged))
    assert with_others == alone


def come_to(city: City, table: pa.Table, issue_date: date, judged) -> tuple:
    try:
        report = check_incidents(
            city,
            table,
            issue_date=issue_date,
            known_through=min(LAST_DAY, issue_date),
            docs_dir=None,
            judged=judged,
        )
    except QualityGateFailed as error:
        return (str(error),)
    return report.accepted.to_pylist(), report.quarantined.to_pylist(), report.checks


def outcomes(report) -> dict[str, str]:
    return {result.name: result.outcome for result in report.checks}


def run(city: City, table: pa.Table, issue_date: date = AS_OF):
    return check_incidents(
        city, table, issue_date=issue_date, known_through=LAST_DAY, docs_dir=None
    )


def stopped(city: City, table: pa.Table, kind=QualityGateFailed, issue_date: date = AS_OF) -> str:
    with pytest.raises(kind) as caught:
        run(city, table, issue_date)
    assert type(caught.value) is kind
    return str(caught.value)


def test_good_incidents_pass_every_check_and_come_out_as_they_went_in(
    city, incidents, incidents_table
):
    table = incidents_table(incidents)
    report = run(city, table)
    assert set(outcomes(report).values()) == {"pass"}
    assert list(outcomes(report)) == [r.check for r in RULES.values() if r.table == "incidents"]
    assert report.accepted.equals(table.cast(report.accepted.schema))
    assert report.quarantined.num_rows == 0
    assert report.docs_path is None


@pytest.mark.parametrize("check", list(BAD_ROWS))
def test_a_bad_row_is_quarantined_by_the_check_that_it_fails(spoilt, check):
    table, at, report = spoilt
    result = next(r for r in report.checks if r.name == check)
    assert (result.outcome, result.rows) == ("quarantine", 1)
    assert result.found == "1 of 1,260 rows"
    held = report.quarantined.to_pandas()
    held = held[held["reason"] == check]
    assert len(held) == 1
    row = table.slice(at[check], 1).to_pylist()[0]
    assert held["row_key"].iloc[0] == row["incident_id"]
    assert json.loads(held["row_json"].iloc[0])["offence_code"] == row["offence_code"]
    assert held["table_name"].iloc[0] == "incidents"


def test_accepted_and_quarantined_rows_add_up(spoilt):
    table, _, report = spoilt
    keys = set(report.quarantined["row_key"].to_pylist())
    # 1,260 rows came, 12 were spoilt, one for each check.
    assert len(keys) == 12
    assert report.accepted.num_rows == 1260 - 12
    assert report.accepted.num_rows + len(keys) == table.num_rows
    assert INCIDENTS.conform(report.accepted).num_rows == 1248
    assert QUARANTINE.conform(report.quarantined).num_rows == len(
        report.quarantined.group_by(list(QUARANTINE.key)).aggregate([])
    )


def test_data_docs_hold_counts_and_no_case_number_or_coordinate(spoilt):
    table, _, report = spoilt
    docs = report.docs_path.parent
    pages = "".join(page.read_text() for page in docs.rglob("*.html"))
    front = report.docs_path.read_text()
    links = re.findall(r'<a href="(validations/[^"]+)">Results of (\w+)</a>', front)
    assert [name for _, name in links] == ["incidents_rows", "incidents_schema", "incidents_table"]
    assert all((docs / link).is_file() for link, _ in links)
    assert RULES["coordinates_in_box"].meaning in pages
    assert "nibrs:000000" not in pages
    assert not re.search(r"(?<![\d:])34\.44", pages)  # but in the second of a run's name
    assert str(table["lat"][0].as_py())[:8] not in pages
    assert {path.suffix for path in docs.rglob("*") if path.is_file()} == {".html"}


def test_data_docs_load_nothing_from_elsewhere_and_run_nothing(spoilt):
    _, _, report = spoilt
    pages = [page.read_text() for page in report.docs_path.parent.rglob("*.html")]
    assert len(pages) == 7
    for page in pages:
        assert not re.search(r"<script|<link|<img|url\(|@import|<iframe", page)
        assert page.count("<style>") == 1


def test_a_second_run_of_a_week_writes_over_the_first(spoilt, city):
    table, _, first = spoilt
    docs = first.docs_path.parent
    pages = sorted(docs.rglob("*.html"))
    second = check_incidents(city, table, issue_date=AS_OF, known_through=LAST_DAY, docs_dir=docs)
    assert sorted(docs.rglob("*.html")) == pages
    # Front page, and of schema, rows and table the suite and its results.
    assert len(pages) == 1 + 3 * 2
    assert second.checks == first.checks
    assert second.quarantined.equals(first.quarantined)


def test_quarantine_names_every_row_and_every_check_it_failed(city, incidents, incidents_table):
    incidents.loc[[7, 9], "incident_id"] = incidents.loc[5, "incident_id"]
    incidents.loc[11, "incident_id"] = None
    incidents.loc[700, ["era", "offence_code"]] = ["paper", "13A"]
    # Half a point, and points of rows that should have none.
    incidents.loc[20, "lat"] = None
    incidents.loc[21, "lon"] = None
    incidents.loc[22, ["location_status", "lat"]] = ["withheld", None]
    incidents.loc[23, ["location_status", "lon"]] = ["withheld", None]
    table = incidents_table(incidents)
    in_chunks = pa.concat_tables([table.slice(0, 600), table.slice(600)])
    report = run(city, in_chunks)
    held = report.quarantined
    assert list(zip(held["row_key"].to_pylist(), held["reason"].to_pylist(), strict=True)) == [
        ("nibrs:000005 (row 7)", "incident_unique"),
        ("nibrs:000005 (row 9)", "incident_unique"),
        ("None (row 11)", "incident_required_values"),
        ("nibrs:000700", "era_vocabulary"),
        ("nibrs:000020", "coordinates_match_status"),
        ("nibrs:000021", "coordinates_match_status"),
        ("nibrs:000022", "coordinates_match_status"),
        ("nibrs:000023", "coordinates_match_status"),
        ("nibrs:000700", "offence_code_form"),
    ]
    assert report.accepted["incident_id"].to_pylist().count("nibrs:000005") == 1
    # 2 + 1 + 1 + 4 distinct rows.
    assert report.accepted.num_rows == 1260 - 8


def test_other_columns_or_types_stop_the_week(city, incidents, incidents_table):
    table = incidents_table(incidents)
    text = stopped(city, table.drop_columns(["lat"]))
    assert "incidents_schema: found lat missing; expected incident_id string" in text
    as_text = table["area"].cast(pa.string())
    text = stopped(city, table.set_column(7, "area", as_text))
    assert "found area string;" in text
    text = stopped(city, table.append_column("victim_age", as_text))
    assert "found victim_age unknown;" in text


def shift_areas(frame: pd.DataFrame, first: int, last: int) -> None:
    """File these reports at the other end of the city, in Topanga or in Harbor."""
    is_south = frame.loc[first:last, "lat"] < 34.1
    frame.loc[first:last, "area"] = np.where(is_south, 21, 5)


def hide_points(frame: pd.DataFrame, first: int, last: int) -> None:
    frame.loc[first:last, ["lat", "lon"]] = None
    frame.loc[first:last, "location_status"] = "missing"


def odd(frame: pd.DataFrame) -> pd.DataFrame:
    """Spoil the good table in every way that warns."""
    frame.loc[0:62, "era"] = "paper"
    shift_areas(frame, 63, 162)
    hide_points(frame, 200, 259)
    frame.loc[300:350, "area"] = pd.NA
    place = ["lat", "lon", "area"]
    frame.loc[400:450, place] = frame.loc[[1000] * 51, place].to_numpy()
    # 501, 503, … 799 become like the row before them, which is of the same day.
    repeats = frame.index[501:800:2]
    same = [*place, "offence_code"]
    frame.loc[repeats, same] = frame.loc[repeats - 1, same].to_numpy()
    frame.loc[:1219, "offence_class"] = "other"
    # The newest week is rows 1176 to 1259; it keeps 34 of 84.
    return frame.drop(frame.index[1180:1230])


# Of 1,260 - 50 = 1,210 rows 63 are quarantined; of the 1,147 accepted 60 have no point.
WARNINGS = {
    "incidents_quarantined": "5.21 %: 63 of 1,210 rows quarantined",
    # 1,087 - 51 without an area; the hundred shifted ones disagree.
    "division_agreement": "90.3 %: 936 of 1,036 located reports agree",
    # Of the 30 rows kept from 1230 on, 8 are 'other' too: 1,147 - 22.
    "known_codes": "98.1 %: 1,125 of 1,147 reports are 'other'",
    "weekly_volume": "40 %: 34 reports in the week of 2026-11-08, mean 84 and spread 0 of the 12",
    "missing_location": "5.23 %: 60 of 1,147 reports without a location",
    "missing_area": "4.45 %: 51 of 1,147 reports without a division",
    # Rows 400 to 450, and row 1000 itself.
    "point_spike": "4.78 %: 52 of 1,087 located reports on one point",
    # 150, and of the spike's 51 rows on five days 4 + 8 + 8 + 8 + 3 = 31 have the day's code twice.
    "repeated_reports": "16.7 %: 181 of 1,087 located reports like an earlier one",
}


@pytest.fixture(scope="module")
def odd_report(city, incidents_table):
    return run(city, incidents_table(odd(good_incidents(city))))


def test_warnings_stop_nothing(odd_report):
    warned = [name for name, outcome in outcomes(odd_report).items() if outcome == "warn"]
    assert warned == list(WARNINGS)
    assert odd_report.accepted.num_rows == 1147


@pytest.mark.parametrize("check", list(WARNINGS))
def test_a_warning_says_what_was_found(odd_report, check):
    result = next(r for r in odd_report.checks if r.name == check)
    assert result.found.startswith(WARNINGS[check])
    assert RULES[check].outcome == "warn"


def broken(frame: pd.DataFrame) -> pd.DataFrame:
    """Spoil the good table in every way that stops the week."""
    frame.loc[0:377, "era"] = "paper"
    shift_areas(frame, 378, 818)
    hide_points(frame, 819, 1103)
    frame["offence_class"] = "simple_assault"
    # The week before the newest is rows 1092 to 1175; it keeps 12 of 84.
    return frame.drop(frame.index[1104:1176])


# Of 1,260 - 72 = 1,188 rows 378 are quarantined, 810 accepted.
STOPS = {
    "incidents_quarantined_many": "31.8 %: 378 of 1,188 rows quarantined",
    # 810 - 285 without a point; the 441 shifted ones disagree.
    "division_mismatch": "16 %: 84 of 525 located reports agree",
    # 8 * 84 - 72.
    "target_present": "0 of 600 reports of the newest 8 weeks",
    # Weeks 0 to 3 are gone, of week 4 half; 5 to 12 are left before it.
    "weekly_collapse": "14 %: 12 reports in the week of 2026-11-01, mean 84 and spread 0 of the 8",
    "freshness_stale": "36 days: reports are complete through 2026-11-14",
    "missing_location_many": "35.2 %: 285 of 810 reports without a location",
}


@pytest.fixture(scope="module")
def stop_message(city, incidents_table):
    table = incidents_table(broken(good_incidents(city)))
    return stopped(city, table, issue_date=LAST_DAY + timedelta(days=36))


@pytest.mark.parametrize("check", list(STOPS))
def test_a_stop_says_what_was_found_and_what_to_do(stop_message, check):
    line = next(x for x in stop_message.splitlines() if x.strip().startswith(f"{check}: "))
    assert f"found {STOPS[check]}" in line
    assert line.endswith(RULES[check].action)


def test_a_failed_gate_names_the_city_the_table_and_every_stop(stop_message):
    first, *lines = stop_message.splitlines()
    assert first == (
        "Los Angeles, incidents of 2026-12-20: 6 check(s) stop the week; the last good forecast "
        "keeps serving."
    )
    assert [line.split(":")[0].strip() for line in lines] == list(STOPS)


def test_a_table_without_rows_stops_the_week(city, incidents, incidents_table):
    text = stopped(city, incidents_table(incidents.iloc[:0]))
    assert "incidents_not_empty: found 0 rows; expected at least 1." in text
    assert "1 check(s)" in text


def test_data_docs_are_written_before_a_stop(city, incidents, incidents_table, tmp_path):
    hide_points(incidents, 0, 377)
    with pytest.raises(QualityGateFailed, match=str(tmp_path / "index.html")):
        check_incidents(
            city,
            incidents_table(incidents),
            issue_date=AS_OF,
            known_through=LAST_DAY,
            docs_dir=tmp_path,
        )
    page = next((tmp_path / "validations").rglob("*table*/**/*.html")).read_text()
    assert RULES["missing_location_many"].meaning in page
    assert "Failed" in page


def test_a_late_newest_report_warns(city, incidents, incidents_table):
    # Los Angeles: 10 days of lag + 14 between refreshes = 24.
    report = run(city, incidents_table(incidents), LAST_DAY + timedelta(days=25))
    assert [n for n, o in outcomes(report).items() if o == "warn"] == ["freshness_late"]
    late = next(r for r in report.checks if r.name == "freshness_late")
    assert (late.found, late.expected) == (
        "25 days: reports are complete through 2026-11-14",
        "at most 24 days",
    )


def test_an_old_newest_report_alone_is_stale_data(city, incidents, incidents_table):
    table = incidents_table(incidents)
    text = stopped(city, table, StaleData, LAST_DAY + timedelta(days=36))
    found = "36 days: reports are complete through 2026-11-14; expected at most 35 days"
    assert f"freshness_stale: found {found}" in text
    assert text.startswith("Los Angeles, incidents of 2026-12-20: 1 check(s) stop the week")


def test_a_measure_that_crashes_stops_the_week(city, incidents, incidents_table, monkeypatch):
    def crash(evidence):
        raise ZeroDivisionError("nothing to divide by")

    spoilt = {**measures.INCIDENT_MEASURES, "missing_area_pct": crash}
    subject = gate._Subject(INCIDENTS, gate._INCIDENTS.frame, gate._INCIDENTS.row_checks, spoilt)
    monkeypatch.setattr(gate, "_INCIDENTS", subject)
    text = stopped(city, incidents_table(incidents))
    assert "missing_area: found the check itself failed: ZeroDivisionError: nothing" in text
    assert "1 check(s)" in text


def test_an_expectation_that_crashes_stops_the_week(city, incidents, incidents_table, monkeypatch):
    def frame_without_era(table, issue_date):
        return gate.frames.incident_frame(table, issue_date).drop(columns="era")

    spoilt = gate._Subject(
        INCIDENTS,
        frame_without_era,
        gate._INCIDENTS.row_checks,
        measures.INCIDENT_MEASURES,
    )
    monkeypatch.setattr(gate, "_INCIDENTS", spoilt)
    text = stopped(city, incidents_table(incidents))
    assert "era_vocabulary: found the check itself failed: " in text
    assert '"era"' in text


def test_small_inputs_of_a_city_without_divisions_pass(incidents, incidents_table):
    chicago = load_city("chicago")
    lat, lon = chicago.grid.centres()
    few = incidents.tail(5).assign(
        dataset="events", era="other", reported_on=None, area=pd.NA,
        offence_code="chicago:THEFT", offence_class="theft",
        lat=lat[30, 30:35], lon=lon[30, 30:35],
    )  # fmt: skip
    report = run(chicago, incidents_table(few), LAST_DAY + timedelta(days=8))
    assert set(outcomes(report).values()) == {"pass"}
    found = {result.name: result.found for result in report.checks}
    for check in ("area_number", "division_agreement", "missing_area", "weekly_volume",
                  "missing_location", "point_spike", "target_present"):  # fmt: skip
        assert found[check] == "not applicable"


def test_a_city_without_a_code_map_takes_any_class_and_scheme(city, incidents, incidents_table):
    bare = city.model_copy(
        update={"offences": city.offences.model_copy(update={"codes": {}}), "datasets": ()}
    )
    incidents["offence_code"] = "my_town:" + incidents["offence_class"]
    report = run(bare, incidents_table(incidents.assign(offence_class="robbery")))
    assert outcomes(report)["offence_code_form"] == "pass"
    vocabulary = next(r for r in report.checks if r.name == "offence_class_vocabulary")
    assert (vocabulary.outcome, vocabulary.found) == ("pass", "not applicable")
    dates = next(r for r in report.checks if r.name == "occurred_on_range")
    assert dates.expected == "2001-01-01 to 2026-11-24"


def test_health_rows_hold_every_check(spoilt):
    _, _, report = spoilt
    rows = health_rows(report)
    assert len(rows) == len(report.checks)
    era = next(row for row in rows if row["name"] == "era_vocabulary")
    assert era == {
        "name": "era_vocabulary",
        "table": "incidents",
        "outcome": "quarantine",
        "found": "1 of 1,260 rows",
        "expected": "legacy, nibrs, other",
        "rows": 1,
    }


def real_incidents(city: City) -> pd.DataFrame:
    raw = pd.read_parquet(SHARED / "crime_2023q1_partial.parquet")
    code = "lapd:" + raw["crm_cd"].astype(str)
    offence_class = code.map(city.offences.class_of()).fillna("other")
    is_withheld = offence_class.isin(city.offences.citywide_only)
    return pd.DataFrame(
        {
            "incident_id": "lapd:" + raw["dr_no"].astype(str),
            "dataset": "2nrs-mtv8",
            "era": "legacy",
            "occurred_on": pd.to_datetime(raw["date_occ"]).dt.date,
            "reported_on": pd.to_datetime(raw["date_rptd"]).dt.date,
            "offence_code": code,
            "offence_class": offence_class,
            "area": raw["area"].astype("Int32"),
            "lat": raw["lat"].mask(is_withheld),
            "lon": raw["lon"].mask(is_withheld),
            "location_status": np.where(is_withheld, "withheld", "located"),
        }
    )


def test_a_real_quarter_passes(city, incidents_table):
    if not SHARED.is_dir():
        pytest.skip("the real reports are not beside this checkout")
    report = run(city, incidents_table(real_incidents(city)), date(2023, 4, 12))
    assert set(outcomes(report).values()) == {"pass"}
    assert report.accepted.num_rows == 48_494
    agreement = next(r for r in report.checks if r.name == "division_agreement")
    # 98.7 % lie in their division's polygon; one cell of tolerance lets in most of the rest.
    assert 98.7 <= float(agreement.found.split(" %")[0]) <= 100
