"""Lets requests that write take turns where Airflow keeps its metadata in SQLite.

Airflow 3.3 commits its audit log of what users did on the API server's event loop. While another
request's transaction is open, that commit waits for SQLite's one writer, and the writer for the
same loop to commit: nobody is answered until SQLite gives up, and what was asked for fails.
"""

from asyncio import Lock
from typing import Any

from airflow.configuration import conf
from airflow.plugins_manager import AirflowPlugin

READING = {"GET", "HEAD", "OPTIONS"}


class OneWriter:
    """Middleware of the API server: who may write waits until the one before has been answered."""

    def __init__(self, app: Any) -> None:  # noqa: ANN401 - as ASGI has it
        """Wrap an ASGI application."""
        self._app, self._turn = app, Lock()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401
        """Answer a request, in its turn."""
        if scope["type"] != "http" or scope["method"] in READING:
            await self._app(scope, receive, send)
        else:
            async with self._turn:
                await self._app(scope, receive, send)


def is_in_sqlite() -> bool:
    """Return whether Airflow keeps its metadata in SQLite."""
    return str(conf.get("database", "sql_alchemy_conn")).startswith("sqlite")


class OneWriterPlugin(AirflowPlugin):
    """Makes the API server use `OneWriter`, where it is needed."""

    name = "one_writer"
    fastapi_root_middlewares = (  # as Airflow declares it
        [{"middleware": OneWriter, "name": "one writer"}] if is_in_sqlite() else []
    )
