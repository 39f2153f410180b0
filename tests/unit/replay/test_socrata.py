"""The replayed portal speaks Socrata."""

import json

import pytest

from tests.unit.replay.conftest import LEGACY, NIBRS, ROWS

ORDERED = {"$order": ":id"}


def test_metadata_give_columns_types_and_update_time(get):
    answer = get(f"/data.lacity.org/api/views/{LEGACY}.json")
    body = answer.json()
    assert body["id"] == LEGACY
    assert body["name"] == f"Title of {LEGACY}"
    assert body["rowsUpdatedAt"] == 1795547916  # 2026-11-24 19:18:36 UTC
    types = {column["fieldName"]: column["dataTypeName"] for column in body["columns"]}
    assert types["date_occ"] == "calendar_date"
    assert types["lat"] == types["part_1_2"] == "number"
    assert types["crm_cd"] == "text"
    assert answer.headers["X-Hotspots-Provenance"] == "recorded"


def test_rows_are_strings_and_nulls_are_left_out(rows):
    third = rows(**ORDERED).json()[2]
    assert third == {
        "dr_no": "230000002", "date_rptd": "2023-03-03T00:00:00.000",
        "date_occ": "2023-03-03T00:00:00.000", "time_occ": "0930", "area": "03",
        "area_name": "Southwest", "rpt_dist_no": "0396", "part_1_2": "1", "crm_cd": "510",
        "crm_cd_desc": 'SO-CALLED "CODE"', "lat": "34.01", "lon": "-118.2811",
    }  # fmt: skip


def test_selection_may_hold_system_columns(rows):
    first = rows(**{"$select": ":id,:updated_at,dr_no", **ORDERED}).json()[0]
    assert first == {
        ":id": "row-00000000",
        ":updated_at": "2026-11-24T19:18:36.000Z",
        "dr_no": "230000000",
    }


@pytest.mark.parametrize(
    ("select", "name"), [("count(*) as n", "n"), ("count(*)", "count"), ("COUNT(*) AS k", "k")]
)
def test_count_is_a_string(rows, select, name):
    assert rows(**{"$select": select}).json() == [{name: str(ROWS)}]


@pytest.mark.parametrize(
    ("where", "count"),
    [
        ("date_occ >= '2023-03-02' AND date_occ < '2023-03-05T00:00:00'", 3),  # 2, 3, 4 March
        ("date_occ>='2023-03-02T00:00:00.000' and crm_cd = '230'", 4),  # k = 5, 10, 15, 20
        ("date_occ <= '2023-03-01'", 1),
        ("crm_cd != '230'", 20),
        ("status = 'IC'", 24),  # the null one is not equal
        ("part_1_2 > 1", 0),
        ("lat = 34.01 AND area_name = 'Southwest'", 25),
        (":updated_at > '2026-11-01T00:00:00'", 25),
        (":updated_at > '2026-12-01T00:00:00'", 0),
    ],
)
def test_where(rows, where, count):
    assert rows(**{"$select": "count(*) as n", "$where": where}).json() == [{"n": str(count)}]


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"$where": "date_occ between '2023-01-01' and '2023-02-01'"}, "query.compiler.malformed"),
        ({"$where": "crm_cd = '230' or crm_cd = '510'"}, "query.compiler.malformed"),
        ({"$where": "crm_cd in ('230')"}, "query.compiler.malformed"),
        ({"$where": "crm_cd = 230"}, "query.soql.type-mismatch"),
        ({"$where": "date_occ > 'yesterday'"}, "query.soql.type-mismatch"),
        ({"$where": ":id > 'row'"}, "query.soql.type-mismatch"),
        ({"$where": "vict_age > 18"}, "query.soql.no-such-column"),
        ({"$select": "vict_age"}, "query.soql.no-such-column"),
        ({"$select": "max(lat)"}, "query.compiler.malformed"),
        ({"$order": "vict_age"}, "query.soql.no-such-column"),
        ({"$order": "lat sideways"}, "query.compiler.malformed"),
        ({"$limit": "50001"}, "query.execution.limit"),
        ({"$limit": "ten"}, "query.compiler.malformed"),
        ({"$group": "area"}, "query.soql.unknown-parameter"),
        ({"area": "03"}, "query.soql.unknown-parameter"),
    ],
)
def test_what_a_sound_client_does_not_ask_is_refused(rows, params, code):
    answer = rows(**params)
    assert answer.status_code == 400
    assert answer.json()["error"] is True
    assert answer.json()["code"] == code


