"""Adds the Hotspots page, and the API behind it, to Airflow's own server."""

from airflow.plugins_manager import AirflowPlugin
from hotspots_ui.api import app
from hotspots_ui.guard import NoSniff

URL_PREFIX = "/hotspots"


class HotspotsPlugin(AirflowPlugin):
    """A page in the navigation, served beside Airflow and open to its users only."""

    name = "hotspots"
    fastapi_apps = [  # noqa: RUF012 - as Airflow declares it
        {"app": app, "url_prefix": URL_PREFIX, "name": "Hotspots API"}
    ]
    # Of all that the server sends, Airflow's own too.
    fastapi_root_middlewares = [{"middleware": NoSniff, "name": "no sniffing"}]  # noqa: RUF012
    external_views = [  # noqa: RUF012
        {
            "name": "Hotspots",
            # Without a leading slash, so that it holds under a proxy's path too.
            "href": f"{URL_PREFIX.lstrip('/')}/",
            "destination": "nav",
            "url_route": "hotspots",
            "nav_top_level": True,
        },
        {
            # Airflow fills in the names; the page finds the run's week.
            "name": "Hotspots",
            "href": f"{URL_PREFIX.lstrip('/')}/?dag_id={{DAG_ID}}&run_id={{RUN_ID}}",
            "destination": "dag_run",
            "url_route": "hotspots_week",
        },
    ]
