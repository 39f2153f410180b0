"""Airflow's REST API as one of its users sees it."""

from typing import Any

import requests

from tests.waiting import wait_for

STARTS_IN_S = 300  # a busy machine takes minutes where a free one takes 15 s


class Api:
    """What Airflow's API server answers a user, or anybody."""

    def __init__(self, address: str, user: str | None = None, password: str = "") -> None:
        """Log in; without a user stay anonymous."""
        self._address, self._headers, self.token = address, {}, ""
        if user:
            login = {"username": user, "password": password}
            _, found = self.ask("auth/token", login, "POST")
            self.token = found["access_token"]
            self._headers = {"Authorization": f"Bearer {self.token}"}

    def ask(self, path: str, body: object = None, method: str = "GET") -> tuple[int, Any]:
        """Return status, and JSON where there is any, of a request."""
        url = f"{self._address}/{path}"
        answer = requests.request(method, url, json=body, headers=self._headers, timeout=60)
        is_json = answer.headers.get("Content-Type", "").startswith("application/json")
        has_json = is_json and answer.content
        return answer.status_code, answer.json() if has_json else answer.text

    def trigger(self, dag: str, **conf: object) -> tuple[int, Any]:
        """Ask for a run, as the form does."""
        body = {"logical_date": None, "conf": conf}
        return self.ask(f"api/v2/dags/{dag}/dagRuns", body, "POST")

    def unpause(self, dag: str) -> None:
        """Let a DAG run as soon as it has been read."""
        path, body = f"api/v2/dags/{dag}", {"is_paused": False}
        wait_for(lambda: self.ask(path, body, "PATCH")[0] == 200, STARTS_IN_S, f"{dag} is read")