def test_pages_in_order_hold_every_row_once(rows):
    pages = [rows(**ORDERED, **{"$limit": 10, "$offset": k}).json() for k in (0, 10, 20, 30)]
    assert [len(page) for page in pages] == [10, 10, 5, 0]
    keys = [row["dr_no"] for page in pages for row in page]
    assert keys == [f"23{k:07d}" for k in range(ROWS)]


def test_pages_without_order_overlap(rows):
    pages = [rows(**{"$limit": 13, "$offset": k}).json() for k in (0, 13)]
    keys = [row["dr_no"] for page in pages for row in page]
    assert len(keys) == ROWS
    assert len(set(keys)) < ROWS


@pytest.mark.parametrize(
    ("order", "first"),
    [
        ("date_occ desc", "230000024"),
        (":id desc", "230000024"),
        (":updated_at, :id", "230000000"),
        ("crm_cd DESC, date_occ", "230000001"),  # 510 first, the earliest of them is k = 1
    ],
)
def test_order(rows, order, first):
    assert rows(**{"$order": order}).json()[0]["dr_no"] == first


def test_default_limit_is_1000(server, session, short_city):
    server.source = short_city
    url = f"{server.url}/data.lacity.org/resource/{LEGACY}.json"
    assert len(session.get(url, timeout=10).json()) == 1000


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/data.lacity.org/resource/abcd-1234.json", 404),
        ("/data.lacity.org/api/views/abcd-1234.json", 404),
        ("/data.lacity.org/somewhere", 404),
        ("/data.lacity.org/resource/y8y3-fqfu.json", 403),
    ],
)
def test_datasets_that_are_not_there(get, path, status):
    answer = get(path)
    assert answer.status_code == status
    assert answer.json()["error"] is True


def test_a_dataset_without_rows_answers_empty(get):
    assert get(f"/data.lacity.org/resource/{NIBRS}.json", **ORDERED).json() == []


def ask_soda3(server, session, body, token="token"):
    headers = {"X-App-Token": token} if token else {}
    url = f"{server.url}/data.lacity.org/api/v3/views/{LEGACY}/query.json"
    data = body if isinstance(body, str) else json.dumps(body)
    return session.post(url, data=data, headers=headers, timeout=10)


def test_soda3_pages_count_from_one(server, session):
    query = "SELECT dr_no WHERE crm_cd = '230' ORDER BY :id"
    pages = [
        ask_soda3(
            server, session, {"query": query, "page": {"pageNumber": k, "pageSize": 3}}
        ).json()
        for k in (1, 2, 3)
    ]
    assert [[row["dr_no"][-2:] for row in page] for page in pages] == [
        ["00", "05", "10"],
        ["15", "20"],
        [],
    ]


def test_soda3_orders_by_itself_counts_and_limits(server, session):
    assert ask_soda3(server, session, {"query": "select count(*) as n"}).json() == [{"n": "25"}]
    answer = ask_soda3(server, session, {"query": "SELECT dr_no LIMIT 2 OFFSET 1"})
    assert [row["dr_no"] for row in answer.json()] == ["230000001", "230000002"]


@pytest.mark.parametrize(
    ("body", "token", "status"),
    [
        ({"query": "SELECT dr_no"}, None, 403),
        ({"query": "DELETE everything"}, "token", 400),
        ("no json", "token", 400),
        ({"page": {}}, "token", 400),
    ],
)
def test_soda3_refuses(server, session, body, token, status):
    answer = ask_soda3(server, session, body, token)
    assert answer.status_code == status
    assert answer.json()["error"] is True
