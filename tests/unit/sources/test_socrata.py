from datetime import UTC, datetime

import pytest
from pydantic import SecretStr

from pipeline.domain.errors import DatasetMoved, InvalidRequest, SchemaDrift, SourceUnavailable
from pipeline.settings import Settings
from pipeline.sources.http import TRIES, HttpClient
from pipeline.sources.socrata import PULLS, SocrataDataset
from tests.unit.sources.conftest import TOKEN, FakePortal, Reply

HOST = "https://data.lacity.org"
ID = "2nrs-mtv8"


def some_rows(count):
    return [{"dr_no": f"{k:09d}", "area": str(1 + k % 21)} for k in range(count)]


@pytest.fixture
def portal(loopback):
    return FakePortal(loopback, "data.lacity.org", ID, ["dr_no", "area", "lat"], some_rows(250))


@pytest.fixture
def dataset(http, settings):
    return SocrataDataset(http, settings, HOST, ID)


def test_metadata_give_columns_and_time_of_update(portal, dataset, loopback):
    assert dataset.column_names() == {"dr_no", "area", "lat"}
    assert dataset.updated_at() == datetime.fromtimestamp(1_790_709_516, UTC)
    assert loopback.paths() == [portal.metadata_path]  # asked for once


@pytest.mark.parametrize("stamp", [None, "1790709516", 1e20, 10**30, -5, True, 1_790_709_516_000])
def test_a_stamp_that_is_no_time_is_told_and_counts_as_none(portal, dataset, http, stamp):
    portal.metadata["rowsUpdatedAt"] = stamp
    assert dataset.updated_at() is None
    assert "rowsUpdatedAt" in http.notes[0]
    assert len(http.notes[0]) < 200


def test_metadata_of_another_shape_are_asked_for_again(portal, dataset, loopback, http):
    loopback.script(portal.metadata_path, Reply([]), Reply(portal.metadata))
    assert dataset.column_names() == {"dr_no", "area", "lat"}
    assert "not an object" in http.notes[0]


@pytest.mark.parametrize("columns", [None, "dr_no", [None], [["dr_no"]]])
def test_metadata_without_a_list_of_columns_are_asked_for_again(
    portal, dataset, loopback, http, columns
):
    odd = Reply({**portal.metadata, "columns": columns})
    loopback.script(portal.metadata_path, odd, Reply(portal.metadata))
    assert dataset.column_names() == {"dr_no", "area", "lat"}
    assert "no list of columns" in http.notes[0]


def test_half_a_sign_costs_that_sign(portal, dataset):
    portal.rows[0]["area"] = "\ud83d Pier"
    table = dataset.fetch(["dr_no", "area"], "dr_no")
    assert table.num_rows == 250
    assert table["area"][0].as_py() == "? Pier"
    assert table["area"][1].as_py() == "2"


def test_json_nested_without_end_is_asked_for_again(portal, dataset, loopback, http):
    loopback.script(portal.path, Reply(raw=b"[" * 100_000), Reply([{"n": "3"}]))
    assert dataset.count() == 3
    assert "nested too deep" in http.notes[0]


def test_blanks_around_a_token_are_left_off(http, settings, portal):
    spaced = settings.model_copy(update={"socrata_token": SecretStr(f" {TOKEN}\n")})
    SocrataDataset(http, spaced, HOST, ID).count()
    assert portal.seen[0].headers["X-App-Token"] == TOKEN


@pytest.mark.parametrize("token", ["two words", "a\nb", "caf\u00e9", "a\x00b"])
def test_a_token_that_no_header_can_hold_is_refused_and_not_shown(http, settings, token):
    bad = settings.model_copy(update={"socrata_token": SecretStr(token)})
    with pytest.raises(InvalidRequest, match="HOTSPOTS_SOCRATA_TOKEN") as told:
        SocrataDataset(http, bad, HOST, ID)
    assert token not in str(told.value)


def test_counts_under_a_condition(portal, dataset):
    assert dataset.count("area = '1'") == 250
    assert portal.seen[0].query == {"$select": "count(*) as n", "$where": "area = '1'"}


@pytest.mark.parametrize(
    "answer",
    [
        [],
        [{}],
        [{"n": "many"}],
        {"n": "3"},
        [{"n": "\u00b2"}],
        [{"n": "\u0663"}],
        [{"n": "9" * 5_000}],
    ],
    ids=range(7),
)
def test_a_count_that_is_none_is_asked_for_again(portal, dataset, loopback, http, answer):
    loopback.script(portal.path, Reply(answer), Reply([{"n": "3"}]))
    assert dataset.count() == 3
    assert "not a count" in http.notes[0]


