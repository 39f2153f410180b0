"""What all routes share before and after an answer: who may ask, what may be asked, refusals."""

import logging
import re
from datetime import date
from typing import Annotated, Literal, cast
from urllib.parse import urlencode

from airflow.api_fastapi.auth.managers.models.resource_details import AccessView
from airflow.api_fastapi.core_api.security import requires_access_view
from fastapi import Depends, FastAPI, HTTPException, Path, Query, Request, Response
from fastapi.exception_handlers import http_exception_handler
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipeline.domain.city import FORMS, MOST_CELLS
from pipeline.domain.errors import (
    HotspotsError,
    InvalidRequest,
    SourceUnavailable,
    StorageUnavailable,
    StoreOutdated,
    WeekNotReady,
)
from pipeline.domain.sentences import sentences
from pipeline.domain.weeks import EPOCH
from pipeline.masking import hidden

# Only a plain name: a path would let a caller read files. No file's name is longer than 255 bytes.
CityName = Annotated[
    str, Query(pattern=r"^[a-z][a-z0-9_]*$", max_length=100, description="short name of the city")
]
Week = Annotated[date, Path(ge=EPOCH, description="the week, by its Sunday")]
LastWeek = Annotated[date, Query(ge=EPOCH, description="last week of the year, by its Sunday")]
CellIndex = Annotated[int, Path(ge=0, le=MOST_CELLS)]
ModelVersion = Annotated[str, Path(pattern=r"^[0-9]{1,9}$", description="as the registry counts")]
EXPECTED = {"city": FORMS["name"], "version": "a number, such as 3"}
Kind = Literal[
    "csv", "geojson", "geoparquet", "totals", "hub", "geopackage", "style", "dictionary", "manifest"
]

# 401 without a user of Airflow, 403 for one that may not see plugins. It stands on the app, so
# that no route can be added without it.
may_read = Depends(requires_access_view(AccessView.PLUGINS))

LOGIN = "/api/v2/auth/login"  # below Airflow's own path; leads to its auth manager's, and back
LOGGED_OUT = {(401, "Not authenticated"), (401, "Token Expired"), (403, "Invalid JWT token")}
STATUS: dict[type[Exception], int] = {
    WeekNotReady: 404,
    InvalidRequest: 404,
    SourceUnavailable: 503,
    StorageUnavailable: 503,
    StoreOutdated: 503,
}
NO_ANSWER = "The results store does not answer. Try again in a few minutes."
UNFORESEEN = (
    "This answer failed for a reason that has no name yet, which is a fault of ours. The log of "
    "Airflow's API server says what it was; report it."
)
FOLDERS = re.compile(r"(?<![\w:/.])/(?:[^\s/]+/)+")  # of a path; a web address stays as it is
log = logging.getLogger(__name__)


def guard(app: FastAPI) -> None:
    """Let an app refuse in sentences, and mark its answers."""
    app.add_middleware(NoSniff)
    app.add_exception_handler(HotspotsError, answer_error)
    app.add_exception_handler(RequestValidationError, answer_invalid)
    app.add_exception_handler(Exception, answer_unforeseen)
    app.exception_handler(HTTPException)(answer_refusal)


def answer_error(_request: Request, error: Exception) -> JSONResponse:
    """Answer a named error with the status that fits it; where things lie is for the log alone."""
    words = hidden(str(error))
    log.warning("%s: %s", type(error).__name__, words)
    is_out = isinstance(error, SourceUnavailable | StorageUnavailable)
    said = NO_ANSWER if is_out else FOLDERS.sub("", words)
    return JSONResponse({"detail": said}, STATUS.get(type(error), 500))


def answer_invalid(_request: Request, error: Exception) -> JSONResponse:
    """Answer what can't be a parameter with a sentence for each."""
    said = sentences(cast("RequestValidationError", error), EXPECTED)
    return JSONResponse({"detail": said}, 422)


def answer_unforeseen(_request: Request, _error: Exception) -> JSONResponse:
    """Answer an error without a name; Starlette then raises it again, into the server's log."""
    return JSONResponse({"detail": UNFORESEEN}, 500, {"X-Content-Type-Options": "nosniff"})


async def answer_refusal(request: Request, refusal: HTTPException) -> Response:
    """Lead a browser that isn't logged in to Airflow's login, and back; refuse all others."""
    is_browser = "text/html" in request.headers.get("accept", "")
    if is_browser and (refusal.status_code, refusal.detail) in LOGGED_OUT:
        asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        root = request.scope.get("app_root_path", "")
        return RedirectResponse(f"{root}{LOGIN}?{urlencode({'next': asked})}", 307)
    return await http_exception_handler(request, refusal)


class NoSniff:
    """Middleware: no browser takes an answer for anything but what the server says it is."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap an ASGI application."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, with that header on whatever is answered."""

        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["X-Content-Type-Options"] = "nosniff"
            await send(message)

        await self._app(scope, receive, send_marked)
