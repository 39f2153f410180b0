"""A request as the protocols see it, and the answer they give."""

import json
from dataclasses import dataclass, field
from http import HTTPStatus


@dataclass(frozen=True)
class Request:
    """One request to a replayed host.

    Attributes:
        method: GET or POST.
        host: the host that was meant, such as "data.lacity.org".
        path: path on that host, with leading slash, without the query.
        query: parameters of the URL.
        headers: names in lower case.
        body: bytes sent.
    """

    method: str
    host: str
    path: str
    query: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True)
class Answer:
    """Status, body and headers to send back."""

    status: int
    body: bytes
    content_type: str = "application/json;charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)


def json_answer(value: object, status: int = 200) -> Answer:
    """Return `value` as JSON."""
    return Answer(status, json.dumps(value, separators=(",", ":")).encode())


def socrata_error(status: int, code: str, message: str) -> Answer:
    """Return an error in the shape of Socrata's."""
    return json_answer({"code": code, "error": True, "message": message}, status)


def problem(status: int, name: str, detail: str) -> Answer:
    """Return an error in the shape of api.weather.gov's (RFC 7807)."""
    body = {
        "type": f"https://api.weather.gov/problems/{name}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
    }
    return Answer(status, json.dumps(body).encode(), "application/problem+json")