def test_fetches_every_page_in_order_and_drops_the_row_id(portal, dataset, http):
    table = dataset.fetch(["dr_no", "area"], "dr_no", "area is not null")
    assert table.column_names == ["dr_no", "area"]
    assert table.to_pylist() == some_rows(250)
    pages = [seen.query for seen in portal.seen if "$offset" in seen.query]
    assert [page["$offset"] for page in pages] == ["0", "100", "200"]
    assert pages[0] == {
        "$select": ":id,dr_no,area",
        "$where": "area is not null",
        "$order": ":id",
        "$limit": "100",
        "$offset": "0",
    }
    assert http.notes == []


def test_an_empty_dataset_is_an_empty_table(portal, dataset):
    portal.rows = []
    table = dataset.fetch(["dr_no", "lat"], "dr_no")
    assert (table.num_rows, table.column_names) == (0, ["dr_no", "lat"])


def test_a_page_capped_by_the_portal_is_not_the_end(portal, dataset):
    portal.largest_page = 60
    assert dataset.fetch(["dr_no"], "dr_no").num_rows == 250


def test_absent_fields_are_null_and_all_values_text(portal, dataset):
    portal.rows[0] |= {"lat": 34.5, "area": True}
    portal.rows[1].pop("area")
    table = dataset.fetch(["dr_no", "area", "lat"], "dr_no")
    assert table["lat"].to_pylist()[:2] == ["34.5", None]
    assert table["area"].to_pylist()[:2] == ["True", None]
    assert {str(kind) for kind in table.schema.types} == {"string"}


def test_rows_that_share_a_key_in_the_source_are_kept(portal, dataset):
    portal.rows[1]["dr_no"] = portal.rows[0]["dr_no"]
    assert dataset.fetch(["dr_no"], "dr_no").num_rows == 250


def test_the_token_goes_into_a_header_only(portal, dataset, http):
    dataset.fetch(["dr_no"], "dr_no")
    assert {seen.headers["X-App-Token"] for seen in portal.seen} == {TOKEN}
    assert all(TOKEN not in str(seen.query) for seen in portal.seen)
    assert TOKEN not in repr(dataset)


def test_without_token_no_header_is_sent(portal, loopback, fake_time):
    settings = Settings(_env_file=None, replay_url=loopback.url)
    http = HttpClient(settings, sleep=fake_time.sleep, clock=fake_time.clock)
    SocrataDataset(http, settings, HOST, ID).count()
    assert "X-App-Token" not in portal.seen[0].headers


def test_a_column_that_is_gone_is_named_with_those_that_are_there(portal, dataset):
    portal.metadata["columns"] = [{"fieldName": "dr_no"}, {"fieldName": "area_id"}]
    with pytest.raises(SchemaDrift, match=r"2nrs-mtv8 has no column area, lat; it has area_id, dr"):
        dataset.fetch(["dr_no", "area", "lat"], "dr_no")
    assert portal.seen == []


def test_a_row_without_its_key_costs_no_other(portal, dataset):
    portal.rows[7].pop("dr_no")
    assert dataset.fetch(["dr_no", "area"], "dr_no")["dr_no"].null_count == 1


def test_no_row_with_a_key_is_drift(portal, dataset):
    for row in portal.rows:
        row.pop("dr_no")
    with pytest.raises(SchemaDrift, match="none of 250 rows has a dr_no"):
        dataset.fetch(["dr_no", "area"], "dr_no")


def test_a_column_without_any_value_is_drift(portal, dataset):
    with pytest.raises(SchemaDrift, match="none of 250 rows has a value of lat"):
        dataset.fetch(["dr_no", "lat"], "dr_no")


def test_a_few_rows_without_a_value_prove_nothing(portal, dataset):
    portal.rows = portal.rows[:99]
    assert dataset.fetch(["dr_no", "lat"], "dr_no")["lat"].null_count == 99


def test_repeated_rows_are_pulled_again_and_then_refused(portal, dataset, loopback, http):
    def page_with_repeats(seen):
        reply = portal.answer(seen)
        rows = reply.json
        return Reply([*rows[:-1], rows[0]]) if "$offset" in seen.query else reply

    loopback.script(portal.path, page_with_repeats)
    with pytest.raises(SourceUnavailable, match=r"2nrs-mtv8.*3 pulls: 250 rows with 247 distinct"):
        dataset.fetch(["dr_no"], "dr_no")
    # each of the 3 pages repeats one row: 250 - 3 = 247
    assert len([note for note in http.notes if "pulled again" in note]) == PULLS


