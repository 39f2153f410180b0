"""The page's own app, with a viewer standing in for the users of Airflow."""

import importlib
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.services import ROOT


@contextmanager
def app_of_a_viewer() -> Iterator[Any]:
    """Give the plugin's FastAPI app as somebody who is logged in sees it.

    Airflow reads AIRFLOW_HOME when it is first imported.
    """
    sys.path.insert(0, str(ROOT / "plugins"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Airflow and what it imports warn of their own parts
        from airflow.api_fastapi.app import create_auth_manager
        from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
        from airflow.api_fastapi.core_api.security import get_user

        app = importlib.import_module("hotspots_ui.api").app
        create_auth_manager()
    viewer = SimpleAuthManagerUser(username="viewer", role="VIEWER")
    app.dependency_overrides[get_user] = lambda: viewer
    yield app
    app.dependency_overrides.clear()
    sys.path.remove(str(ROOT / "plugins"))
