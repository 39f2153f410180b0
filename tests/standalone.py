"""A running `airflow standalone` for tests, and its REST API as one of its users sees it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from tests.services import Airflow, wait_for

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


class Standalone(Airflow):
    """An Airflow with a viewer and an admin."""

    def __init__(self, home: Path, **settings: str) -> None:
        """Describe it; nothing starts yet. Arguments as of `Airflow`, which keeps SQLite here."""
        self._passwords = home / "airflow" / "passwords.json"
        super().__init__(
            home,
            f"sqlite:///{home}/airflow/airflow.db?timeout=60",
            AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS="viewer:viewer,admin:admin",
            AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE=str(self._passwords),
            **settings,
        )
        self.address = self.environment["AIRFLOW__API__BASE_URL"]

    @contextmanager
    def up(self, part: str = "standalone") -> Iterator[None]:
        """Run all of it, or the part `api-server` alone, for as long as the context lasts."""
        with self.component(part, "airflow", part):
            wait_for(self._is_up, STARTS_IN_S, "Airflow")
            yield

    def password(self, user: str) -> str:
        """Return what Airflow made up for a user."""
        return json.loads(self._passwords.read_text())[user]

    def api(self, user: str | None = None) -> Api:
        """Return the API as a user sees it."""
        return Api(self.address, user, self.password(user) if user else "")

    def _is_up(self) -> bool:
        """Ask for both halves: that for tasks is made at its first request, which takes long."""
        try:
            asked = [self.api().ask(f"{half}/health") for half in ("api/v2/monitor", "execution")]
        except requests.RequestException:
            return False
        return {status for status, _ in asked} == {200}
