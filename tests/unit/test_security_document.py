"""SECURITY.md names tests that there are, and says of every key where it is."""

import re

import pytest
import yaml

from tests.conftest import ROOT

TEXT = (ROOT / "SECURITY.md").read_text()
ROWS = [line for line in TEXT.splitlines() if line.startswith("- **")]
SERVICES = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]


def named_tests():
    """Return (file, name of a test or nothing) of all that the table names."""
    for row in ROWS:
        file = None
        for path, name in re.findall(r"`((?:unit|integration|e2e)/[\w/]+\.py)?(?:::(\w+))?`", row):
            file = path or file
            if path or name:
                yield file, name


@pytest.mark.parametrize(("file", "name"), sorted(set(named_tests())))
def test_what_shows_it_is_there(file, name):
    text = (ROOT / "tests" / file).read_text()
    assert f"def {name or 'test_'}" in text


def test_enough_is_shown():
    assert len(set(named_tests())) > 20


def holders(key):
    return {n for n, s in SERVICES.items() if f"${{{key}:?" in str(s.get("environment", {}))}


WORKERS = {"worker", "worker-training"}
AIRFLOW = {n for n, s in SERVICES.items() if "airflow" in str(s.get("command"))} | {"demo-week"}


def test_each_key_is_where_the_table_says():
    told = {}
    for row in TEXT.split("## Keys")[1].splitlines():
        cells = row.split("|")
        if row.startswith("| `"):
            words = set(re.findall(r"[a-z-]+", cells[2]))
            said = words & set(SERVICES)
            said |= WORKERS if "workers" in words and "but" not in words else set()
            said |= AIRFLOW - WORKERS if "but" in words else set()
            told |= dict.fromkeys(re.findall(r"`(\w+)`", cells[1]), said)
    demanded = set(re.findall(r"\$\{(\w+(?:PASSWORD|SECRET|KEY)):\?", str(SERVICES)))
    assert set(told) == demanded
    assert told == {key: holders(key) for key in demanded}
