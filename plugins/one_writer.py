"""Lets requests that write take turns where Airflow keeps its metadata in SQLite.

Airflow 3.3 commits its audit log of what users did on the API server's event loop. While another
request's transaction is open, that commit waits for SQLite's one writer, and the writer for the
same loop to commit: nobody is answered until SQLite gives up, and what was asked for fails.

A turn is only for what the server itself does: a request is whole before its turn begins, and its
answer is sent after the turn has ended, so that nobody's slow line holds up the others.
"""

from asyncio import Lock, timeout
from http import HTTPStatus

from airflow.configuration import conf
from airflow.plugins_manager import AirflowPlugin
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

READING = {"GET", "HEAD", "OPTIONS"}
BODY_S = 30.0  # for all of a request to come
MOST_BYTES = 64 << 20
TURN_S = 60.0  # to wait for a turn, as SQLite's writers wait for one another
RETRY_AFTER_S = 10
LATE = f"Only a part of this request came within {BODY_S:.0f} s. Send it again, whole."
LARGE = f"This request is larger than {MOST_BYTES >> 20} MB, which is the most that is taken."
BUSY = (
    f"Another request has been writing for more than {TURN_S:.0f} s, and with its metadata in "
    f"SQLite Airflow writes one after another. Ask again in {RETRY_AFTER_S} s."
)


class Refused(Exception):
    """A request that is not answered by the application."""

    def __init__(self, status: HTTPStatus, why: str) -> None:
        super().__init__(why)
        self.answer = JSONResponse({"detail": why}, status)


class OneWriter:
    """Middleware of the API server: who may write waits until the one before has been answered."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap an ASGI application."""
        self._app, self._turn = app, Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, in its turn; one that is late, too large or waits too long is refused.

        A caller who goes away before their request is whole is not answered at all.
        """
        if scope["type"] != "http" or scope["method"] in READING:
            await self._app(scope, receive, send)
            return
        try:
            body = await _whole(receive)
            answer = None if body is None else await self._in_turn(scope, body, receive)
        except Refused as refused:
            await refused.answer(scope, receive, send)
            return
        for message in answer or []:
            await send(message)

    async def _in_turn(self, scope: Scope, body: bytes, receive: Receive) -> list[Message]:
        """Return the application's answer, made while nobody else writes."""
        try:
            async with timeout(TURN_S):
                await self._turn.acquire()
        except TimeoutError:
            busy = Refused(HTTPStatus.SERVICE_UNAVAILABLE, BUSY)
            busy.answer.headers["Retry-After"] = f"{RETRY_AFTER_S}"
            raise busy from None
        said: list[Message] = []
        held = [body]

        async def read() -> Message:
            if held:
                return {"type": "http.request", "body": held.pop(), "more_body": False}
            return await receive()  # that the caller goes away

        async def keep(message: Message) -> None:
            said.append(message)

        try:
            await self._app(scope, read, keep)
        finally:
            self._turn.release()
        return said


async def _whole(receive: Receive) -> bytes | None:
    """Return all of a request's body; None where the caller goes away before.

    Raises:
        Refused: it does not come in time, or is too large.
    """
    body = bytearray()
    try:
        async with timeout(BODY_S):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    return None
                body += message.get("body", b"")
                if len(body) > MOST_BYTES:
                    raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, LARGE)
                if not message.get("more_body", False):
                    return bytes(body)
    except TimeoutError:
        raise Refused(HTTPStatus.REQUEST_TIMEOUT, LATE) from None


def is_in_sqlite() -> bool:
    """Return whether Airflow keeps its metadata in SQLite."""
    return str(conf.get("database", "sql_alchemy_conn")).startswith("sqlite")


class OneWriterPlugin(AirflowPlugin):
    """Makes the API server use `OneWriter`, where it is needed."""

    name = "one_writer"
    fastapi_root_middlewares = (  # as Airflow declares it
        [{"middleware": OneWriter, "name": "one writer"}] if is_in_sqlite() else []
    )
