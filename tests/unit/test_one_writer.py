"""The turns of requests that write, in an API server whose metadata are in SQLite."""

import asyncio

import pytest

from tests.plugins import import_plugin


@pytest.fixture(scope="module")
def plugin(airflow_home):
    return import_plugin("one_writer")


def answered_together(plugin, *methods, fails=()):
    """Ask all at once; return how many were being answered as each began."""
    open_now, seen = [], []

    async def application(scope, receive, send):
        open_now.append(scope)
        seen.append(len(open_now))
        await asyncio.sleep(0)
        open_now.remove(scope)
        if scope["method"] in fails:
            raise ValueError

    async def ask():
        server = plugin.OneWriter(application)
        scopes = [{"type": "http", "method": method} for method in methods]
        asked = (server(scope, None, None) for scope in scopes)
        await asyncio.gather(*asked, return_exceptions=True)

    asyncio.run(ask())
    return seen


def test_requests_that_write_are_answered_one_after_another(plugin):
    assert answered_together(plugin, "POST", "PATCH", "PUT", "DELETE") == [1, 1, 1, 1]


def test_readers_wait_for_nobody(plugin):
    assert answered_together(plugin, "POST", "GET", "HEAD", "GET") == [1, 2, 3, 4]


def test_a_request_that_fails_ends_its_turn(plugin):
    assert answered_together(plugin, "POST", "POST", "POST", fails={"POST"}) == [1, 1, 1]


def test_the_server_starts_and_ends_as_without_it(plugin):
    asked = []

    async def application(scope, receive, send):
        asked.append(scope["type"])

    asyncio.run(plugin.OneWriter(application)({"type": "lifespan"}, None, None))
    assert asked == ["lifespan"]


@pytest.mark.parametrize(
    ("database", "is_needed"),
    [("sqlite:////airflow.db", True), ("postgresql+psycopg2://airflow@db/airflow", False)],
)
def test_only_sqlite_needs_it(plugin, monkeypatch, database, is_needed):
    monkeypatch.setenv("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", database)
    assert plugin.is_in_sqlite() is is_needed
