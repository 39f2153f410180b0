"""The notebook's cells, run one after the other as a reader would."""

import json

import pytest

from pipeline.settings import get_settings
from tests.integration.conftest import ISSUE_DATE
from tests.services import ROOT

pytestmark = pytest.mark.slow
NOTEBOOK = ROOT / "docs" / "notebook.ipynb"


def test_it_leads_from_the_lake_to_a_score(hotspots, home, made_up_folder, monkeypatch, capsys):
    code, _, err = hotspots(
        "run", "--city", "chicago", "--source-dir", made_up_folder, "--issue-date", ISSUE_DATE
    )
    assert code == 0, err
    monkeypatch.setenv("HOTSPOTS_HOME", str(home / "recorded"))
    get_settings.cache_clear()
    known = {}
    for cell in json.loads(NOTEBOOK.read_text())["cells"]:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []  # what it prints is of the reader's own data
            exec(compile("".join(cell["source"]), NOTEBOOK.name, "exec"), known)
    assert "RECORDED DATA" in capsys.readouterr().out
    assert known["made"].city.mean == pytest.approx(known["observed"].sum(), rel=0.5)
    assert 0 < known["scores"]["forecast"] < 2 * known["scores"]["long-run mean"]
    assert known["model"].trained_through == known["then"].edge_week < known["now"].edge_week
