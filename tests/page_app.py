"""The page's own app, as a viewer who is logged in sees it."""

import importlib
import sys
import warnings
from typing import Any

from tests.services import ROOT

PLUGINS = str(ROOT / "plugins")


def plugin_app() -> Any:
    """Return the FastAPI app that Airflow mounts. Set AIRFLOW_HOME before."""
    if PLUGINS not in sys.path:
        sys.path.insert(0, PLUGINS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Airflow and what it imports warn of their own parts
        from airflow.api_fastapi.app import create_auth_manager

        create_auth_manager()
        return importlib.import_module("hotspots_ui.api").app


def for_viewer(app: Any) -> Any:
    """Return an app behind a user, who comes to it as from Airflow's own middleware."""
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
    from airflow.api_fastapi.core_api.security import USER_INJECTED_BY_TRUSTED_MIDDLEWARE

    viewer = SimpleAuthManagerUser(username="viewer", role="VIEWER")
    state = {"user": viewer, "user_authenticated_via": USER_INJECTED_BY_TRUSTED_MIDDLEWARE}

    async def served(scope: Any, receive: Any, send: Any) -> None:
        await app({**scope, "state": {**state}}, receive, send)

    return served