def test_a_change_in_mid_pull_is_pulled_again(portal, dataset, http):
    first_page = portal.page

    def page_while_a_row_is_added(seen):
        page = first_page(seen)
        portal.page = first_page
        portal.rows.append({":id": "row-999999", "dr_no": "new", "area": "1"})
        return page

    portal.page = page_while_a_row_is_added
    assert dataset.fetch(["dr_no"], "dr_no").num_rows == 251
    assert http.notes == ["2nrs-mtv8: count(*) went from 250 to 251 during the pull; pulled again"]


def test_an_empty_page_before_the_end_is_asked_for_again(portal, dataset, http):
    real_page = portal.page

    def empty_once(seen):
        if seen.query["$offset"] != "100":
            return real_page(seen)
        portal.page = real_page
        return []

    portal.page = empty_once
    assert dataset.fetch(["dr_no"], "dr_no").num_rows == 250
    assert "empty page at row 100, before the last" in http.notes[0]


def test_a_page_that_stays_empty_is_unavailable(portal, dataset):
    portal.page = lambda seen: []
    with pytest.raises(SourceUnavailable, match="empty page at row 0"):
        dataset.fetch(["dr_no"], "dr_no")
    assert len(portal.seen) == 1 + TRIES


def test_one_row_a_page_is_unavailable(portal, http, settings):
    wide = settings.model_copy(update={"page_rows": 50_000})
    portal.largest_page = 1
    with pytest.raises(SourceUnavailable, match="page of 1 rows at row 0, before the last"):
        SocrataDataset(http, wide, HOST, ID).fetch(["dr_no"], "dr_no")
    assert len(portal.seen) == 1 + TRIES


def test_a_count_beyond_any_dataset_is_refused_before_a_page(portal, dataset, loopback):
    loopback.script(portal.path, Reply([{"n": "999999999999"}]))
    with pytest.raises(SourceUnavailable, match="counts 999,999,999,999 rows"):
        dataset.fetch(["dr_no"], "dr_no")


def test_a_copy_that_is_out_of_date_is_read_again(portal, dataset, http, loopback):
    stale = [True]

    def answer(seen):
        old = {"X-SODA2-Data-Out-Of-Date": "true"} if stale and stale.pop() else {}
        return Reply(portal.answer(seen).json, headers=old)

    loopback.script(portal.path, answer)
    assert dataset.fetch(["dr_no"], "dr_no").num_rows == 250
    assert not dataset.is_out_of_date
    assert http.notes == ["2nrs-mtv8: the portal says that its answer is out of date; pulled again"]


def test_an_error_object_instead_of_rows_is_unavailable(portal, dataset):
    portal.page = lambda seen: {"error": True, "message": "timed out"}
    with pytest.raises(SourceUnavailable, match="not a list of rows"):
        dataset.fetch(["dr_no"], "dr_no")


def test_a_moved_dataset_says_so(dataset, loopback):
    loopback.script(f"/data.lacity.org/api/views/{ID}.json", Reply({"message": "log in"}, 403))
    with pytest.raises(DatasetMoved, match="log in"):
        dataset.updated_at()


class TestSoda3:
    @pytest.fixture
    def settings(self, loopback):
        return Settings(
            _env_file=None,
            replay_url=loopback.url,
            socrata_token=TOKEN,
            use_soda3=True,
            page_rows=100,
        )

    def test_asks_by_post_with_numbered_pages(self, portal, dataset, loopback):
        def answer(seen):
            if "count" in seen.body["query"]:
                return Reply([{"n": "250"}])
            page = seen.body["page"]
            start = (page["pageNumber"] - 1) * page["pageSize"]
            return Reply(portal.rows[start : start + page["pageSize"]])

        path = f"/data.lacity.org/api/v3/views/{ID}/query.json"
        loopback.script(path, answer)
        table = dataset.fetch(["dr_no"], "dr_no", "area > '0'")
        assert table["dr_no"].to_pylist() == [row["dr_no"] for row in some_rows(250)]
        asked = [seen.body for seen in loopback.seen if seen.path == path]
        assert asked[0] == {
            "query": "SELECT count(*) as n WHERE area > '0'",
            "includeSynthetic": False,
        }
        assert asked[2] == {
            "query": "SELECT :id,dr_no WHERE area > '0' ORDER BY :id",
            "includeSynthetic": False,
            "page": {"pageNumber": 2, "pageSize": 100},
        }
        assert dataset.count() == 250  # without a condition

    def test_needs_a_token(self, http):
        settings = Settings(_env_file=None, use_soda3=True)
        with pytest.raises(InvalidRequest, match="HOTSPOTS_SOCRATA_TOKEN"):
            SocrataDataset(http, settings, HOST, ID)
