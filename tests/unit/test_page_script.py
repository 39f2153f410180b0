"""scripts/page.sh: which Node.js builds the page, and what it says where none can."""

import os
import subprocess

import pytest

from tests.conftest import ROOT


@pytest.fixture
def checkout(tmp_path):
    """A checkout with `uv`, whose machine has no Node.js until a test gives it one."""
    for folder in (".venv", "web", ".tools/bin", "machine", "locked"):
        (tmp_path / folder).mkdir(parents=True)
    for name in ("bash", "sh", "cp", "mkdir", "tail", "touch"):
        (tmp_path / "machine" / name).symlink_to(f"/bin/{name}")
    program(tmp_path / ".tools/bin/uv", 'echo "$*" > asked; cp -r locked .venv/bin')
    node(tmp_path / "locked", "24.19.0")
    return tmp_path


def program(path, script):
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def node(folder, version):
    program(folder / "node", f"echo v{version}")
    program(folder / "npm", f'echo "{folder.name} $*"; [ "$1" != run ] || mkdir -p dist')


def build(checkout):
    """Run the script where only the usual small programs and the machine's Node.js are found."""
    done = subprocess.run(
        ["/bin/bash", ROOT / "scripts/page.sh", "web", ".venv/.page"],
        cwd=checkout,
        env=os.environ | {"PATH": str(checkout / "machine")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0
    return done


def steps(checkout):
    return (checkout / ".venv/page.log").read_text().splitlines()


@pytest.mark.parametrize("version", ["20.19.0", "22.12.1", "23.0.0", "26.1.0"])
def test_a_node_that_is_new_enough_builds_the_page(checkout, version):
    node(checkout / "machine", version)
    build(checkout)
    assert steps(checkout) == ["machine ci --no-audit --no-fund", "machine run build"]
    assert (checkout / "web/dist").is_dir()
    assert (checkout / ".venv/.page").is_file()
    assert not (checkout / "asked").exists()


@pytest.mark.parametrize("version", [None, "18.20.4", "20.18.3", "21.7.0", "22.11.0"])
def test_where_it_is_missing_or_too_old_the_locked_one_is_fetched(checkout, version):
    if version:
        node(checkout / "machine", version)
    done = build(checkout)
    assert steps(checkout) == ["locked ci --no-audit --no-fund", "locked run build"]
    assert (checkout / "asked").read_text().split()[:3] == ["sync", "--locked", "--inexact"]
    assert "fetching Node.js" in done.stdout
    assert (checkout / ".venv/.page").is_file()
    assert "fetching Node.js" not in build(checkout).stdout


def test_a_node_without_npm_is_not_enough(checkout):
    node(checkout / "machine", "24.0.0")
    (checkout / "machine/npm").unlink()
    build(checkout)
    assert steps(checkout)[-1] == "locked run build"


@pytest.mark.parametrize("broken", [".tools/bin/uv", "machine/npm"])
def test_a_machine_that_cannot_build_the_page_is_told_and_goes_on(checkout, broken):
    if broken != ".tools/bin/uv":
        node(checkout / "machine", "24.0.0")
    program(checkout / broken, '[ "$1" = --version ] || { echo no network; exit 1; }')
    done = build(checkout)
    assert done.stderr.startswith("no network\nThe Hotspots page could not be built")
    assert not (checkout / ".venv/.page").exists()
