"""The page's own app, as a viewer who is logged in sees it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pipeline.results.store.reader import ResultsReader
from tests.plugins import import_plugin
from tests.services import wait_for


def plugin_app() -> Any:
    """Return the FastAPI app that Airflow mounts. Set AIRFLOW_HOME before."""
    return import_plugin("hotspots_ui.api", _create_auth_manager).app


def _create_auth_manager() -> None:
    from airflow.api_fastapi.app import create_auth_manager

    create_auth_manager()


def for_viewer(app: Any) -> Any:
    """Return an app behind a user, who comes to it as from Airflow's own middleware."""
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
    from airflow.api_fastapi.core_api.security import USER_INJECTED_BY_TRUSTED_MIDDLEWARE

    viewer = SimpleAuthManagerUser(username="viewer", role="VIEWER")
    state = {"user": viewer, "user_authenticated_via": USER_INJECTED_BY_TRUSTED_MIDDLEWARE}

    async def served(scope: Any, receive: Any, send: Any) -> None:
        await app({**scope, "state": {**state}}, receive, send)

    return served


def page_answers(database: str, city: str) -> dict[str, bytes]:
    """Return what the page's API answers a viewer of a city's newest week, by address.

    Set AIRFLOW_HOME before.
    """
    app = plugin_app()
    from fastapi.testclient import TestClient
    from hotspots_ui import answering

    app.dependency_overrides[answering.results] = lambda: ResultsReader(database)
    answering.FRESH_S = 1e-9  # ask the store each time whether anything changed
    found = ResultsReader(database).latest(city)
    week = f"/v1/weeks/{found.record.weeks.target_week}"
    asked = [
        "/v1/weeks", f"{week}/forecast", f"{week}/health", f"{week}/checks.html",
        f"{week}/downloads/csv", f"{week}/downloads/geojson", f"{week}/report", "/v1/scores",
        "/v1/geometry", f"/v1/models/{found.record.model_version}/card",
    ]  # fmt: skip
    client = TestClient(for_viewer(app))
    answers = {path: client.get(path, params={"city": city}) for path in asked}
    app.dependency_overrides.clear()
    refused = {path: answer.text for path, answer in answers.items() if not answer.is_success}
    assert not refused, refused
    return {path: answer.content for path, answer in answers.items()}


@contextmanager
def served_page(database: str, prefix: str = "") -> Iterator[str]:
    """Serve the page of a store on loopback and give its address. Set AIRFLOW_HOME before.

    Args:
        database: address of the store.
        prefix: of the page's path, such as Airflow's `/hotspots`; none by default.
    """
    import uvicorn
    from starlette.applications import Starlette
    from starlette.routing import Mount

    app = plugin_app()
    from hotspots_ui import answering

    app.dependency_overrides[answering.results] = lambda: ResultsReader(database)
    answering.FRESH_S = 1e-9  # ask the store each time whether anything changed
    served = Starlette(routes=[Mount(prefix, for_viewer(app))]) if prefix else for_viewer(app)
    config = uvicorn.Config(served, port=0, log_level="warning", ws="none", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    wait_for(lambda: server.started, 60, "the page")
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()
    app.dependency_overrides.clear()
