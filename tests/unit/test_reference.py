"""The reference pages name all that the code has, and the site builds without a complaint."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.quality.rules import RULES
from pipeline.results.page import schemas
from pipeline.results.store.tables import Base
from pipeline.settings import Settings
from pipeline.workflow.operations import retries
from tools import reference

ROOT = Path(__file__).resolve().parents[2]


def first_cells(page: str) -> list[str]:
    return re.findall(r"^\| `([^`]+)` \|", page, re.MULTILINE)


def headings(page: str) -> list[str]:
    return re.findall(r"^##+ (\S.*)$", page, re.MULTILINE)


def test_every_setting_stands_there_with_its_meaning():
    page = reference.settings_page()
    wanted = [f"HOTSPOTS_{name.upper()}" for name in Settings.model_fields]
    assert first_cells(page) == wanted
    assert all(reference.meanings_of_settings()[name] for name in Settings.model_fields)
    assert "| `HOTSPOTS_PAGE_ROWS` | int | 50000 | rows per Socrata page;" in page


def test_every_error_stands_there_with_what_to_do():
    page = reference.errors_page()
    assert first_cells(page) == [kind.__name__ for kind in reference.named_errors()]
    assert len(first_cells(page)) == len(retries.RULES)
    assert "| `StaleData` | 5 | no |" in page


def test_every_check_stands_there():
    assert set(RULES) <= set(first_cells(reference.checks_page()))


def test_every_table_stands_there_with_its_columns():
    page = reference.tables_page()
    contracts = reference.contracts()
    stored = list(Base.metadata.tables.values())
    assert {c.name for c in contracts} | {t.name for t in stored} <= set(headings(page))
    named = [c.name for table in (*contracts, *stored) for c in table.columns]
    assert sorted(first_cells(page)) == sorted(named)


def test_every_command_stands_there_with_its_options():
    page = reference.commands_page()
    names = [name for name, _ in reference.commands()]
    assert sorted(names) == headings(page)
    assert {"hotspots run", "hotspots city check", "hotspots migrate"} <= set(names)
    assert "| `--city` | Name of a city, or path of its TOML file. |" in page


def test_every_dag_stands_there_with_its_params():
    page = reference.dags_page()
    files = [path.stem for path in (ROOT / "dags").glob("*.py")]
    assert sorted(headings(page)) == sorted(files)
    assert first_cells(page) == [
        "issue_date", "training", "publish", "notes", "issue_date", "notes",
    ]  # fmt: skip


def test_every_address_and_answer_of_the_api_stands_there():
    page = reference.api_page()
    source = (ROOT / "plugins/hotspots_ui/api.py").read_text()
    assert set(re.findall(r'@app\.get\("([^"]+)"', source)) <= set(first_cells(page))
    assert set(re.findall(r"answers\.(\w+)\)", source)) <= set(headings(page))
    assert schemas.WeekForecast.__name__ in headings(page)


@pytest.mark.slow
def test_the_site_builds_without_a_complaint_and_asks_nobody(tmp_path):
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "-d", str(tmp_path)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (built.returncode, built.stderr) == (0, "")
    pages = list(tmp_path.rglob("*.html"))
    assert {*(tmp_path / page for page in ("index.html", "contributing.html"))} <= {*pages}
    for page in pages:
        loaded = re.findall(
            r'<(?:script|link|img|iframe)[^>]+(?:src|href)="([^"]+)"', page.read_text()
        )
        assert not [url for url in loaded if url.startswith(("http:", "https:", "//"))], page
