"""Each fault shows as sources were seen to fail, on the requests it is meant for, and no longer."""

import time
from datetime import UTC, datetime

import pytest
import requests

from pipeline.domain.errors import InvalidRequest
from pipeline.replay.faults import MEANINGS, FaultName
from tests.unit.replay.conftest import LEGACY, NIBRS, ROWS, UPDATED

METADATA = f"/data.lacity.org/api/views/{LEGACY}.json"
RESOURCE = f"/data.lacity.org/resource/{LEGACY}.json"
ORDERED = {"$order": ":id"}


def test_every_fault_has_a_meaning():
    assert set(MEANINGS) == set(FaultName)


@pytest.mark.parametrize(
    ("name", "status"), [("error_500", 500), ("error_503", 503), ("moved_403", 403)]
)
def test_failing_answers_end_after_their_times(server, get, name, status):
    server.set_fault(name, times=2)
    answers = [get(METADATA) for _ in range(3)]
    assert [a.status_code for a in answers] == [status, status, 200]
    assert answers[0].json()["error"] is True


def test_throttled_says_when_to_come_back(server, get):
    server.set_fault("throttled", times=1, seconds=7)
    answer = get(METADATA)
    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "7"


def test_weather_service_fails_as_problem_json(server, get):
    server.set_fault("error_500", times=1)
    answer = get("/api.weather.gov/points/34.05,-118.24")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["status"] == 500


def test_slow(server, get):
    server.set_fault("slow", times=1, seconds=0.2)
    start = time.monotonic()
    assert get(METADATA).status_code == 200
    assert time.monotonic() - start >= 0.2


def test_cut_body_announces_more_than_it_sends(server, session, get):
    server.set_fault("cut_body", times=1)
    with pytest.raises((requests.exceptions.ChunkedEncodingError, requests.ConnectionError)):
        get(METADATA)
    assert get(METADATA).json()["id"] == LEGACY


def test_duplicates_come_only_without_order(server, get):
    server.set_fault("duplicates_without_order")
    loose = [row["dr_no"] for row in get(RESOURCE).json()]
    assert len(loose) == ROWS
    assert len(set(loose)) == 23  # a tenth of 25, rounded down, repeat others
    strict = [row["dr_no"] for row in get(RESOURCE, **ORDERED).json()]
    assert len(set(strict)) == ROWS


def test_renamed_column(server, get):
    server.set_fault("renamed_column")
    names = [column["fieldName"] for column in get(METADATA).json()["columns"]]
    assert "date_occ" not in names
    assert "occurred_date" in names
    answer = get(RESOURCE, **{"$select": "date_occ"})
    assert answer.status_code == 400
    assert answer.json()["code"] == "query.soql.no-such-column"


def test_empty_page_spares_the_count(server, get):
    server.set_fault("empty_page", times=1)
    assert get(RESOURCE, **{"$select": "count(*) as n"}).json() == [{"n": str(ROWS)}]
    assert get(RESOURCE, **ORDERED).json() == []
    assert len(get(RESOURCE, **ORDERED).json()) == ROWS


def test_acis_error_comes_with_status_200(server, session, get):
    server.set_fault("acis_error_in_200", times=1)
    assert get(METADATA).status_code == 200
    body = {"sid": "KLAX 5", "sdate": "2026-11-20", "edate": "2026-11-20", "elems": ["maxt"]}
    url = f"{server.url}/data.rcc-acis.org/StnData"
    first, second = (session.post(url, json=body, timeout=10) for _ in range(2))
    assert first.status_code == 200
    assert "error" in first.json()
    assert "data" in second.json()


def test_late_revision_adds_old_reports_and_moves_the_update_time(server, session, short_city):
    server.source = short_city
    get = lambda path, **p: session.get(server.url + path, params=p, timeout=10).json()  # noqa: E731
    path = f"/data.lacity.org/resource/{LEGACY}.json"
    before = int(get(path, **{"$select": "count(*) as n"})[0]["n"])
    server.set_fault("late_revision", times=1)
    for _ in range(2):  # lasts until cleared, so that counts and pages agree
        assert int(get(path, **{"$select": "count(*) as n"})[0]["n"]) == before + 200
    tail = get(path, **{"$order": ":id", "$offset": before, "$limit": 500})
    assert len(tail) == 200
    published = short_city.datasets[LEGACY]
    newest = max(published.table["date_occ"].to_pylist())
    ages = {(newest - datetime.fromisoformat(row["date_occ"])).days for row in tail}
    assert min(ages) > 35
    assert max(ages) < 70
    moved = datetime.fromtimestamp(get(METADATA)["rowsUpdatedAt"], UTC)
    assert (moved - published.updated_at).total_seconds() == 3600


def test_late_revision_of_an_empty_dataset_changes_nothing(server, get):
    server.set_fault("late_revision")
    body = get(f"/data.lacity.org/api/views/{NIBRS}.json").json()
    assert body["rowsUpdatedAt"] == int(UPDATED.timestamp())


def test_match_narrows_a_fault(server, get):
    server.set_fault("error_500", match="/api/views/")
    assert get(METADATA).status_code == 500
    assert get(RESOURCE).status_code == 200


def test_faults_over_http(server, session):
    url = f"{server.url}/_replay/faults"
    body = {"name": "error_503", "times": 2, "match": LEGACY}
    listed = session.post(url, json=body, timeout=10).json()
    assert [(f["name"], f["times"], f["match"]) for f in listed] == [("error_503", 2, LEGACY)]
    assert session.get(url, timeout=10).json() == listed
    assert session.delete(url, timeout=10).json() == []


@pytest.mark.parametrize("body", ['{"name": "meteor"}', "no json", '{"name": "slow", "depth": 3}'])
def test_a_fault_that_does_not_exist_is_refused(server, session, body):
    answer = session.post(f"{server.url}/_replay/faults", data=body, timeout=10)
    assert answer.status_code == 400
    assert answer.json()["error"]


def test_unknown_fault_names_the_known_ones(server):
    with pytest.raises(InvalidRequest, match="throttled"):
        server.set_fault("meteor")
