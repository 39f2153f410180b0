"""The notebook of the API, run against the page's own app as a reader would."""

import json

import pytest
import requests

from tests.made_up_year import CITY, LAST_TARGET
from tests.page_app import served_page
from tests.services import ROOT

pytestmark = pytest.mark.slow
NOTEBOOK = ROOT / "docs" / "api.ipynb"
LINES = 10


def test_ten_lines_give_the_newest_weeks_cells(airflow_home, database, year, monkeypatch, capsys):
    cells = json.loads(NOTEBOOK.read_text())["cells"]
    (code,) = (cell for cell in cells if cell["cell_type"] == "code")
    assert code["outputs"] == []  # what it prints is of the reader's own data
    said = "".join(code["source"])
    assert len([line for line in said.splitlines() if line]) <= LINES
    sent, send = [], requests.Session.send

    def without_token(session, request, **options):
        """The app is served to a viewer who is logged in; Airflow's server checks tokens."""
        sent.append(request.headers.pop("Authorization"))
        return send(session, request, **options)

    monkeypatch.setattr(requests.Session, "send", without_token)
    known = {}
    with served_page(database) as address:
        monkeypatch.setenv("API", f"{address}/v1")
        monkeypatch.setenv("TOKEN", "a-token")
        exec(compile(said, NOTEBOOK.name, "exec"), known)
    assert sent == ["Bearer a-token"] * 2
    stored = year.cells_frame(CITY, LAST_TARGET)
    assert known["cells"]["mean"].tolist() == stored["mean"].tolist()
    assert f"SIMULATED DATA: made up, not reports of real crime {LAST_TARGET}" in (
        capsys.readouterr().out
    )
