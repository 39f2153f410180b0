"""What the software is made of: locks, licences, and what is known against any of it."""

import json
import os
import re
import subprocess

import pytest

from scripts.licences import judge, listed
from tests.services import ROOT, absent

UNREACHABLE = "http://127.0.0.1:9/"


def run(script, *arguments, **environment):
    return subprocess.run(
        ["bash", ROOT / "scripts" / script, *arguments],
        capture_output=True, text=True, check=False, env={**os.environ, **environment},
    )  # fmt: skip


def test_every_licence_is_known_and_fit():
    packages = listed()
    assert {one.source for one in packages} == {"PyPI", "npm"}
    assert {"numpy", "apache-airflow", "leaflet", "uplot"} <= {one.name for one in packages}
    assert [one for one in packages if one.verdict not in ("fit", "a tool")] == []


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("MIT", "fit"),
        ("Apache-2.0 AND BSD-2-Clause", "fit"),
        ("LGPL-3.0-only", "fit"),
        ("GNU Library or Lesser General Public License (LGPL)", "fit"),
        ("GPL-3.0-only", "unfit"),
        ("GNU General Public License v3 (GPLv3)", "unfit"),
        ("AGPL-3.0", "unfit"),
        ("GPL-2.0 OR MIT", "fit"),
        ("Apache-2.0 AND GPL-2.0", "unfit"),
        ("NVIDIA Proprietary Software", "unfit"),
        ("", "unknown"),
        ("see the website", "unknown"),
    ],
)
def test_a_licence_is_judged_by_what_it_says(text, verdict):
    assert judge("some-package", text) == verdict


def test_the_bill_of_materials_names_what_is_locked(tmp_path):
    uv = ROOT / ".tools" / "bin" / "uv"
    if not uv.exists():
        absent("no .tools/bin/uv, which make brings", "uv")
    done = run("sbom.sh", uv, tmp_path)
    assert done.returncode == 0, done.stderr
    for file, needed in (("python", "pkg:pypi/apache-airflow@"), ("page", "pkg:npm/leaflet@")):
        bill = json.loads((tmp_path / f"{file}.cdx.json").read_text())
        assert bill["bomFormat"] == "CycloneDX"
        assert [one for one in bill["components"] if one["purl"].startswith(needed)]
    assert (tmp_path / "licences.csv").read_text().startswith("source,name,version,licence,verdict")


@pytest.mark.parametrize(("uv_ends_with", "code"), [(1, 4), (2, 3)])
def test_an_audit_that_could_not_be_made_says_so_and_fails(tmp_path, uv_ends_with, code):
    uv = tmp_path / "uv"
    uv.write_text(f"#!/bin/sh\necho 'error: no network' >&2\nexit {uv_ends_with}\n")
    uv.chmod(0o755)
    done = run("audit.sh", uv, npm_config_registry=UNREACHABLE)
    assert done.returncode == code
    assert "AuditNotRun: the page's packages were not audited" in done.stderr
    said = "AuditNotRun: the Python packages were not audited, and nothing is known of them: error"
    assert (said in done.stderr) is (uv_ends_with == 2)


@pytest.mark.parametrize("file", ["Makefile", "Dockerfile", "scripts/page.sh"])
def test_nothing_is_installed_but_what_is_locked(file):
    commands = [line for line in (ROOT / file).read_text().splitlines() if "uv" in line.lower()]
    installs = [line for line in commands if re.search(r"\b(sync|uv run|UV\) run)\b", line)]
    assert all("--locked" in line for line in installs), installs
    assert not re.search(r"npm install\b", (ROOT / file).read_text())


def test_every_image_names_its_exact_version():
    names = re.findall(r"^FROM (\S+:\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    compose = (ROOT / "docker-compose.yml").read_text()
    names += [n for n in re.findall(r"image: (\S+)", compose) if not n.startswith("la-hotspots:")]
    assert len(names) == 4
    assert all(re.search(r":\d+\.\d+(\.\d+)?-|@sha256:[0-9a-f]{64}$", name) for name in names)
